package rawclient

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/zabra/zabra/wire"
)

// MaxFrame bounds what is accepted from a server. It is far above
// jute.maxbuffer because a list of children has no bound of its own.
const MaxFrame = 256 << 20

// ErrRefused is returned by Dial for a session that the server does not know
// (any more), or whose password is wrong.
var ErrRefused = errors.New("session refused by the server")

// Options says what kind of session to open.
type Options struct {
	// Timeout is the session timeout to ask for; the server may change it.
	// 30 s if zero.
	Timeout time.Duration
	// LastZxidSeen makes a server that is behind it hang up.
	LastZxidSeen wire.Zxid
	// Session is to be resumed, with the password that Conn.Passwd told; 0 opens a
	// new one.
	Session wire.SessionID
	Passwd  []byte
	// LastXid is the xid of the last request over an earlier connection of the
	// session; the next one is one more. 0 begins at 1.
	LastXid wire.Xid
	// ReadOnly accepts a server that has lost its quorum.
	ReadOnly bool
	// OnEvent is called for each watch event by the goroutine that is in Do or
	// Recv; it must not call back into the Conn. The path may be kept. Nil drops
	// events.
	OnEvent func(Event)
}

// An Event is a notification of a watch.
type Event struct {
	Type wire.EventType
	Path string
	Zxid wire.Zxid // of the transaction, or wire.NoZxid
}

// A Conn is a connection with a session. One goroutine at a time may receive
// (Do, Recv); Ping may be called from any.
type Conn struct {
	// Session is the session's id, Passwd what resumes it elsewhere.
	Session wire.SessionID
	Passwd  []byte
	// Timeout is the session timeout the server granted. It ends the session
	// that long after the last request, so an idle Conn calls Ping every third
	// of it.
	Timeout time.Duration
	// ReadOnly is set if the server has no quorum.
	ReadOnly bool

	nc      net.Conn
	in      *bufio.Reader
	frame   []byte
	onEvent func(Event)

	out struct {
		sync.Mutex
		buf []byte
		xid wire.Xid
	}
	due  wire.Xid // xid of the last reply taken
	last wire.Zxid
}

// Dial connects to one server and opens a session. The context bounds both.
func Dial(ctx context.Context, addr string, o Options) (*Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	c, err := NewConn(nc, o)
	if !stop() && err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("open a session at %s: %w", addr, err)
	}
	return c, nil
}

// NewConn opens a session over a connection that is already there. On an error
// the connection is still the caller's.
func NewConn(nc net.Conn, o Options) (*Conn, error) {
	c := &Conn{nc: nc, in: bufio.NewReaderSize(nc, 64<<10), onEvent: o.OnEvent}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	c.out.xid, c.due = o.LastXid, o.LastXid
	b := AppendConnect(nil, o)
	if _, err := nc.Write(b); err != nil {
		return nil, err
	}
	frame, err := c.readFrame()
	if err != nil {
		return nil, err
	}
	resp, err := DecodeConnect(frame)
	if err != nil {
		return nil, err
	}
	c.Session, c.Passwd = resp.Session, bytes.Clone(resp.Passwd)
	c.Timeout = time.Duration(resp.Timeout) * time.Millisecond
	c.ReadOnly = resp.ReadOnly
	return c, nil
}

// AppendConnect appends the frame that asks for a session.
func AppendConnect(b []byte, o Options) []byte {
	if o.Passwd == nil {
		o.Passwd = make([]byte, wire.PasswdLen)
	}
	req := wire.ConnectRequest{
		LastZxidSeen: o.LastZxidSeen,
		Timeout:      int32(min(o.Timeout.Milliseconds(), 1<<31-1)),
		Session:      o.Session,
		Passwd:       o.Passwd,
		ReadOnly:     o.ReadOnly,
		HasReadOnly:  true,
	}
	b, mark := wire.BeginFrame(b)
	return wire.EndFrame(req.AppendTo(b), mark)
}

// DecodeConnect reads the payload of the answer to AppendConnect's frame.
func DecodeConnect(frame []byte) (wire.ConnectResponse, error) {
	var resp wire.ConnectResponse
	d := wire.NewDecoder(frame)
	resp.DecodeFrom(&d)
	if d.Err() != nil {
		return resp, fmt.Errorf("connect response: %w", d.Err())
	}
	if resp.Timeout <= 0 || resp.Session == 0 {
		return resp, ErrRefused
	}
	return resp, nil
}

// LastZxid is the newest zxid that a reply carried.
func (c *Conn) LastZxid() wire.Zxid { return c.last }

// Send queues a request; body may be nil. Nothing leaves before Flush.
func (c *Conn) Send(op wire.OpCode, body wire.Record) {
	c.out.Lock()
	defer c.out.Unlock()
	b, mark := c.begin(op)
	if body != nil {
		b = body.AppendTo(b)
	}
	c.out.buf = wire.EndFrame(b, mark)
}

// SendFunc is Send with a body that the function appends.
func (c *Conn) SendFunc(op wire.OpCode, body func([]byte) []byte) {
	c.out.Lock()
	defer c.out.Unlock()
	b, mark := c.begin(op)
	c.out.buf = wire.EndFrame(body(b), mark)
}

