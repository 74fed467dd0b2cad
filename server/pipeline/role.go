package pipeline

import (
	"errors"
	"io"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A role is what the core does about requests that change something: it decides
// alone, or as the leader of an ensemble, or it passes them on to a leader. Between
// two roles a member of an ensemble has none, and serves nobody. All methods are
// called on the core's goroutine.
type role interface {
	// submit takes a write or a sync, of a client or of the server itself.
	submit(req *Request)
	// resume gives a session to the connection that knows its password.
	resume(cl *Client, h *handshake)
	// tick is called several times in a tick.
	tick(now int64)
	// decides reports whether sessions expire and nodes are reaped here.
	decides() bool
	// applied is told of a transaction that was just applied; the tree is locked.
	applied(h wire.TxnHeader, body wire.Record, digest *wire.TxnDigest)
	// flush hands on what has gathered: to the log, to the other servers.
	flush()
}

// ErrNoLeader ends the connections of a server that has lost its leader, or its
// followers; clients try another server.
var ErrNoLeader = errors.New("pipeline: the server looks for a leader")

// Peers carries packets to the other servers of an ensemble. No method waits.
type Peers interface {
	// Send queues packets for a learner, or, with number 0, for the leader.
	Send(to zab.Conn, pkts ...wire.QuorumPacket)
	// Stream queues what f writes, in its turn. f runs on another goroutine, once in any
	// case: when the connection has ended its writes fail.
	Stream(to zab.Conn, f func(w io.Writer) error)
	// Close ends a connection; what is queued for it need not arrive.
	Close(to zab.Conn, why error)
}

// A Vault is what a member of an ensemble keeps on disk beside what is appended to
// the Log. All methods but Read are called on the log's goroutine, between two
// batches, and are called again after an error that wraps ErrNoSpace; any other is final.
type Vault interface {
	// SetEpoch makes accepted or current epochs durable (zab.WriteAcceptedEpoch,
	// zab.WriteCurrentEpoch).
	SetEpoch(which zab.WriteOp, e wire.Epoch) error
	// Truncate removes everything above z from the log, durably.
	Truncate(z wire.Zxid) error
	// Replace makes a tree that was received the state, and begins the log behind
	// it: both or neither. If that takes back some of the log, a server that stops before
	// currentEpoch is set has no vote when it starts again: what follows the tree was
	// perhaps acknowledged, and is not there yet.
	Replace(tree *datatree.Tree) error
	// Read calls f with the transactions of a range of the log, in order.
	Read(r zab.Range, f func(z wire.Zxid, raw []byte) error) error
}

// Settings are what a role needs to know of the ensemble.
type Settings struct {
	Config            quorum.Config // that is in force
	StandaloneEnabled bool          // the key of that name; see quorum.Reconfig
}

// showConfig lets clients read the configuration where they look for it.
func (c *Core) showConfig(q quorum.Config) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.tree.SetConfig(q.Text(), wire.Zxid(q.Version), c.opts.Clock.Wall().UnixMilli())
}

// assume changes the role of a member. Nothing of the role before is under way.
func (c *Core) assume(r role) {
	c.role = r
	c.decided, c.confirmed = c.tree.LastZxid(), 0
	c.renew()
}

// renew begins to prepare, and to time sessions, from the tree as it is: all of them
// have been heard of just now.
func (c *Core) renew() {
	c.prep = NewPreparer(c.tree, c.schemes, c.opts.Prepare)
	c.tracker = session.NewTracker(c.opts.Tick.Milliseconds())
	since := func(int32) int64 { return c.millis() }
	if plant.In(plant.TouchLostOnNewLeader) {
		since = func(timeout int32) int64 { return c.millis() - int64(timeout)*9/10 }
	}
	for id, timeout := range c.tree.Sessions() {
		c.tracker.Add(id, timeout, since(timeout))
	}
}

// serve begins to serve clients.
func (c *Core) serve() {
	if c.opts.LocalSessions || c.ReadOnly() {
		c.local.begin(c.opts.Tick.Milliseconds())
	}
	c.serving.Store(true)
}

// resign ends the role: who waited for it waits in vain, and is told by the end of
// its connection.
func (c *Core) resign() { c.leave(ErrNoLeader) }

func (c *Core) leave(why error) {
	c.role = nil
	c.serving.Store(false)
	c.local.end()
	if plant.In(plant.MapOrder) {
		for _, cl := range c.owners {
			cl.Kill(why)
		}
	}
	for _, cl := range c.clients.list() {
		cl.Kill(why)
	}
	for c.inflight.len() > 0 {
		p := c.inflight.pop()
		c.concluded(p.req)
	}
	for _, req := range c.held {
		c.concluded(req)
	}
	c.held = nil
	clear(c.owners)
}

// Serving reports whether sessions are served: always when the server stands alone,
// and in an ensemble while it leads, or follows a leader.
func (c *Core) Serving() bool { return c.serving.Load() }

// replay applies a range of the log that is committed, before anybody is served.
func (c *Core) replay(v Vault, r zab.Range) error {
	if r.Empty() {
		return nil
	}
	return v.Read(r, c.replayOne)
}

func (c *Core) replayOne(z wire.Zxid, raw []byte) error {
	txn, err := wire.DecodeTxn(raw)
	if err != nil {
		return err
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	c.tree.Apply(&txn)
	c.events.Applied(z, 1, len(raw))
	return nil
}

// during runs f on the core's goroutine if the role is not over then.
func (c *Core) during(r role, f func()) { c.inbox.put(c.within(r, f)) }

// receive is during for packets that somebody has read who can do the core's work with
// them. If there are many he should read on.
func (c *Core) receive(r role, pkts int, f func()) {
	c.inbox.lay(c.within(r, f))
	if pkts > few {
		c.bell.ring()
		return
	}
	c.visit(false)
}

// within is the message that has f run if the role is not over then.
func (c *Core) within(r role, f func()) message {
	return message{call: func() {
		if c.role == r {
			f()
		}
	}}
}

// halfTick is how often the machines of an ensemble are told the time, milliseconds.
func (c *Core) halfTick() int64 { return c.opts.Tick.Milliseconds() / 2 }
