package peer

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/wire"
)

// DefaultMaxData bounds the data of one packet, and its identities together: what
// ZooKeeper's servers take with jute.maxbuffer left alone.
const DefaultMaxData = 2_097_150

// ConnOptions are those of a Conn. Zero values mean what the comments say.
type ConnOptions struct {
	// MaxData bounds the data of a packet that is read; 0 is DefaultMaxData.
	MaxData int
	// MaxBacklog ends the connection with ErrBacklog when more bytes than that
	// wait to be sent; 0 is no limit.
	MaxBacklog int64
	// WriteTimeout ends the connection when the peer has taken nothing of what is
	// being written for so long; 0 is no limit.
	WriteTimeout time.Duration
}

// A Handler is what a Conn calls, in goroutines of its own. Receive is required.
// The calls of Receive and Snapshot come one after another.
type Handler struct {
	// Receive gets packets in the order of their arrival, at least one, and all
	// that have arrived together. It may block, and nothing is read meanwhile. The
	// slice, and the memory that the packets alias, belong to the callee. An error
	// ends the connection.
	Receive func(packets []wire.QuorumPacket) error
	// Snapshot gets a packet SNAP, which is not given to Receive, and a reader of
	// what follows it. It reads to the end of the snapshot and no further; the rest
	// is read as packets again. The reader must not be used after the return. An
	// error ends the connection. nil makes SNAP an error.
	Snapshot func(snap wire.QuorumPacket, r io.Reader) error
	// Ended is called once, when the connection has ended and nothing else is being
	// called or will be. The error says why: io.EOF when the peer has closed, also
	// after Finish; ErrClosed when this side has. nil is no call.
	Ended func(error)
}

// Errors that end a Conn.
var (
	// ErrClosed is the end of a Conn that its owner has closed.
	ErrClosed = errors.New("peer: connection is closed")
	// ErrBacklog is the end of one that has more to send than ConnOptions allow.
	ErrBacklog = errors.New("peer: too much waits to be sent")
	// ErrSnapshot is the end of one on which SNAP came and nobody expects it.
	ErrSnapshot = errors.New("peer: SNAP from a learner")
)

// A Conn is a connection of the quorum port, seen from either side. Nothing is read
// or written before Start. Its methods may be called from any goroutine, and, but
// for Wait, from those of the Handler.
type Conn struct {
	nc net.Conn
	o  ConnOptions
	h  Handler

	// Of a connection that was accepted: leave takes it out of the door, when its
	// first packet has come, by firstBy at the latest, or when it ends.
	leave   func() bool
	firstBy time.Time // zero when it has come; guarded by arming

	written  atomic.Int64
	received atomic.Int64
	out      queue

	arming      sync.Mutex    // held while the read deadline is chosen and set
	readTimeout time.Duration // 0 for none

	ending sync.Once
	cause  error         // why, once dead is closed
	dead   chan struct{} // closed when the connection is to end
	left   atomic.Int32  // goroutines that have not ended
	done   chan struct{} // closed when Ended has returned
}

func newConn(nc net.Conn, o ConnOptions) *Conn {
	if o.MaxData == 0 {
		o.MaxData = DefaultMaxData
	}
	return &Conn{nc: nc, o: o, dead: make(chan struct{}), done: make(chan struct{}), out: newQueue()}
}

// Start begins to read and to write. It is called once. A connection that is closed
// already ends at once, with Ended.
func (c *Conn) Start(h Handler) {
	c.h = h
	c.left.Store(2)
	go c.run(c.read)
	go c.run(c.send)
}

// run is one of the two goroutines; the one that ends last tells.
func (c *Conn) run(f func() error) {
	c.end(f())
	if c.left.Add(-1) > 0 {
		return
	}
	abandon(c.out.close())
	if c.h.Ended != nil {
		c.h.Ended(c.cause)
	}
	close(c.done)
}

// end ends the connection, for the first cause given.
func (c *Conn) end(cause error) {
	c.ending.Do(func() {
		c.cause = cause
		close(c.dead)
		if c.leave != nil {
			c.leave()
		}
		closeNow(c.nc)
	})
}

// Remote is the address of the peer.
func (c *Conn) Remote() net.Addr { return c.nc.RemoteAddr() }

// Close ends the connection. What waits to be sent is dropped. It does not wait for
// the goroutines.
func (c *Conn) Close() { c.end(ErrClosed) }

// Ending is closed when the connection is to end, whatever its goroutines do.
func (c *Conn) Ending() <-chan struct{} { return c.dead }

// Finish takes no more packets, and ends the connection when everything that waits
// has been sent and the peer has closed its side, or after d at the latest. What
// comes in meanwhile is received. It does not wait.
func (c *Conn) Finish(d time.Duration) {
	if !c.out.finish() {
		return
	}
	timer := time.AfterFunc(d, c.Close)
	go func() {
		<-c.dead
		timer.Stop()
	}()
}

// Wait waits until a Conn that was started has ended, and Ended has returned.
func (c *Conn) Wait() { <-c.done }

// SetReadTimeout ends the connection with os.ErrDeadlineExceeded when nothing comes
// for d, from now on; 0 is for ever, as it is at first. Time that the Handler takes
// does not count.
func (c *Conn) SetReadTimeout(d time.Duration) {
	c.arming.Lock()
	defer c.arming.Unlock()
	c.readTimeout = d
	c.nc.SetReadDeadline(c.deadline())
}

// armRead sets the deadline of the next read, if there is any.
func (c *Conn) armRead() {
	c.arming.Lock()
	defer c.arming.Unlock()
	if until := c.deadline(); !until.IsZero() {
		c.nc.SetReadDeadline(until)
	}
}

// deadline is when a read that begins now is to end, zero for never.
func (c *Conn) deadline() time.Time {
	var until time.Time
	if c.readTimeout > 0 {
		until = time.Now().Add(c.readTimeout)
	}
	if !c.firstBy.IsZero() && (until.IsZero() || until.After(c.firstBy)) {
		until = c.firstBy
	}
	return until
}

// Backlog is how many bytes of packets wait to be taken by the system. Streams are
// not counted.
func (c *Conn) Backlog() int64 { return c.out.bytes.Load() }

// Queued is how many packets and streams wait to be written.
func (c *Conn) Queued() int {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return len(c.out.items)
}

// Written is how many bytes the system has taken since the start. If it stays the
// same while Backlog is not 0, or a stream is under way, the peer is stuck.
func (c *Conn) Written() int64 { return c.written.Load() }

// Received is how many bytes have come since the start.
func (c *Conn) Received() int64 { return c.received.Load() }
