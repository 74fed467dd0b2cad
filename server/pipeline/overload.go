package pipeline

import (
	"errors"
	"time"

	"github.com/zabra/zabra/wire"
)

// ErrLargeRequests says that the large requests under way leave no room for one
// more (largeRequestMaxBytes). It ends the connection.
var ErrLargeRequests = errors.New("pipeline: too many bytes of large requests are under way")

// flushAt is how many bytes of replies are gathered before they are written.
const flushAt = 128 << 10

// full reports whether no request may be taken in from the client now. But for
// MaxRequests a client may always have one under way. The caller holds mu.
func (c *Client) full() bool {
	o := &c.core.opts
	return len(c.mu.out) >= flushAt ||
		c.mu.queue.n >= o.MaxQueued || c.mu.queued >= o.MaxQueuedBytes ||
		c.mu.queue.n > 0 && o.OutstandingLimit > 0 && c.core.outstanding.Load() >= o.OutstandingLimit ||
		c.core.stalled()
}

// stalled reports whether nobody may send anything now.
func (c *Core) stalled() bool {
	return c.opts.MaxRequests > 0 && c.outstanding.Load() >= c.opts.MaxRequests
}

// HasRoom reports whether WaitRoom would return at once.
func (c *Client) HasRoom() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.full() || c.mu.dead || c.mu.finish
}

// WaitRoom returns when a client that was full is so no longer, or is ending.
func (c *Client) WaitRoom() {
	began := c.core.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.barred.Store(false)
	for c.full() && !c.mu.dead && !c.mu.finish {
		c.barred.Store(len(c.mu.out) < flushAt)
		if c.mu.queue.n > 0 || len(c.mu.out) > 0 {
			c.wait()
			continue
		}
		// Only the others can make room; nobody tells when they have.
		c.core.metrics.ThrottleWaits.Inc(c.stripe)
		c.mu.Unlock()
		time.Sleep(c.core.opts.StallTime)
		c.mu.Lock()
	}
	c.mu.throttled = c.core.Now() - began
	if c.core.opts.MaxRequests > 0 {
		c.core.metrics.ThrottleQueueTime.Observe(c.stripe, c.mu.throttled)
	}
}

// refusedThrottled refuses a request that waited too long to be taken in. Pings
// and the end of a session are never refused.
func (c *Client) refusedThrottled(op wire.OpCode, xid wire.Xid, now time.Duration) bool {
	waited, limit := c.mu.throttled, c.core.opts.OpWaitTime
	c.mu.throttled = 0
	if limit <= 0 || waited <= limit || op == wire.OpPing || op == wire.OpCloseSession {
		return false
	}
	c.core.metrics.ThrottledOps.Inc(c.stripe)
	h := wire.ReplyHeader{Xid: xid, Zxid: c.core.tree.LastZxid(), Err: wire.Throttled}
	c.replyInTurn(op, h, nil, now, false)
	return true
}

// takeLarge counts a request that is large, by the length of its frame, and
// returns that length, 0 for one that is not.
func (c *Core) takeLarge(body int) (int, error) {
	bytes := requestHead + body
	if c.opts.LargeRequest <= 0 || bytes <= c.opts.LargeRequest {
		return 0, nil
	}
	if c.large.Add(int64(bytes)) > c.opts.LargeBytes {
		c.large.Add(-int64(bytes))
		c.metrics.LargeRequestsRejected.Inc(0)
		return 0, ErrLargeRequests
	}
	return bytes, nil
}

// concluded stops counting a request.
func (c *Core) concluded(req *Request) {
	if req == nil { // of another server's
		return
	}
	c.outstanding.Add(-1)
	req.share.end(req.weight)
	if req.Large > 0 {
		c.large.Add(-int64(req.Large))
	}
}
