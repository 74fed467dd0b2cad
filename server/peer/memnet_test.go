package peer

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/zabra/zabra/internal/bufconn"
)

// A memNet is a network in memory. In a synctest bubble its connections wait durably, so
// that timeouts take no time and come when they are due.
type memNet struct {
	mu    sync.Mutex
	ports map[string]memListener
}

// inBubble runs a test on a network of its own, where time passes only when nothing else
// happens.
func inBubble(t *testing.T, f func(t *testing.T, n *memNet)) {
	synctest.Test(t, func(t *testing.T) { f(t, &memNet{ports: map[string]memListener{}}) })
}

type memAddr string

func (memAddr) Network() string  { return "tcp" }
func (a memAddr) String() string { return string(a) }

// A memListener has an address of its own.
type memListener struct {
	*bufconn.Listener
	addr memAddr
}

func (l memListener) Addr() net.Addr { return l.addr }

func (n *memNet) listen(addr string) net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := memListener{bufconn.Listen(), memAddr(addr)}
	n.ports[addr] = l
	return l
}

// transport is one that dials in this network.
func (n *memNet) transport() Transport { return Transport{Dial: n.dial} }

func (n *memNet) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l, ok := n.ports[addr]
	n.mu.Unlock()
	if !ok {
		return nil, errors.New("refused")
	}
	return l.Dial(ctx)
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
