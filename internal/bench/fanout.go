package bench

import (
	"fmt"

	"github.com/zabra/zabra/wire"
)

// A fanout measures how a change reaches many watchers: the last connection
// sets one node, all others watch it, and each event counts, with the time
// from the set to the event. The next set goes out when every watcher has the
// event (and, with one-shot watches, has set its watch again).
type fanout struct {
	*layout
	oneShot bool
	limit   int64  // events to deliver; 0 is no limit
	events  int64  // events delivered
	round   uint64 // sets made
	ready   int    // watchers that have all that was sent to them
	sentAt  int64  // when the last set was made
	idle    bool   // the last set is answered
}

func (w *fanout) setter(l *loop) *conn { return l.conns[len(l.conns)-1] }

func (w *fanout) next(l *loop, c *conn, b []byte) ([]byte, wire.OpCode, bool) {
	switch {
	case c != w.setter(l):
		return w.arm(c, b)
	case !w.idle && w.round > 0, w.ready < len(l.conns)-1, w.limit > 0 && w.events >= w.limit:
		return b, 0, false
	}
	w.round++
	l.awaited = len(l.conns) - 1
	w.ready, w.idle, w.sentAt = 0, false, l.clock
	req := wire.SetDataRequest{Path: w.keys[0], Data: w.value, Version: -1}
	return req.AppendTo(b), wire.OpSetData, true
}

// arm sets a watcher's watch, if it has none.
func (w *fanout) arm(c *conn, b []byte) ([]byte, wire.OpCode, bool) {
	if c.armed {
		return b, 0, false
	}
	c.armed = true
	if w.oneShot {
		req := wire.PathWatchRequest{Path: w.keys[0], Watch: true}
		return req.AppendTo(b), wire.OpGetData, true
	}
	req := wire.AddWatchRequest{Path: w.keys[0], Mode: wire.WatchPersistent}
	return req.AppendTo(b), wire.OpAddWatch, true
}

func (w *fanout) reply(l *loop, _ *conn, op wire.OpCode, _ []byte) (bool, error) {
	if op == wire.OpSetData {
		w.idle = true
	} else {
		w.ready++
	}
	l.kick(w.setter(l))
	return false, nil
}

func (w *fanout) event(l *loop, c *conn, now int64) error {
	if c.round == w.round {
		return fmt.Errorf("a second event for one change")
	}
	c.round = w.round
	w.events++
	l.awaited--
	l.record(now, w.sentAt, opEvent)
	if w.oneShot {
		c.armed = false
		l.kick(c)
		return nil
	}
	if w.ready++; w.ready == len(l.conns)-1 {
		l.kick(w.setter(l))
	}
	return nil
}

// opEvent stands for the delivery of a notification in a loop's counts.
const opEvent = wire.OpNotification
