package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A pair of hands does what the core and the log have to do. Whoever of the two is
// woken takes the core, and behind that the log, if nobody has it: so a write that comes
// alone is prepared, appended, synced, applied and answered by one goroutine that was
// woken once. While one waits for the disk, the other serves the core; a disk that
// stalls stops nothing but what needs it.
//
// Core and log each belong to one hand at a time, which holds a lock that is only ever
// tried. Who finds it held goes on to something else: the holder looks, after it has let
// go, whether there is more to do, and so finds what was there when it was tried. Work
// is therefore announced (bell.ring) when it comes from elsewhere, or when the hand that
// found it is going to do something else first, and not otherwise.
const hands = 2

// A bell wakes one of those who wait for it.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// errDone ends a core that has nothing left to do.
var errDone = errors.New("pipeline: done")

// Run serves until ctx is done, then finishes what is under way, or until the
// log fails; the error is the log's.
func (c *Core) Run(ctx context.Context) error {
	c.flush.start()
	c.writer.settles = true
	forget := context.AfterFunc(ctx, func() { c.inbox.put(message{call: func() { c.leaving = true }}) })
	defer forget()
	var working, ticking sync.WaitGroup
	ticking.Go(c.tickAlong)
	c.turning.Lock()
	c.running = true
	c.turning.Unlock()
	for range hands {
		working.Go(c.hand)
	}
	<-c.stopped
	err := c.failure
	if err != nil {
		c.metrics.UnrecoverableErrors.Inc(0)
	}
	// Whoever still waits for an answer, or for room to ask, waits in vain.
	for _, cl := range c.clients.list() {
		cl.Kill(nil)
	}
	working.Wait()
	c.writer.close()
	ticking.Wait()
	c.flush.stop()
	return err
}

// tickAlong has the core look at the time.
func (c *Core) tickAlong() {
	tick := time.NewTicker(c.tickInterval())
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// One that is behind finds a single tick, and is excused; see wasAway.
			if c.ticked.CompareAndSwap(false, true) {
				c.inbox.put(message{call: func() { c.ticked.Store(false); c.tick() }})
			}
		case <-c.stopped:
			return
		}
	}
}

// hand works until the core has stopped and what was given to the log is done.
func (c *Core) hand() {
	for {
		for c.serveCore() || c.serveLog() {
		}
		select {
		case <-c.bell:
		case <-c.stopped:
			for c.serveLog() {
			}
			return
		}
	}
}

// serveCore does what there is to do for the core, unless the other hand has it. It reports
// whether it did something.
func (c *Core) serveCore() bool {
	if c.inbox.empty() || !c.takeTurns() {
		return false
	}
	if !c.inbox.empty() {
		c.writer.summon() // this hand has more to do here
	}
	return true
}

func (c *Core) takeTurns() bool {
	if !c.turning.TryLock() {
		return false
	}
	defer c.turning.Unlock()
	if !c.running {
		return false
	}
	if c.crowded {
		gather()
	}
	for more := true; more; more = c.ready() { // more to commit: look at the inbox, but do not wait for it
		if err := c.nextTurn(); err != nil {
			c.end(err)
			return true
		}
	}
	return true
}

// nextTurn does a turn, and returns errDone when it was the last.
func (c *Core) nextTurn() (err error) {
	if c.msgs, err = c.turn(c.msgs, false); err != nil {
		return err
	}
	if c.leaving && (c.full || c.opts.Member || c.inflight.len() == 0 && c.inbox.empty()) {
		return errDone
	}
	return nil
}

// end stops the core.
func (c *Core) end(err error) {
	if err != errDone {
		c.failure = err
	}
	c.running = false
	close(c.stopped)
}

// serveLog does for the log what serveCore does for the core.
func (c *Core) serveLog() bool {
	if c.writer.inbox.empty() || !c.takeLog() {
		return false
	}
	c.writer.summon() // this hand looks at the core first
	return true
}

func (c *Core) takeLog() bool {
	w := c.writer
	if !w.working.TryLock() {
		return false
	}
	defer w.working.Unlock()
	if w.dead {
		return false
	}
	if w.crowded {
		gather()
	}
	w.serve()
	return true
}

// visit does what a hand would else be woken for: whoever has brought the core something
// gives it a turn there and then. If nothing but a lone write has come of that, and the
// log is quick, he does the log's part and what follows from it, too. Only one who can be
// relieved may do so: the log is quick until it is not, and then everybody waits who
// waits for the visitor.
func (c *Core) visit(log bool) {
	turned := c.serveCore()
	if log && turned && c.inbox.empty() && c.writer.light() && c.serveLog() {
		c.serveCore()
	}
	if !c.inbox.empty() || !c.writer.inbox.empty() {
		c.bell.ring()
	}
}
