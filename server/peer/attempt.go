package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// errNoCall is what came of dialling a server with a larger id that did not dial
// back.
var errNoCall = errors.New("peer: the server did not call back")

// dial dials until there is a connection, or nothing to dial for. There is one
// goroutine of it for a server at most.
func (r *remote) dial() {
	for r.rest() {
		a := r.begin()
		r.settle(a, r.attempt(a))
	}
}

// rest waits until an attempt is due. It reports false, and dialling is over, when
// none is wanted.
func (r *remote) rest() bool {
	for {
		r.e.mu.Lock()
		if !r.wanted() {
			r.dialling = false
			r.e.forget(r)
			r.e.mu.Unlock()
			return false
		}
		until := r.pause.until
		r.e.mu.Unlock()
		if wait := time.Until(until); wait <= 0 || !r.sleep(r.e.ctx, wait) {
			return true
		}
	}
}

// sleep waits for d. It reports whether it was woken before.
func (r *remote) sleep(ctx context.Context, d time.Duration) (woken bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-r.changed:
	case <-ctx.Done():
	}
	return true
}

// An attempt is one of connecting to a server.
type attempt struct {
	ctx   context.Context // ends when the attempt is called off
	addrs []string
	ended <-chan struct{} // remote.ended when it began
}

func (r *remote) begin() attempt {
	r.e.mu.Lock()
	defer r.e.mu.Unlock()
	ctx, cancel := context.WithCancel(r.e.ctx)
	r.abort, r.called = cancel, false
	return attempt{ctx, r.addresses(), r.ended}
}

// attempt dials the server once, and says who we are.
func (r *remote) attempt(a attempt) error {
	nc, err := r.e.c.Transport.dialAny(a.ctx, a.addrs)
	if err != nil {
		return err
	}
	r.e.mu.Lock()
	r.from = nc.LocalAddr().String()
	r.e.mu.Unlock()
	uncalled := context.AfterFunc(a.ctx, func() { closeNow(nc) })
	err = r.introduce(nc)
	if !uncalled() && err == nil {
		err = a.ctx.Err()
	}
	if err != nil {
		closeNow(nc)
		return err
	}
	if r.e.c.Self < r.sid {
		// Closed late: closing with something unread, such as what TLS says of its
		// own accord, could take the initial message back.
		defer closeNow(nc)
		_ = closeWrite(nc) // an acceptor that would read on learns that nothing follows
		return r.awaitCall(a)
	}
	return r.take(a.ctx, nc)
}

// introduce sends the initial message, in one write, and proves who we are.
func (r *remote) introduce(nc net.Conn) error {
	m := wire.InitialMessage{SID: r.e.c.Self, Addresses: r.e.c.Addresses, Multi: r.e.c.Multi}
	b, err := m.AppendTo(nil)
	if err != nil {
		return err
	}
	nc.SetDeadline(time.Now().Add(r.e.c.Transport.dialTimeout()))
	if _, err := nc.Write(b); err != nil {
		return fmt.Errorf("peer: initial message: %w", err)
	}
	return r.e.c.Transport.SASL.dialled(nc)
}

// take makes a connection that was dialled that of the server.
func (r *remote) take(ctx context.Context, nc net.Conn) error {
	r.e.mu.Lock()
	defer r.e.mu.Unlock()
	if ctx.Err() != nil {
		closeNow(nc)
		return ctx.Err()
	}
	nc.SetDeadline(time.Time{})
	r.setLink(nc, bufio.NewReader(nc))
	return nil
}

// awaitCall waits for the server, whose id is larger, to dial back.
func (r *remote) awaitCall(a attempt) error {
	ctx, cancel := context.WithTimeoutCause(a.ctx, r.e.c.Transport.dialTimeout(), errNoCall)
	defer cancel()
	for {
		r.e.mu.Lock()
		came := r.ended != a.ended
		r.e.mu.Unlock()
		switch {
		case came:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		select {
		case <-r.changed:
		case <-ctx.Done():
		}
	}
}

// settle ends an attempt. One that was called off is neither a failure nor worth
// telling.
func (r *remote) settle(a attempt, err error) {
	r.e.mu.Lock()
	calledOff := a.ctx.Err() != nil
	r.abort()
	r.abort = nil
	failed := err != nil && !calledOff
	first := r.pause.failures == 0
	if failed {
		r.pause.failed(time.Now())
		if !r.e.member(r.sid) {
			r.next = nil // it will come again if it wants to know
		}
	}
	r.e.mu.Unlock()
	if !failed {
		return
	}
	if first {
		r.e.c.Log.Info("cannot reach the election port of a server", zap.Int64("server", int64(r.sid)), zap.Error(err))
	}
	r.tellUnreachable(err)
}
