package bufconn

import (
	"context"
	"net"
	"sync"
)

// Addr is the address of both ends, as far as anybody asks: this machine.
var Addr net.Addr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}

// A Listener takes connections from this process. Its methods may be called by many
// goroutines.
type Listener struct {
	dialled chan *Conn
	closed  chan struct{}
	once    sync.Once
}

// Listen makes a listener.
func Listen() *Listener {
	return &Listener{dialled: make(chan *Conn), closed: make(chan struct{})}
}

// Dial connects when somebody accepts.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := Pair()
	select {
	case l.dialled <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.dialled:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept, and Dial for those who are not connected yet.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is Addr.
func (l *Listener) Addr() net.Addr { return Addr }
