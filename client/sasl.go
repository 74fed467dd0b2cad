package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/zabra/zabra/sasl"
	"github.com/zabra/zabra/wire"
)

// A SASL is a mechanism, and what it needs to prove who the client is. DigestMD5 makes
// one; for another, such as GSSAPI, bring an implementation of your own.
type SASL interface {
	// Begin begins an exchange with a server; host is its name without the port, as
	// it was given to Open. After an error another server is tried.
	Begin(ctx context.Context, host string) (SASLExchange, error)
}

// A SASLExchange is one side of one proof. It serves one connection.
type SASLExchange interface {
	// Step takes what the server answered to the token before, and returns the next
	// one. It is called first with nil, for the token that the client begins with,
	// which may be empty. When done, nothing more is sent. An error ends the Client
	// with an *AuthError.
	Step(answer []byte) (token []byte, done bool, err error)
}

// maxSASLSteps bounds an exchange, of which no mechanism needs so many.
const maxSASLSteps = 16

// errManySteps ends an exchange that does not come to its end.
var errManySteps = errors.New("the SASL exchange does not come to an end")

// proveSASL carries the tokens of an exchange.
func (c *Client) proveSASL(ctx context.Context, l *link, host string) error {
	if c.opts.SASL == nil {
		return nil
	}
	e, err := c.opts.SASL.Begin(ctx, host)
	if err != nil {
		return fmt.Errorf("SASL: %w", err)
	}
	var answer []byte
	for range maxSASLSteps {
		token, done, err := e.Step(answer)
		if err != nil {
			return &AuthError{"sasl", l.server, err}
		}
		if done {
			return nil
		}
		if answer, err = l.askSASL(token); err != nil {
			return err
		}
	}
	return &AuthError{"sasl", l.server, errManySteps}
}

// askSASL sends one token and returns the answer, nil for a null one.
func (l *link) askSASL(token []byte) ([]byte, error) {
	l.xid = max(l.xid+1, 1)
	if token == nil {
		token = []byte{} // Apache's server does not take null
	}
	if _, err := l.nc.Write(appendRequest(nil, l.xid, wire.OpSASL, &wire.SASLRequest{Token: token})); err != nil {
		return nil, err
	}
	h, d, err := l.readReply()
	switch {
	case err != nil:
		return nil, err
	case h.Xid != l.xid:
		return nil, &ProtocolError{What: "answer", Err: fmt.Errorf("it is to request %d, which is not the one that is due", h.Xid)}
	case h.Err != wire.OK:
		return nil, &AuthError{"sasl", l.server, h.Err}
	}
	var r wire.SASLRequest
	r.DecodeFrom(&d)
	if d.Err() != nil {
		return nil, &ProtocolError{What: "SASL answer", Err: d.Err()}
	}
	return r.Token, nil
}

// DigestMD5 proves who the client is by DIGEST-MD5, as ZooKeeper's servers know it: both
// sides show that they know the password, and it is not sent. What follows is protected
// by TLS alone.
func DigestMD5(user, password string) SASL { return &digestMD5{user, password} }

type digestMD5 struct{ user, password string }

// String does not show the password.
func (m *digestMD5) String() string { return "DIGEST-MD5 " + m.user + ":[redacted]" }

// GoString does not show the password.
func (m *digestMD5) GoString() string { return fmt.Sprintf("client.DigestMD5(%q, [redacted])", m.user) }

func (m *digestMD5) Begin(context.Context, string) (SASLExchange, error) {
	nonce := make([]byte, sasl.NonceLen)
	_, _ = rand.Read(nonce) // never fails; see its documentation
	return &digestExchange{prover: sasl.ClientService.Prove(m.user, m.password, nonce)}, nil
}

type digestExchange struct {
	prover *sasl.Prover
	begun  bool
}

// errNoSASL is what the null token of a server means that is asked for a challenge.
var errNoSASL = errors.New("the server offers no SASL")

func (e *digestExchange) Step(answer []byte) (token []byte, done bool, err error) {
	switch {
	case !e.begun:
		e.begun = true
		return nil, false, nil // the server speaks first
	case len(answer) == 0:
		return nil, false, errNoSASL
	}
	token, err = e.prover.Step(answer)
	return token, e.prover.Done(), err
}
