package pipeline

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/watch"
	"github.com/zabra/zabra/wire"
)

// A Socket is what a Client writes to. One write is under way at a time.
type Socket interface {
	// TryWrite writes what goes without waiting and returns how much that was.
	TryWrite(b []byte) (int, error)
	// Write writes all of b, waiting as long as the peer and the write timeout
	// allow.
	Write(b []byte) (int, error)
	// Finish ends the connection after everything written has been delivered:
	// no reply is lost to a reset. It may wait for the peer.
	Finish()
	// Close ends the connection at once. What has been written is still sent as
	// far as the peer takes it.
	Close() error
	// Abort is Close, and drops what the peer has not taken: the system would keep
	// that for long for a peer that does not read.
	Abort() error
}

// A Client is one connection as the pipeline sees it: the requests that are not
// answered yet, in the order they came, and the bytes that are to be written.
// Replies leave in the order of the requests. A read that comes behind a write
// of the same connection waits in the queue until that write is applied; every
// other read is answered as it is decoded.
//
// Lock order: the tree's lock, then mu, then a watch shard's lock.
type Client struct {
	core   *Core
	socket Socket
	id     watch.WatcherID
	addr   string // of the peer, for logs and cons
	peer   auth.Peer
	stripe int // of the metrics

	session  atomic.Int64 // wire.SessionID, 0 before the handshake
	timeout  atomic.Int32 // negotiated session timeout, milliseconds
	lastSeen atomic.Int64 // when the peer last sent something, on the core's clock, milliseconds
	barred   atomic.Bool  // the server takes nothing in from it now
	unsent   atomic.Int64 // what waits for it, as far as it is counted; changed under mu
	ids      atomic.Pointer[[]wire.ID]
	since    wire.Zxid // what a learner knew to be proposed when it took in the session; the core's

	mu struct {
		sync.Mutex
		queue     queue
		queued    int // weight of what is in the queue
		heaviest  int // of the writes in the queue, or of some before them
		out       []byte
		box       *[]byte       // where out is from, while it is not nil
		told      int           // bytes of events in out
		sending   int           // bytes that a write has left which has to wait
		countAt   int           // length of out at which what waits is counted anew
		writing   bool          // somebody is writing; whatever is appended, that one takes along
		last      bool          // a request came whose reply is the last; what comes behind it is dropped
		readOnly  bool          // the server is, or was when the session began
		barred    bool          // what is being handled stands behind a barrier; see readOrQueue
		finish    bool          // that reply is in the outbox: when it is written, end the connection
		dead      bool          // drop everything
		dirty     bool          // handed to a flusher
		long      bool          // a read was answered that may have taken long
		watching  bool          // it has registered a watch at least once
		clock     time.Duration // the time, as of the last look at it
		stats     Stats
		tally     tally
		reads     run           // within one call of Handle
		asking    *[]wire.ID    // identities of the read that is being answered; nil: the connection's
		sasl      SASL          // while an exchange is under way
		handshake *handshake    // while one is under way
		throttled time.Duration // how long the next request has waited to be taken in
		waiters   int           // goroutines waiting on room
	}
	room sync.Cond // the queue or outbox shrank, or the client died
}

// Errors that end a connection.
var (
	// ErrClosing says that the connection is being ended by the server.
	ErrClosing = errors.New("pipeline: connection is closing")
	// ErrLost says that a request was passed on and will not be answered.
	ErrLost = errors.New("pipeline: a request was lost on its way to the leader")
	// ErrSlowClient says that the peer does not read what it is sent.
	ErrSlowClient = errors.New("pipeline: client does not read its replies and events")
)

// Session is the client's session, 0 before the handshake.
func (c *Client) Session() wire.SessionID { return wire.SessionID(c.session.Load()) }

// Timeout is the negotiated session timeout in milliseconds.
func (c *Client) Timeout() int32 { return c.timeout.Load() }

// IDs are the identities of the connection. The slice is never changed.
func (c *Client) IDs() []wire.ID { return *c.ids.Load() }

// A kind says what a queued request still needs.
type kind uint8

const (
	kindWrite kind = iota // its transaction is under way
	kindRead              // its turn has not come
	kindReply             // its answer is ready, its turn has not come
)

// A pending request is one that has not been answered.
type pending struct {
	kind kind
	op   wire.OpCode
	xid  wire.Xid
	at   time.Duration // when it came, on the core's clock
	body []byte        // request record of a read, whole frame of a ready reply
	ids  *[]wire.ID    // of the connection when a read came
	// weight is what the request counts for in the bound on those under way: the
	// bytes it has brought, and for a read those that its answer may have.
	weight int
	stamp  bool // the ready reply bears the zxid of the moment it is sent
	last   bool // end the connection behind the reply
}

// is reports whether the pending request is that one.
func (p *pending) is(req *Request) bool { return p.xid == req.Cxid && p.op == req.Op }

// A queue is a ring of pending requests.
type queue struct {
	ring []pending
	head int
	n    int
}

func (q *queue) push(p pending) {
	if q.n == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = p
	q.n++
}

func (q *queue) grow() {
	ring := make([]pending, max(4, 2*len(q.ring)))
	for i := range q.n {
		ring[i] = q.ring[(q.head+i)&(len(q.ring)-1)]
	}
	q.ring, q.head = ring, 0
}

func (q *queue) front() *pending { return &q.ring[q.head] }

func (q *queue) back() *pending { return &q.ring[(q.head+q.n-1)&(len(q.ring)-1)] }

func (q *queue) pop() {
	q.ring[q.head] = pending{}
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	if q.n == 0 && len(q.ring) > keepRing {
		q.ring, q.head = nil, 0
	}
}

