package sasl

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Users are the passwords that an Acceptor knows, by name.
type Users map[string]string

// An Acceptor is the side of an exchange that wants proof.
type Acceptor struct {
	service Service
	users   Users
	nonce   string
	state   state
	user    string
}

// Accept begins an exchange with one who has to prove who it is. nonce is NonceLen
// fresh random bytes.
func (s Service) Accept(users Users, nonce []byte) *Acceptor {
	return &Acceptor{service: s, users: users, nonce: base64.StdEncoding.EncodeToString(nonce)}
}

// Step takes the client's next token and returns the answer to it. After an error
// the exchange is over.
func (d *Acceptor) Step(token []byte) ([]byte, error) {
	var reply []byte
	err := ErrFormat
	switch {
	case d.state == atStart && len(token) == 0:
		d.state = challenged
		return d.challenge(), nil
	case d.state == challenged && len(token) <= maxToken:
		reply, err = d.finish(token)
	}
	if err != nil {
		d.state = failed
		return nil, err
	}
	d.state = proved
	return reply, nil
}

// Done reports whether the client has proved who it is.
func (d *Acceptor) Done() bool { return d.state == proved }

// AuthorizationID is the client's user name once it is Done. An authorization id
// that a client sends is not used: it could be anybody's.
func (d *Acceptor) AuthorizationID() string { return d.user }

func (d *Acceptor) challenge() []byte {
	return []byte(`realm="` + d.service.Realm + `",nonce="` + d.nonce + `",charset=utf-8,algorithm=md5-sess`)
}

// finish checks a response and answers it.
func (d *Acceptor) finish(token []byte) ([]byte, error) {
	r, err := parseDigestResponse(string(token))
	if err != nil {
		return nil, err
	}
	if err := d.checkFields(r); err != nil {
		return nil, err
	}
	user, ok := r.text(r.username)
	if !ok {
		return nil, ErrFormat
	}
	// An unknown user costs the same hashing as a wrong password.
	password, known := d.users[user]
	secret := r.secret(password)
	if !hmac.Equal([]byte(r.proof(secret, "AUTHENTICATE")), []byte(r.response)) || !known {
		return nil, ErrDenied
	}
	d.user = user
	return []byte("rspauth=" + r.proof(secret, "")), nil
}

// checkFields compares everything but the proof with what was offered.
func (d *Acceptor) checkFields(r *digestResponse) error {
	switch {
	case r.username == "", r.cnonce == "", len(r.response) != 2*md5.Size:
	case r.nonce != d.nonce, r.nc != "00000001", r.realm != d.service.Realm:
	case r.qop != "auth", r.charset != "" && !strings.EqualFold(r.charset, "utf-8"):
	case !strings.EqualFold(r.uri, d.service.uri()):
	default:
		return nil
	}
	return ErrFormat
}

// text decodes a name of the response: UTF-8 if the client said so, else ISO
// 8859-1.
func (r *digestResponse) text(s string) (string, bool) {
	if r.charset != "" {
		return s, utf8.ValidString(s)
	}
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes), true
}

// secret is H(A1) of the RFC in hexadecimal.
func (r *digestResponse) secret(password string) string {
	user, _ := r.text(r.username)
	realm, _ := r.text(r.realm)
	inner := md5.Sum([]byte(latin1(user) + ":" + latin1(realm) + ":" + latin1(password)))
	a1 := string(inner[:]) + ":" + r.nonce + ":" + r.cnonce
	if r.hasAuthzid {
		a1 += ":" + r.authzid
	}
	return hexMD5(a1)
}

// proof is the response value for a method: AUTHENTICATE for the client's, empty
// for the server's.
func (r *digestResponse) proof(secret, method string) string {
	a2 := hexMD5(method + ":" + r.uri)
	return hexMD5(secret + ":" + r.nonce + ":" + r.nc + ":" + r.cnonce + ":" + r.qop + ":" + a2)
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// latin1 encodes a text as the RFC hashes it: in ISO 8859-1 if that can hold it,
// else as it is, in UTF-8.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, c := range s {
		if c > 0xff {
			return s
		}
		b = append(b, byte(c))
	}
	return string(b)
}
