package raw

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// replyTimeout bounds every wait for the server: far longer than any answer
// takes, so that a missing one fails a test instead of hanging it.
const replyTimeout = time.Minute

// PasswordLen is the length of a session password.
const PasswordLen = 16

const maxFrame = 64 << 20

// A Conn is one connection, before or after its handshake. It is for one goroutine.
type Conn struct {
	c net.Conn
	r *bufio.Reader
}

// Dial connects to a client port; no byte is sent.
func Dial(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, replyTimeout)
	if err != nil {
		return nil, err
	}
	return &Conn{c: c, r: bufio.NewReader(c)}, nil
}

// Close drops the connection; the session, if there is one, lives on.
func (c *Conn) Close() error { return c.c.Close() }

// Write sends raw bytes.
func (c *Conn) Write(p []byte) error {
	c.c.SetWriteDeadline(time.Now().Add(replyTimeout))
	_, err := c.c.Write(p)
	return err
}

// WriteFrame sends one length-prefixed frame.
func (c *Conn) WriteFrame(payload []byte) error {
	return c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...))
}

// ReadFrame returns the next frame. When the server has closed the connection
// between two frames the error is io.EOF, whether it said FIN or RST.
func (c *Conn) ReadFrame() ([]byte, error) {
	c.c.SetReadDeadline(time.Now().Add(replyTimeout))
	var head [4]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return nil, closedOr(err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return nil, fmt.Errorf("frame of %d bytes", n)
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(c.r, p); err != nil {
		return nil, fmt.Errorf("frame of %d bytes: %w", n, err)
	}
	return p, nil
}

// closedOr maps what a dead TCP connection can say to io.EOF: which of them a
// client sees depends on whether bytes were still on their way.
func closedOr(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	return io.EOF
}

// A ConnectRequest opens or continues a session.
type ConnectRequest struct {
	Version      int32
	LastZxidSeen int64
	Timeout      int32 // ms
	SessionID    int64
	Password     []byte
	NoReadOnly   bool // leave the readOnly byte out, as clients before 3.4 do
	ReadOnly     bool
}

// Encode returns the payload of the handshake frame.
func (q ConnectRequest) Encode() []byte {
	b := Body{}.Int(q.Version).Long(q.LastZxidSeen).Int(q.Timeout).Long(q.SessionID).Bytes(q.Password)
	if q.NoReadOnly {
		return b
	}
	return b.Bool(q.ReadOnly)
}

// A ConnectResponse is the server's answer to it.
type ConnectResponse struct {
	Version   int32
	Timeout   int32 // ms; 0 refuses the session
	SessionID int64
	Password  []byte
	Len       int // 36 without the readOnly byte, 37 with it
	ReadOnly  bool
}

// Handshake sends q and reads the answer; io.EOF when the server closed instead.
func (c *Conn) Handshake(q ConnectRequest) (ConnectResponse, error) {
	if err := c.WriteFrame(q.Encode()); err != nil {
		return ConnectResponse{}, closedOr(err)
	}
	p, err := c.ReadFrame()
	if err != nil {
		return ConnectResponse{}, err
	}
	r := NewReader(p)
	a := ConnectResponse{
		Version: r.Int(), Timeout: r.Int(), SessionID: r.Long(), Password: r.Bytes(), Len: len(p),
	}
	if len(r.Rest()) > 0 {
		a.ReadOnly = r.Bool()
	}
	if r.Err() == nil && len(r.Rest()) > 0 {
		return a, fmt.Errorf("connect response has %d bytes too many", len(r.Rest()))
	}
	return a, r.Err()
}

// Special xids.
const (
	XidEvent = -1
	XidPing  = -2
	XidAuth  = -4
)

// Send sends one request.
func (c *Conn) Send(xid int32, op Op, body Body) error {
	return c.WriteFrame(append(Body{}.Int(xid).Int(int32(op)), body...))
}

// A Packet is one frame from the server after the handshake.
type Packet struct {
	Xid  int32
	Zxid int64
	Err  int32
	Body []byte
}

// Recv returns the next packet; io.EOF when the server has closed.
func (c *Conn) Recv() (Packet, error) {
	p, err := c.ReadFrame()
	if err != nil {
		return Packet{}, err
	}
	r := NewReader(p)
	k := Packet{Xid: r.Int(), Zxid: r.Long(), Err: r.Int(), Body: r.Rest()}
	return k, r.Err()
}

// NewSession dials and opens a session with the given timeout in milliseconds.
func NewSession(addr string, timeout int32) (*Conn, ConnectResponse, error) {
	c, err := Dial(addr)
	if err != nil {
		return nil, ConnectResponse{}, err
	}
	a, err := c.Handshake(ConnectRequest{Timeout: timeout, Password: make([]byte, PasswordLen)})
	if err != nil {
		c.Close()
		return nil, a, fmt.Errorf("handshake: %w", err)
	}
	return c, a, nil
}
