package conn

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// patience bounds every wait: far above what the slowest machine needs.
const patience = 2 * time.Minute

// A memLog is a transaction log in memory. While it is held, Sync does not return.
type memLog struct {
	mu   sync.Mutex
	held *sync.Cond
	hold bool
	here bool // somebody waits in Sync
	txns []wire.TxnHeader
}

func newMemLog() *memLog {
	l := &memLog{}
	l.held = sync.NewCond(&l.mu)
	return l
}

func (l *memLog) Append(txns []zab.Txn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range txns {
		txn, err := wire.DecodeTxn(txns[i].Raw)
		if err != nil {
			return err
		}
		l.txns = append(l.txns, txn.Header)
	}
	return nil
}

func (l *memLog) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.here = l.hold
	for l.hold {
		l.held.Wait()
	}
	l.here = false
	return nil
}

// holds reports whether somebody is held up.
func (l *memLog) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.here
}

func (l *memLog) Settle() error { return nil }

func (l *memLog) stall(hold bool) {
	l.mu.Lock()
	l.hold = hold
	l.mu.Unlock()
	l.held.Broadcast()
}

// written counts a session's transactions of a kind.
func (l *memLog) written(s wire.SessionID, op wire.OpCode) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, h := range l.txns {
		if h.Session == s && h.Op == op {
			n++
		}
	}
	return n
}

// A rig is a port with a real core behind it.
type rig struct {
	t       testing.TB
	core    *pipeline.Core
	metrics *metrics.Metrics
	log     *memLog
	lines   *observer.ObservedLogs
	port    *Port
	stop    func() // the core; the port is stopped before
}

// newRig serves ln, or the loopback if it is nil. The end of the test stops it and
// wants every goroutine to be gone.
func newRig(t testing.TB, ln net.Listener, o Options, co pipeline.Options) *rig {
	t.Helper()
	goroutines := runtime.NumGoroutine()
	if ln == nil {
		var err error
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	schemes, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	core, lines := observer.New(zap.DebugLevel)
	r := &rig{t: t, metrics: metrics.New(), log: newMemLog(), lines: lines}
	r.core = pipeline.New(datatree.New(), r.log, schemes, r.metrics, pipeline.Events{
		ClientDropped:  func(string, wire.SessionID, error) {},
		SessionExpired: func(wire.SessionID, int32) {},
		SoftQuota:      func(pipeline.QuotaWarning) {},
		AuthFailed:     func(string, string, int64) {},
		Applied:        func(wire.Zxid, int, int) {},

		SessionUpgraded: func(wire.SessionID) {},
	}, co)
	if o.StopGrace == 0 {
		o.StopGrace = patience
	}
	if o.Loops == 0 {
		o.Loops = loopsOfRigs
	}
	if o.Loops < 0 {
		t.Log("without event loops")
	}
	r.port = NewPort(ln, r.core, r.metrics, zap.New(core), o)
	ctx, cancel := context.WithCancel(context.Background())
	coreCtx, stopCore := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = r.core.Run(coreCtx) })
	running.Go(func() { _ = r.port.Serve(ctx) })
	r.core.Call(func() {}) // now it runs, with all its goroutines
	r.eventually("the port to serve", func() bool {
		r.port.mu.Lock()
		defer r.port.mu.Unlock()
		return r.port.loops.started
	})
	r.stop = sync.OnceFunc(func() {
		cancel()
		r.port.Stop()
		stopCore()
		running.Wait()
	})
	t.Cleanup(func() {
		r.log.stall(false)
		r.stop()
		r.eventually("every goroutine to end", func() bool { return runtime.NumGoroutine() <= goroutines })
		if n := len(r.core.Clients()); n != 0 {
			t.Errorf("%d clients are left", n)
		}
		if n := r.port.Connections(); n != 0 {
			t.Errorf("%d connections are counted", n)
		}
	})
	return r
}

