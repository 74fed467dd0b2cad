package auth

import (
	"strings"

	"github.com/zabra/zabra/wire"
)

// Allowed reports whether somebody with these ids has one of the permissions in
// perm under the list. An empty list allows everything. It does not allocate.
func (s *Schemes) Allowed(acl []wire.ACL, ids []wire.ID, perm int32) bool {
	if len(acl) == 0 || acl[0].Perms&perm != 0 && isWorld(acl[0].ID) || s.cfg.SkipACL || isSuper(ids) {
		return true
	}
	for i := range acl {
		if acl[i].Perms&perm == 0 {
			continue
		}
		if isWorld(acl[i].ID) || s.anyMatches(ids, acl[i].ID) {
			return true
		}
	}
	return false
}

func isWorld(id wire.ID) bool { return id.Scheme == "world" && id.ID == "anyone" }

func isSuper(ids []wire.ID) bool {
	for i := range ids {
		if ids[i].Scheme == "super" {
			return true
		}
	}
	return false
}

func (s *Schemes) anyMatches(ids []wire.ID, entry wire.ID) bool {
	if !s.registered(entry.Scheme) {
		return false
	}
	for i := range ids {
		if ids[i].Scheme == entry.Scheme && s.matches(entry.Scheme, ids[i].ID, entry.ID) {
			return true
		}
	}
	return false
}

// matches reports whether a connection's id is meant by an entry of the scheme.
func (s *Schemes) matches(scheme, id, entry string) bool {
	switch scheme {
	case "digest":
		return sameText(id, entry)
	case "ip":
		return matchIP(id, entry)
	case "sasl":
		return id == entry || id == "super" ||
			s.cfg.LetAnySASLUserDoX != "" && entry == s.cfg.LetAnySASLUserDoX
	case "x509":
		return id == entry || s.cfg.X509SuperUser != "" && id == s.cfg.X509SuperUser
	}
	return false
}

// Redact returns the list with the hash of every digest id replaced by x, as
// getACL shows it to those without the ADMIN permission. It returns acl itself if
// there is nothing to hide, and never changes it.
func Redact(acl []wire.ACL) []wire.ACL {
	var out []wire.ACL
	for i := range acl {
		if acl[i].ID.Scheme != "digest" {
			continue
		}
		user, _, ok := strings.Cut(acl[i].ID.ID, ":")
		if !ok {
			continue
		}
		if out == nil {
			out = append([]wire.ACL(nil), acl...)
		}
		out[i].ID.ID = user + ":x"
	}
	if out == nil {
		return acl
	}
	return out
}
