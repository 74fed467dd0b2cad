package pipeline

import "sync"

// flushers are the goroutines that write to sockets what the core has put into
// outboxes, so that the core makes no system call for a reply.
type flushers struct {
	core    *Core
	inboxes []*inbox[*Client]
	stopped chan struct{}
	running sync.WaitGroup
	next    int
}

func newFlushers(c *Core, n int) *flushers {
	f := &flushers{core: c, stopped: make(chan struct{})}
	for range max(n, 1) {
		f.inboxes = append(f.inboxes, newInbox[*Client](newBell()))
	}
	return f
}

func (f *flushers) start() {
	for _, in := range f.inboxes {
		f.running.Go(func() { f.run(in) })
	}
}

func (f *flushers) stop() {
	close(f.stopped)
	f.running.Wait()
}

func (f *flushers) run(in *inbox[*Client]) {
	var clients []*Client
	for {
		select {
		case <-in.bell:
		case <-f.stopped:
			f.drain(in.take(clients))
			return
		}
		clients = in.take(clients)
		f.drain(clients)
		clear(clients) // a client that is gone must not be kept
	}
}

func (f *flushers) drain(clients []*Client) {
	for _, cl := range clients {
		cl.proceed()
	}
}

// few is how many clients the core serves itself: handing over costs more.
const few = 2

// flushDirty sees to it that everybody who got something also gets it written.
func (c *Core) flushDirty() {
	n := len(c.dirty)
	if n == 0 {
		return
	}
	if n <= few {
		c.flush.drain(c.dirty)
	} else {
		c.flush.share(c.dirty)
	}
	clear(c.dirty)
	c.dirty = c.dirty[:0]
}

// share deals clients out in equal parts.
func (f *flushers) share(clients []*Client) {
	part := (len(clients) + len(f.inboxes) - 1) / len(f.inboxes)
	for len(clients) > 0 {
		k := min(part, len(clients))
		f.inboxes[f.next].put(clients[:k]...)
		f.next = (f.next + 1) % len(f.inboxes)
		clients = clients[k:]
	}
}

// proceed answers the reads that waited for a write which is now applied, and
// writes the outbox.
func (c *Client) proceed() {
	c.catchUp()
	c.Flush(false)
}

// catchUp answers the reads whose turn has come. What the core applies from then
// on marks the client anew: the mark must not outlive this look at the queue, or
// the reads behind that write would wait for ever.
func (c *Client) catchUp() {
	if !c.readsWait() {
		return
	}
	lock := c.core.lock.reader(uint32(c.id))
	lock.RLock()
	defer lock.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.dirty = false
	if !c.mu.dead {
		c.advance()
	}
}

// readsWait reports whether the turn of anything has come. If not, as mostly, it
// takes the mark away: flushers then stay out of the way of the core, which wants the
// whole tree.
func (c *Client) readsWait() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	wait := c.mu.queue.n > 0 && c.mu.queue.front().kind != kindWrite
	c.mu.dirty = c.mu.dirty && wait
	return wait
}
