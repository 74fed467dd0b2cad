package conn

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A conn is one client connection. Its goroutine reads; the pipeline writes.
type conn struct {
	port   *Port
	raw    net.Conn // as accepted
	nc     net.Conn // what is spoken over raw: itself, or TLS
	socket socket
	in     input
	client *pipeline.Client
	number uint64 // in the order of acceptance
	seat   seat   // in a loop, behind the handshake

	// What those who list connections see.
	shown   atomic.Pointer[pipeline.Client]
	secured atomic.Bool
}

// Errors that end a connection without an answer.
var (
	errAnswered   = errors.New("conn: it was a four-letter word") // and this one with
	errNotServing = errors.New("conn: server is not serving")
	errThrottled  = errors.New("conn: too many sessions opened at once")
	errConnect    = errors.New("conn: malformed connect request")
	errNotTLS     = errors.New("conn: peer does not speak TLS on the secure port")
	errHandshakes = errors.New("conn: too many TLS handshakes under way")
)

// tlsRecord is the first byte of a TLS handshake.
const tlsRecord = 0x16

// run serves the connection until it ends, or until a loop goes on with it. That pays
// only for those that stay: many are opened, used once or not at all, and closed.
func (c *conn) run() {
	err := c.open()
	if err == nil {
		err = c.requests(1)
	}
	if err == nil && !c.client.Closing() && c.port.takeIn(c) {
		return
	}
	if err == nil {
		err = c.requests(-1)
	}
	c.over(err)
}

// over ends the connection.
func (c *conn) over(err error) {
	defer c.port.release(c)
	if c.client != nil {
		if c.port.stopping.Load() {
			c.client.Drain(c.port.o.StopGrace)
			c.socket.part()
		}
		c.linger(err)
		c.client.Gone()
		c.socket.Close()
	}
	c.nc.Close()
	c.explain(err)
}

// open goes as far as the answer to the connect request.
func (c *conn) open() error {
	c.nc.SetReadDeadline(time.Now().Add(c.port.o.SessionlessTimeout))
	peer := auth.Peer{IP: auth.IPID(peerAddr(c.nc))}
	var err error
	peer.X509, err = c.secure()
	if err != nil {
		return err
	}
	done, err := c.word()
	if err != nil {
		return err
	}
	if done {
		return errAnswered
	}
	c.port.metrics.ConnectionRequests.Inc(0)
	if !c.secured.Load() {
		c.port.countPlain(c.nc)
	}
	c.client = c.port.core.NewClient(c.socket, c.nc.RemoteAddr().String(), peer)
	c.shown.Store(c.client)
	if c.port.closed.Load() { // it may not have seen the client
		return pipeline.ErrClosing
	}
	if err := c.handshake(); err != nil {
		return err
	}
	c.nc.SetReadDeadline(time.Time{})
	if c.port.stopping.Load() {
		return pipeline.ErrClosing
	}
	return nil
}

