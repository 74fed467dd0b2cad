package pipeline

import "sync"

// Outboxes are borrowed while there is something to write and given back when
// it is written, so that an idle connection holds none. They come in sizes, since a
// change that many watch borrows one for each of them at the same moment. Only boxes
// of ordinary size are kept.
const (
	eventBox   = 256      // for an event or two
	replyBox   = 4 << 10  // for the replies to a burst of writes
	readBox    = 16 << 10 // for the replies to a burst of reads
	keepOutbox = 256 << 10
)

// boxes are the pools of outboxes by their least capacity. What they hold are
// pointers, which a client keeps along with the box: so none is allocated when the
// box is given back.
var boxes = [...]struct {
	size int
	pool sync.Pool
}{{size: eventBox}, {size: replyBox}, {size: readBox}}

func borrow(size int) *[]byte {
	for i := range boxes {
		if p := &boxes[i]; p.size == size {
			if box, ok := p.pool.Get().(*[]byte); ok {
				return box
			}
		}
	}
	b := make([]byte, 0, size)
	return &b
}

// giveBack returns a box, which may have grown.
func giveBack(box *[]byte) {
	c := cap(*box)
	if c > keepOutbox {
		return
	}
	*box = (*box)[:0]
	for i := len(boxes) - 1; i >= 0; i-- {
		if p := &boxes[i]; c >= p.size {
			p.pool.Put(box)
			return
		}
	}
}

// outbox returns the buffer to append a frame to, one of at least the given size if
// a new one is needed. The caller holds mu and stores the result in mu.out.
func (c *Client) outbox(size int) []byte {
	if c.mu.out == nil {
		c.mu.box = borrow(size)
		c.mu.out = *c.mu.box
	} else if len(c.mu.out) >= c.mu.countAt {
		c.recount()
	}
	return c.mu.out
}

// takeOutbox takes what is to be written, as the box to give back.
func (c *Client) takeOutbox() *[]byte {
	box := c.mu.box
	*box = c.mu.out
	c.mu.out, c.mu.box, c.mu.told = nil, nil, 0
	return box
}

// release drops what is to be written.
func (c *Client) release() {
	if c.mu.out != nil {
		giveBack(c.takeOutbox())
	}
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
		box := c.takeOutbox()
		c.mu.tally.tell(c.core.metrics, c.stripe)
		c.mu.Unlock()
		n, err := c.socket.TryWrite(*box)
		if err == nil && n < len(*box) {
			if !wait {
				c.core.apart(func() { c.writeRest(box, n) })
				return
			}
			err = c.writeSlowly((*box)[n:])
		}
		giveBack(box)
		c.mu.Lock()
		c.stuck(0)
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

// writeSlowly writes what would have had to wait.
func (c *Client) writeSlowly(b []byte) error {
	c.mu.Lock()
	c.stuck(len(b))
	c.mu.Unlock()
	_, err := c.socket.Write(b)
	return err
}

// writeRest goes on with a write that would have had to wait.
func (c *Client) writeRest(box *[]byte, n int) {
	err := c.writeSlowly((*box)[n:])
	giveBack(box)
	c.mu.Lock()
	c.stuck(0)
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
