package pipeline

import (
	"sync/atomic"

	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
)

// Local sessions are known only to the server that they were opened at: no transaction
// makes or ends them, they expire there, and they end with the server's role. A session
// becomes global when it first asks for an ephemeral node, if that is allowed: behind a
// createSession under its own id, which goes out just before the request, so that its
// requests keep their order.

// A localSessions keeps the local sessions of a server and their times. Only the core's
// goroutine uses it, but for count.
type localSessions struct {
	*session.Tracker // nil while there can be none
	count            atomic.Int64
}

// begin lets local sessions be opened, with buckets of tick milliseconds.
func (l *localSessions) begin(tick int64) {
	l.Tracker = session.NewTracker(tick)
	l.count.Store(0)
}

// end forgets them all.
func (l *localSessions) end() {
	l.Tracker = nil
	l.count.Store(0)
}

// has reports whether a session is local.
func (l *localSessions) has(id wire.SessionID) bool {
	return l.Tracker != nil && l.Alive(id)
}

func (l *localSessions) add(id wire.SessionID, timeout int32, now int64) {
	l.Add(id, timeout, now)
	l.count.Store(int64(l.Len()))
}

func (l *localSessions) remove(id wire.SessionID) {
	l.Remove(id)
	l.count.Store(int64(l.Len()))
}

// LocalCount is the number of local sessions.
func (c *Core) LocalCount() int64 { return c.local.count.Load() }

// openLocal opens a session that no other server hears of.
func (c *Core) openLocal(cl *Client, h *handshake) {
	id := c.newID()
	if !c.opens(cl, h) {
		return
	}
	if cl.take(id, h.timeout) {
		c.local.add(id, h.timeout, c.millis())
		c.owners[id] = cl
	}
	c.reading(func() { c.established(cl, &proposal{req: &Request{Session: id, Op: wire.OpCreateSession}}) })
}

// reading runs f, which answers a client, as if a batch of commits had come.
func (c *Core) reading(f func()) {
	c.clock = c.Now()
	lock := c.lock.reader(0)
	lock.RLock()
	f()
	lock.RUnlock()
	c.flushDirty()
}

// ownLocal sees to a request of a local session, and reports whether that was all
// there is to do.
func (c *Core) ownLocal(req *Request) (done bool) {
	switch {
	case req.Op == wire.OpCloseSession:
		c.closeLocal(req)
		return true
	case !wantsEphemeral(req):
		req.Local = true
	case c.opts.UpgradeSessions:
		c.upgrade(req.Session)
	default:
		req.Local, req.Refused = true, wire.EphemeralOnLocalSession
	}
	return false
}

// wantsEphemeral reports whether a request, or a part of it, asks for an ephemeral
// node.
func wantsEphemeral(req *Request) bool {
	for i := range req.Multi {
		if op := &req.Multi[i]; createsEphemeral(op.Op, op.Body) {
			return true
		}
	}
	return createsEphemeral(req.Op, req.Body)
}

func createsEphemeral(op wire.OpCode, body wire.Record) bool {
	r, ok := body.(*wire.CreateRequest)
	return ok && (op == wire.OpCreate || op == wire.OpCreate2) && wire.CreateMode(r.Flags).Ephemeral()
}

// upgrade lets all servers know of a local session. From here on its leader keeps its
// time.
func (c *Core) upgrade(id wire.SessionID) {
	timeout, _ := c.local.Timeout(id)
	c.local.remove(id)
	c.events.SessionUpgraded(id)
	c.proposeOwn(&Request{Session: id, Op: wire.OpCreateSession, Body: &wire.CreateSessionTxn{Timeout: timeout}})
}

// closeLocal ends a session for its client, which is answered in its turn.
func (c *Core) closeLocal(req *Request) {
	c.concluded(req)
	c.local.remove(req.Session)
	cl := req.client()
	if owner := c.owners[req.Session]; owner != nil && owner != cl {
		owner.Kill(ErrSessionEnded)
	}
	delete(c.owners, req.Session)
	c.reading(func() {
		if cl.answerClose(req.Cxid, c.clock) {
			c.dirty = append(c.dirty, cl)
		}
	})
}

// expireLocal ends the local sessions whose time is up.
func (c *Core) expireLocal(now int64) {
	if c.local.Tracker == nil {
		return
	}
	c.due = c.local.Due(now, c.due[:0])
	for _, id := range c.due {
		cl := c.owners[id]
		if cl != nil && c.local.Touch(id, cl.Timeout(), cl.heard(now)) {
			continue
		}
		timeout, _ := c.local.Timeout(id)
		c.local.remove(id)
		c.events.SessionExpired(id, timeout)
		c.metrics.StaleSessionsExpired.Add(0, 1)
		if cl != nil {
			delete(c.owners, id)
			cl.Kill(ErrSessionEnded)
		}
	}
}

// resumeLocal gives a local session to another connection.
func (c *Core) resumeLocal(cl *Client, h *handshake) {
	if !c.local.Touch(h.renew, h.timeout, c.millis()) {
		cl.refuseSession(h)
		return
	}
	c.adopt(cl, h)
}
