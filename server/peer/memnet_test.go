package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A memNet is a network in memory. In a synctest bubble its connections wait durably, so
// that timeouts take no time and come when they are due.
type memNet struct {
	mu    sync.Mutex
	ports map[string]*memListener
}

// inBubble runs a test on a network of its own, where time passes only when nothing else
// happens.
func inBubble(t *testing.T, f func(t *testing.T, n *memNet)) {
	synctest.Test(t, func(t *testing.T) { f(t, &memNet{ports: map[string]*memListener{}}) })
}

type memAddr string

func (memAddr) Network() string  { return "tcp" }
func (a memAddr) String() string { return string(a) }

type memListener struct {
	addr   memAddr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (n *memNet) listen(addr string) net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &memListener{addr: memAddr(addr), conns: make(chan net.Conn, 128), closed: make(chan struct{})}
	n.ports[addr] = l
	return l
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *memListener) Addr() net.Addr { return l.addr }

// transport is one that dials in this network.
func (n *memNet) transport() Transport { return Transport{Dial: n.dial} }

func (n *memNet) dial(_ context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.ports[addr]
	n.mu.Unlock()
	if l == nil {
		return nil, errors.New("refused")
	}
	near, far := newMemConn()
	l.conns <- far
	return near, nil
}

// raw connects to a port without speaking its protocol.
func (n *memNet) raw(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := n.dial(context.Background(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// A memConn is one side of a connection.
type memConn struct{ in, out *half }

func newMemConn() (a, b *memConn) {
	x, y := newHalf(), newHalf()
	return &memConn{x, y}, &memConn{y, x}
}

func (c *memConn) Read(b []byte) (int, error)         { return c.in.read(b) }
func (c *memConn) Write(b []byte) (int, error)        { return c.out.write(b) }
func (c *memConn) CloseWrite() error                  { c.out.end(false); return nil }
func (c *memConn) Close() error                       { c.in.end(true); c.out.end(false); return nil }
func (c *memConn) LocalAddr() net.Addr                { return memAddr("near") }
func (c *memConn) RemoteAddr() net.Addr               { return memAddr("far") }
func (c *memConn) SetReadDeadline(t time.Time) error  { c.in.deadline(&c.in.readBy, t); return nil }
func (c *memConn) SetWriteDeadline(t time.Time) error { c.out.deadline(&c.out.writeBy, t); return nil }

func (c *memConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// memWindow is how much a half takes that nobody has read.
const memWindow = 256 << 10

// A half is one direction of a connection.
type half struct {
	mu              sync.Mutex
	moved           sync.Cond
	buf             []byte
	ended, broken   bool // nothing more is written; nothing more is read
	readBy, writeBy time.Time
}

func newHalf() *half {
	h := &half{}
	h.moved.L = &h.mu
	return h
}

func (h *half) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.broken:
			return 0, net.ErrClosed
		case passed(h.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(h.buf) > 0:
			n := copy(b, h.buf)
			h.buf = h.buf[n:]
			h.moved.Broadcast()
			return n, nil
		case h.ended:
			return 0, io.EOF
		}
		h.moved.Wait()
	}
}

func (h *half) write(b []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(b) > 0 {
		switch {
		case h.broken || h.ended:
			return n, net.ErrClosed
		case passed(h.writeBy):
			return n, os.ErrDeadlineExceeded
		case len(h.buf) == memWindow:
			h.moved.Wait()
			continue
		}
		k := min(len(b), memWindow-len(h.buf))
		h.buf = append(h.buf, b[:k]...)
		b, n = b[k:], n+k
		h.moved.Broadcast()
	}
	return n, nil
}

func (h *half) end(broken bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended, h.broken = true, h.broken || broken
	h.moved.Broadcast()
}

func (h *half) deadline(at *time.Time, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*at = t
	h.moved.Broadcast()
	if !t.IsZero() {
		time.AfterFunc(time.Until(t), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.moved.Broadcast()
		})
	}
}

func passed(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

// memPair is pair on a network in memory.
func memPair(t testing.TB, n *memNet, o ConnOptions) (leader, learner *end) {
	t.Helper()
	accepted := make(chan *Conn, 1)
	l := NewListener(ListenerConfig{Transport: n.transport(), Conn: o, Accept: func(c *Conn) { accepted <- c }}, n.listen("leader"))
	t.Cleanup(l.Close)
	c, err := Dial(context.Background(), DialConfig{Transport: n.transport(), Conn: o, Tries: 1}, "leader")
	if err != nil {
		t.Fatal(err)
	}
	leader, learner = &end{Conn: <-accepted}, &end{Conn: c}
	t.Cleanup(leader.Close)
	t.Cleanup(learner.Close)
	return leader, learner
}
