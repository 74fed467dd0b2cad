package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// ErrShortFrame says that a frame does not hold a request header. It ends the
// connection.
var ErrShortFrame = errors.New("pipeline: frame is too short for a request header")

// A FrameLengthError says that a frame's length is outside what is allowed. It
// ends the connection.
type FrameLengthError struct{ Length, Max int }

func (e *FrameLengthError) Error() string {
	return fmt.Sprintf("pipeline: frame length %d is out of range 0 to %d (jute.maxbuffer)", e.Length, e.Max)
}

const (
	frameHead   = 4
	requestHead = 8
)

// NextFrame cuts the payload of the first frame off buf. While the frame is
// incomplete frame is nil and need says how long buf must be for the next try.
func NextFrame(buf []byte, limit int) (frame, rest []byte, need int, err error) {
	if len(buf) < frameHead {
		return nil, buf, frameHead, nil
	}
	n := int(int32(binary.BigEndian.Uint32(buf)))
	if n < 0 || n > limit {
		return nil, buf, 0, &FrameLengthError{n, limit}
	}
	if len(buf) < frameHead+n {
		return nil, buf, frameHead + n, nil
	}
	return buf[frameHead : frameHead+n], buf[frameHead+n:], 0, nil
}

// Handle takes the requests in buf: it answers what can be answered at once,
// queues what has to wait, and sends writes on their way. It returns the bytes
// it used, fewer than len(buf) when the last frame is incomplete or when the
// client has as much under way as it may (full). An error ends the connection.
func (c *Client) Handle(buf []byte, now time.Duration) (used int, full bool, err error) {
	var writes Batch
	next := NeedTurn
	for next == NeedTurn && err == nil {
		var n int
		n, next, err = c.HandleSome(buf[used:], now, &writes)
		used += n
		c.core.Submit(&writes)
	}
	return used, next == NeedRoom, err
}

// A Batch gathers the writes of some clients, so that the core gets them at once.
type Batch struct{ requests []*Request }

// Len is the number of writes gathered.
func (b *Batch) Len() int { return len(b.requests) }

// Submit sends what was gathered on its way and empties the batch.
func (c *Core) Submit(b *Batch) {
	c.submit(b.requests)
	clear(b.requests)
	b.requests = b.requests[:0]
}

// Leave is Submit for one who is going to call Work, and would rather have it done
// there. It reports false if that would not be good, and has done nothing then.
func (c *Core) Leave(b *Batch) bool {
	if len(b.requests) != 1 || !c.writer.quick.Load() {
		return false
	}
	c.outstanding.Add(1)
	c.inbox.lay(message{req: b.requests[0]})
	clear(b.requests)
	b.requests = b.requests[:0]
	return true
}

// Work does what was left with the core, on this goroutine: as far as up to the replies,
// if nothing comes in between. A disk that begins to stall holds it up; see visit.
func (c *Core) Work() { c.visit(true) }

// A Verdict is why handling stopped.
type Verdict uint8

// What a client needs before it can be handled further.
const (
	NeedInput Verdict = iota // no whole frame is left
	NeedRoom                 // the client has as much under way as it may
	NeedTurn                 // nothing, but others should have theirs first: something took long
)

// HandleSome is Handle for whoever serves many clients in turn: it does not go on for
// long, and leaves the writes in a batch, also when it returns an error.
func (c *Client) HandleSome(buf []byte, now time.Duration, writes *Batch) (used int, next Verdict, err error) {
	rest, next, err := c.handleLocked(buf, now, writes)
	return len(buf) - len(rest), next, err
}

// handleLocked handles what buf holds with the tree locked once.
func (c *Client) handleLocked(buf []byte, now time.Duration, writes *Batch) (rest []byte, next Verdict, err error) {
	c.lastSeen.Store(now.Milliseconds())
	lock := c.core.lock.reader(uint32(c.id))
	lock.RLock()
	defer lock.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.clock, c.mu.barred = now, false
	received, sent, whole := c.mu.stats.Received, c.mu.stats.Sent, len(buf)
	defer func() { c.count(whole-len(rest), c.mu.stats.Received-received, c.mu.stats.Sent-sent, now) }()
	for {
		if c.mu.dead || c.mu.finish {
			return buf, NeedInput, ErrClosing
		}
		if c.mu.last {
			return nil, NeedInput, nil
		}
		frame, after, _, err := NextFrame(buf, c.core.opts.MaxFrame)
		if err != nil || frame == nil {
			return buf, NeedInput, err
		}
		if c.full() {
			return buf, NeedRoom, nil
		}
		buf = after
		req, err := c.frame(frame, now)
		if err != nil {
			return buf, NeedInput, err
		}
		if req != nil {
			writes.requests = append(writes.requests, req)
		}
		if c.mu.long {
			c.mu.long = false
			return buf, NeedTurn, nil
		}
	}
}

