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

// dialAny dials all addresses, each one stagger after the one before it or as soon
// as all before it have failed, and returns the connection that is there first. It
// returns when every other attempt has ended.
func (t *Transport) dialAny(ctx context.Context, addrs []string) (net.Conn, error) {
	if len(addrs) == 0 {
		return nil, errNoAddress
	}
	ctx, cancel := context.WithTimeout(ctx, t.dialTimeout())
	defer cancel()
	outcomes := make(chan dialled, len(addrs))
	started, failed := 0, 0
	start := func() {
		addr := addrs[started]
		started++
		go func() {
			nc, err := t.connect(ctx, addr)
			outcomes <- dialled{nc, err}
		}()
	}
	start()
	next := time.NewTicker(stagger)
	defer next.Stop()
	var errs []error
	for failed < len(addrs) {
		select {
		case d := <-outcomes:
			if d.err == nil {
				cancel()
				closeRest(outcomes, started-failed-1)
				return d.nc, nil
			}
			failed++
			errs = append(errs, d.err)
			if failed == started && started < len(addrs) && ctx.Err() == nil {
				start()
			} else if failed == started {
				return nil, errors.Join(errs...)
			}
		case <-next.C:
			if started < len(addrs) && ctx.Err() == nil {
				start()
			}
		}
	}
	return nil, errors.Join(errs...)
}

// closeRest waits for n attempts that came too late, and closes what they made.
func closeRest(outcomes <-chan dialled, n int) {
	for range n {
		if d := <-outcomes; d.nc != nil {
			d.nc.Close()
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
