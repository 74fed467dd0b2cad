package peer

import (
	"bufio"
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/zabra/zabra/wire"
)

// A remote is what an Election knows about one other server.
type remote struct {
	e   *Election
	sid wire.SID
	// telling is held while Reachable or Unreachable is called, so that the last
	// call says how things are.
	telling sync.Mutex

	// Guarded by Election.mu:

	next     []byte             // the frame that waits, nil for none
	last     []byte             // the frame taken last for writing
	link     *link              // the connection, nil for none
	ended    <-chan struct{}    // closed when nothing of the links before is left; nil before the first
	newest   uint64             // number of the connection accepted last
	dialling bool               // dial runs
	abort    context.CancelFunc // ends the attempt under way, nil for none
	called   bool               // the server has asked to be dialled
	from     string             // own end of the connection dialled last
	hints    []string           // where it said that it listens
	pause    pause
	// changed has room for one token. It wakes the dialling goroutine when there
	// may be something else to do than to wait.
	changed chan struct{}
}

// push sees to it that what waits is sent. Election.mu is held.
func (r *remote) push() {
	switch {
	case r.link != nil:
		r.link.wake()
	case !r.wanted():
	case r.dialling:
		r.nudge()
	default:
		r.dialling = true
		r.e.wg.Go(r.dial)
	}
}

// wanted reports whether the server is to be dialled. Election.mu is held.
func (r *remote) wanted() bool {
	return r.link == nil && (r.next != nil || r.called) && r.e.ctx.Err() == nil
}

// startOver makes dialling begin again, with what is known now. Election.mu is held.
func (r *remote) startOver() {
	r.pause.reset()
	if r.abort != nil {
		r.abort()
	}
	r.nudge()
}

func (r *remote) nudge() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// addresses are where to dial: as configured, then as the server has said.
// Election.mu is held.
func (r *remote) addresses() []string {
	list := slices.Clone(r.e.servers[r.sid])
	for _, a := range r.hints {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

// setLink makes a connection that of the server. Election.mu is held.
func (r *remote) setLink(nc net.Conn, br *bufio.Reader) {
	if r.link != nil {
		closeNow(r.link.nc)
	}
	l := &link{r: r, nc: nc, br: br, before: r.ended, waiting: make(chan struct{}, 1), done: make(chan struct{})}
	r.link, r.ended, r.called = l, l.done, false
	if r.next == nil {
		r.next = r.last
	}
	r.startOver() // which finds that there is nothing to dial for
	r.e.wg.Go(l.read)
	r.e.wg.Go(l.write)
}

// lost ends a link. It reports whether it still was that of the server.
func (r *remote) lost(l *link) bool {
	r.e.mu.Lock()
	defer r.e.mu.Unlock()
	current := r.link == l
	if current {
		r.link = nil
		r.recall(l)
		if l.heard {
			r.pause.reset()
		}
		r.pause.failed(time.Now())
		r.push()
	}
	r.e.forget(r)
	return current
}

// doubt is how long a frame that was written may not have arrived.
const doubt = 5 * time.Second

// recall lets the frame that was written last wait again, if it may have been lost
// with its link. Election.mu is held.
func (r *remote) recall(l *link) {
	if r.next == nil && time.Since(l.taken) < doubt && r.e.member(r.sid) {
		r.next = r.last
	}
}

// tellReachable tells that l stands, if it still does.
func (r *remote) tellReachable(l *link) {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.e.mu.Lock()
	current := r.link == l && r.e.ctx.Err() == nil
	r.e.mu.Unlock()
	if current {
		r.e.c.Reachable(r.sid)
	}
}

// tellUnreachable tells that there is no connection, unless there is one now.
func (r *remote) tellUnreachable(err error) {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.e.mu.Lock()
	none := r.link == nil && r.e.ctx.Err() == nil
	r.e.mu.Unlock()
	if none {
		r.e.c.Unreachable(r.sid, err)
	}
}
