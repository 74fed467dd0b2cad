package auth

import (
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"unsafe"

	"github.com/zabra/zabra/wire"
)

// Limits of what a connection may collect: the original has none, and a client
// could grow its list without end.
const (
	// MaxIDs is the largest number of ids of a connection.
	MaxIDs = 1024
	// MaxIDBytes is the largest sum of the lengths of their texts.
	MaxIDBytes = 1 << 20
)

// Why an auth packet was refused. After both the connection is closed.
var (
	// ErrAuthFailed is answered with wire.AuthFailed.
	ErrAuthFailed = errors.New("auth: authentication failed")
	// ErrWrongEnsemble is not answered at all, so that the client tries
	// another server.
	ErrWrongEnsemble = errors.New("auth: client expects another ensemble")
)

// A Peer is what is known of a connection apart from what it says.
type Peer struct {
	IP   wire.ID   // see IPID
	X509 []wire.ID // see X509IDs; nil without a client certificate
}

// Authenticate judges an auth packet and returns the ids it proves, none of which
// aliases data. The error is ErrAuthFailed or ErrWrongEnsemble. nil data is null.
func (s *Schemes) Authenticate(scheme string, data []byte, peer Peer) ([]wire.ID, error) {
	if !s.registered(scheme) {
		return nil, ErrAuthFailed
	}
	switch scheme {
	case "digest":
		return s.authDigest(data)
	case "ip":
		return []wire.ID{peer.IP}, nil
	case "x509":
		if len(peer.X509) > 0 {
			return peer.X509, nil
		}
	case "ensemble":
		return nil, s.checkEnsemble(data)
	}
	return nil, ErrAuthFailed
}

func (s *Schemes) authDigest(data []byte) ([]wire.ID, error) {
	if data == nil {
		return nil, ErrAuthFailed
	}
	id := s.DigestID(string(data))
	if s.cfg.SuperDigest != "" && sameText(id, s.cfg.SuperDigest) {
		return []wire.ID{{Scheme: "super"}, {Scheme: "digest", ID: id}}, nil
	}
	return []wire.ID{{Scheme: "digest", ID: id}}, nil
}

// ChecksEnsemble reports whether the names of scheme ensemble are compared.
func (s *Schemes) ChecksEnsemble() bool { return len(s.cfg.EnsembleNames) > 0 }

func (s *Schemes) checkEnsemble(data []byte) error {
	if len(data) == 0 || len(s.cfg.EnsembleNames) == 0 || slices.Contains(s.cfg.EnsembleNames, string(data)) {
		return nil
	}
	return ErrWrongEnsemble
}

// SASLIDs returns the ids of a connection whose SASL exchange ended with this
// authorization id.
func (s *Schemes) SASLIDs(authorizationID string) []wire.ID {
	ids := []wire.ID{{Scheme: "sasl", ID: authorizationID}}
	if authorizationID != "" && slices.Contains(s.cfg.SASLSuperUsers, authorizationID) {
		ids = append(ids, wire.ID{Scheme: "super"})
	}
	return ids
}

// X509IDs returns the ids of a connection whose client certificate, verified by
// the caller, has this subject.
func (s *Schemes) X509IDs(subject string) []wire.ID {
	id := wire.ID{Scheme: "x509", ID: subject}
	if s.cfg.X509SuperUser != "" && sameText(subject, s.cfg.X509SuperUser) {
		return []wire.ID{{Scheme: "super", ID: subject}, id}
	}
	return []wire.ID{id}
}

// AddIDs returns ids with those of more that it lacks, in a new slice unless it
// lacks none. The error is ErrAuthFailed if there are too many; then ids is
// returned as it was.
func AddIDs(ids, more []wire.ID) ([]wire.ID, error) {
	out := ids[:len(ids):len(ids)]
	for _, id := range more {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	if len(out) > MaxIDs || textLen(out) > MaxIDBytes {
		return ids, ErrAuthFailed
	}
	return out, nil
}

func textLen(ids []wire.ID) int {
	n := 0
	for i := range ids {
		n += len(ids[i].ID)
	}
	return n
}

// WhoAmI is the reply to whoAmI: every id with the name of its user.
func (s *Schemes) WhoAmI(ids []wire.ID) []wire.ClientInfo {
	out := make([]wire.ClientInfo, 0, len(ids))
	for _, id := range ids {
		out = append(out, wire.ClientInfo{Scheme: id.Scheme, User: s.userOf(id)})
	}
	return out
}

// userOf is what stands before the colon of a digest, nothing for super, and the
// id itself for all others.
func (s *Schemes) userOf(id wire.ID) string {
	switch {
	case !s.registered(id.Scheme):
		return ""
	case id.Scheme == "digest":
		user, _, _ := strings.Cut(id.ID, ":")
		return user
	}
	return id.ID
}

// sameText compares in a time that depends on the lengths alone.
func sameText(a, b string) bool {
	return subtle.ConstantTimeCompare(unsafe.Slice(unsafe.StringData(a), len(a)), unsafe.Slice(unsafe.StringData(b), len(b))) == 1
}
