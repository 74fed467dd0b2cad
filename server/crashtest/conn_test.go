package crashtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/zabra/zabra/wire"
)

// A session is what a client keeps when its connection is lost.
type session struct {
	id      wire.SessionID
	passwd  []byte
	timeout time.Duration
	seen    wire.Zxid // the newest a reply has told of
}

// A conn is one connection of a session, for one goroutine.
type conn struct {
	*session
	nc  net.Conn
	in  *bufio.Reader
	xid wire.Xid
}

// errRefused says that the server knows no such session.
var errRefused = errors.New("session refused")

// connect opens s, or resumes it if it has an id, once.
func (d *daemon) connect(s *session) (*conn, error) {
	nc, err := net.DialTimeout("tcp", d.addr(), patience)
	if err != nil {
		return nil, err
	}
	_ = nc.SetDeadline(time.Now().Add(patience))
	c := &conn{session: s, nc: nc, in: bufio.NewReader(nc)}
	if err := c.handshake(); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return c, nil
}

// attach is connect, tried until the server serves.
func (d *daemon) attach(s *session) (*conn, error) {
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		c, err := d.connect(s)
		if err == nil || errors.Is(err, errRefused) || time.Now().After(end) {
			return c, err
		}
	}
}

func (c *conn) handshake() error {
	r := wire.ConnectRequest{
		LastZxidSeen: c.seen, Timeout: int32(c.timeout.Milliseconds()), Session: c.id, Passwd: c.passwd, HasReadOnly: true,
	}
	if r.Passwd == nil {
		r.Passwd = make([]byte, wire.PasswdLen)
	}
	b, mark := wire.BeginFrame(nil)
	if _, err := c.nc.Write(wire.EndFrame(r.AppendTo(b), mark)); err != nil {
		return err
	}
	frame, err := c.frame()
	if err != nil {
		return err
	}
	var a wire.ConnectResponse
	d := wire.NewDecoder(frame)
	if a.DecodeFrom(&d); d.Err() != nil {
		return d.Err()
	}
	if a.Session == 0 || a.Timeout <= 0 {
		return errRefused
	}
	c.id, c.passwd, c.timeout = a.Session, append([]byte(nil), a.Passwd...), time.Duration(a.Timeout)*time.Millisecond
	return nil
}

func (c *conn) frame() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:])&0xffffff)
	_, err := io.ReadFull(c.in, b)
	return b, err
}

// send sends a request whose body the function appends.
func (c *conn) send(op wire.OpCode, body func([]byte) []byte) error {
	c.xid++
	b, mark := wire.BeginFrame(nil)
	h := wire.RequestHeader{Xid: c.xid, Op: op}
	b = h.AppendTo(b)
	if body != nil {
		b = body(b)
	}
	_, err := c.nc.Write(wire.EndFrame(b, mark))
	return err
}

// recv waits for the reply to what was sent last.
func (c *conn) recv() (wire.ReplyHeader, *wire.Decoder, error) {
	var h wire.ReplyHeader
	frame, err := c.frame()
	if err != nil {
		return h, nil, err
	}
	d := wire.NewDecoder(frame)
	h.DecodeFrom(&d)
	if d.Err() != nil || h.Xid != c.xid {
		return h, nil, fmt.Errorf("reply %+v to request %d: %v", h, c.xid, d.Err())
	}
	c.seen = max(c.seen, h.Zxid)
	return h, &d, nil
}

// call sends a request and decodes its reply. The error is a wire.Code if the
// server sent one.
func (c *conn) call(op wire.OpCode, req, resp wire.Record) error {
	var body func([]byte) []byte
	if req != nil {
		body = req.AppendTo
	}
	return c.callFunc(op, body, resp)
}

func (c *conn) callFunc(op wire.OpCode, body func([]byte) []byte, resp wire.Record) error {
	if err := c.send(op, body); err != nil {
		return err
	}
	h, d, err := c.recv()
	if err != nil {
		return err
	}
	if h.Err != wire.OK {
		return h.Err
	}
	if resp == nil {
		return nil
	}
	resp.DecodeFrom(d)
	return d.Err()
}

func (c *conn) create(path, data string, mode wire.CreateMode) (string, error) {
	var r wire.PathResponse
	err := c.call(wire.OpCreate, &wire.CreateRequest{Path: path, Data: []byte(data), ACL: wire.WorldAnyone(wire.PermAll), Flags: int32(mode)}, &r)
	return r.Path, err
}

func (c *conn) get(path string) (string, wire.Stat, error) {
	var r wire.GetDataResponse
	err := c.call(wire.OpGetData, &wire.PathWatchRequest{Path: path}, &r)
	return string(r.Data), r.Stat, err
}

func (c *conn) children(path string) ([]string, wire.Stat, error) {
	var r wire.Children2Response
	err := c.call(wire.OpGetChildren2, &wire.PathWatchRequest{Path: path}, &r)
	return r.Names, r.Stat, err
}

func (c *conn) exists(path string) (bool, error) {
	err := c.call(wire.OpExists, &wire.PathWatchRequest{Path: path}, nil)
	if err == wire.NoNode {
		return false, nil
	}
	return err == nil, err
}

func (c *conn) closeSession() error { return c.call(wire.OpCloseSession, nil, nil) }

func (c *conn) drop() { _ = c.nc.Close() }
