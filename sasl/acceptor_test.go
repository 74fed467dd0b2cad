package sasl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The example of RFC 2831, section 4.
func TestProofIsTheRFCs(t *testing.T) {
	r, err := parseDigestResponse(`charset=utf-8,username="chris",realm="elwood.innosoft.com",
		nonce="OA6MG9tEQGm2hh",nc=00000001,cnonce="OA6MHXh6VqTrRk",
		digest-uri="imap/elwood.innosoft.com",
		response=d388dad90d4bbd760a152321f2143af7,qop=auth`)
	if err != nil {
		t.Fatal(err)
	}
	secret := r.secret("secret")
	if got := r.proof(secret, "AUTHENTICATE"); got != r.response {
		t.Errorf("response %s, want %s", got, r.response)
	}
	if got := r.proof(secret, ""); got != "ea40f60335c427b5527b84dbabcdfffd" {
		t.Errorf("rspauth %s", got)
	}
}

var testUsers = Users{"bob": "secret", "zoë": "pässword", "日本": "語", "super": "admin"}

// respond is a client: fields override, and a field of "-" is left out.
func respond(user, password, nonce string, override map[string]string) string {
	f := map[string]string{
		"username": user, "realm": ClientService.Realm, "nonce": nonce, "cnonce": "OA6MHXh6VqTrRk", "nc": "00000001",
		"qop": "auth", "digest-uri": "zookeeper/zk-sasl-md5", "charset": "utf-8", "authzid": "-",
	}
	for k, v := range override {
		f[k] = v
	}
	text := ""
	for _, k := range []string{"charset", "username", "realm", "nonce", "nc", "cnonce", "digest-uri", "qop", "authzid"} {
		switch {
		case f[k] == "-":
		case k == "charset" || k == "nc" || k == "qop":
			text += k + "=" + f[k] + ","
		default:
			text += fmt.Sprintf("%s=\"%s\",", k, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(f[k]))
		}
	}
	r, err := parseDigestResponse(text)
	if err != nil {
		return text
	}
	response := r.proof(r.secret(password), "AUTHENTICATE")
	if v, ok := override["response"]; ok {
		response = v
	}
	return text + "response=" + response
}

func start(t testing.TB) (*Acceptor, string) {
	t.Helper()
	d := ClientService.Accept(testUsers, []byte("0123456789abcdefghijklmnopqrst"))
	challenge, err := d.Step([]byte{})
	if err != nil {
		t.Fatal(err)
	}
	want := `realm="zk-sasl-md5",nonce="MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0",charset=utf-8,algorithm=md5-sess`
	if string(challenge) != want {
		t.Fatalf("challenge %s\nwant      %s", challenge, want)
	}
	return d, "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0"
}

func TestExchangeSucceeds(t *testing.T) {
	for _, c := range []struct {
		name, user, password, id string
		override                 map[string]string
	}{
		{"plain", "bob", "secret", "bob", nil},
		{"latin 1 user, hashed as latin 1", "zoë", "pässword", "zoë", nil},
		{"latin 1 user, sent as latin 1", "zo\xeb", "pässword", "zoë", map[string]string{"charset": "-"}},
		{"user beyond latin 1", "日本", "語", "日本", nil},
		{"no qop", "bob", "secret", "bob", map[string]string{"qop": "-"}},
		{"no charset", "bob", "secret", "bob", map[string]string{"charset": "-"}},
		{"authzid is not believed", "bob", "secret", "bob", map[string]string{"authzid": "super"}},
		{"empty authzid", "bob", "secret", "bob", map[string]string{"authzid": ""}},
		{"quoted cnonce", "bob", "secret", "bob", map[string]string{"cnonce": `a"b\c,d=`}},
		{"case of the uri", "bob", "secret", "bob", map[string]string{"digest-uri": "zookeeper/ZK-SASL-MD5"}},
	} {
		d, nonce := start(t)
		reply, err := d.Step([]byte(respond(c.user, c.password, nonce, c.override)))
		if err != nil || !d.Done() || d.AuthorizationID() != c.id {
			t.Errorf("%s: %v, done %v, id %q", c.name, err, d.Done(), d.AuthorizationID())
			continue
		}
		if s := string(reply); !strings.HasPrefix(s, "rspauth=") || len(s) != len("rspauth=")+32 {
			t.Errorf("%s: answer %s", c.name, s)
		}
	}
}

