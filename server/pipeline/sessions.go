package pipeline

import (
	"errors"
	"fmt"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
)

// Errors of a handshake that ends without an answer: the client tries the next
// server.
var (
	// ErrAhead says that the client has seen a later zxid than this server.
	ErrAhead = errors.New("pipeline: client has seen a newer zxid than this server has")
	// ErrDisplaced says that the session came back by another connection.
	ErrDisplaced = errors.New("pipeline: session was resumed by another connection")
	// ErrSessionEnded says that the session was closed or has expired.
	ErrSessionEnded = errors.New("pipeline: session has ended")
)

// A handshake is a ConnectRequest whose answer is awaited.
type handshake struct {
	timeout       int32
	hasReadOnly   bool
	canBeReadOnly bool
	readOnly      bool // the server is
	renew         wire.SessionID
	valid         bool // the password for it
	done          chan struct{}
}

// Connect runs the handshake: it opens the session, or resumes it, and returns
// once the answer is in the outbox. A session that cannot be resumed is
// answered too, and the connection then ends (ErrClosing from Handle). An error
// means that the connection is to be closed without an answer.
func (c *Client) Connect(r *wire.ConnectRequest) error {
	answered, err := c.Begin(r)
	if err != nil {
		return err
	}
	select {
	case <-answered:
		return nil
	case <-c.core.stopped:
		return ErrClosing
	}
}

// Begin is Connect for those who cannot wait: the channel is closed once the answer is
// in the outbox, or the client is dropped. It is never closed if the core stops first.
func (c *Client) Begin(r *wire.ConnectRequest) (answered <-chan struct{}, err error) {
	c.lastSeen.Store(c.core.millis())
	c.connectReceived()
	var last wire.Zxid
	c.core.View(func(t *datatree.Tree) { last = t.LastZxid() })
	if c.core.ReadOnly() && !r.ReadOnly {
		return nil, ErrNotReadOnly
	}
	if r.LastZxidSeen > last && !plant.In(plant.OlderServerAccepted) {
		return nil, fmt.Errorf("%w (%v, here %v)", ErrAhead, r.LastZxidSeen, last)
	}
	o := &c.core.opts
	h := &handshake{
		timeout: session.NegotiateTimeout(r.Timeout, int32(o.MinTimeout.Milliseconds()), int32(o.MaxTimeout.Milliseconds())),
		renew:   r.Session, valid: session.ValidPassword(r.Session, r.Passwd),
		hasReadOnly: r.HasReadOnly, canBeReadOnly: r.ReadOnly, done: make(chan struct{}),
	}
	if r.Session == 0 {
		c.core.inbox.lay(message{call: func() { c.core.open(c, h) }})
		c.core.visit(false)
	} else if !h.valid && !c.core.ReadOnly() { // where the session comes before the password
		c.refuseSession(h)
	} else {
		c.core.inbox.put(message{call: func() { c.core.resume(c, h) }})
	}
	return h.done, nil
}

// connectReceived counts the ConnectRequest, which is a packet like any other.
func (c *Client) connectReceived() {
	c.mu.Lock()
	c.mu.stats.Received++
	c.mu.Unlock()
	c.core.metrics.PacketsReceived.Add(c.stripe, 1)
}

// open proposes a new session. To cons it is a request with xid 0; a resumed
// session has made none yet.
func (c *Core) open(cl *Client, h *handshake) {
	if c.bars(cl, h) {
		return
	}
	if c.local.Tracker != nil {
		c.openLocal(cl, h)
		return
	}
	id := c.newID()
	if !c.opens(cl, h) {
		return
	}
	c.outstanding.Add(1)
	c.propose(&Request{
		Session: id, Op: wire.OpCreateSession, Body: &wire.CreateSessionTxn{Timeout: h.timeout}, Origin: cl,
	})
}

func (c *Core) newID() wire.SessionID {
	id := c.ids.Next()
	for c.sessionKnown(id) || c.local.has(id) {
		id = c.ids.Next()
	}
	return id
}

