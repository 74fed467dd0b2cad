package pipeline

import (
	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
)

// An Audited operation is one that changed the tree, or was to. Options.Audit hears of
// those of this server's clients, in the order of their transactions, and of the nodes
// that go with any session. Its strings and slices are valid until Audit returns.
type Audited struct {
	// Op is create, create2, createContainer, createTTL, delete, setData, setACL or
	// reconfig; multi for one that failed; closeSession for a node that went with its
	// session.
	Op      wire.OpCode
	Session wire.SessionID
	IDs     []wire.ID // of the client; nil where the server acts by itself
	Addr    string    // of the client, host and port
	Path    string    // of the node; of a create that failed as it was asked for; "" where there is none
	Mode    wire.CreateMode
	ACL     []wire.ACL // of a setACL
	Failed  bool
}

// audit tells what an applied transaction was. The tree is locked.
func (c *Core) audit(p *proposal, res *datatree.Result) {
	if p.txn.Header.Op == wire.OpCloseSession {
		c.auditRemovals(p.txn.Header.Session, res)
		return
	}
	cl := p.req.client()
	if cl == nil {
		return
	}
	a := Audited{Session: p.req.Session, IDs: p.req.Auth, Addr: cl.addr}
	if p.req.Op == wire.OpMulti {
		c.auditMulti(a, p.req, res)
		return
	}
	c.auditOne(a, wire.MultiOp{Op: p.req.Op, Body: p.req.Body}, res)
}

// auditOne tells of one operation that stands alone, or in a multi.
func (c *Core) auditOne(a Audited, op wire.MultiOp, res *datatree.Result) {
	a.Op, a.Failed = op.Op, res.Err != wire.OK
	switch r := op.Body.(type) {
	case *wire.CreateRequest:
		a.Path, a.Mode = r.Path, wire.CreateMode(r.Flags)
	case *wire.CreateTTLRequest:
		a.Path, a.Mode = r.Path, wire.CreateMode(r.Flags)
	case *wire.PathVersionRequest:
		if op.Op != wire.OpDelete {
			return
		}
		a.Path = r.Path
	case *wire.SetDataRequest:
		a.Path = r.Path
	case *wire.SetACLRequest:
		a.Path, a.ACL = r.Path, r.ACL
	case *wire.ReconfigRequest:
	default:
		return
	}
	if !a.Failed && res.Path != "" {
		a.Path = res.Path
	}
	c.opts.Audit(a)
}

func (c *Core) auditMulti(a Audited, req *Request, res *datatree.Result) {
	failed := res.Err != wire.OK || len(res.Sub) != len(req.Multi)
	for i := range res.Sub {
		failed = failed || res.Sub[i].Err != wire.OK
	}
	if failed {
		a.Op, a.Failed = wire.OpMulti, true
		c.opts.Audit(a)
		return
	}
	for i := range req.Multi {
		c.auditOne(a, req.Multi[i], &res.Sub[i])
	}
}

// auditRemovals tells of the nodes that went with a session.
func (c *Core) auditRemovals(id wire.SessionID, res *datatree.Result) {
	for i := range res.Changes {
		c.opts.Audit(Audited{Op: wire.OpCloseSession, Session: id, Path: res.Changes[i].Path})
	}
}
