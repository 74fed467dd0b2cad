package pipeline

import (
	"errors"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// ErrZxidSpent says that the epoch has no zxid left; a new one must begin.
var ErrZxidSpent = errors.New("pipeline: prepare: the epoch's transaction counter is used up")

// PrepareOptions are the settings that decide whether a write is allowed.
type PrepareOptions struct {
	// ExtendedTypes allows TTL nodes (extendedTypesEnabled). It must be what the
	// tree's option of the same name is.
	ExtendedTypes bool
	// EnforceQuota makes a hard quota refuse what would exceed it (enforceQuota).
	EnforceQuota bool
	// ReconfigEnabled lets reconfig pass its first check (reconfigEnabled).
	ReconfigEnabled bool
	// Reconfigure makes the configuration that a request asks for, whose version is
	// the request's zxid. An error is a *quorum.ReconfigError. nil: there is no
	// ensemble here to change.
	Reconfigure func(r *wire.ReconfigRequest, z wire.Zxid) (quorum.Config, error)
	// MaxTxn is the longest transaction in bytes, header and all, that a request may
	// become; 0 is wire.DefaultMaxFrame twice. A longer one, which other servers would
	// not take, is refused with MarshallingError, except the end of a session, which then
	// lists no nodes.
	MaxTxn int
}

// maxBody is the longest body of a transaction.
func (o *PrepareOptions) maxBody() int { return o.maxTxn() - txnHeaderSize }

func (o *PrepareOptions) maxTxn() int {
	if o.MaxTxn == 0 {
		return 2 * wire.DefaultMaxFrame
	}
	return o.MaxTxn
}

// ACLRules decide who may do what. They are *auth.Schemes.
type ACLRules interface {
	// Allowed reports whether somebody with these identities has one of the
	// permissions.
	Allowed(acl []wire.ACL, ids []wire.ID, perm int32) bool
	// FixupACL validates and expands a list that is to be stored. It does not
	// change acl.
	FixupACL(acl []wire.ACL, ids []wire.ID) ([]wire.ACL, wire.Code)
}

// A Preparer turns requests into transactions, one each. It judges a request
// against the tree plus what the transactions prepared before it will change,
// so many may be under way; a request that fails becomes a transaction too,
// one that only records the error, and takes a zxid like any other.
//
// It starts no goroutine and reads no clock. Its methods, and changes of the
// tree, must not run at the same time.
type Preparer struct {
	tree *datatree.Tree
	acls ACLRules
	opts PrepareOptions

	last     wire.Zxid     // of the newest transaction
	found    datatree.Node // what that is about; see Found
	overlay  overlay
	warnings []QuotaWarning
	paths    []string     // scratch of closeSession
	decoder  wire.Decoder // scratch of reread
}

// NewPreparer returns a preparer whose first transaction follows the tree's
// last.
func NewPreparer(tree *datatree.Tree, acls ACLRules, o PrepareOptions) *Preparer {
	p := &Preparer{tree: tree, acls: acls, opts: o}
	p.Reset(tree.LastZxid())
	return p
}

// LastZxid is the zxid of the newest transaction, applied or not.
func (p *Preparer) LastZxid() wire.Zxid { return p.last }

// Found is where the tree has the node that the newest transaction is about, or the
// parent of one that it creates: for Tree.ApplyAt. 0 is not known.
func (p *Preparer) Found() datatree.Node { return p.found }

// Reset forgets everything that is not applied, and continues after last: when
// leadership is lost, or begins with a new epoch.
func (p *Preparer) Reset(last wire.Zxid) {
	p.last, p.found, p.overlay, p.warnings = last, 0, newOverlay(), nil
}

// Applied tells that the tree has applied the transactions up to z.
func (p *Preparer) Applied(z wire.Zxid) { p.overlay.release(z) }

// Rest gives memory back if nothing is under way. It is to be called now and then.
func (p *Preparer) Rest() { p.overlay.rest() }

// Opening reports whether the creation of a session is under way.
func (p *Preparer) Opening(s wire.SessionID) bool {
	return p.overlay.sessions[s].phase == sessionOpening
}

// Prepare turns a request into its transaction; nowMs, in milliseconds since
// 1970, becomes its time. The transaction shares no memory with the request.
//
// The error is ErrZxidSpent when the epoch has no zxid left: a new one must
// begin.
func (p *Preparer) Prepare(req *Request, nowMs int64) (wire.Txn, error) {
	z, ok := p.last.Next()
	if !ok {
		return wire.Txn{}, ErrZxidSpent
	}
	p.last, p.found = z, 0
	h := wire.TxnHeader{Session: req.Session, Cxid: req.Cxid, Zxid: z, Time: nowMs, Op: req.Op}
	switch req.Op {
	case wire.OpMulti:
		return p.multi(h, req), nil
	case wire.OpCreateSession:
		return p.createSession(h, req), nil
	case wire.OpCloseSession:
		return p.closeSession(h), nil
	}
	var c change
	if code := p.change(&c, req, req.Op, req.Body, false); code != wire.OK {
		return p.fail(h, code), nil
	}
	if bodySize(c.body) > p.opts.maxBody() {
		return p.fail(h, wire.MarshallingError), nil
	}
	txn := p.seal(h, c.body)
	p.record(z, &c)
	p.found = c.at
	return txn, nil
}

// Refuse makes the transaction of a request that is refused without being prepared:
// it came through a server that its session has left, or nobody can read it. It takes
// a zxid and answers the request like any other.
func (p *Preparer) Refuse(req *Request, code wire.Code, nowMs int64) (wire.Txn, error) {
	z, ok := p.last.Next()
	if !ok {
		return wire.Txn{}, ErrZxidSpent
	}
	p.last, p.found = z, 0
	return p.fail(wire.TxnHeader{Session: req.Session, Cxid: req.Cxid, Zxid: z, Time: nowMs, Op: req.Op}, code), nil
}

// A change is what one operation will do.
type change struct {
	body    wire.Record   // of the transaction; holds the path
	node    nodeState     // what the operation makes of its node
	parent  nodeState     // and of the parent, if the node is created or deleted
	inTree  bool          // the node is created or deleted
	noWrite bool          // nothing changes
	at      datatree.Node // see Found
}

// change judges one operation and says in c, which is empty, what it will do. multi
// tells that it is part of one.
func (p *Preparer) change(c *change, req *Request, op wire.OpCode, body wire.Record, multi bool) wire.Code {
	switch r := body.(type) {
	case *wire.CreateRequest:
		return p.create(c, req, &creation{op, r.Path, r.Data, r.ACL, wire.CreateMode(r.Flags), noTTL})
	case *wire.CreateTTLRequest:
		return p.create(c, req, &creation{op, r.Path, r.Data, r.ACL, wire.CreateMode(r.Flags), r.TTL})
	case *wire.SetDataRequest:
		return p.setData(c, req, r)
	case *wire.SetACLRequest:
		return p.setACL(c, req, r)
	case *wire.ReconfigRequest:
		return p.reconfig(c, req, r)
	case *wire.PathVersionRequest:
		if op == wire.OpDelete {
			return p.delete(c, req, r)
		}
		if multi {
			return p.check(c, req, r)
		}
	case *wire.PathRequest:
		if op == wire.OpDeleteContainer {
			return p.deleteContainer(c, r.Path)
		}
	}
	return wire.Unimplemented
}

// node fills in what a node will be when the transactions under way are applied, and
// reports whether there will be one.
func (p *Preparer) node(path string, s *nodeState) bool {
	if c, ok := p.overlay.nodes[path]; ok {
		*s = c.nodeState
		return c.exists
	}
	n, ok := p.tree.Find(path)
	if !ok {
		return false
	}
	d := p.tree.Stored(n)
	*s = nodeState{
		exists: true, at: n, version: d.Version, cversion: d.Cversion, aversion: d.Aversion,
		children: int32(d.NumChildren), dataLen: int32(d.DataLen), owner: d.Owner, ephemeral: d.Ephemeral, acl: d.ACL,
	}
	return true
}

// record puts a change into the overlay, under the path and ACL of its body,
// which must be sealed.
func (p *Preparer) record(z wire.Zxid, c *change) {
	if c.noWrite {
		return
	}
	path, acl := pathAndACL(c.body)
	if acl != nil {
		c.node.acl = acl
	}
	p.overlay.put(z, path, c.node)
	if !c.inTree {
		return
	}
	p.overlay.put(z, parentOf(path), c.parent)
	if c.node.ephemeral {
		p.overlay.putEphemeral(z, wire.SessionID(c.node.owner), path)
	}
}

// checkSession reports whether the session of a request may write; global
// demands that every server knows it.
func (p *Preparer) checkSession(req *Request, global bool) wire.Code {
	switch p.overlay.sessions[req.Session].phase {
	case sessionOpening:
		return wire.OK
	case sessionClosing:
		return wire.SessionExpired
	}
	if req.Local && !global {
		return wire.OK
	}
	if _, ok := p.tree.SessionTimeout(req.Session); ok {
		return wire.OK
	}
	return wire.SessionExpired
}