// opens lets the client wait for its session, unless it has died.
func (c *Core) opens(cl *Client, h *handshake) bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.mu.dead {
		close(h.done)
		return false
	}
	cl.mu.handshake = h
	cl.mu.stats.opened()
	cl.push(pending{kind: kindWrite, op: wire.OpCreateSession, at: c.Now()})
	return true
}

// take makes the session the client's, unless the client has died meanwhile.
// Gone looks at it after that, so no session is left to a connection that is
// gone.
func (c *Client) take(id wire.SessionID, timeout int32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.dead {
		return false
	}
	c.session.Store(int64(id))
	c.timeout.Store(timeout)
	return true
}

// endHandshake lets Connect return. The caller holds mu.
func (c *Client) endHandshake() {
	if h := c.mu.handshake; h != nil {
		c.mu.handshake = nil
		close(h.done)
	}
}

func (c *Core) sessionKnown(id wire.SessionID) bool {
	_, known := c.tree.SessionTimeout(id)
	return known
}

// established answers the handshake of a session that now exists.
func (c *Core) established(cl *Client, p *proposal) {
	cl.mu.Lock()
	h := cl.mu.handshake
	cl.mu.Unlock()
	if h == nil { // the client is gone
		return
	}
	c.settle(cl, p.req, h.answer(p.req.Session), false)
	cl.mu.Lock()
	cl.mu.queue = queue{} // it may be idle from now on
	cl.endHandshake()
	cl.mu.Unlock()
}

// resume gives a session to the connection that knows its password, if the
// session still lives.
func (c *Core) resume(cl *Client, h *handshake) {
	switch {
	case c.role == nil:
		close(h.done)
		cl.Kill(ErrNoLeader)
	case c.bars(cl, h):
	case h.readOnly:
		c.role.resume(cl, h)
	case !h.valid:
		cl.refuseSession(h)
	case c.local.has(h.renew):
		c.resumeLocal(cl, h)
	default:
		c.role.resume(cl, h)
	}
}

// adopt gives a session that lives to a connection. The one that had it is dropped.
func (c *Core) adopt(cl *Client, h *handshake) {
	if !cl.take(h.renew, h.timeout) {
		close(h.done)
		return
	}
	if old := c.owners[h.renew]; old != nil && old != cl {
		old.Kill(ErrDisplaced)
	}
	c.owners[h.renew] = cl
	c.metrics.ConnectionRevalidates.Add(0, 1)
	cl.mu.Lock()
	if !cl.mu.dead {
		cl.mu.out = h.answer(h.renew)(cl.outbox(eventBox))
		cl.mu.stats.Sent++
		cl.mu.tally.reply(len(cl.mu.out))
	}
	cl.mu.Unlock()
	close(h.done)
}

// refuseSession answers that the session is no more and ends the connection.
func (c *Client) refuseSession(h *handshake) {
	c.mu.Lock()
	if !c.mu.dead {
		h.timeout = 0
		c.mu.out = h.answer(0)(c.outbox(eventBox))
		c.mu.tally.reply(len(c.mu.out))
		c.mu.finish = true
	}
	c.mu.Unlock()
	close(h.done)
}

// answer returns what appends the ConnectResponse; session 0 is a refusal.
func (h *handshake) answer(id wire.SessionID) func(b []byte) []byte {
	r := wire.ConnectResponse{Timeout: h.timeout, Session: id, ReadOnly: h.readOnly, HasReadOnly: h.hasReadOnly}
	var passwd [wire.PasswdLen]byte
	if id != 0 {
		passwd = session.Password(id)
	}
	r.Passwd = passwd[:]
	return func(b []byte) []byte {
		b, mark := wire.BeginFrame(b)
		return wire.EndFrame(r.AppendTo(b), mark)
	}
}

// sessionsChanged follows what a transaction did to the sessions.
func (c *Core) sessionsChanged(p *proposal, res *datatree.Result) {
	id := p.txn.Header.Session
	switch p.txn.Header.Op {
	case wire.OpCreateSession:
		timeout := p.txn.Body.(*wire.CreateSessionTxn).Timeout
		if cl := p.req.client(); cl != nil && cl.take(id, timeout) {
			c.owners[id] = cl
		}
	case wire.OpCloseSession:
		owner := c.owners[id]
		delete(c.owners, id)
		if owner != nil && owner != p.req.client() {
			owner.Kill(ErrSessionEnded)
		}
	}
}

