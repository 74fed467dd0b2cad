package pipeline

import (
	"time"

	"github.com/zabra/zabra/wire"
)

// propose sends a request on its way. Each becomes exactly one transaction, here or
// at the leader, but for sync, which waits for whatever was proposed before it.
func (c *Core) propose(req *Request) {
	if c.holds() {
		c.held = append(c.held, req)
		return
	}
	if c.role == nil {
		c.spent(req, ErrNoLeader)
		return
	}
	if c.local.has(req.Session) && req.client() != nil && c.ownLocal(req) {
		return
	}
	c.role.submit(req)
}

// prepare makes a request into a proposal.
func (c *Core) prepare(req *Request) (proposal, bool) { return c.prepareAs(req, wire.OK) }

// prepareAs does so for a request that may have been refused with a code already. It
// returns false, and has dropped the client, if no zxid is left.
func (c *Core) prepareAs(req *Request, code wire.Code) (proposal, bool) {
	p := proposal{req: req, at: c.woke}
	wall := c.wall.UnixMilli()
	var err error
	if code != wire.OK {
		p.txn, err = c.prep.Refuse(req, code, wall)
	} else {
		if req.Op == wire.OpCloseSession {
			c.tracker.Close(req.Session)
		}
		p.txn, err = c.prep.Prepare(req, wall)
	}
	if err != nil {
		c.spent(req, err)
		return p, false
	}
	p.zxid, p.node = p.txn.Header.Zxid, c.prep.Found()
	return p, true
}

// countPrepared tells the metrics of one batch of messages, of which so many
// became transactions.
func (c *Core) countPrepared(txns int64, messages int, began time.Duration) {
	if warnings := c.prep.TakeWarnings(); warnings != nil {
		for _, w := range warnings {
			c.events.SoftQuota(w)
		}
	}
	if txns <= 0 {
		return
	}
	m := c.metrics
	m.PrepQueued.Add(0, txns)
	m.PrepQueueSize.Observe(0, int64(messages))
	m.PrepTime.ObserveN(0, (c.Now()-began)/time.Duration(txns), txns)
}

// spent drops the client of a request that could get no zxid.
func (c *Core) spent(req *Request, err error) {
	c.concluded(req)
	if cl := req.client(); cl != nil {
		cl.Kill(err)
	}
}

// client is the connection a request came by, nil for the server's own and those of
// other servers.
func (r *Request) client() *Client {
	if r == nil {
		return nil
	}
	cl, _ := r.Origin.(*Client)
	return cl
}