// secure chooses the transport: TLS, or plain, or by the first byte.
func (c *conn) secure() ([]wire.ID, error) {
	if c.port.o.TLS == nil {
		var err error
		c.socket, err = newSocket(c.nc, c.port.o.WriteTimeout)
		return nil, err
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(c.nc, first); err != nil {
		return nil, err
	}
	if first[0] == tlsRecord {
		return c.startTLS(&prefixed{c.nc, first})
	}
	if !c.port.o.Unify {
		return nil, errNotTLS
	}
	s, err := newSocket(c.nc, c.port.o.WriteTimeout)
	c.socket = s
	copy(c.in.space(), first)
	c.in.grew(1)
	return nil, err
}

// A prefixed is a connection of which some bytes were read already.
type prefixed struct {
	net.Conn
	head []byte
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.head) > 0 {
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

func (c *conn) startTLS(nc net.Conn) ([]wire.ID, error) {
	if h := c.port.hands; h != nil {
		select {
		case h <- struct{}{}:
			defer func() { <-h }()
		default:
			c.port.metrics.TLSHandshakeExceeded.Inc(0)
			return nil, errHandshakes
		}
	}
	c.port.shaking.Add(1)
	defer c.port.shaking.Add(-1)
	nc.SetDeadline(time.Now().Add(c.port.o.HandshakeTimeout))
	t := tls.Server(nc, c.port.o.TLS)
	if err := t.Handshake(); err != nil {
		c.port.metrics.UnsuccessfulHandshakes.Inc(0)
		return nil, fmt.Errorf("conn: TLS handshake: %w", err)
	}
	nc.SetDeadline(time.Time{})
	nc.SetReadDeadline(time.Now().Add(c.port.o.SessionlessTimeout))
	c.socket = stream{t, c.port.o.WriteTimeout}
	c.nc = t
	c.secured.Store(true)
	if c.port.o.Identify == nil {
		return nil, nil
	}
	return c.port.o.Identify(t.ConnectionState())
}

// need fills the input until it holds n bytes.
func (c *conn) need(n int) error {
	for len(c.in.bytes()) < n {
		if err := c.socket.fill(&c.in); err != nil {
			return err
		}
	}
	return nil
}

const wordLen = 4

// word answers a four-letter word, if the connection begins with one.
func (c *conn) word() (done bool, err error) {
	if err := c.need(wordLen); err != nil {
		return false, err
	}
	words, length := c.port.o.Words, int32(binary.BigEndian.Uint32(c.in.bytes()))
	if words == nil || !words.IsWord(length) {
		return false, nil
	}
	rest := io.MultiReader(bytes.NewReader(bytes.Clone(c.in.bytes()[wordLen:])), c.nc)
	c.nc.SetWriteDeadline(time.Now().Add(c.port.o.SessionlessTimeout))
	err = words.Answer(c.nc, rest, length)
	finish(c.nc)
	discard(c.nc)
	return true, err
}

// handshake reads the connect request and has it answered.
func (c *conn) handshake() error {
	frame, err := c.frame()
	if err != nil {
		return err
	}
	if s := c.port.o.Serving; s != nil && !s() {
		c.port.metrics.ClosedWithoutServerRunning.Inc(0)
		return errNotServing
	}
	var r wire.ConnectRequest
	d := wire.NewDecoder(frame)
	r.DecodeFrom(&d)
	if d.Err() != nil {
		return fmt.Errorf("%w: %w", errConnect, d.Err())
	}
	admitted, deficit := c.port.throttle.admit(r.Session != 0)
	c.port.metrics.ConnectionTokenDeficit.Observe(0, int64(deficit))
	if !admitted {
		c.port.metrics.ConnectionDrops.Inc(0)
		return errThrottled
	}
	if err := c.client.Connect(&r); err != nil {
		return err
	}
	c.in.use(4 + len(frame))
	c.client.Flush(true)
	return nil
}

// maxConnect bounds the first frame. A connect request has 45 bytes; passwords
// of any length are legal, but not of every length sensible.
const maxConnect = 4096

// frame waits for the first frame, without using it up.
func (c *conn) frame() ([]byte, error) {
	if err := c.need(4); err != nil {
		return nil, err
	}
	n := int(int32(binary.BigEndian.Uint32(c.in.bytes())))
	if n <= 0 || n > min(maxConnect, c.port.o.MaxFrame) {
		return nil, &pipeline.FrameLengthError{Length: n, Max: min(maxConnect, c.port.o.MaxFrame)}
	}
	if err := c.need(4 + n); err != nil {
		return nil, err
	}
	return c.in.bytes()[4 : 4+n], nil
}

// requests handles what was read, and then what n more reads bring; if n is negative,
// until the connection ends.
func (c *conn) requests(n int) error {
	for ; ; n-- {
		if err := c.handle(); err != nil || n == 0 {
			return err
		}
		if err := c.socket.fill(&c.in); err != nil {
			return err
		}
	}
}

// handle hands all complete requests to the pipeline.
func (c *conn) handle() error {
	for {
		used, full, err := c.client.Handle(c.in.bytes(), c.port.core.Now())
		c.in.use(used)
		c.client.Flush(true)
		if err != nil {
			return err
		}
		if !full {
			return nil
		}
		c.client.WaitRoom()
	}
}

// linger waits for the peer to close when the last thing it was sent matters.
func (c *conn) linger(err error) {
	if errors.Is(err, pipeline.ErrClosing) && c.client.Finishing() {
		c.client.Flush(true)
		c.socket.discard()
	}
}

// explain logs, in one line, why a connection ended, if it did not just close.
func (c *conn) explain(err error) {
	if c.port.stopping.Load() || err == errAnswered ||
		errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, pipeline.ErrClosing) {
		return
	}
	session := wire.SessionID(0)
	if c.client != nil {
		session = c.client.Session()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if session != 0 { // the peer did not close after the last reply
			return
		}
		c.port.metrics.SessionlessConnectionsExpired.Inc(0)
	}
	level := zap.InfoLevel
	if errors.Is(err, errNotServing) || errors.Is(err, pipeline.ErrNotReadOnly) {
		level = zap.DebugLevel // all clients of an ensemble, again and again; it is counted
	}
	c.port.log.Log(level, "connection closed", zap.Stringer("peer", c.nc.RemoteAddr()), zap.Stringer("session", session), zap.Error(err))
}
