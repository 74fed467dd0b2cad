package pipeline

import (
	"time"

	"github.com/zabra/zabra/wire"
)

// propose turns a request into a proposal. Each gets exactly one transaction,
// but for sync, which gets none and waits for whatever was proposed before it.
func (c *Core) propose(req *Request) {
	if c.holds() {
		c.held = append(c.held, req)
		return
	}
	p := proposal{req: req, at: c.Now()}
	if req.Op == wire.OpSync {
		p.zxid = c.prep.LastZxid()
		c.inflight.push(p)
		return
	}
	if req.Op == wire.OpCloseSession {
		c.tracker.Close(req.Session)
	}
	txn, err := c.prep.Prepare(req, time.Now().UnixMilli())
	if err != nil {
		c.spent(req, err)
		return
	}
	p.txn, p.zxid = txn, txn.Header.Zxid
	c.inflight.push(p)
	c.batch = append(c.batch, txn)
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

// client is the connection a request came by, nil for the server's own.
func (r *Request) client() *Client {
	cl, _ := r.Origin.(*Client)
	return cl
}
