package bench

import (
	"encoding/binary"
	"fmt"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// A conn is one session of the load, as a value that is stepped: bytes and the
// time go in, requests come out. It knows no socket; a driver owns that.
type conn struct {
	id      int // 0 to Connections-1 within the whole run
	slot    int // index within its loop
	session wire.SessionID
	pending window
	xid     wire.Xid

	partial []byte // the beginning of a frame whose end has not arrived
	lastOut int64  // when a request was last made, for pings
	dead    error  // why nothing more happens here

	// For the workload's use.
	rng   rng
	seq   uint64 // requests made
	round uint64 // fanout: the change it was told of
	armed bool   // fanout: its watch is set or on its way

	fd   int    // epoll driver: the socket
	out  []byte // bytes the socket did not take
	link *link  // portable driver
}

// A sent request: what it was and when it was due.
type sent struct {
	at int64
	op wire.OpCode
}

// A window holds the requests that are under way on one connection, oldest
// first. It grows only while a run starts.
type window struct {
	buf  []sent
	head int
	n    int
}

func (w *window) push(s sent) {
	if w.n == len(w.buf) {
		w.grow()
	}
	w.buf[(w.head+w.n)&(len(w.buf)-1)] = s
	w.n++
}

func (w *window) grow() {
	bigger := make([]sent, max(4, 2*len(w.buf)))
	for i := range w.n {
		bigger[i] = w.buf[(w.head+i)&(len(w.buf)-1)]
	}
	w.buf, w.head = bigger, 0
}

func (w *window) pop() sent {
	s := w.buf[w.head]
	w.head = (w.head + 1) & (len(w.buf) - 1)
	w.n--
	return s
}

// frames calls deliver for each complete frame in what has arrived so far. It
// keeps an incomplete one for the next call.
func (c *conn) frames(data []byte, deliver func(frame []byte) error) error {
	if len(c.partial) > 0 {
		c.partial = append(c.partial, data...)
		data = c.partial
	}
	for len(data) >= 4 {
		n := int64(int32(binary.BigEndian.Uint32(data)))
		if n < 0 || n > rawclient.MaxFrame {
			return fmt.Errorf("frame of %d bytes from the server", n)
		}
		if int64(len(data)-4) < n {
			break
		}
		if err := deliver(data[4 : 4+n]); err != nil {
			return err
		}
		data = data[4+n:]
	}
	c.partial = append(c.partial[:0], data...)
	return nil
}

// request appends the frame of a request whose body the caller appends next;
// it returns the mark that endRequest wants.
func (c *conn) request(b []byte) ([]byte, int) {
	b, mark := wire.BeginFrame(b)
	b = wire.AppendInt(b, int32(c.xid+1))
	return append(b, 0, 0, 0, 0), mark
}

// endRequest closes the frame and puts the request into the window.
func (c *conn) endRequest(b []byte, mark int, op wire.OpCode, due, now int64) []byte {
	binary.BigEndian.PutUint32(b[mark+8:], uint32(op))
	c.pending.push(sent{at: due, op: op})
	c.xid++
	c.lastOut = now
	return wire.EndFrame(b, mark)
}

// appendPing appends a ping, which is not part of the window.
func (c *conn) appendPing(b []byte, now int64) []byte {
	b, mark := wire.BeginFrame(b)
	h := wire.RequestHeader{Xid: wire.XidPing, Op: wire.OpPing}
	c.lastOut = now
	return wire.EndFrame(h.AppendTo(b), mark)
}

// take matches a reply with the oldest request under way.
func (c *conn) take(h wire.ReplyHeader) (sent, error) {
	if c.pending.n == 0 {
		return sent{}, fmt.Errorf("reply %d to no request", h.Xid)
	}
	if due := c.xid - wire.Xid(c.pending.n) + 1; h.Xid != due {
		return sent{}, fmt.Errorf("reply out of order: xid %d, expected %d", h.Xid, due)
	}
	return c.pending.pop(), nil
}

// An rng is xorshift64*: cheap, and each connection has its own.
type rng uint64

func (r *rng) next() uint64 {
	x := uint64(*r)
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	*r = rng(x)
	return x * 0x2545f4914f6cdd1d
}

// below returns a number of 0 to n-1.
func (r *rng) below(n int) int { return int((r.next() >> 32) * uint64(n) >> 32) }
