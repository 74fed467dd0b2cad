package client_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server"
	"github.com/zabra/zabra/server/zoocfg"
	"go.uber.org/zap"
)

const config = `tickTime=100
minSessionTimeout=100
maxSessionTimeout=60000
clientPortAddress=127.0.0.1
clientPort=0
maxClientCnxns=0
4lw.commands.whitelist=*
extendedTypesEnabled=true
admin.enableServer=false
`

// A rig is a server in this process, and a way to it that can be cut.
type rig struct {
	t    testing.TB
	dir  string
	stop func()

	mu      sync.Mutex
	addr    string
	blocked bool
	conns   []*conn
}

// A conn may be frozen: it stays, and nothing arrives any more.
type conn struct {
	net.Conn
	frozen chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.frozen:
		<-c.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// freeze makes the connections that there are silent.
func (r *rig) freeze() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		close(c.frozen)
	}
	r.conns = nil
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, dir: filepath.ToSlash(t.TempDir())}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *rig) start() {
	r.t.Helper()
	cfg, _, err := zoocfg.Parse("zoo.cfg", []byte(config+"dataDir="+r.dir+"\n"))
	if err != nil {
		r.t.Fatal(err)
	}
	s, err := server.Open(cfg, osfs.FS{}, zap.NewNop())
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	r.mu.Lock()
	r.addr = s.Addrs()[0].String()
	r.mu.Unlock()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			r.t.Error(err)
		}
	})
}

// dial goes to the server wherever it is now.
func (r *rig) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blocked {
		return nil, errors.New("the way is blocked")
	}
	nc, err := new(net.Dialer).DialContext(ctx, network, r.addr)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, frozen: make(chan struct{}), closed: make(chan struct{})}
	r.conns = append(r.conns, c)
	return c, nil
}

// cut breaks all connections; with block, no new one is made until unblock.
func (r *rig) cut(block bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocked = block
	for _, nc := range r.conns {
		nc.Close()
	}
	r.conns = nil
}

// through is a way that is never blocked or cut.
func (r *rig) through() func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, r.addr)
	}
}

func (r *rig) unblock() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocked = false
}

func (r *rig) open(o client.Options) *client.Client { return r.openAt("any:1", o) }

func (r *rig) openAt(servers string, o client.Options) *client.Client {
	r.t.Helper()
	if o.Dial == nil {
		o.Dial = r.dial
	}
	c, err := client.Open(r.t.Context(), servers, o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// await waits for a state.
func await(t testing.TB, states <-chan client.StateChange, want client.State) client.StateChange {
	t.Helper()
	for {
		select {
		case ch, ok := <-states:
			if !ok {
				t.Fatalf("closed while waiting to be %v", want)
			}
			if ch.State == want {
				return ch
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("never %v", want)
		}
	}
}

func next(t testing.TB, w *client.Watch) client.Event {
	t.Helper()
	select {
	case e, ok := <-w.C:
		if !ok {
			t.Fatal("the watch is closed")
		}
		return e
	case <-time.After(20 * time.Second):
		t.Fatal("no event")
	}
	panic("unreachable")
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