// keepRing is the ring that an idle client may keep.
const keepRing = 16

// advance answers what stands before the first write under way. The caller
// holds the tree's lock, shared or not, and mu. It drops a client whose reads
// turn out to have answers far longer than they had when they came.
func (c *Client) advance() {
	for c.mu.queue.n > 0 {
		p := c.mu.queue.front()
		if p.kind == kindWrite {
			return
		}
		if len(c.mu.out) > c.core.opts.MaxOutbox+c.core.opts.MaxQueuedBytes {
			c.kill(ErrSlowClient)
			return
		}
		if p.kind == kindRead {
			c.mu.asking = p.ids
			c.answer(p.xid, p.op, p.body, p.at)
			c.mu.asking = nil
		} else {
			c.deliver(p)
		}
		c.pop()
	}
}

// deliver answers with a reply that is complete already.
func (c *Client) deliver(p *pending) {
	if p.stamp {
		wire.PutReplyZxid(p.body, c.core.tree.LastZxid())
	}
	c.mu.out = append(c.outbox(replyBox), p.body...)
	c.sent(p.at)
	c.mu.finish = c.mu.finish || p.last
}

// push adds a request to the queue.
func (c *Client) push(p pending) {
	if p.kind == kindWrite {
		c.mu.heaviest = max(c.mu.heaviest, p.weight)
	}
	c.mu.queued += p.weight
	c.mu.queue.push(p)
}

// pop takes the first request, which is answered, off the queue.
func (c *Client) pop() {
	c.mu.queued -= c.mu.queue.front().weight
	c.mu.queue.pop()
	if c.mu.queue.n == 0 {
		c.mu.heaviest = 0
	}
}

// settle answers the write at the head of the queue with the frame that reply
// appends, after the reads before it; without a reply, a barrier, it only takes it out
// of the way. The caller holds the tree's lock, not mu.
// It reports whether the client needs a flush.
//
// The write at the head of the queue must be req. If it is another one, that one was
// lost on its way: a leader without a zxid left for it goes on to answer a sync behind
// it. The client is dropped, and does not know how that one ended.
func (c *Client) settle(req *Request, reply func(b []byte) []byte, last bool, now time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.clock = now
	if c.mu.dead {
		return false
	}
	c.advance()
	if c.mu.dead {
		return false
	}
	if c.mu.queue.n == 0 || !c.mu.queue.front().is(req) {
		c.kill(ErrLost)
		return false
	}
	if reply != nil {
		c.mu.out = reply(c.outbox(replyBox))
		c.sent(c.mu.queue.front().at)
	}
	c.pop()
	if last {
		c.mu.finish = true
	}
	return c.mark()
}

// mark notes that the client needs a flush and reports whether nobody knew.
func (c *Client) mark() bool {
	if c.mu.dirty || c.mu.dead {
		return false
	}
	c.mu.dirty = true
	return true
}

// answerClose answers in its turn what the client has asked for last, to close its
// session, without a transaction. The caller holds the tree's lock, not mu. It reports
// whether the client needs a flush.
func (c *Client) answerClose(xid wire.Xid, now time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.clock = now
	if c.mu.dead {
		return false
	}
	p := c.mu.queue.back() // nothing is taken in behind it
	p.kind, p.body, p.stamp, p.last = kindReply, wire.AppendReply(nil, wire.ReplyHeader{Xid: xid}, nil), true, true
	c.advance()
	return c.mark()
}

// queueReply answers a request with a frame that is complete already, in its
// turn. The caller holds mu.
func (c *Client) queueReply(p pending) {
	if c.mu.queue.n > 0 {
		p.kind, p.weight = kindReply, len(p.body)
		c.push(p)
		return
	}
	c.deliver(&p)
}

// notify queues a watch event. The caller holds the tree's lock exclusively, or
// answers a setWatches of this client and holds mu through it (see event).
func (c *Client) notify(typ wire.EventType, zxid wire.Zxid, path string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.dead {
		return false
	}
	if c.mu.told > c.core.opts.MaxOutbox {
		c.kill(ErrSlowClient)
		return false
	}
	c.event(typ, zxid, path)
	return c.mark()
}

func (c *Client) event(typ wire.EventType, zxid wire.Zxid, path string) {
	before := len(c.mu.out)
	c.mu.out = wire.AppendEvent(c.outbox(eventBox), typ, zxid, path)
	c.mu.stats.Sent++
	c.mu.told += len(c.mu.out) - before
	c.mu.tally.event(len(c.mu.out))
	c.core.metrics.WatchBytes.Add(c.stripe, int64(len(c.mu.out)-before))
}

// kill drops the client: nothing more is written, and its socket closes. The
// caller holds mu.
func (c *Client) kill(why error) {
	if !c.mu.dead {
		c.end()
		// Locks are held, perhaps the tree's: what may wait happens elsewhere.
		c.core.apart(func() { c.drop(why) })
	}
}

// end lets go of all that the client holds. The caller holds mu.
func (c *Client) end() {
	c.mu.dead = true
	c.release()
	c.recount()
	c.mu.queue = queue{}
	c.endHandshake()
	c.room.Broadcast()
}

func (c *Client) drop(why error) {
	if errors.Is(why, ErrSlowClient) || errors.Is(why, ErrUnsentTotal) {
		_ = c.socket.Abort()
	} else {
		_ = c.socket.Close()
	}
	if why != nil {
		c.core.events.ClientDropped(c.addr, c.Session(), why)
	}
}

// Kill drops the client.
func (c *Client) Kill(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kill(why)
}
