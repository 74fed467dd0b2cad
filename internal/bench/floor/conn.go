package floor

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"

	"github.com/zabra/zabra/wire"
)

// A conn is one client. Its goroutine reads what there is, answers all of it,
// and writes the answers in one go.
type conn struct {
	s       *Server
	nc      net.Conn
	session wire.SessionID

	ephemerals []string
	watched    []string

	out struct {
		sync.Mutex
		events []byte // made by other connections, not yet written
	}
	replies []byte
}

var errProtocol = errors.New("not the client protocol")

func (c *conn) serve() {
	defer c.nc.Close()
	ended := false
	defer func() { c.s.tree.forget(c, ended) }()
	buf := make([]byte, 64<<10)
	have := 0
	for {
		n, err := c.nc.Read(buf[have:])
		if err != nil {
			return
		}
		used, err := c.answerAll(buf[:have+n])
		ended = err == errEnd
		if c.flush() != nil || err != nil {
			return
		}
		have = copy(buf, buf[used:have+n])
		if have == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// answerAll answers each whole frame in b and returns how much that was.
func (c *conn) answerAll(b []byte) (used int, err error) {
	for len(b)-used >= 4 {
		n := int(binary.BigEndian.Uint32(b[used:]))
		if n > wire.DefaultMaxFrame {
			return used, errProtocol
		}
		if len(b)-used-4 < n {
			break
		}
		if err := c.frame(b[used+4 : used+4+n]); err != nil {
			return used, err
		}
		used += 4 + n
	}
	return used, nil
}

func (c *conn) frame(f []byte) error {
	if c.session == 0 {
		return c.connect(f)
	}
	return c.request(f)
}

func (c *conn) connect(f []byte) error {
	var req wire.ConnectRequest
	d := wire.NewDecoder(f)
	if req.DecodeFrom(&d); d.Err() != nil {
		return d.Err()
	}
	c.session = wire.SessionID(c.s.sessions.Add(1))
	resp := wire.ConnectResponse{
		Timeout: max(req.Timeout, 1), Session: c.session,
		Passwd: make([]byte, wire.PasswdLen), HasReadOnly: req.HasReadOnly,
	}
	var mark int
	c.replies, mark = wire.BeginFrame(c.replies)
	c.replies = wire.EndFrame(resp.AppendTo(c.replies), mark)
	return nil
}

// flush writes events, then replies: an event is seen before the reply of what
// came after it.
func (c *conn) flush() error {
	c.out.Lock()
	defer c.out.Unlock()
	b := c.replies
	if len(c.out.events) > 0 {
		b = append(c.out.events, c.replies...)
		c.out.events = c.out.events[:0]
	}
	c.replies = c.replies[:0]
	if len(b) == 0 {
		return nil
	}
	_, err := c.nc.Write(b)
	return err
}

// event is called by whichever connection made the change. The client's own
// goroutine may sleep in Read, so another writes what has gathered.
func (c *conn) event(typ wire.EventType, zxid wire.Zxid, path string) {
	c.out.Lock()
	defer c.out.Unlock()
	if len(c.out.events) == 0 {
		go c.flushEvents()
	}
	c.out.events = wire.AppendEvent(c.out.events, typ, zxid, path)
}

func (c *conn) flushEvents() {
	c.out.Lock()
	defer c.out.Unlock()
	if len(c.out.events) > 0 {
		c.nc.Write(c.out.events) // an error shows in Read
		c.out.events = c.out.events[:0]
	}
}