// The whole exchange for fixed nonces, computed by another implementation of the
// RFC.
func TestRspauth(t *testing.T) {
	d, nonce := start(t)
	response := respond("bob", "secret", nonce, nil)
	if want := "response=" + vectorResponse; !strings.HasSuffix(response, want) {
		t.Errorf("response %s, want %s", response, want)
	}
	if got := respond("bob", "secret", nonce, map[string]string{"authzid": "super"}); !strings.HasSuffix(got, vectorAuthzid) {
		t.Errorf("with an authorization id: %s, want %s", got, vectorAuthzid)
	}
	if got := respond("zoë", "pässword", nonce, nil); !strings.HasSuffix(got, vectorLatin1) {
		t.Errorf("in latin 1: %s, want %s", got, vectorLatin1)
	}
	reply, err := d.Step([]byte(response))
	if want := "rspauth=" + vectorRspauth; err != nil || string(reply) != want {
		t.Errorf("%s, %v; want %s", reply, err, want)
	}
}

// Responses of Java 17's DIGEST-MD5 client, as ZooKeeper's client drives it; it
// accepted the answers.
func TestResponsesOfJava(t *testing.T) {
	for _, c := range []struct{ nonce, user, response string }{
		{"vj7gzLYKsYNOS1UAmqeg7WLRaJxejoT7tbtEqPQn", "bob",
			`charset=utf-8,username="bob",realm="zk-sasl-md5",nonce="vj7gzLYKsYNOS1UAmqeg7WLRaJxejoT7tbtEqPQn",nc=00000001,cnonce="SbycUQ/83DFK/2oiu1cUcptN9wcS7IbkaaVPBoA6",digest-uri="zookeeper/zk-sasl-md5",maxbuf=65536,response=8c5cf88d142b9edaaf8886152f0f9ef6,qop=auth,authzid="bob"`},
		{"3TYpNtmmeQsNdymVeY293bnypO8ZTGvkoZOTFDkD", "zoë",
			`charset=utf-8,username="zoë",realm="zk-sasl-md5",nonce="3TYpNtmmeQsNdymVeY293bnypO8ZTGvkoZOTFDkD",nc=00000001,cnonce="BHXzkCxOvTZv0cqFhapn6Hl5vA7rRq25rK+BQ5pH",digest-uri="zookeeper/zk-sasl-md5",maxbuf=65536,response=a6853bf71a9539c8110dc864831377d8,qop=auth,authzid="zoë"`},
		{"QWAOUY6XTCSpJKCNAT4W13ljsW0VscQbsUVN9pir", "日本",
			`charset=utf-8,username="日本",realm="zk-sasl-md5",nonce="QWAOUY6XTCSpJKCNAT4W13ljsW0VscQbsUVN9pir",nc=00000001,cnonce="wDpJKQ+dtZ9ac+ujZCnYd2r0HZnmZSSc/uSCPUk/",digest-uri="zookeeper/zk-sasl-md5",maxbuf=65536,response=0aaf0e516a088825c500d39491b410bd,qop=auth,authzid="日本"`},
	} {
		nonce, _ := base64.StdEncoding.DecodeString(c.nonce)
		d := ClientService.Accept(testUsers, nonce)
		if _, err := d.Step(nil); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Step([]byte(c.response)); err != nil || d.AuthorizationID() != c.user {
			t.Errorf("%s: %v, id %q", c.user, err, d.AuthorizationID())
		}
	}
}

