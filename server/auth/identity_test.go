package auth

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

func TestDigestID(t *testing.T) {
	for _, c := range []struct{ alg, credentials, want string }{
		{"", "bob:secret", bobDigest},
		{"SHA1", "super:admin", "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="},
		{"sha-1", "text", "text:Ny6gjKsz5xwCxlHbyDpHTTLGduo="},
		{"", "u:p:w", "u:73ZGnbNm7qd5vKTf9th3HSbNbio="},
		{"", "", ":2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
		{"SHA-256", "bob:secret", "bob:huAluaVu3uER4LIpielGv9Qqk5x3YVDr6I2R/mXf2wE="},
	} {
		if got := mustNew(t, Config{DigestAlg: c.alg}).DigestID(c.credentials); got != c.want {
			t.Errorf("%s of %q: %s, want %s", c.alg, c.credentials, got, c.want)
		}
	}
}

func TestEveryDigestAlgorithmWorks(t *testing.T) {
	for alg, size := range map[string]int{
		"MD5": 16, "SHA": 20, "SHA-224": 28, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64,
		"SHA3-224": 28, "SHA3-256": 32, "SHA3-384": 48, "SHA3-512": 64,
	} {
		s := mustNew(t, Config{DigestAlg: alg})
		if got := s.newHash().Size(); got != size {
			t.Errorf("%s has %d bytes", alg, got)
		}
	}
	if _, err := New(Config{DigestAlg: "ROT13"}); err == nil || !strings.Contains(err.Error(), "ROT13") {
		t.Errorf("unknown algorithm: %v", err)
	}
}

func TestAuthenticate(t *testing.T) {
	peer := Peer{IP: id("ip", "10.0.0.1")}
	withCert := Peer{IP: peer.IP, X509: []wire.ID{id("x509", "CN=a")}}
	super := Config{SuperDigest: "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="}
	all := Config{SASL: true, X509: true, Ensemble: true, EnsembleNames: []string{"prod", "prod2"}}
	for _, c := range []struct {
		name   string
		cfg    Config
		scheme string
		data   []byte
		peer   Peer
		want   []wire.ID
		err    error
	}{
		{"digest", Config{}, "digest", []byte("bob:secret"), peer, []wire.ID{id("digest", bobDigest)}, nil},
		{"digest without colon", Config{}, "digest", []byte("text"), peer, []wire.ID{id("digest", "text:Ny6gjKsz5xwCxlHbyDpHTTLGduo=")}, nil},
		{"digest null", Config{}, "digest", nil, peer, nil, ErrAuthFailed},
		{"digest disabled", Config{DisableDigest: true}, "digest", []byte("a:b"), peer, nil, ErrAuthFailed},
		{"super", super, "digest", []byte("super:admin"), peer, []wire.ID{id("super", ""), id("digest", super.SuperDigest)}, nil},
		{"super, wrong password", super, "digest", []byte("super:x"), peer, []wire.ID{id("digest", "super:eXJov8znpQ4dl1Mi6FnyKh1mSgw=")}, nil},
		{"ip", Config{}, "ip", nil, peer, []wire.ID{peer.IP}, nil},
		{"ip, data ignored", Config{}, "ip", []byte("1.1.1.1"), peer, []wire.ID{peer.IP}, nil},
		{"world", Config{}, "world", []byte("anyone"), peer, nil, ErrAuthFailed},
		{"auth", Config{}, "auth", nil, peer, nil, ErrAuthFailed},
		{"super by name", Config{}, "super", nil, peer, nil, ErrAuthFailed},
		{"unknown", Config{}, "host", nil, peer, nil, ErrAuthFailed},
		{"null scheme", Config{}, wire.NullString, nil, peer, nil, ErrAuthFailed},
		{"sasl", all, "sasl", []byte("bob"), peer, nil, ErrAuthFailed},
		{"x509 without certificate", all, "x509", []byte("CN=a"), peer, nil, ErrAuthFailed},
		{"x509", all, "x509", []byte("CN=b"), withCert, withCert.X509, nil},
		{"x509 not configured", Config{}, "x509", nil, withCert, nil, ErrAuthFailed},
		{"ensemble", all, "ensemble", []byte("prod2"), peer, nil, nil},
		{"ensemble, other", all, "ensemble", []byte("test"), peer, nil, ErrWrongEnsemble},
		{"ensemble, none said", all, "ensemble", nil, peer, nil, nil},
		{"ensemble without names", Config{Ensemble: true}, "ensemble", []byte("x"), peer, nil, nil},
		{"ensemble not configured", Config{}, "ensemble", []byte("x"), peer, nil, ErrAuthFailed},
	} {
		got, err := mustNew(t, c.cfg).Authenticate(c.scheme, c.data, c.peer)
		if !reflect.DeepEqual(got, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, err, c.want, c.err)
		}
	}
}