// frame takes one request. A write is returned, to be submitted once the locks
// are released. The caller holds the tree's lock and mu.
func (c *Client) frame(f []byte, now time.Duration) (*Request, error) {
	if len(f) < requestHead {
		return nil, ErrShortFrame
	}
	xid := wire.Xid(binary.BigEndian.Uint32(f))
	op := wire.OpCode(binary.BigEndian.Uint32(f[4:]))
	body := f[requestHead:]
	c.mu.stats.request(op, xid)
	if c.refusedUnauthenticated(op, xid, now) {
		return nil, nil
	}
	if c.refusedThrottled(op, xid, now) {
		return nil, nil
	}
	if c.refusedReadOnly(op, xid, now) {
		return nil, nil
	}
	switch Info(op).Class {
	case ClassPing:
		c.reply(op, wire.ReplyHeader{Xid: wire.XidPing, Zxid: c.core.tree.LastZxid()}, nil, now)
	case ClassRead:
		return c.readOrQueue(op, xid, body, now), nil
	case ClassWrite:
		return c.writeRequest(op, xid, body, now)
	case ClassAuth:
		return nil, c.authenticate(op, xid, body, now)
	default:
		c.refuse(op, xid, now)
	}
	return nil, nil
}

// reply answers out of turn: pings only, which do not wait for writes.
func (c *Client) reply(op wire.OpCode, h wire.ReplyHeader, body wire.Record, at time.Duration) {
	c.mu.out = wire.AppendReply(c.outbox(readBox), h, body)
	c.sent(at)
}

// refusedReadOnly refuses what a server without a quorum cannot do.
func (c *Client) refusedReadOnly(op wire.OpCode, xid wire.Xid, now time.Duration) bool {
	info := Info(op)
	if !c.mu.readOnly || info.ReadOnly || info.Class == ClassRefused {
		return false
	}
	c.replyInTurn(op, wire.ReplyHeader{Xid: xid, Zxid: c.core.tree.LastZxid(), Err: wire.NotReadOnly}, nil, now, false)
	return true
}

// replyInTurn answers when everything before it is answered.
func (c *Client) replyInTurn(op wire.OpCode, h wire.ReplyHeader, body wire.Record, at time.Duration, last bool) {
	c.mu.last = last
	c.queueReply(pending{
		op: op, xid: h.Xid, at: at, body: wire.AppendReply(nil, h, body), last: last,
		stamp: h.Zxid > 0, // else it is one that means something
	})
}

// refuse answers an operation that no client may ask for, and ends the
// connection.
func (c *Client) refuse(op wire.OpCode, xid wire.Xid, at time.Duration) {
	h := wire.ReplyHeader{Xid: xid, Zxid: wire.NoZxid, Err: wire.Unimplemented}
	c.replyInTurn(op, h, nil, at, true)
}

// readOrQueue answers a read now, unless something that came before it is still on
// its way. If reads are to be linearizable, a barrier comes before it: a request, which
// is returned, that is a sync in all but its reply. All reads that have come together
// share one.
func (c *Client) readOrQueue(op wire.OpCode, xid wire.Xid, body []byte, at time.Duration) (barrier *Request) {
	if c.core.opts.Linearizable && !c.mu.barred && !c.mu.readOnly {
		c.mu.barred = true
		c.push(pending{kind: kindWrite, op: wire.OpSync, at: at})
		barrier = &Request{
			Session: c.Session(), Op: wire.OpSync, Body: &wire.PathRequest{Path: "/"}, Raw: rootRecord, Barrier: true, Origin: c,
		}
	}
	if c.mu.queue.n == 0 || plant.In(plant.ReadBeforeOwnWrite) {
		c.mu.long = isLong(op)
		c.answer(xid, op, body, at)
		return nil
	}
	c.push(pending{
		kind: kindRead, op: op, xid: xid, at: at, ids: c.ids.Load(),
		body: append([]byte(nil), body...), weight: len(body) + c.weigh(op, body),
	})
	return barrier
}

// rootRecord is the record of a sync about the root.
var rootRecord = wire.AppendString(nil, "/")

// isLong reports whether a read may take long for a few bytes of request and
// reply: with many of them the core would not get the tree for seconds.
func isLong(op wire.OpCode) bool {
	switch op {
	case wire.OpGetAllChildrenNumber, wire.OpGetEphemerals, wire.OpMultiRead, wire.OpSetWatches, wire.OpSetWatches2:
		return true
	}
	return false
}

// writeRequest decodes and validates a write completely, so that nothing
// malformed reaches the log, and takes its place in the queue.
func (c *Client) writeRequest(op wire.OpCode, xid wire.Xid, body []byte, at time.Duration) (*Request, error) {
	large, err := c.core.takeLarge(len(body))
	if err != nil {
		return nil, err
	}
	body = append([]byte(nil), body...)
	req, code := DecodeRequest(op, body)
	if code != wire.OK {
		c.core.large.Add(-int64(large))
		h := wire.ReplyHeader{Xid: xid, Zxid: c.core.tree.LastZxid(), Err: code}
		c.replyInTurn(op, h, nil, at, false)
		return nil, nil
	}
	c.push(pending{kind: kindWrite, op: op, xid: xid, at: at, weight: len(body)})
	c.mu.last = op == wire.OpCloseSession
	req.Session, req.Cxid, req.Auth, req.Raw, req.Large, req.Origin = c.Session(), xid, c.IDs(), body, large, c
	return req, nil
}

// count adds a batch of requests to the metrics: the bytes and requests that came,
// and the replies to them. The caller holds mu.
func (c *Client) count(bytes int, received, sent int64, began time.Duration) {
	m := c.core.metrics
	m.BytesReceived.Add(c.stripe, int64(bytes))
	m.PacketsReceived.Add(c.stripe, received)
	c.mu.reads.tell(&m.ReadPerNamespace, c.stripe)
	if sent > 0 {
		m.ReadLatency.ObserveN(c.stripe, c.core.Now()-began, sent)
	}
}