func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			r.t.Fatalf("waited in vain for %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// A client is one connection of a test.
type client struct {
	net.Conn
	t testing.TB
}

func (r *rig) dial() *client {
	r.t.Helper()
	nc, err := net.Dial("tcp", r.port.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	return r.client(nc)
}

func (r *rig) client(nc net.Conn) *client {
	nc.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() { nc.Close() })
	return &client{nc, r.t}
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// frame reads one frame's payload.
func (c *client) frame() []byte {
	c.t.Helper()
	b, err := readFrame(c)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(r, b)
	return b, err
}

// reply reads a reply.
func (c *client) reply() wire.ReplyHeader {
	c.t.Helper()
	d := wire.NewDecoder(c.frame())
	var h wire.ReplyHeader
	h.DecodeFrom(&d)
	return h
}

// ends reads all there is and wants the server to close the connection behind it
// without a reset.
func (c *client) ends() []byte {
	c.t.Helper()
	b, err := io.ReadAll(c)
	if err != nil {
		c.t.Errorf("instead of an end: %v", err)
	}
	return b
}

// open opens a session, or resumes the given one.
func (c *client) open(s wire.ConnectResponse) wire.ConnectResponse {
	c.t.Helper()
	c.write(hello(s))
	return c.opened()
}

func (c *client) opened() wire.ConnectResponse {
	c.t.Helper()
	d := wire.NewDecoder(bytes.Clone(c.frame()))
	var r wire.ConnectResponse
	r.DecodeFrom(&d)
	if d.Err() != nil {
		c.t.Fatal(d.Err())
	}
	return r
}

func hello(s wire.ConnectResponse) []byte {
	b, mark := wire.BeginFrame(nil)
	r := wire.ConnectRequest{Timeout: 30_000, Session: s.Session, Passwd: s.Passwd, HasReadOnly: true}
	return wire.EndFrame(r.AppendTo(b), mark)
}

func request(xid wire.Xid, op wire.OpCode, body wire.Record) []byte {
	b, mark := wire.BeginFrame(nil)
	h := wire.RequestHeader{Xid: xid, Op: op}
	b = h.AppendTo(b)
	if body != nil {
		b = body.AppendTo(b)
	}
	return wire.EndFrame(b, mark)
}

func create(xid wire.Xid, path string, data []byte) []byte {
	return request(xid, wire.OpCreate, &wire.CreateRequest{Path: path, Data: data, ACL: wire.WorldAnyone(wire.PermAll)})
}

func set(xid wire.Xid, path string, data []byte) []byte {
	return request(xid, wire.OpSetData, &wire.SetDataRequest{Path: path, Data: data, Version: -1})
}

func get(xid wire.Xid, path string) []byte {
	return request(xid, wire.OpGetData, &wire.PathWatchRequest{Path: path})
}

func ping() []byte { return request(wire.XidPing, wire.OpPing, nil) }

func closeSession(xid wire.Xid) []byte { return request(xid, wire.OpCloseSession, nil) }

// A pipeListener is a listener of connections that a test makes.
type pipeListener struct {
	conns  chan acceptance
	closed chan struct{}
	once   sync.Once
}

// An acceptance is what Accept returns.
type acceptance struct {
	nc  net.Conn
	err error
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan acceptance, 1), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case a := <-l.conns:
		return a.nc, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// dial hands the server one end of a pipe and returns the other.
func (l *pipeListener) dial(t testing.TB) *client {
	near, far := net.Pipe()
	l.conns <- acceptance{nc: far}
	return &client{near, t}
}

var errNoDescriptor = errors.New("accept: too many open files")

// Words that know one.
type oneWord struct{ answer string }

func (oneWord) IsWord(length int32) bool {
	return length == int32(binary.BigEndian.Uint32([]byte("ruok")))
}

func (w oneWord) Answer(to io.Writer, rest io.Reader, _ int32) error {
	_, err := io.Copy(to, strings.NewReader(w.answer))
	return err
}

// serverTLS is a configuration with a certificate of its own.
func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"test"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

var clientTLS = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the test is about bytes, not about trust
