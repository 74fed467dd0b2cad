package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// stagger is how long an address has for itself before the next one is tried too.
const stagger = 250 * time.Millisecond

// errNoAddress is returned for a server that has no address.
var errNoAddress = errors.New("peer: no address is known")

// A dialled is the outcome of dialling one address.
type dialled struct {
	nc  net.Conn
	err error
}

// A race dials several addresses of one server.
type race struct {
	t        *Transport
	ctx      context.Context
	addrs    []string // not dialled yet
	outcomes chan dialled
	running  int
	errs     []error
}

// dialAny dials all addresses, each one stagger after the one before it or as soon
// as all before it have failed, and returns the connection that is there first. It
// returns when every other attempt has ended.
func (t *Transport) dialAny(ctx context.Context, addrs []string) (net.Conn, error) {
	if len(addrs) == 0 {
		return nil, errNoAddress
	}
	ctx, cancel := context.WithTimeout(ctx, t.dialTimeout())
	defer cancel()
	r := &race{t: t, ctx: ctx, addrs: addrs, outcomes: make(chan dialled, len(addrs))}
	if nc := r.first(); nc != nil {
		cancel()
		r.closeRest()
		return nc, nil
	}
	return nil, errors.Join(append(r.errs, ctx.Err())...)
}

// first returns the first connection, nil if none comes.
func (r *race) first() net.Conn {
	next := time.NewTicker(stagger)
	defer next.Stop()
	r.start()
	for r.running > 0 {
		select {
		case d := <-r.outcomes:
			r.running--
			if d.err == nil {
				return d.nc
			}
			r.errs = append(r.errs, d.err)
			if r.running == 0 {
				r.start()
			}
		case <-next.C:
			r.start()
		}
	}
	return nil
}

// start dials the next address, if there is one and time is left.
func (r *race) start() {
	if len(r.addrs) == 0 || r.ctx.Err() != nil {
		return
	}
	addr := r.addrs[0]
	r.addrs = r.addrs[1:]
	r.running++
	go func() {
		nc, err := r.t.connect(r.ctx, addr)
		r.outcomes <- dialled{nc, err}
	}()
}

// closeRest waits for the attempts that came too late, and closes what they made.
func (r *race) closeRest() {
	for ; r.running > 0; r.running-- {
		if d := <-r.outcomes; d.nc != nil {
			closeNow(d.nc)
		}
	}
}

// Bind listens on addr ("host:port", ":port" for every interface). If it cannot, it
// tries again after pause, in all tries times, for ever if tries is 0: the address
// may belong to an interface that is not up yet, or to a process that is ending.
func Bind(ctx context.Context, addr string, tries int, pause time.Duration) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	for n := 1; ; n++ {
		ln, err := lc.Listen(ctx, "tcp", addr)
		if err == nil {
			return ln, nil
		}
		if n == tries || ctx.Err() != nil {
			return nil, fmt.Errorf("peer: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("peer: %w", err)
		case <-time.After(pause):
		}
	}
}
