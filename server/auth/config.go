package auth

import (
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/zabra/zabra/wire"
)

// Config says which schemes there are and how they judge. The zero value is what
// ZooKeeper does when nothing is configured.
type Config struct {
	// SkipACL lets everybody do everything (skipACL=yes).
	SkipACL bool

	// DisableDigest takes the digest scheme away
	// (DigestAuthenticationProvider.enabled=false).
	DisableDigest bool
	// DigestAlg is the Java name of the hash, SHA1 if empty. All servers of an
	// ensemble and all clients that make ACLs need the same.
	DigestAlg string
	// SuperDigest is the digest id, super:base64, whose owner is super. None
	// if empty.
	SuperDigest string

	// SASL registers the sasl scheme (authProvider.N).
	SASL bool
	// SASLSuperUsers are the authorization ids that are super (superUser,
	// superUser.*).
	SASLSuperUsers []string
	// LetAnySASLUserDoX is an ACL id that matches every SASL user. None if empty.
	LetAnySASLUserDoX string

	// X509 registers the x509 scheme, which needs TLS on a client port.
	X509 bool
	// X509SuperUser is the subject whose owner is super and that matches every
	// x509 entry. None if empty.
	X509SuperUser string
	// ValidDN says whether a text is a distinguished name that may stand in an
	// ACL. nil accepts every text that is not empty.
	ValidDN func(string) bool

	// Ensemble registers the ensemble scheme, with which a client makes sure
	// that it talks to the right servers.
	Ensemble bool
	// EnsembleNames are the names this ensemble goes by. If there are none,
	// every name is right.
	EnsembleNames []string

	// EnforceSchemes are the schemes of which a connection must have an id
	// before it may do anything (enforce.auth.schemes, or sasl for
	// sessionRequireClientSASLAuth). If there are none, nothing is enforced.
	EnforceSchemes []string
	// AllowSASLFailed keeps connections whose SASL exchange failed, without an
	// id, unless SASL is enforced (allowSaslFailedClients).
	AllowSASLFailed bool
}

// Schemes answers the questions of access control under a Config.
type Schemes struct {
	cfg     Config
	newHash func() hash.Hash
}

// New checks the configuration.
func New(cfg Config) (*Schemes, error) {
	newHash, err := digestHash(cfg.DigestAlg)
	if err != nil {
		return nil, err
	}
	s := &Schemes{cfg: cfg, newHash: newHash}
	for _, scheme := range cfg.EnforceSchemes {
		if !s.registered(scheme) {
			return nil, fmt.Errorf("auth: enforce.auth.schemes names %q, which is not configured; there are %s",
				scheme, strings.Join(s.Registered(), ", "))
		}
	}
	return s, nil
}

// Registered returns the schemes that an ACL or an auth packet may name, sorted.
func (s *Schemes) Registered() []string {
	var names []string
	for _, name := range []string{"digest", "ensemble", "ip", "sasl", "x509"} {
		if s.registered(name) {
			names = append(names, name)
		}
	}
	return names
}

func (s *Schemes) registered(scheme string) bool {
	switch scheme {
	case "ip":
		return true
	case "digest":
		return !s.cfg.DisableDigest
	case "sasl":
		return s.cfg.SASL
	case "x509":
		return s.cfg.X509
	case "ensemble":
		return s.cfg.Ensemble
	}
	return false
}

// identifies reports whether the scheme's ids tell who created a node, so that
// the auth scheme of an ACL expands to them.
func identifies(scheme string) bool {
	return scheme == "digest" || scheme == "sasl" || scheme == "x509"
}

// Enforced reports whether a connection with these ids must be refused with
// SASLAuthRequired and closed, whatever it asks but auth and sasl.
func (s *Schemes) Enforced(ids []wire.ID) bool {
	if len(s.cfg.EnforceSchemes) == 0 {
		return false
	}
	return !slices.ContainsFunc(ids, func(id wire.ID) bool {
		return slices.Contains(s.cfg.EnforceSchemes, id.Scheme)
	})
}

// SASLFailure says what follows a failed SASL exchange: the code to answer with,
// and whether to close the connection then.
func (s *Schemes) SASLFailure() (code wire.Code, closes bool) {
	switch {
	case slices.Contains(s.cfg.EnforceSchemes, "sasl"):
		return wire.SASLAuthRequired, true
	case s.cfg.AllowSASLFailed:
		return wire.OK, false
	}
	return wire.AuthFailed, true
}
