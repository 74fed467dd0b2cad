package pipeline

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/wire"
)

// A SASL exchange authenticates one connection, step by step.
type SASL interface {
	// Step takes the client's token and returns the server's. An error ends the
	// exchange.
	Step(token []byte) (reply []byte, err error)
	// Done reports whether the client has proved who it is, AuthorizationID who
	// that is.
	Done() bool
	AuthorizationID() string
}

// authenticate judges an auth or sasl request as it arrives, so that whatever
// comes behind it has the new identities, and answers in turn. Its replies bear
// zxid 0.
func (c *Client) authenticate(op wire.OpCode, xid wire.Xid, body []byte, now time.Duration) error {
	req, code := DecodeRequest(op, body)
	if code != wire.OK {
		return ErrShortFrame
	}
	if op == wire.OpSASL {
		c.sasl(xid, req.Body.(*wire.SASLRequest).Token, now)
		return nil
	}
	r := req.Body.(*wire.AuthRequest)
	ids, err := c.core.schemes.Authenticate(r.Scheme, r.Auth, c.peer)
	if r.Scheme == "ensemble" {
		c.countEnsemble(err)
	}
	if errors.Is(err, auth.ErrWrongEnsemble) {
		return err
	}
	if err == nil {
		err = c.addIDs(ids)
	}
	h := wire.ReplyHeader{Xid: xid}
	if err != nil {
		h.Err = wire.AuthFailed
		c.authFailed(r.Scheme)
	}
	c.replyInTurn(op, h, nil, now, err != nil)
	return nil
}

// authFailed counts a client that could not prove who it is, and tells of it, of one
// a second: somebody may be guessing. Locks are held, so the telling happens
// elsewhere.
func (c *Client) authFailed(scheme string) {
	c.core.metrics.AuthFailed.Inc(c.stripe)
	if more, ok := c.core.failures.due(c.core.millis()); ok {
		name := strings.Clone(scheme[:min(len(scheme), maxScheme)])
		c.core.apart(func() { c.core.events.AuthFailed(c.addr, name, more) })
	}
}

// maxScheme is how much of a scheme's name is told, bytes: a client may call it
// whatever it likes.
const maxScheme = 32

// seldom lets one event through in a second and counts the others.
type seldom struct {
	next atomic.Int64 // when, milliseconds
	more atomic.Int64
}

// due reports whether this one may pass, and how many did not since the last.
func (s *seldom) due(now int64) (more int64, ok bool) {
	next := s.next.Load()
	if now < next || !s.next.CompareAndSwap(next, now+1000) {
		s.more.Add(1)
		return 0, false
	}
	return s.more.Swap(0), true
}

// countEnsemble counts how a client's question for the right ensemble ended.
func (c *Client) countEnsemble(err error) {
	m := c.core.metrics
	switch {
	case errors.Is(err, auth.ErrWrongEnsemble):
		m.EnsembleAuthFail.Inc(c.stripe)
	case err == nil && c.core.schemes.ChecksEnsemble():
		m.EnsembleAuthSuccess.Inc(c.stripe)
	case err == nil:
		m.EnsembleAuthSkip.Inc(c.stripe)
	}
}

func (c *Client) addIDs(more []wire.ID) error {
	ids, err := auth.AddIDs(c.IDs(), more)
	if err != nil {
		return err
	}
	c.ids.Store(&ids)
	return nil
}

// sasl takes one step of a SASL exchange. A server without SASL answers with a
// null token and no error.
func (c *Client) sasl(xid wire.Xid, token []byte, now time.Duration) {
	if c.core.opts.NewSASL == nil {
		c.saslReply(xid, nil, wire.OK, false, now)
		return
	}
	if c.mu.sasl == nil {
		c.mu.sasl = c.core.opts.NewSASL()
	}
	reply, err := c.mu.sasl.Step(token)
	if err == nil && c.mu.sasl.Done() {
		err = c.addIDs(c.core.schemes.SASLIDs(c.mu.sasl.AuthorizationID()))
		c.mu.sasl = nil
	}
	if err != nil {
		c.mu.sasl = nil
		c.authFailed("sasl")
		code, closes := c.core.schemes.SASLFailure()
		c.saslReply(xid, nil, code, closes, now)
		return
	}
	c.saslReply(xid, reply, wire.OK, false, now)
}

func (c *Client) saslReply(xid wire.Xid, token []byte, code wire.Code, last bool, now time.Duration) {
	c.replyInTurn(wire.OpSASL, wire.ReplyHeader{Xid: xid, Err: code}, &wire.SASLRequest{Token: token}, now, last)
}

// refusedUnauthenticated refuses everything but authentication on a connection
// that must authenticate first, and ends it.
func (c *Client) refusedUnauthenticated(op wire.OpCode, xid wire.Xid, now time.Duration) bool {
	if Info(op).Class == ClassAuth || !c.core.schemes.Enforced(c.IDs()) {
		return false
	}
	c.replyInTurn(op, wire.ReplyHeader{Xid: xid, Err: wire.SASLAuthRequired}, nil, now, true)
	return true
}
