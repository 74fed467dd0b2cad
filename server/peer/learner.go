package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// DialConfig is how a learner connects to its leader.
type DialConfig struct {
	Transport Transport
	Conn      ConnOptions
	// A leader may be elected before it listens, mostly by a moment: the first
	// pause between two tries is a 16th of Pause (0 is 100 ms), and each doubles the
	// one before, up to Pause. Dial gives up when the pauses come to Tries times
	// Pause (0 is 5); with 1, after the first try.
	Tries int
	Pause time.Duration
	// Silence bounds one try; 0 leaves it to the Transport. A leader that is not listening
	// yet refuses connections. One that does not answer in that time is dead, or cut off,
	// and is not tried again: ErrSilent.
	Silence time.Duration
}

// ErrSilent is wrapped by the error of Dial about a leader that did not answer at all.
var ErrSilent = errors.New("peer: no answer")

// Dial connects to a leader's quorum port, at any of its addresses (host:port). It
// gives up after the last try, or when ctx is done.
func Dial(ctx context.Context, c DialConfig, addrs ...string) (*Conn, error) {
	if c.Tries == 0 {
		c.Tries = 5
	}
	most := orDefault(c.Pause, 100*time.Millisecond)
	pause, left := most/16, time.Duration(c.Tries-1)*most
	for n := 1; ; n++ {
		nc, err := c.try(ctx, addrs)
		if err == nil {
			return newConn(nc, c.Conn), nil
		}
		if left <= 0 || ctx.Err() != nil || errors.Is(err, ErrSilent) {
			return nil, fmt.Errorf("peer: leader, after %d tries: %w", n, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		left, pause = left-pause, min(2*pause, most)
	}
}

func (c *DialConfig) try(ctx context.Context, addrs []string) (net.Conn, error) {
	if c.Silence > 0 {
		part, cancel := context.WithTimeout(ctx, c.Silence)
		defer cancel()
		ctx = part
	}
	nc, err := c.Transport.dialLeader(ctx, addrs)
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
	// Of several addresses one may be refused, by a leader that is about to listen, and
	// another one lead nowhere.
	if late && !errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w: %w", ErrSilent, err)
	}
	return nc, err
}

// dialLeader connects once, and proves who this server is.
func (t *Transport) dialLeader(ctx context.Context, addrs []string) (net.Conn, error) {
	nc, err := t.dialAny(ctx, addrs)
	if err != nil || t.SASL == nil {
		return nc, err
	}
	proving := context.AfterFunc(ctx, func() { closeNow(nc) })
	nc.SetDeadline(time.Now().Add(t.dialTimeout()))
	err = t.SASL.dialled(nc)
	nc.SetDeadline(time.Time{})
	if !proving() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		closeNow(nc)
		return nil, err
	}
	return nc, nil
}
