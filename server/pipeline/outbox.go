package pipeline

import "sync"

// Outboxes are borrowed while there is something to write and given back when
// it is written, so that an idle connection holds none. Only boxes of ordinary
// size are kept.
const (
	outboxSize = 16 << 10
	keepOutbox = 256 << 10
)

var outboxes = sync.Pool{New: func() any {
	b := make([]byte, 0, outboxSize)
	return &b
}}

// outbox returns the buffer to append a frame to. The caller holds mu and
// stores the result in mu.out.
func (c *Client) outbox() []byte {
	if c.mu.out == nil {
		c.mu.out = (*outboxes.Get().(*[]byte))[:0]
	}
	return c.mu.out
}

func recycle(b []byte) {
	if cap(b) == 0 || cap(b) > keepOutbox {
		return
	}
	outboxes.Put(&b)
}

func (c *Client) release() {
	recycle(c.mu.out)
	c.mu.out, c.mu.told = nil, 0
	c.mu.tally.seen = 0
}

// Flush writes the outbox. With wait it writes all there is;
// without, it writes what goes at once and leaves the rest to a
// goroutine of its own, so that one slow peer holds up nobody.
func (c *Client) Flush(wait bool) {
	c.mu.Lock()
	if c.mu.writing { // whoever writes takes along what has come since
		c.mu.Unlock()
		return
	}
	c.mu.writing = true
	for len(c.mu.out) > 0 && !c.mu.dead {
		box := c.mu.out
		c.mu.out, c.mu.told = nil, 0
		c.mu.tally.tell(c.core.metrics, c.stripe)
		c.mu.Unlock()
		n, err := c.write(box, wait)
		if err == nil && n < len(box) {
			go c.writeRest(box, n)
			return
		}
		recycle(box)
		c.mu.Lock()
		if err != nil {
			c.kill(err)
		}
	}
	over := c.written()
	c.mu.Unlock()
	if over {
		// Not under mu, which the core takes with the tree locked: to say goodbye
		// over TLS may have to wait for the peer.
		c.socket.Finish()
	}
}

func (c *Client) write(b []byte, wait bool) (int, error) {
	if wait {
		return c.socket.Write(b)
	}
	return c.socket.TryWrite(b)
}

// writeRest goes on with a write that would have had to wait.
func (c *Client) writeRest(box []byte, n int) {
	_, err := c.socket.Write(box[n:])
	recycle(box)
	c.mu.Lock()
	c.mu.writing = false
	if err != nil {
		c.kill(err)
	}
	c.mu.Unlock()
	c.Flush(true)
}

// written ends a flush and reports whether it has written the last reply. The
// caller holds mu.
func (c *Client) written() (over bool) {
	c.mu.writing = false
	over = c.mu.finish && len(c.mu.out) == 0 && !c.mu.dead
	if over {
		c.mu.dead = true
		c.mu.queue = queue{}
	}
	if c.mu.waiters > 0 {
		c.room.Broadcast()
	}
	return over
}

// wait waits for room. The caller holds mu.
func (c *Client) wait() {
	c.mu.waiters++
	c.room.Wait()
	c.mu.waiters--
}
