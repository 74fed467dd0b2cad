package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A site is a running server as a test sees it: real files and sockets, a
// zoo.cfg, and a log that keeps every line.
type site struct {
	t      testing.TB
	dir    string
	config string
	// written is what config was when it went into the file.
	written string
	log     *lines
	server  *server.Server
	stop    context.CancelFunc
	ended   chan error
	fs      vfs.FS // nil for the real one
}

// lines is a log in memory.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) Sync() error { return nil }

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The ports of a site are the kernel's choice, on loopback.
const siteDefaults = `clientPort=0
clientPortAddress=127.0.0.1
tickTime=500
maxSessionTimeout=60000
maxClientCnxns=0
4lw.commands.whitelist=*
admin.serverAddress=127.0.0.1
admin.serverPort=0
metricsProvider.httpHost=127.0.0.1
metricsProvider.httpPort=0
`

// startSite starts a server on an empty directory with these lines of zoo.cfg
// behind the defaults, which they replace. The end of the test stops it.
func startSite(t testing.TB, config ...string) *site {
	t.Helper()
	s := &site{t: t, dir: filepath.ToSlash(t.TempDir()), log: new(lines)}
	s.config = siteDefaults + "dataDir=" + s.dir + "\n" + strings.Join(config, "\n") + "\n"
	s.start()
	t.Cleanup(func() {
		s.halt()
		if t.Failed() {
			log := s.log.String()
			t.Logf("end of the server's log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	return s
}

func (s *site) start() {
	s.t.Helper()
	s.launch()
	s.eventually("the server to serve", s.serves)
}

// launch starts the server, which may not serve yet.
func (s *site) launch() {
	s.t.Helper()
	if s.config != s.written { // else it is what the server has made of it
		if err := os.WriteFile(s.file(), []byte(s.config), 0o600); err != nil {
			s.t.Fatal(err)
		}
		s.written = s.config
	}
	cfg, _, err := zoocfg.Load(zoocfg.Source{File: s.file()})
	if err != nil {
		s.t.Fatal(err)
	}
	enc := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	s.server, err = server.Open(cfg, s.disk(), zap.New(zapcore.NewCore(enc, s.log, zap.DebugLevel)))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.ended = stop, make(chan error, 1)
	go func() { s.ended <- s.server.Run(ctx) }()
}

// file is the server's zoo.cfg.
func (s *site) file() string { return filepath.Join(s.dir, "zoo.cfg") }

// disk is the file system of the server.
func (s *site) disk() vfs.FS {
	if s.fs != nil {
		return s.fs
	}
	return osfs.FS{}
}

func (s *site) serves() bool {
	nc, err := net.Dial("tcp", s.addr())
	if err != nil {
		return false
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience)) // what hangs shall fail, not end with the session
	if s.tlsOnly() {
		return true
	}
	c, err := rawclient.NewConn(nc, rawclient.Options{})
	if err == nil {
		c.Close() // what it answers is up to the configuration
	}
	return err == nil
}

func (s *site) tlsOnly() bool { return strings.Contains(s.config, "\nclientPort=-") }

// halt stops the server, if it runs, and wants it to stop without an error.
func (s *site) halt() {
	s.t.Helper()
	if s.stop == nil {
		return
	}
	s.stop()
	s.stop = nil
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("the server stopped with %v", err)
		}
	case <-time.After(patience):
		s.t.Error("the server does not stop")
	}
}

// addr is the plain port's address, secureAddr the TLS port's.
func (s *site) addr() string { return s.server.Addrs()[0].String() }

func (s *site) secureAddr() string {
	addrs := s.server.Addrs()
	return addrs[len(addrs)-1].String()
}

func (s *site) webAddr(name string) string {
	s.t.Helper()
	for _, w := range s.server.Web() {
		if w.Name == name {
			return w.Addr.String()
		}
	}
	s.t.Fatalf("no web port %s", name)
	return ""
}

// patience bounds every wait: far above what the slowest machine needs.
const patience = time.Minute

func (s *site) eventually(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	s.t.Fatalf("waited in vain for %s", what)
}

// A client is a session, and what the test has against unexpected answers.
type client struct {
	*rawclient.Conn
	t      testing.TB
	events *[]rawclient.Event
}

// client opens a session on the plain port.
func (s *site) client() *client {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.addr())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.session(nc)
}

// session opens one over a connection that is there.
func (s *site) session(nc net.Conn) *client {
	s.t.Helper()
	c := &client{t: s.t, events: new([]rawclient.Event)}
	var err error
	c.Conn, err = rawclient.NewConn(nc, rawclient.Options{Timeout: patience, OnEvent: func(e rawclient.Event) {
		*c.events = append(*c.events, e)
	}})
	if err != nil {
		s.t.Fatalf("session: %v", err)
	}
	c.SetDeadline(time.Now().Add(2 * patience))
	s.t.Cleanup(func() { nc.Close() })
	return c
}

// dialTLS makes a TLS connection, or says why there is none. A server refuses a
// TLS 1.3 client's certificate after the client's handshake is done, so a first
// exchange belongs to it.
func (s *site) dialTLS(addr string, conf *tls.Config) (net.Conn, error) {
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	c := tls.Client(nc, conf)
	c.SetDeadline(time.Now().Add(patience))
	if err := c.Handshake(); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// do sends a request and wants this code.
func (c *client) do(want wire.Code, op wire.OpCode, req, resp wire.Record) {
	c.t.Helper()
	if got := c.code(op, req, resp); got != want {
		c.t.Errorf("%v %+v: %v, want %v", op, req, got, want)
	}
}

// code sends a request and returns the code of its reply.
func (c *client) code(op wire.OpCode, req, resp wire.Record) wire.Code {
	c.t.Helper()
	c.SetDeadline(time.Now().Add(2 * patience))
	err := c.Do(op, req, resp)
	code, ok := err.(wire.Code)
	if err != nil && !ok {
		c.t.Fatalf("%v %+v: %v", op, req, err)
	}
	return code
}

var anyone = wire.WorldAnyone(wire.PermAll)

func (c *client) create(path, data string, mode wire.CreateMode, acl ...wire.ACL) {
	c.t.Helper()
	if acl == nil {
		acl = anyone
	}
	c.do(wire.OK, wire.OpCreate, &wire.CreateRequest{Path: path, Data: []byte(data), ACL: acl, Flags: int32(mode)}, nil)
}

// get returns a node's data and Stat, and false if there is no such node.
func (c *client) get(path string) (string, wire.Stat, bool) {
	c.t.Helper()
	var r wire.GetDataResponse
	code := c.code(wire.OpGetData, &wire.PathWatchRequest{Path: path}, &r)
	if code != wire.OK && code != wire.NoNode {
		c.t.Errorf("getData %s: %v", path, code)
	}
	return string(r.Data), r.Stat, code == wire.OK
}
