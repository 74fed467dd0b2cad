package auth

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"unicode/utf8"
)

// A SASLService is what a proof is for: its digest-uri is the two joined by a slash.
type SASLService struct {
	Name  string
	Realm string // also the host part of the digest-uri
}

// ZooKeeper's two services.
var (
	// ClientService is that of a server to its clients.
	ClientService = SASLService{Name: saslService, Realm: saslRealm}
	// QuorumService is that of a server to other servers.
	QuorumService = SASLService{Name: "zookeeper-quorum", Realm: "zk-quorum-sasl-md5"}
)

// What ZooKeeper's server offers its clients in its challenge.
const (
	saslRealm   = "zk-sasl-md5"
	saslService = "zookeeper"
)

// NonceLen is how many random bytes a DIGEST-MD5 exchange needs.
const NonceLen = 30

// maxSASLToken bounds a client's response, as RFC 2831 does.
const maxSASLToken = 4096

// Why a SASL exchange failed. Schemes.SASLFailure says how to answer.
var (
	// ErrSASLFormat is a response that does not obey RFC 2831.
	ErrSASLFormat = errors.New("auth: malformed DIGEST-MD5 response")
	// ErrSASLDenied is an unknown user or a wrong password.
	ErrSASLDenied = errors.New("auth: DIGEST-MD5 user unknown or password wrong")
	// ErrSASLUnsupported is a mechanism that this server does not have.
	ErrSASLUnsupported = errors.New("auth: SASL mechanism GSSAPI is not supported, use DIGEST-MD5 or TLS client certificates")
)

// Users are the passwords of a server that offers DIGEST-MD5, by name.
type Users map[string]string

// A DigestMD5 is the server's side of one exchange.
type DigestMD5 struct {
	service SASLService
	users   Users
	nonce   string
	state   saslState
	user    string
}

type saslState uint8

const (
	saslStart      saslState = iota // wants the empty token
	saslChallenged                  // wants the response
	saslDone
	saslFailed
)

// NewDigestMD5 begins an exchange with a client. nonce is NonceLen fresh random
// bytes.
func NewDigestMD5(users Users, nonce []byte) *DigestMD5 { return ClientService.Accept(users, nonce) }

// Accept begins an exchange with one who has to prove who it is. nonce is NonceLen
// fresh random bytes.
func (s SASLService) Accept(users Users, nonce []byte) *DigestMD5 {
	return &DigestMD5{service: s, users: users, nonce: base64.StdEncoding.EncodeToString(nonce)}
}

// Step takes the client's next token and returns the answer to it. After an error
// the exchange is over.
func (d *DigestMD5) Step(token []byte) ([]byte, error) {
	var reply []byte
	err := ErrSASLFormat
	switch {
	case d.state == saslStart && len(token) == 0:
		d.state = saslChallenged
		return d.challenge(), nil
	case d.state == saslChallenged && len(token) <= maxSASLToken:
		reply, err = d.finish(token)
	}
	if err != nil {
		d.state = saslFailed
		return nil, err
	}
	d.state = saslDone
	return reply, nil
}

// Done reports whether the client has proved who it is.
func (d *DigestMD5) Done() bool { return d.state == saslDone }

// AuthorizationID is the client's user name once it is Done. An authorization id
// that a client sends is not used: it could be anybody's.
func (d *DigestMD5) AuthorizationID() string { return d.user }

func (d *DigestMD5) challenge() []byte {
	return []byte(`realm="` + d.service.Realm + `",nonce="` + d.nonce + `",charset=utf-8,algorithm=md5-sess`)
}

// finish checks a response and answers it.
func (d *DigestMD5) finish(token []byte) ([]byte, error) {
	r, err := parseDigestResponse(string(token))
	if err != nil {
		return nil, err
	}
	if err := d.checkFields(r); err != nil {
		return nil, err
	}
	user, ok := r.text(r.username)
	if !ok {
		return nil, ErrSASLFormat
	}
	// An unknown user costs the same hashing as a wrong password.
	password, known := d.users[user]
	secret := r.secret(password)
	if !hmac.Equal([]byte(r.proof(secret, "AUTHENTICATE")), []byte(r.response)) || !known {
		return nil, ErrSASLDenied
	}
	d.user = user
	return []byte("rspauth=" + r.proof(secret, "")), nil
}

// checkFields compares everything but the proof with what was offered.
func (d *DigestMD5) checkFields(r *digestResponse) error {
	switch {
	case r.username == "", r.cnonce == "", len(r.response) != 2*md5.Size:
	case r.nonce != d.nonce, r.nc != "00000001", r.realm != d.service.Realm:
	case r.qop != "auth", r.charset != "" && !strings.EqualFold(r.charset, "utf-8"):
	case !strings.EqualFold(r.uri, d.service.uri()):
	default:
		return nil
	}
	return ErrSASLFormat
}

func (s SASLService) uri() string { return s.Name + "/" + s.Realm }

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