func TestAuthenticateDoesNotKeepTheFrame(t *testing.T) {
	data := []byte("bob:secret")
	ids, _ := mustNew(t, Config{}).Authenticate("digest", data, Peer{})
	copy(data, "eve:abcdef")
	if ids[0].ID != bobDigest {
		t.Errorf("id became %s", ids[0].ID)
	}
}

func TestAddIDs(t *testing.T) {
	have := []wire.ID{id("ip", "::1")}
	got, err := AddIDs(have, []wire.ID{id("digest", "a:b"), id("ip", "::1"), id("digest", "a:b")})
	if want := []wire.ID{id("ip", "::1"), id("digest", "a:b")}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for name, more := range map[string][]wire.ID{"many": manyIDs(MaxIDs), "long": {id("digest", strings.Repeat("x", MaxIDBytes))}} {
		if got, err := AddIDs(have, more); err == nil || !reflect.DeepEqual(got, have) {
			t.Errorf("%s: %d ids, %v", name, len(got), err)
		}
	}
	if got, err := AddIDs(have, manyIDs(MaxIDs-1)); err != nil || len(got) != MaxIDs {
		t.Errorf("%d ids, %v", len(got), err)
	}
}

func manyIDs(n int) []wire.ID {
	ids := make([]wire.ID, n)
	for i := range ids {
		ids[i] = id("digest", fmt.Sprintf("u%d:x", i))
	}
	return ids
}

func TestWhoAmI(t *testing.T) {
	s := mustNew(t, Config{SASL: true, X509: true})
	ids := []wire.ID{id("ip", "::1"), id("super", "CN=root"), id("digest", "bob:x:y"), id("sasl", "a@B"), id("x509", "CN=a,O=b")}
	want := []wire.ClientInfo{
		{Scheme: "ip", User: "::1"}, {Scheme: "super"}, {Scheme: "digest", User: "bob"},
		{Scheme: "sasl", User: "a@B"}, {Scheme: "x509", User: "CN=a,O=b"},
	}
	if got := s.WhoAmI(ids); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSuperBySASLAndCertificate(t *testing.T) {
	s := mustNew(t, Config{SASL: true, SASLSuperUsers: []string{"root", ""}, X509: true, X509SuperUser: "CN=root"})
	for _, c := range []struct{ got, want []wire.ID }{
		{s.SASLIDs("bob"), []wire.ID{id("sasl", "bob")}},
		{s.SASLIDs("root"), []wire.ID{id("sasl", "root"), id("super", "")}},
		{s.SASLIDs(""), []wire.ID{id("sasl", "")}},
		{s.X509IDs("CN=a"), []wire.ID{id("x509", "CN=a")}},
		{s.X509IDs("CN=root"), []wire.ID{id("super", "CN=root"), id("x509", "CN=root")}},
		{mustNew(t, Config{X509: true}).X509IDs(""), []wire.ID{id("x509", "")}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
}

func TestEnforcedAuthentication(t *testing.T) {
	ip, sasl := id("ip", "::1"), id("sasl", "bob")
	open := mustNew(t, Config{})
	strict := mustNew(t, Config{SASL: true, EnforceSchemes: []string{"sasl", "digest"}, AllowSASLFailed: true})
	lax := mustNew(t, Config{SASL: true, AllowSASLFailed: true})
	if open.Enforced(nil) || strict.Enforced([]wire.ID{ip, sasl}) || !strict.Enforced([]wire.ID{ip}) {
		t.Error("wrong connections are refused")
	}
	for _, c := range []struct {
		s      *Schemes
		code   wire.Code
		closes bool
	}{{open, wire.AuthFailed, true}, {strict, wire.SASLAuthRequired, true}, {lax, wire.OK, false}} {
		if code, closes := c.s.SASLFailure(); code != c.code || closes != c.closes {
			t.Errorf("SASL failure: %v, %v; want %v, %v", code, closes, c.code, c.closes)
		}
	}
	_, err := New(Config{EnforceSchemes: []string{"x509"}})
	if err == nil || !strings.Contains(err.Error(), `"x509", which is not configured; there are digest, ip`) {
		t.Errorf("enforcing a scheme that is not there: %v", err)
	}
}

func FuzzAuthenticate(f *testing.F) {
	s, err := New(Config{SASL: true, X509: true, Ensemble: true, EnsembleNames: []string{"a"}, SuperDigest: "super:x"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("digest", []byte("bob:secret"))
	f.Add("digest", []byte("\xff\xfe:\xc3"))
	f.Add("ensemble", []byte("b"))
	f.Add("ip", []byte{})
	f.Fuzz(func(t *testing.T, scheme string, data []byte) {
		ids, err := s.Authenticate(scheme, data, Peer{IP: id("ip", "::1")})
		if err != nil && len(ids) > 0 {
			t.Fatalf("%v with %v", ids, err)
		}
		for _, got := range ids {
			if got.Scheme == "super" || got.Scheme == "digest" && strings.HasPrefix(got.ID, wire.NullString) {
				t.Fatalf("%q proves %v", data, ids)
			}
		}
	})
}
