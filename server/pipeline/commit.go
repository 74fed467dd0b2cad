package pipeline

import (
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// commitBatch is how many transactions are applied before readers, and what has
// arrived meanwhile, get a turn.
const commitBatch = 256

// commit applies and answers, in order, what is durable, up to one batch.
func (c *Core) commit() {
	if !c.ready() {
		return
	}
	if c.inflight.len() > few {
		c.writer.summon() // what was proposed need not wait for this
	}
	c.clock = c.Now()
	before := c.inflight.len()
	c.lock.Lock()
	for n := 0; n < commitBatch && c.ready(); n++ {
		p := c.inflight.pop()
		c.conclude(&p)
	}
	c.lock.Unlock()
	c.countCommitted(before - c.inflight.len())
	c.flushDirty()
}

// countCommitted tells the metrics of one round, which began at clock.
func (c *Core) countCommitted(n int) {
	if n == 0 {
		return
	}
	m, took := c.metrics, c.Now()-c.clock
	m.CommitCount.Add(0, c.applied)
	c.applied = 0
	m.WriteBatchTime.Observe(0, took)
	m.CommitTime.ObserveN(0, took, int64(n))
	m.WriteFinalTime.ObserveN(0, took/time.Duration(n), int64(n))
	c.written.tell(&m.WritePerNamespace, 0)
}

func (c *Core) ready() bool {
	if c.inflight.len() == 0 {
		return false
	}
	p := c.inflight.front()
	return p.zxid <= c.decided && p.sync <= c.confirmed
}

// conclude applies one proposal and answers it. The tree is locked.
func (c *Core) conclude(p *proposal) {
	c.concluded(p.req)
	if p.txn.Body == nil {
		c.answerSync(p.req)
		return
	}
	cl := p.req.client()
	if cl != nil {
		cl.beforeOwnWrite()
	}
	res := c.tree.ApplyAt(&p.txn, p.node)
	c.prep.Applied(p.zxid)
	c.applied++
	c.events.Applied(p.zxid, max(1, len(res.Sub)), len(p.txn.Raw))
	c.countWrite(p, &res)
	if c.opts.Audit != nil {
		c.audit(p, &res)
	}
	c.sessionsChanged(p, &res)
	c.role.applied(p.txn.Header, p.txn.Body, p.txn.Digest)
	if !plant.In(plant.EventAfterData) {
		c.triggerAll(&res, p.zxid)
	}
	if cl != nil {
		c.answerWrite(cl, p, &res)
	}
	if plant.In(plant.EventAfterData) {
		c.triggerAll(&res, p.zxid)
	}
}

// beforeOwnWrite answers the reads that the client asked for before its next
// write, so that they do not see it.
func (c *Client) beforeOwnWrite() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mu.dead {
		c.advance()
	}
}

func (c *Core) answerSync(req *Request) {
	cl := req.client()
	if req.Barrier {
		c.settle(cl, req, nil, false)
		return
	}
	path := req.Body.(*wire.PathRequest).Path
	h := wire.ReplyHeader{Xid: req.Cxid, Zxid: c.tree.LastZxid()}
	c.settle(cl, req, func(b []byte) []byte {
		return wire.AppendReply(b, h, &wire.PathResponse{Path: path})
	}, false)
}

func (c *Core) settle(cl *Client, req *Request, reply func(b []byte) []byte, last bool) {
	if cl.settle(req, reply, last, c.clock) {
		c.dirty = append(c.dirty, cl)
	}
}

func (c *Core) answerWrite(cl *Client, p *proposal, res *datatree.Result) {
	if p.req.Op == wire.OpCreateSession {
		c.established(cl, p)
		return
	}
	if res.Err == wire.SessionMoved {
		cl.Kill(ErrDisplaced)
		return
	}
	c.metrics.UpdateLatency.Observe(0, c.clock-p.at)
	h := wire.ReplyHeader{Xid: p.req.Cxid, Zxid: p.zxid, Err: res.Err}
	if h.Err != wire.OK && p.req.Refused != wire.OK { // why the leader did not know the session
		h.Err = p.req.Refused
	}
	c.settle(cl, p.req, func(b []byte) []byte {
		b, mark := wire.BeginFrame(b)
		b = h.AppendTo(b)
		if h.Err == wire.OK {
			b = appendResult(b, p.req.Op, &p.txn, res)
		}
		return wire.EndFrame(b, mark)
	}, p.req.Op == wire.OpCloseSession)
}

// appendResult appends the record of a reply to a write that succeeded.
func appendResult(b []byte, op wire.OpCode, txn *wire.Txn, res *datatree.Result) []byte {
	switch op {
	case wire.OpCreate:
		return wire.AppendString(b, res.Path)
	case wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL:
		return res.Stat.AppendTo(wire.AppendString(b, res.Path))
	case wire.OpReconfig:
		b = wire.AppendBuffer(b, txn.Body.(*wire.SetDataTxn).Data)
		return res.Stat.AppendTo(b)
	case wire.OpSetData, wire.OpSetACL:
		return res.Stat.AppendTo(b)
	case wire.OpMulti:
		return appendMultiResults(b, txn.Body.(*wire.MultiTxn), res)
	}
	return b
}

// appendMultiResults appends every operation's result: of the kind the
// operation has when all succeeded, of the kind error when one failed.
func appendMultiResults(b []byte, txn *wire.MultiTxn, res *datatree.Result) []byte {
	failed := false
	for i := range res.Sub {
		failed = failed || res.Sub[i].Err != wire.OK
	}
	for i := range res.Sub {
		if failed {
			b = wire.AppendMultiError(b, res.Sub[i].Err)
			continue
		}
		b = appendSubResult(b, txn.Txns[i].Op, &res.Sub[i])
	}
	return wire.AppendMultiEnd(b)
}

func appendSubResult(b []byte, op wire.OpCode, sub *datatree.Result) []byte {
	kind := op
	if op == wire.OpCreateContainer || op == wire.OpCreateTTL {
		kind = wire.OpCreate2
	}
	b = wire.AppendMultiResult(b, kind, nil)
	return appendResult(b, op, nil, sub)
}
