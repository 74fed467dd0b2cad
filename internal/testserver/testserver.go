package testserver

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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

// Environment names a variable with the address of a server to be used in place of one
// in this process. It must not be one that holds anything of value.
const Environment = "ZABRA_TESTSERVER"

// InProcess is what Environment is set to for ways without sockets.
const InProcess = "in this process"

// A Server runs in this process.
type Server struct {
	// Stop ends the server, which Start brings back with the same data. With one that
	// others run it ends the test.
	Stop func()
	// Root is the path below which a test works, empty for all of the tree.
	Root string

	t   testing.TB
	dir string

	config string
	mu     sync.Mutex
	addr   string
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

// Start starts a server on an empty directory, with these lines of zoo.cfg behind its
// own. The end of the test stops it.
func Start(t testing.TB, config ...string) *Server {
	t.Helper()
	if addr := os.Getenv(Environment); addr != "" && addr != InProcess {
		if len(config) > 0 {
			t.Skip("this test configures the server, and others run it")
		}
		return others(t, addr)
	}
	s := &Server{t: t, dir: filepath.ToSlash(t.TempDir()), config: strings.Join(config, "\n") + "\n"}
	s.Start()
	t.Cleanup(func() { s.Stop() })
	return s
}

// others makes a Server of one that others run, and a place of its own for the test.
func others(t testing.TB, addr string) *Server {
	t.Helper()
	root, err := newRoot(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	return &Server{t: t, addr: addr, dial: new(net.Dialer).DialContext, Root: root, Stop: func() { t.Skip("this test stops the server, and others run it") }}
}

func newRoot(ctx context.Context, addr string) (string, error) {
	c, err := client.Open(ctx, addr, client.Options{})
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.Create(ctx, "/test-", nil, client.Sequential)
}

// Run starts a server on an empty directory for who is no test, such as an example, and
// returns a connect string for it. Environment holds for it too.
func Run(dir string) (connect string, stop func() error, err error) {
	if addr := os.Getenv(Environment); addr != "" && addr != InProcess {
		root, err := newRoot(context.Background(), addr)
		return addr + root, func() error { return nil }, err
	}
	srv, stop, err := launch(filepath.ToSlash(dir), "")
	if err != nil {
		return "", nil, err
	}
	return srv.Addrs()[0].String(), stop, nil
}

// Start brings a stopped server back. It has another address, which ways know.
func (s *Server) Start() {
	s.t.Helper()
	srv, stop, err := launch(s.dir, s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.addr, s.dial = srv.Addrs()[0].String(), new(net.Dialer).DialContext
	if os.Getenv(Environment) == InProcess {
		s.dial = srv.Dial
	}
	s.mu.Unlock()
	s.Stop = sync.OnceFunc(func() {
		if err := stop(); err != nil {
			s.t.Error(err)
		}
	})
}

// launch runs a server, with more lines of zoo.cfg, until it is told to stop.
func launch(dir, more string) (srv *server.Server, stop func() error, err error) {
	cfg, _, err := zoocfg.Parse("zoo.cfg", []byte(config+"dataDir="+dir+"\n"+more))
	if err != nil {
		return nil, nil, err
	}
	if srv, err = server.Open(cfg, osfs.FS{}, zap.NewNop()); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	return srv, func() error {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

func (s *Server) reach(ctx context.Context, network string) (net.Conn, error) {
	s.mu.Lock()
	dial, addr := s.dial, s.addr
	s.mu.Unlock()
	return dial(ctx, network, addr)
}

// A Way leads to a server, and can be cut.
type Way struct {
	server *Server

	mu      sync.Mutex
	blocked bool
	conns   []*conn
}

// Way is a new way to the server.
func (s *Server) Way() *Way { return &Way{server: s} }

// Dial goes to the server, wherever it is now.
func (w *Way) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.blocked {
		return nil, errors.New("the way is blocked")
	}
	nc, err := w.server.reach(ctx, network)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, frozen: make(chan struct{}), closed: make(chan struct{})}
	w.conns = append(w.conns, c)
	return c, nil
}

// Cut breaks all connections; with block, no new one is made until Unblock.
func (w *Way) Cut(block bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocked = block
	for _, nc := range w.conns {
		nc.Close()
	}
	w.conns = nil
}

// Unblock lets connections be made again.
func (w *Way) Unblock() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocked = false
}

// Freeze makes the connections that there are silent.
func (w *Way) Freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		close(c.frozen)
	}
	w.conns = nil
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
