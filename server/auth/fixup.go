package auth

import (
	"slices"
	"strings"

	"github.com/zabra/zabra/wire"
)

// maxExpanded is the largest encoded size of a list in which auth was expanded:
// a list beyond a frame could never be read back, and a request of one frame
// could otherwise ask for gigabytes.
const maxExpanded = wire.DefaultMaxFrame

// FixupACL turns the list of a create or setACL request into the one to store:
// exact duplicates are dropped, auth becomes the caller's own ids, and every
// other entry must be one that its scheme accepts. Permissions are kept as they
// are. The result aliases acl and ids; acl is not modified. The code is OK,
// InvalidACL, or MarshallingError for an id that is null. A list of world:anyone
// alone costs no allocation.
func (s *Schemes) FixupACL(acl []wire.ACL, ids []wire.ID) ([]wire.ACL, wire.Code) {
	if len(acl) == 0 {
		return nil, wire.InvalidACL
	}
	if len(acl) == 1 && isWorld(acl[0].ID) {
		return acl, wire.OK
	}
	unique := dropDuplicates(acl)
	f := fixer{schemes: s, ids: ids, out: make([]wire.ACL, 0, len(unique))}
	for i := range unique {
		if code := f.add(unique[i]); code != wire.OK {
			return nil, code
		}
	}
	return f.out, wire.OK
}

// A fixer builds the list to store.
type fixer struct {
	schemes  *Schemes
	ids      []wire.ID
	out      []wire.ACL
	expanded int // encoded bytes that stand for auth
}

func (f *fixer) add(a wire.ACL) wire.Code {
	switch {
	case a.ID.Scheme == wire.NullString:
		return wire.InvalidACL
	case a.ID.Scheme == "auth":
		return f.expand(a.Perms)
	case !isWorld(a.ID):
		if code := f.schemes.valid(a.ID); code != wire.OK {
			return code
		}
	}
	f.out = append(f.out, a)
	return wire.OK
}

func (f *fixer) expand(perms int32) wire.Code {
	before := len(f.out)
	for _, id := range f.ids {
		if !f.schemes.registered(id.Scheme) || !identifies(id.Scheme) {
			continue
		}
		if f.expanded += 12 + len(id.Scheme) + len(id.ID); f.expanded > maxExpanded {
			return wire.InvalidACL
		}
		f.out = append(f.out, wire.ACL{Perms: perms, ID: id})
	}
	if len(f.out) == before {
		return wire.InvalidACL
	}
	return wire.OK
}

// valid judges an entry that is neither world:anyone nor auth.
func (s *Schemes) valid(id wire.ID) wire.Code {
	if id.ID == wire.NullString && (id.Scheme == "world" || s.registered(id.Scheme)) {
		return wire.MarshallingError
	}
	if s.registered(id.Scheme) && s.validID(id.Scheme, id.ID) {
		return wire.OK
	}
	return wire.InvalidACL
}

func (s *Schemes) validID(scheme, id string) bool {
	switch scheme {
	case "digest":
		return validDigestID(id)
	case "ip":
		return validIPEntry(id)
	case "sasl":
		return validKerberosName(id)
	case "x509":
		if s.cfg.ValidDN != nil {
			return s.cfg.ValidDN(id)
		}
		return id != ""
	}
	return false
}

// linearDuplicates is the length up to which comparing all pairs is cheapest.
const linearDuplicates = 16

// dropDuplicates returns acl without repeated entries.
func dropDuplicates(acl []wire.ACL) []wire.ACL {
	if len(acl) > linearDuplicates {
		return dropManyDuplicates(acl)
	}
	out := acl[:1:1]
	for i := 1; i < len(acl); i++ {
		if !slices.Contains(acl[:i], acl[i]) {
			out = append(out, acl[i])
		}
	}
	return out
}

func dropManyDuplicates(acl []wire.ACL) []wire.ACL {
	seen := make(map[wire.ACL]struct{}, len(acl))
	out := make([]wire.ACL, 0, len(acl))
	for _, a := range acl {
		if _, ok := seen[a]; !ok {
			seen[a] = struct{}{}
			out = append(out, a)
		}
	}
	return out
}

// validKerberosName reports whether the text is a name of at most two components
// with a realm, or any text without a realm: service, service/host@REALM.
func validKerberosName(id string) bool {
	name, realm, ok := strings.Cut(id, "@")
	if !ok {
		return true
	}
	return !strings.ContainsAny(realm, "/@") && strings.Count(name, "/") <= 1
}