func (c *Conn) begin(op wire.OpCode) ([]byte, int) {
	c.out.xid = max(c.out.xid+1, 1)
	b, mark := wire.BeginFrame(c.out.buf)
	h := wire.RequestHeader{Xid: c.out.xid, Op: op}
	return h.AppendTo(b), mark
}

// Flush writes what Send has queued.
func (c *Conn) Flush() error {
	c.out.Lock()
	defer c.out.Unlock()
	return c.flushLocked()
}

func (c *Conn) flushLocked() error {
	_, err := c.nc.Write(c.out.buf)
	c.out.buf = c.out.buf[:0]
	return err
}

// Ping keeps the session alive; its reply is dropped by whoever receives.
func (c *Conn) Ping() error {
	c.out.Lock()
	defer c.out.Unlock()
	b, mark := wire.BeginFrame(c.out.buf)
	h := wire.RequestHeader{Xid: wire.XidPing, Op: wire.OpPing}
	c.out.buf = wire.EndFrame(h.AppendTo(b), mark)
	return c.flushLocked()
}

// Recv waits for the next reply. The body is valid until the next call; it is
// empty if the header holds an error. A reply that is not the one due is an
// error of the server's that ends the use of the Conn.
func (c *Conn) Recv() (wire.ReplyHeader, []byte, error) {
	for {
		frame, err := c.readFrame()
		if err != nil {
			return wire.ReplyHeader{}, nil, err
		}
		var h wire.ReplyHeader
		d := wire.NewDecoder(frame)
		h.DecodeFrom(&d)
		if d.Err() != nil {
			return h, nil, fmt.Errorf("reply header: %w", d.Err())
		}
		switch h.Xid {
		case wire.XidPing:
			continue
		case wire.XidNotification:
			if err := c.event(h, &d); err != nil {
				return h, nil, err
			}
			continue
		}
		if c.due = max(c.due+1, 1); h.Xid != c.due {
			return h, nil, fmt.Errorf("reply out of order: xid %d, expected %d", h.Xid, c.due)
		}
		c.last = max(c.last, h.Zxid)
		return h, d.Rest(), nil
	}
}

func (c *Conn) event(h wire.ReplyHeader, d *wire.Decoder) error {
	var ev wire.WatcherEvent
	ev.DecodeFrom(d)
	if d.Err() != nil {
		return fmt.Errorf("watch event: %w", d.Err())
	}
	if c.onEvent != nil {
		c.onEvent(Event{Type: ev.Type, Path: strings.Clone(ev.Path), Zxid: h.Zxid})
	}
	return nil
}

// Do sends a request and decodes its reply into resp, either of which may be
// nil. An error of the server's is a wire.Code. What resp holds aliases the
// connection's buffer and is valid until the next call.
func (c *Conn) Do(op wire.OpCode, req, resp wire.Record) error {
	c.Send(op, req)
	if err := c.Flush(); err != nil {
		return err
	}
	h, body, err := c.Recv()
	if err != nil {
		return err
	}
	if h.Err != wire.OK {
		return h.Err
	}
	if resp == nil {
		return nil
	}
	d := wire.NewDecoder(body)
	resp.DecodeFrom(&d)
	if d.Err() != nil {
		return fmt.Errorf("reply to %v: %w", op, d.Err())
	}
	return nil
}

// closeLimit is far above what the end of a session takes, also on a disk that takes
// seconds for it: a session whose end was not waited for still counts somewhere.
const closeLimit = 20 * time.Second

// Close ends the session, waits at most twenty seconds for the server to say so,
// and closes the connection.
func (c *Conn) Close() error {
	c.nc.SetDeadline(time.Now().Add(closeLimit))
	err := c.Do(wire.OpCloseSession, nil, nil)
	return errors.Join(err, c.nc.Close())
}

// Abandon closes the connection and leaves the session to its timeout. It may
// be called from any goroutine and ends a Recv that waits.
func (c *Conn) Abandon() error { return c.nc.Close() }

// SetDeadline bounds all sending and receiving from now on.
func (c *Conn) SetDeadline(t time.Time) error { return c.nc.SetDeadline(t) }

func (c *Conn) readFrame() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, fmt.Errorf("connection lost: %w", err)
	}
	n := int64(int32(binary.BigEndian.Uint32(head[:])))
	if n < 0 || n > MaxFrame {
		return nil, fmt.Errorf("frame of %d bytes from the server", n)
	}
	if err := c.growFrame(int(n)); err != nil {
		return nil, err
	}
	return c.frame, nil
}

// growFrame reads n bytes into c.frame. It takes memory as the bytes arrive, so
// that a length alone costs nothing.
func (c *Conn) growFrame(n int) error {
	const step = 1 << 20
	c.frame = c.frame[:0]
	for len(c.frame) < n {
		have := len(c.frame)
		want := min(n, have+step)
		if cap(c.frame) < want {
			c.frame = append(make([]byte, 0, max(want, 2*cap(c.frame))), c.frame...)
		}
		c.frame = c.frame[:want]
		if _, err := io.ReadFull(c.in, c.frame[have:]); err != nil {
			return fmt.Errorf("connection lost in the middle of a frame: %w", err)
		}
	}
	return nil
}