func TestExchangeFails(t *testing.T) {
	for _, c := range []struct {
		name, user, password string
		override             map[string]string
		want                 error
	}{
		{"wrong password", "bob", "Secret", nil, ErrDenied},
		{"unknown user", "eve", "secret", nil, ErrDenied},
		{"unknown user, empty password", "eve", "", nil, ErrDenied},
		{"another's password", "bob", "admin", nil, ErrDenied},
		{"response of another kind", "bob", "secret", map[string]string{"response": strings.Repeat("0", 32)}, ErrDenied},
		{"short response", "bob", "secret", map[string]string{"response": "00"}, ErrFormat},
		{"replayed nonce", "bob", "secret", map[string]string{"nonce": "old"}, ErrFormat},
		{"nonce count", "bob", "secret", map[string]string{"nc": "00000002"}, ErrFormat},
		{"other realm", "bob", "secret", map[string]string{"realm": "other"}, ErrFormat},
		{"no realm", "bob", "secret", map[string]string{"realm": "-"}, ErrFormat},
		{"no user", "bob", "secret", map[string]string{"username": "-"}, ErrFormat},
		{"no cnonce", "bob", "secret", map[string]string{"cnonce": "-"}, ErrFormat},
		{"no nc", "bob", "secret", map[string]string{"nc": "-"}, ErrFormat},
		{"no nonce", "bob", "secret", map[string]string{"nonce": "-"}, ErrFormat},
		{"other service", "bob", "secret", map[string]string{"digest-uri": "imap/zk-sasl-md5"}, ErrFormat},
		{"no uri", "bob", "secret", map[string]string{"digest-uri": "-"}, ErrFormat},
		{"integrity", "bob", "secret", map[string]string{"qop": "auth-int"}, ErrFormat},
		{"other charset", "bob", "secret", map[string]string{"charset": "latin1"}, ErrFormat},
		{"user is not UTF-8", "zo\xeb", "pässword", nil, ErrFormat},
		{"too long", "bob", "secret", map[string]string{"cnonce": strings.Repeat("x", maxToken)}, ErrFormat},
	} {
		d, nonce := start(t)
		reply, err := d.Step([]byte(respond(c.user, c.password, nonce, c.override)))
		if !errors.Is(err, c.want) || reply != nil || d.Done() || d.AuthorizationID() != "" {
			t.Errorf("%s: %s, %v, done %v, id %q", c.name, reply, err, d.Done(), d.AuthorizationID())
		}
		if reply, err := d.Step([]byte(respond("bob", "secret", nonce, nil))); err == nil {
			t.Errorf("%s: a second try is answered: %s", c.name, reply)
		}
	}
}

func TestExchangeOutOfOrder(t *testing.T) {
	d := ClientService.Accept(testUsers, nil)
	if _, err := d.Step([]byte("x")); err == nil {
		t.Error("an initial response is taken")
	}
	if _, err := d.Step(nil); err == nil {
		t.Error("a failed exchange starts again")
	}
	d, nonce := start(t)
	good := []byte(respond("bob", "secret", nonce, nil))
	if _, err := d.Step(good); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Step(good); err == nil || d.Done() {
		t.Error("a finished exchange goes on")
	}
}

func TestMalformedDirectives(t *testing.T) {
	for _, text := range []string{
		"username", "=x", `username="bob`, `username="bob\`, `username="bob"x`, "a=b,a=c", "A=b,a=c", "a=", `a=b"c`, "a b=c", `a="b" c`,
		strings.Repeat("", 1) + manyDirectives(maxDirectives+1),
	} {
		if r, err := parseDigestResponse(text); err == nil {
			t.Errorf("%.40q is taken for %+v", text, r)
		}
	}
	for _, text := range []string{"", ",,a=b , ,c=d,", ` username = "b\"ob" , x=y`, manyDirectives(maxDirectives)} {
		if _, err := parseDigestResponse(text); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func manyDirectives(n int) string {
	text := ""
	for i := range n {
		text += fmt.Sprintf("d%d=x,", i)
	}
	return text
}

func FuzzAcceptor(f *testing.F) {
	_, nonce := start(f)
	f.Add([]byte(respond("bob", "secret", nonce, nil)))
	f.Add([]byte(respond("bob", "wrong", nonce, nil)))
	f.Add([]byte(respond("bob", "secret", nonce, map[string]string{"cnonce": `\"`})))
	f.Add([]byte(`a="\`))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, token []byte) {
		d, _ := start(t)
		reply, err := d.Step(token)
		if (err == nil) != d.Done() || d.Done() != (reply != nil) || d.Done() && testUsers[d.AuthorizationID()] == "" {
			t.Fatalf("%q: %s, %v, done %v as %q", token, reply, err, d.Done(), d.AuthorizationID())
		}
	})
}

// Computed with another language's MD5, straight from the formulas of the RFC.
const (
	vectorResponse = "9272692cd9ba39d8b6b3609137c61adf"
	vectorRspauth  = "50c37b91fb69bb0a4e9341aa2befd052"
	vectorAuthzid  = "a05fb01ffaad3abc65a0db5f00ea815d" // authzid="super"
	vectorLatin1   = "aed4d298cdcb4d71bc1e1d6ee626eb00" // zoë, pässword
)
