package server

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"os"

	"github.com/zabra/zabra/sasl"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/tlsconf"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
)

// newSchemes builds the rules of access control that the configuration asks
// for. As in ZooKeeper, x509 exists only where TLS may be spoken, and sasl only
// where it is configured.
func newSchemes(cfg *zoocfg.Config) (*auth.Schemes, error) {
	a := &cfg.Auth
	_, secure := cfg.SecureClientAddr()
	return auth.New(auth.Config{
		SkipACL:           a.SkipACL,
		DisableDigest:     !a.DigestEnabled,
		DigestAlg:         a.DigestAlg,
		SuperDigest:       a.SuperDigest.Reveal(),
		SASL:              saslConfigured(cfg),
		SASLSuperUsers:    a.SuperUsers,
		LetAnySASLUserDoX: a.LetAnySASLUser,
		X509:              secure || cfg.ClientPortUnification,
		X509SuperUser:     a.X509SuperUser,
		ValidDN:           tlsconf.ValidName,
		Ensemble:          a.Scheme("EnsembleAuthenticationProvider"),
		EnsembleNames:     a.EnsembleNames,
		EnforceSchemes:    a.EnforcedSchemes(),
		AllowSASLFailed:   a.AllowFailedSASL,
	})
}

func saslConfigured(cfg *zoocfg.Config) bool {
	return cfg.Auth.JAASFile != "" || cfg.Auth.Scheme("SASLAuthenticationProvider")
}

// maxJAAS bounds the file with the users.
const maxJAAS = auth.MaxJAAS

// newSASL returns what starts a SASL exchange, nil if the server offers none.
func newSASL(cfg *zoocfg.Config) (func() pipeline.SASL, error) {
	if cfg.Auth.JAASFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(cfg.Auth.JAASFile)
	if err != nil {
		return nil, fmt.Errorf("server: SASL users: %w", err)
	}
	if len(text) > maxJAAS {
		return nil, fmt.Errorf("server: SASL users: %s is longer than %d bytes", cfg.Auth.JAASFile, maxJAAS)
	}
	sections, err := auth.ParseJAAS(string(text))
	if err != nil {
		return nil, fmt.Errorf("server: SASL users: %s: %w", cfg.Auth.JAASFile, err)
	}
	section, ok := sections[cfg.Auth.JAASSection]
	if !ok && cfg.Ensemble.SASLEnable {
		return nil, nil // the file is there for the other servers
	}
	if !ok {
		return nil, fmt.Errorf("server: SASL users: %s has no section %q", cfg.Auth.JAASFile, cfg.Auth.JAASSection)
	}
	users, err := auth.JAASUsers(section, "")
	if err != nil {
		return nil, fmt.Errorf("server: SASL users: %s: %w", cfg.Auth.JAASFile, err)
	}
	return func() pipeline.SASL {
		var nonce [sasl.NonceLen]byte
		_, _ = rand.Read(nonce[:]) // never fails; see its documentation
		return sasl.ClientService.Accept(users, nonce[:])
	}, nil
}

// identify returns the identities that a TLS client's certificate proves.
func (s *Server) identify(state tls.ConnectionState) ([]wire.ID, error) {
	if len(state.PeerCertificates) == 0 {
		return nil, nil
	}
	dn, err := tlsconf.SubjectName(state.PeerCertificates[0])
	if err != nil {
		return nil, err
	}
	return s.schemes.X509IDs(dn), nil
}
