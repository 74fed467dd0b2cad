package sasl

import (
	"crypto/hmac"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// A Prover is the side of an exchange that proves who it is.
type Prover struct {
	service  Service
	user     string
	password string
	cnonce   string
	state    state
	sent     *digestResponse
}

// Prove begins an exchange with a server that is believed to know the user. nonce is
// NonceLen fresh random bytes.
func (s Service) Prove(user, password string, nonce []byte) *Prover {
	return &Prover{service: s, user: user, password: password, cnonce: base64.StdEncoding.EncodeToString(nonce)}
}

// Step takes the server's next token, its challenge and then its proof, and returns
// the answer, nil for the latter. Before the first, the server is sent an empty
// token. After an error the exchange is over.
func (p *Prover) Step(token []byte) ([]byte, error) {
	if len(token) > maxToken {
		p.state = failed
		return nil, ErrFormat
	}
	var reply []byte
	err := ErrFormat
	next := failed
	switch p.state {
	case atStart:
		reply, err = p.respond(string(token))
		next = challenged
	case challenged:
		err = p.check(string(token))
		next = proved
	}
	if err != nil {
		next = failed
	}
	p.state = next
	return reply, err
}

// Done reports whether the server has shown that it knows the password too.
func (p *Prover) Done() bool { return p.state == proved }

// respond answers a challenge.
func (p *Prover) respond(challenge string) ([]byte, error) {
	c, err := parseDirectives(challenge)
	if err != nil {
		return nil, err
	}
	if c["nonce"] == "" || c["algorithm"] != "md5-sess" || !offersAuth(c["qop"]) || !utf8.ValidString(p.user) {
		return nil, ErrFormat
	}
	r := &digestResponse{
		username: p.user, realm: c["realm"], nonce: c["nonce"], cnonce: p.cnonce, nc: "00000001",
		qop: "auth", uri: p.service.uri(), charset: c["charset"],
	}
	if r.charset == "" {
		r.username = latin1(p.user)
	}
	r.response = r.proof(r.secret(p.password), "AUTHENTICATE")
	p.sent = r
	return r.encode(), nil
}

// offersAuth reports whether a list of qualities of protection has "auth", as one
// that is not there does.
func offersAuth(list string) bool {
	if list == "" {
		return true
	}
	for _, q := range strings.Split(list, ",") {
		if strings.TrimSpace(q) == "auth" {
			return true
		}
	}
	return false
}

// check compares the server's proof with what it must be.
func (p *Prover) check(final string) error {
	d, err := parseDirectives(final)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(d["rspauth"]), []byte(p.sent.proof(p.sent.secret(p.password), ""))) {
		return ErrDenied
	}
	return nil
}

// encode is the response as RFC 2831 wants it.
func (r *digestResponse) encode() []byte {
	var b strings.Builder
	if r.charset != "" {
		b.WriteString("charset=utf-8,")
	}
	for _, f := range [][2]string{{"username", r.username}, {"realm", r.realm}, {"nonce", r.nonce}, {"cnonce", r.cnonce}, {"digest-uri", r.uri}} {
		b.WriteString(f[0] + `="` + quoting.Replace(f[1]) + `",`)
	}
	b.WriteString("nc=" + r.nc + ",maxbuf=65536,response=" + r.response + ",qop=" + r.qop)
	return []byte(b.String())
}

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// parseDirectives reads the directives of a server's token by name.
func parseDirectives(text string) (map[string]string, error) {
	list := make(map[string]string)
	for {
		text = strings.TrimLeft(text, ", \t\r\n")
		if text == "" {
			return list, nil
		}
		name, value, rest, ok := cutDirective(text)
		name = strings.ToLower(name)
		if _, twice := list[name]; !ok || twice || len(list) == maxDirectives {
			return nil, ErrFormat
		}
		list[name], text = value, rest
	}
}
