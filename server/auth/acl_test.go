package auth

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

func mustNew(t testing.TB, cfg Config) *Schemes {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ace(perms int32, scheme, id string) wire.ACL {
	return wire.ACL{Perms: perms, ID: wire.ID{Scheme: scheme, ID: id}}
}

func id(scheme, name string) wire.ID { return wire.ID{Scheme: scheme, ID: name} }

const bobDigest = "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="

func TestAllowed(t *testing.T) {
	plain := Config{}
	all := Config{SASL: true, X509: true, X509SuperUser: "CN=root", LetAnySASLUserDoX: "any"}
	ip := id("ip", "10.1.2.3")
	for _, c := range []struct {
		name string
		cfg  Config
		acl  []wire.ACL
		ids  []wire.ID
		perm int32
		want bool
	}{
		{"empty list", plain, nil, nil, wire.PermWrite, true},
		{"anyone", plain, wire.WorldAnyone(31), nil, wire.PermWrite, true},
		{"anyone may only read", plain, wire.WorldAnyone(1), []wire.ID{ip}, wire.PermWrite, false},
		{"anyone, second entry", plain, []wire.ACL{ace(31, "digest", "a:b"), ace(1, "world", "anyone")}, nil, wire.PermRead, true},
		{"one of two permissions", plain, wire.WorldAnyone(wire.PermAdmin), nil, wire.PermRead | wire.PermAdmin, true},
		{"world but not anyone", plain, []wire.ACL{ace(31, "world", "foo")}, []wire.ID{id("world", "foo")}, 1, false},
		{"skipACL", Config{SkipACL: true}, []wire.ACL{ace(31, "digest", "a:b")}, nil, 1, true},
		{"super", plain, []wire.ACL{ace(31, "digest", "a:b")}, []wire.ID{ip, id("super", "")}, 1, true},
		{"digest", plain, []wire.ACL{ace(31, "digest", bobDigest)}, []wire.ID{ip, id("digest", bobDigest)}, 1, true},
		{"digest, other", plain, []wire.ACL{ace(31, "digest", bobDigest)}, []wire.ID{id("digest", "bob:x")}, 1, false},
		{"digest id under another scheme", plain, []wire.ACL{ace(31, "digest", bobDigest)}, []wire.ID{id("ip", bobDigest)}, 1, false},
		{"digest disabled", Config{DisableDigest: true}, []wire.ACL{ace(31, "digest", bobDigest)}, []wire.ID{id("digest", bobDigest)}, 1, false},
		{"ip", plain, []wire.ACL{ace(31, "ip", "10.0.0.0/8")}, []wire.ID{ip}, 1, true},
		{"ip elsewhere", plain, []wire.ACL{ace(31, "ip", "11.0.0.0/8")}, []wire.ID{ip}, 1, false},
		{"permission of another entry", plain, []wire.ACL{ace(1, "ip", "10.1.2.3"), ace(2, "ip", "10.1.2.4")}, []wire.ID{ip}, 2, false},
		{"x509", all, []wire.ACL{ace(31, "x509", "CN=a")}, []wire.ID{id("x509", "CN=a")}, 1, true},
		{"x509 not configured", plain, []wire.ACL{ace(31, "x509", "CN=a")}, []wire.ID{id("x509", "CN=a")}, 1, false},
		{"x509 super user", all, []wire.ACL{ace(31, "x509", "CN=a")}, []wire.ID{id("x509", "CN=root")}, 1, true},
		{"x509 super user, sasl entry", all, []wire.ACL{ace(31, "sasl", "bob")}, []wire.ID{id("x509", "CN=root")}, 1, false},
		{"no x509 super user", Config{X509: true}, []wire.ACL{ace(31, "x509", "CN=a")}, []wire.ID{id("x509", "")}, 1, false},
		{"sasl", all, []wire.ACL{ace(31, "sasl", "bob")}, []wire.ID{id("sasl", "bob")}, 1, true},
		{"sasl other", all, []wire.ACL{ace(31, "sasl", "bob")}, []wire.ID{id("sasl", "eve")}, 1, false},
		{"sasl super", all, []wire.ACL{ace(31, "sasl", "bob")}, []wire.ID{id("sasl", "super")}, 1, true},
		{"sasl any user", all, []wire.ACL{ace(31, "sasl", "any")}, []wire.ID{id("sasl", "eve")}, 1, true},
		{"no such sasl any user", Config{SASL: true}, []wire.ACL{ace(31, "sasl", "")}, []wire.ID{id("sasl", "eve")}, 1, false},
		{"unknown scheme", plain, []wire.ACL{ace(31, "host", "a")}, []wire.ID{id("host", "a")}, 1, false},
		{"ensemble", Config{Ensemble: true}, []wire.ACL{ace(31, "ensemble", "a")}, []wire.ID{id("ensemble", "a")}, 1, false},
	} {
		if got := mustNew(t, c.cfg).Allowed(c.acl, c.ids, c.perm); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestAllowedDoesNotAllocate(t *testing.T) {
	s := mustNew(t, Config{SASL: true})
	ids := []wire.ID{id("ip", "2001:db8:0:0:0:0:0:1"), id("digest", bobDigest), id("sasl", "bob")}
	lists := [][]wire.ACL{
		wire.WorldAnyone(31),
		{ace(31, "ip", "2001:db8::/32")},
		{ace(31, "digest", "eve:fyVmFCwVbTJYrznoSu1koqYEYF0="), ace(31, "digest", bobDigest)},
		{ace(31, "sasl", "bob")},
	}
	n := testing.AllocsPerRun(100, func() {
		for _, acl := range lists {
			if !s.Allowed(acl, ids, wire.PermRead) {
				t.Fatal("refused")
			}
		}
	})
	if n > 0 {
		t.Errorf("allocates %v times", n)
	}
}

func TestRedact(t *testing.T) {
	acl := []wire.ACL{ace(1, "digest", bobDigest), ace(2, "ip", "::1"), ace(4, "digest", "a:b:c\nd"), ace(8, "digest", "x")}
	want := []wire.ACL{ace(1, "digest", "bob:x"), ace(2, "ip", "::1"), ace(4, "digest", "a:x"), ace(8, "digest", "x")}
	if got := Redact(acl); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if acl[0].ID.ID != bobDigest {
		t.Error("the stored list was changed")
	}
	plain := wire.WorldAnyone(31)
	if got := Redact(plain); &got[0] != &plain[0] {
		t.Error("a list without digests was copied")
	}
}

// The rows about ACLs of the client reference's probe table, and section 6.3.
func TestFixupACL(t *testing.T) {
	plain := Config{}
	all := Config{SASL: true, X509: true, Ensemble: true, ValidDN: func(s string) bool { return strings.HasPrefix(s, "CN=") }}
	ids := []wire.ID{id("ip", "::1"), id("super", ""), id("digest", bobDigest), id("sasl", "bob"), id("x509", "CN=bob")}
	null := wire.NullString
	list := func(a ...wire.ACL) []wire.ACL { return a }
	for _, c := range []struct {
		name string
		cfg  Config
		acl  []wire.ACL
		ids  []wire.ID
		want []wire.ACL
		code wire.Code
	}{
		{"null", plain, nil, ids, nil, wire.InvalidACL},
		{"empty", plain, list(), ids, nil, wire.InvalidACL},
		{"world:anyone", plain, wire.WorldAnyone(31), nil, wire.WorldAnyone(31), wire.OK},
		{"world:foo", plain, list(ace(31, "world", "foo")), ids, nil, wire.InvalidACL},
		{"world:null", plain, list(ace(31, "world", null)), ids, nil, wire.MarshallingError},
		{"null scheme", plain, list(ace(31, null, "a")), ids, nil, wire.InvalidACL},
		{"null scheme second", plain, list(ace(1, "world", "anyone"), ace(31, null, "a")), ids, nil, wire.InvalidACL},
		{"digest:null", plain, list(ace(31, "digest", null)), ids, nil, wire.MarshallingError},
		{"unknown scheme", plain, list(ace(31, "host", "a")), ids, nil, wire.InvalidACL},
		{"unknown scheme, null id", plain, list(ace(31, "host", null)), ids, nil, wire.InvalidACL},
		{"super", all, list(ace(31, "super", "a:b")), ids, nil, wire.InvalidACL},
		{"ensemble", all, list(ace(31, "ensemble", "a")), ids, nil, wire.InvalidACL},
		{"one bad among good", plain, list(ace(1, "world", "anyone"), ace(1, "ip", "x")), ids, nil, wire.InvalidACL},

		{"permissions of any kind", plain, list(ace(0, "world", "anyone"), ace(0xffff, "ip", "::1")), nil,
			list(ace(0, "world", "anyone"), ace(0xffff, "ip", "::1")), wire.OK},
		{"duplicates", plain, list(ace(1, "ip", "::1"), ace(2, "ip", "::1"), ace(1, "ip", "::1")), nil,
			list(ace(1, "ip", "::1"), ace(2, "ip", "::1")), wire.OK},

		{"auth without ids", plain, list(ace(31, "auth", "")), []wire.ID{id("ip", "::1"), id("super", "")}, nil, wire.InvalidACL},
		{"auth expands in order", all, list(ace(3, "auth", "ignored")), ids,
			list(ace(3, "digest", bobDigest), ace(3, "sasl", "bob"), ace(3, "x509", "CN=bob")), wire.OK},
		{"auth, null id", plain, list(ace(3, "auth", null)), ids, list(ace(3, "digest", bobDigest)), wire.OK},
		{"auth in place", plain, list(ace(1, "ip", "::1"), ace(2, "auth", ""), ace(4, "world", "anyone")), ids,
			list(ace(1, "ip", "::1"), ace(2, "digest", bobDigest), ace(4, "world", "anyone")), wire.OK},
		{"auth, digest disabled", Config{DisableDigest: true}, list(ace(3, "auth", "")), ids, nil, wire.InvalidACL},

		{"digest disabled", Config{DisableDigest: true}, list(ace(3, "digest", "a:b")), ids, nil, wire.InvalidACL},
		{"digest a:b", plain, list(ace(3, "digest", "a:b")), nil, list(ace(3, "digest", "a:b")), wire.OK},
		{"digest :x", plain, list(ace(3, "digest", ":x")), nil, list(ace(3, "digest", ":x")), wire.OK},
		{"digest x", plain, list(ace(3, "digest", "x")), nil, nil, wire.InvalidACL},
		{"digest empty", plain, list(ace(3, "digest", "")), nil, nil, wire.InvalidACL},
		{"digest a:", plain, list(ace(3, "digest", "a:")), nil, nil, wire.InvalidACL},
		{"digest colons alone", plain, list(ace(3, "digest", "::")), nil, nil, wire.InvalidACL},
		{"digest a:b:c", plain, list(ace(3, "digest", "a:b:c")), nil, nil, wire.InvalidACL},
		{"digest a:b:", plain, list(ace(3, "digest", "a:b:")), nil, list(ace(3, "digest", "a:b:")), wire.OK},

		{"ip 1.2.3", plain, list(ace(3, "ip", "1.2.3")), nil, nil, wire.InvalidACL},
		{"ip /33", plain, list(ace(3, "ip", "1.2.3.4/33")), nil, nil, wire.InvalidACL},
		{"x509 not configured", plain, list(ace(3, "x509", "CN=a")), nil, nil, wire.InvalidACL},
		{"x509", all, list(ace(3, "x509", "CN=a")), nil, list(ace(3, "x509", "CN=a")), wire.OK},
		{"x509 no DN", all, list(ace(3, "x509", "a")), nil, nil, wire.InvalidACL},
		{"sasl not configured", plain, list(ace(3, "sasl", "bob")), nil, nil, wire.InvalidACL},
		{"sasl", all, list(ace(3, "sasl", "svc/host@REALM")), nil, list(ace(3, "sasl", "svc/host@REALM")), wire.OK},
		{"sasl no name", all, list(ace(3, "sasl", "a@b@c")), nil, nil, wire.InvalidACL},
	} {
		got, code := mustNew(t, c.cfg).FixupACL(c.acl, c.ids)
		if code != c.code || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, code, c.want, c.code)
		}
	}
}

func TestFixupACLKeepsTheRequest(t *testing.T) {
	acl := []wire.ACL{ace(1, "ip", "::1"), ace(1, "ip", "::1"), ace(2, "auth", ""), ace(3, "ip", "::2")}
	before := append([]wire.ACL(nil), acl...)
	if _, code := mustNew(t, Config{}).FixupACL(acl, []wire.ID{id("digest", "a:b"), id("digest", "c:d")}); code != wire.OK {
		t.Fatal(code)
	}
	if !reflect.DeepEqual(acl, before) {
		t.Errorf("the request became %v", acl)
	}
}

func TestLongListsDropDuplicatesToo(t *testing.T) {
	var acl []wire.ACL
	for i := range 3000 {
		acl = append(acl, ace(int32(i%1000), "world", "anyone"))
	}
	got, code := mustNew(t, Config{}).FixupACL(acl, nil)
	if code != wire.OK || !reflect.DeepEqual(got, acl[:1000]) {
		t.Errorf("%v, %d entries", code, len(got))
	}
}

// A request of a megabyte must not become a list of gigabytes.
func TestExpansionIsBounded(t *testing.T) {
	s := mustNew(t, Config{})
	var acl []wire.ACL
	for i := range 1000 {
		acl = append(acl, ace(int32(i), "auth", ""))
	}
	ids := []wire.ID{id("digest", strings.Repeat("u", 2000)+":x")}
	if got, code := s.FixupACL(acl, ids); code != wire.InvalidACL {
		t.Errorf("%v, %d entries", code, len(got))
	}
	if got, code := s.FixupACL(acl[:500], ids); code != wire.OK || len(got) != 500 {
		t.Errorf("%v, %d entries", code, len(got))
	}
}

func TestFixupOfWorldDoesNotAllocate(t *testing.T) {
	s, acl := mustNew(t, Config{}), wire.WorldAnyone(31)
	if n := testing.AllocsPerRun(100, func() { s.FixupACL(acl, nil) }); n > 0 {
		t.Errorf("allocates %v times", n)
	}
}

func TestKerberosNames(t *testing.T) {
	for name, want := range map[string]bool{
		"bob": true, "": true, "a/b/c": true, "bob@REALM": true, "svc/host@REALM": true, "@": true, "/@": true,
		"a/b/c@R": false, "a@b@c": false, "a@b/c": false,
	} {
		if got := validKerberosName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func FuzzFixupACL(f *testing.F) {
	s, err := New(Config{SASL: true, X509: true, Ensemble: true})
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range []struct{ scheme, id string }{
		{"world", "anyone"}, {"auth", ""}, {"digest", "a:b"}, {"ip", "fe80::1/64"}, {"sasl", "a/b@C"}, {"x509", "CN=a"}, {"\xff", "\xff"},
	} {
		f.Add(int32(31), c.scheme, c.id, "ip", "::")
	}
	ids := []wire.ID{id("ip", "10.0.0.1"), id("digest", bobDigest)}
	f.Fuzz(func(t *testing.T, perms int32, scheme1, id1, scheme2, id2 string) {
		acl := []wire.ACL{ace(perms, scheme1, id1), ace(perms, scheme2, id2), ace(perms, scheme1, id1)}
		got, code := s.FixupACL(acl, ids)
		if (code == wire.OK) != (len(got) > 0) {
			t.Fatalf("%v with %v", code, got)
		}
		for _, a := range got {
			if a.ID.Scheme == "auth" || a.ID.Scheme == wire.NullString || a.ID.ID == wire.NullString {
				t.Fatalf("stored %v", got)
			}
		}
		if again, code := s.FixupACL(got, ids); len(got) > 0 && (code != wire.OK || fmt.Sprint(dropDuplicates(got)) != fmt.Sprint(again)) {
			t.Fatalf("a stored list is not stable: %v became %v, %v", got, again, code)
		}
		s.Allowed(got, ids, perms)
		Redact(got)
	})
}
