package pipeline

import (
	"errors"
	"slices"
	"time"

	"github.com/zabra/zabra/internal/plant"
)

// What happens while the log finds no room on its disk. The batch that did not fit
// is tried again until it does; whatever was prepared waits with it, and what
// comes now is held before it is prepared, so that it can still be dropped. Reads,
// pings, resumed sessions and the clock of sessions go on. Nobody waits for ever:
// see giveUpWaiting.

// ErrNoSpace is wrapped by an error of Log.Append, and of Vault's methods, after which the
// disk holds what it held, because there is no room for more: the same call may succeed
// later.
var ErrNoSpace = errors.New("pipeline: no room for the log")

// ErrDiskFull says that a client's write could not be logged in time. The
// connection is ended rather than the write refused: that is how ZooKeeper's
// clients are told that the outcome of a request is not known, and it is what each
// of them can deal with.
var ErrDiskFull = errors.New("pipeline: the disk is full, and the client has waited long enough for its write")

// The least and the most time between two tries to append.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Second
)

// append appends, and waits for room if there is none. It returns an error if the
// log has failed, or if the core stops first.
func (w *logWriter) append() error { return w.patiently(w.try) }

// patiently does something as often as it takes until there is room for it.
func (w *logWriter) patiently(f func() error) error {
	err := w.tried(f())
	for pause := firstRetry; errors.Is(err, ErrNoSpace); pause = min(2*pause, lastRetry) {
		select {
		case <-time.After(pause):
		case <-w.core.stopped:
			return err
		}
		err = w.tried(f())
	}
	return err
}

// try appends once.
func (w *logWriter) try() error {
	err := w.core.log.Append(w.txns)
	if err == nil && plant.In(plant.AckBeforeSync) {
		w.tell()
	}
	return err
}

// tried tells the core when room is short, and when it is no longer.
func (w *logWriter) tried(err error) error {
	switch short := errors.Is(err, ErrNoSpace); {
	case short && !w.short:
		w.short = true
		w.core.inbox.put(message{call: func() { w.core.full = true }})
	case err == nil && w.short:
		w.short = false
		w.core.inbox.put(message{call: w.core.roomAgain})
	}
	return err
}

// holds reports whether requests are kept back before they are prepared.
func (c *Core) holds() bool { return c.full || len(c.paused) > 0 }

// roomAgain goes on with what was held.
func (c *Core) roomAgain() {
	c.full = false
	if !c.holds() {
		c.proposeHeld()
	}
}

// proposeHeld proposes what was held, in the order in which it came.
func (c *Core) proposeHeld() {
	held := c.held
	c.held = nil
	for _, req := range held {
		c.propose(req)
	}
}

// giveUpWaiting drops the clients whose writes have waited for long, and what was
// held for clients that are gone: those writes have not happened and will not.
// What has been prepared keeps its place. A client that comes back resumes its
// session, can read, and may try to write again; so the memory that waiting writes
// take is bounded by the connections, however long the disk is full.
func (c *Core) giveUpWaiting() {
	for _, p := range c.inflight.items[c.inflight.head:] {
		c.giveUp(p.req.client())
	}
	c.held = slices.DeleteFunc(c.held, func(req *Request) bool {
		cl := req.client()
		if cl == nil || c.giveUp(cl) {
			return false
		}
		c.concluded(req)
		return true
	})
}

// giveUp drops a client whose oldest write has waited for too long, and reports
// whether it lives. Its session has its full time from when it was heard of last,
// or from now if the server has not listened since.
func (c *Core) giveUp(cl *Client) (lives bool) {
	if cl == nil {
		return false
	}
	waited, lives := cl.waited(c.Now())
	if !lives || waited <= c.opts.MaxFullWait {
		return lives
	}
	if id := cl.Session(); c.owners[id] == cl {
		c.tracker.Touch(id, cl.Timeout(), cl.heard(c.millis()))
	}
	cl.Kill(ErrDiskFull)
	return false
}

// waited is how long the client's oldest request has been waiting for a write.
func (c *Client) waited(now time.Duration) (d time.Duration, lives bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.dead {
		return 0, false
	}
	if c.mu.queue.n == 0 {
		return 0, true
	}
	return now - c.mu.queue.front().at, true
}