// sessionTracked keeps the times of sessions, where sessions expire.
func (c *Core) sessionTracked(h wire.TxnHeader, body wire.Record) {
	switch h.Op {
	case wire.OpCreateSession:
		c.tracker.Add(h.Session, body.(*wire.CreateSessionTxn).Timeout, c.millis())
	case wire.OpCloseSession:
		c.tracker.Remove(h.Session)
	}
}

// awayTime in milliseconds is how late a tick must be beyond its interval.
const awayTime = 100

// tick looks for sessions whose time is up and, now and then, for nodes to
// reap.
func (c *Core) tick() {
	c.boundUnsent()
	c.prep.Rest()
	now := c.millis()
	if c.role != nil {
		c.role.tick(now)
	}
	if c.wasAway(now) || c.role == nil {
		return
	}
	c.expireLocal(now)
	if !c.role.decides() {
		return
	}
	c.due = c.tracker.Due(now, c.due[:0])
	for _, id := range c.due {
		c.expireUnlessHeard(id)
	}
	if c.full {
		c.giveUpWaiting()
		return // what is to be reaped can wait too
	}
	if now >= c.nextReap {
		c.nextReap = now + c.opts.ReapInterval.Milliseconds()
		c.reap()
	}
}

// wasAway reports whether the server itself did not run just now: its machine was
// suspended, or the core was kept busy. What the clients have sent meanwhile is
// there, but not read yet; sessions are looked at again in a moment. A server that
// is always late does not put that off for ever.
func (c *Core) wasAway(now int64) bool {
	if c.excused && now-c.lastTick < c.tickInterval().Milliseconds()/2 {
		return true // a tick that was late, and the one that was due
	}
	c.excused = !c.excused && now-c.lastTick > 2*c.tickInterval().Milliseconds()+awayTime
	c.lastTick = now
	return c.excused
}

// heard is when the client was heard of last. While the server does not read what
// it sends it cannot be blamed for silence: else every busy session would expire
// when the log's disk stalls for that long.
func (c *Client) heard(now int64) int64 {
	if c.barred.Load() {
		return now
	}
	return c.lastSeen.Load()
}

// expireUnlessHeard ends a session whose bucket has come, unless its connection
// was heard from in the meantime. Requests note only that on their connection,
// so that reads share no state.
func (c *Core) expireUnlessHeard(id wire.SessionID) {
	if cl := c.owners[id]; cl != nil && c.tracker.Touch(id, cl.Timeout(), cl.heard(c.millis())) {
		return
	}
	timeout, _ := c.tracker.Timeout(id)
	if !c.tracker.Close(id) {
		return
	}
	c.events.SessionExpired(id, timeout)
	c.metrics.StaleSessionsExpired.Add(0, 1)
	c.proposeOwn(&Request{Session: id, Op: wire.OpCloseSession})
	if plant.In(plant.CloseSessionTwice) {
		c.proposeOwn(&Request{Session: id, Op: wire.OpCloseSession})
	}
}

// proposeOwn proposes a request of the server itself.
func (c *Core) proposeOwn(req *Request) {
	c.outstanding.Add(1)
	c.propose(req)
}

// reap proposes to delete the containers and TTL nodes that are due.
func (c *Core) reap() {
	limit := max(1, int(int64(c.opts.ReapPerMinute)*c.opts.ReapInterval.Milliseconds()/60_000))
	for i, path := range c.tree.Reapable(c.wall.UnixMilli(), c.opts.MaxNeverUsed.Milliseconds()) {
		if i == limit {
			return
		}
		c.proposeOwn(&Request{Op: wire.OpDeleteContainer, Body: &wire.PathRequest{Path: path}})
	}
}

// forget is told that a connection is gone; its session lives on.
func (c *Core) forget(cl *Client) {
	id := cl.Session()
	if id == 0 || c.owners[id] != cl {
		return
	}
	delete(c.owners, id)
	times := c.tracker
	if c.local.has(id) {
		times = c.local.Tracker
	}
	times.Touch(id, cl.Timeout(), cl.lastSeen.Load())
}
