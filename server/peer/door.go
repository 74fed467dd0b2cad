package peer

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// DefaultMaxWaiting is how many connections may be open that have not said anything
// sensible yet. An ensemble has at most 256 servers, and those need it for
// milliseconds.
const DefaultMaxWaiting = 64

// A door is where accepted connections wait until they have said something
// sensible. There is room for max of them; one more, and the oldest is closed.
type door struct {
	max int

	mu      sync.Mutex
	waiting []net.Conn // in the order they came
	closed  bool
}

// enter lets a connection in. It reports false, and the connection is closed, when
// the door is.
func (d *door) enter(nc net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		nc.Close()
		return false
	}
	if len(d.waiting) >= d.max {
		d.waiting[0].Close()
		d.waiting = slices.Delete(d.waiting, 0, 1)
	}
	d.waiting = append(d.waiting, nc)
	return true
}

// leave takes a connection out that need not wait any more. It reports false when
// the connection has been closed meanwhile.
func (d *door) leave(nc net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := slices.Index(d.waiting, nc)
	if at < 0 {
		return false
	}
	d.waiting = slices.Delete(d.waiting, at, at+1)
	return true
}

// close closes all who wait, and all who come.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, nc := range d.waiting {
		nc.Close()
	}
	d.waiting = nil
}

// acceptAll hands each connection of ln to serve, until ln is closed or ctx done.
func acceptAll(ctx context.Context, ln net.Listener, log *zap.Logger, serve func(net.Conn)) {
	var pause time.Duration
	for {
		nc, err := ln.Accept()
		if err == nil {
			pause = 0
			serve(nc)
			continue
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		// Most likely no file descriptor is left; one will be.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		log.Warn("cannot accept a connection of a server", zap.Stringer("port", ln.Addr()), zap.Error(err), zap.Duration("retry in", pause))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}
