package sasl

import (
	"errors"
	"strings"
	"testing"
)

// exchange has a prover and an acceptor talk to each other.
func exchange(p *Prover, d *Acceptor) error {
	challenge, err := d.Step(nil)
	if err != nil {
		return err
	}
	response, err := p.Step(challenge)
	if err != nil {
		return err
	}
	final, err := d.Step(response)
	if err != nil {
		return err
	}
	_, err = p.Step(final)
	return err
}

func TestProverProves(t *testing.T) {
	nonce := make([]byte, NonceLen)
	for _, tt := range []struct {
		user, password string
		of, to         Service
		want           error
	}{
		{"bob", "secret", QuorumService, QuorumService, nil},
		{"zoë", "pässword", QuorumService, QuorumService, nil},
		{"日本", "語", QuorumService, QuorumService, nil},
		{"super", "admin", ClientService, ClientService, nil},
		{"bob", "guess", QuorumService, QuorumService, ErrDenied},
		{`b\o"b`, "secret", QuorumService, QuorumService, ErrDenied},
		{"bob", "secret", ClientService, QuorumService, ErrFormat},
		{"\xff", "secret", QuorumService, QuorumService, ErrFormat},
	} {
		p, d := tt.of.Prove(tt.user, tt.password, nonce), tt.to.Accept(testUsers, nonce)
		err := exchange(p, d)
		if !errors.Is(err, tt.want) || p.Done() != (tt.want == nil) || d.Done() != p.Done() {
			t.Errorf("%q: %v, done %v and %v; want %v", tt.user, err, p.Done(), d.Done(), tt.want)
		}
	}
}

// The example of RFC 2831, section 4.
func TestProverIsTheRFCs(t *testing.T) {
	p := Service{Name: "imap", Realm: "elwood.innosoft.com"}.Prove("chris", "secret", nil)
	p.cnonce = "OA6MHXh6VqTrRk"
	response, err := p.Step([]byte(`realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8`))
	if err != nil || !strings.Contains(string(response), "response=d388dad90d4bbd760a152321f2143af7") {
		t.Fatalf("%s, %v", response, err)
	}
	if _, err := p.Step([]byte("rspauth=ea40f60335c427b5527b84dbabcdfffd")); err != nil || !p.Done() {
		t.Error(err)
	}
	if _, err := p.Step(nil); err == nil {
		t.Error("a third token was taken")
	}
}

func TestProverRefuses(t *testing.T) {
	good := `realm="r",nonce="n",charset=utf-8,algorithm=md5-sess`
	for _, tokens := range [][]string{
		{""},
		{`realm="r",charset=utf-8,algorithm=md5-sess`},
		{`realm="r",nonce="n",algorithm=md5`},
		{good + `,qop="auth-conf"`},
		{good + `,nonce="m"`},
		{`realm="r`},
		{strings.Repeat("a=b,", maxToken)},
		{good, ""},
		{good, "rspauth=00000000000000000000000000000000"},
		{good, `rspauth="`},
	} {
		p := QuorumService.Prove("bob", "secret", nil)
		var err error
		for i, token := range tokens {
			if _, err = p.Step([]byte(token)); err != nil && i < len(tokens)-1 {
				t.Errorf("%q: %v", tokens, err)
			}
		}
		if err == nil || p.Done() {
			t.Errorf("%q: taken", tokens)
		}
		if _, err := p.Step([]byte(good)); err == nil {
			t.Errorf("%q: goes on", tokens)
		}
	}
}

func FuzzProver(f *testing.F) {
	f.Add([]byte(`realm="r",nonce="n",charset=utf-8,algorithm=md5-sess`), []byte("rspauth=00"))
	f.Fuzz(func(t *testing.T, challenge, final []byte) {
		p := QuorumService.Prove("bob", "secret", nil)
		if _, err := p.Step(challenge); err != nil {
			return
		}
		if _, err := p.Step(final); err == nil != p.Done() {
			t.Fatal("done and failed")
		}
	})
}
