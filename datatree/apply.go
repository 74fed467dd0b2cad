package datatree

import (
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// Apply applies a transaction: live, when a log is replayed, and when a
// learner catches up. A transaction at or below LastZxid is ignored. The tree
// may already hold effects of the transaction, or of later ones, when it was
// loaded from a snapshot that was written while the tree changed; applying all
// transactions from the snapshot's on leads to the same tree as without it.
//
// LastZxid advances last.
func (t *Tree) Apply(txn *wire.Txn) Result { return t.ApplyAt(txn, 0) }

// ApplyAt is Apply for who has looked for the node already: at is where the node that
// the transaction is about may be, or the parent of one that it creates. A node is taken
// only if the transaction's path leads to it. So any number gives the same result, and a
// wrong one, like 0, costs a look-up.
func (t *Tree) ApplyAt(txn *wire.Txn, at Node) Result {
	h := &txn.Header
	if h.Zxid <= t.lastZxid {
		return Result{Op: h.Op, Ignored: true}
	}
	t.changes, t.subs = t.changes[:0], t.subs[:0]
	t.hint = uint32(at)
	r := t.apply(h, txn.Body)
	r.Op, r.Changes = h.Op, t.changes
	t.lastZxid = h.Zxid
	t.digest.note(h.Zxid)
	return r
}

func (t *Tree) apply(h *wire.TxnHeader, body wire.Record) Result {
	switch b := body.(type) {
	case *wire.CreateTxn:
		var owner int64
		if b.Ephemeral {
			owner = int64(h.Session)
		}
		return t.create(h, newNode{b.Path, b.Data, b.ACL, owner, b.ParentCversion})
	case *wire.CreateContainerTxn:
		return t.create(h, newNode{b.Path, b.Data, b.ACL, wire.ContainerOwner, b.ParentCversion})
	case *wire.CreateTTLTxn:
		return t.create(h, newNode{b.Path, b.Data, b.ACL, wire.TTLOwner | b.TTL&wire.MaxTTL, b.ParentCversion})
	case *wire.DeleteTxn:
		return Result{Path: b.Path, Err: t.delete(h, b.Path)}
	case *wire.SetDataTxn:
		return t.setData(h, b)
	case *wire.SetACLTxn:
		return t.setACL(h, b)
	case *wire.CheckVersionTxn:
		return Result{Path: b.Path}
	case *wire.CreateSessionTxn:
		t.openSession(h.Session, b.Timeout)
		return Result{}
	case *wire.CloseSessionTxn:
		t.endSession(h, b.Paths)
		return Result{}
	case *wire.MultiTxn:
		return t.multi(h, b)
	case *wire.ErrorTxn:
		return Result{Err: b.Err}
	}
	return Result{Err: wire.Unimplemented}
}

// split returns the path of the parent ("" for the root) and the last
// component, empty for a path that names no node.
func split(path string) (parent, name string) {
	if path == "" || path[0] != '/' {
		return "", ""
	}
	i := len(path) - 1
	for path[i] != '/' {
		i--
	}
	return path[:i], path[i+1:]
}

type newNode struct {
	path           string
	data           []byte
	acl            []wire.ACL
	owner          int64
	parentCversion int32
}

func (t *Tree) create(h *wire.TxnHeader, c newNode) Result {
	r := Result{Path: c.path}
	parentPath, name := split(c.path)
	if name == "" {
		r.Err = wire.BadArguments
		return r
	}
	parent := t.locate(parentPath)
	if parent == 0 || t.isLater(parent, h.Zxid) {
		r.Err = wire.NoNode
		return r
	}
	if s := t.child(parent, name); s != 0 {
		t.createAgain(h, s, &c)
		t.countChild(parent, parentPath, c.parentCversion, h.Zxid)
		r.Err, r.Stat = wire.NodeExists, t.visible(t.nodes.at(s))
		return r
	}
	slot := t.insert(h, parent, parentPath, name, &c)
	n := t.nodes.at(slot)
	r.Stat = t.visible(n)
	t.changes = append(t.changes, Change{
		wire.EventNodeCreated, c.path, t.acls.list(n.acl), t.acls.list(t.nodes.at(parent).acl)})
	t.newQuotaNode(slot, c.path)
	t.charge(c.path, int64(len(c.data)), 1)
	return r
}

// insert makes the new node and counts it at its parent.
func (t *Tree) insert(h *wire.TxnHeader, parent uint32, parentPath, name string, c *newNode) uint32 {
	t.countChild(parent, parentPath, c.parentCversion, h.Zxid)
	slot := t.newSlot()
	t.fill(h, slot, parent, parentPath, name, c)
	return slot
}

// fill puts the new node into every structure of the tree.
func (t *Tree) fill(h *wire.TxnHeader, slot, parent uint32, parentPath, name string, c *newNode) {
	t.touch(slot)
	t.marks.used.set(slot)
	t.enter(slot, parent, name, c.data)
	n := t.nodes.at(slot)
	n.czxid, n.ctime = int64(h.Zxid), h.Time
	n.acl = t.acls.intern(c.acl)
	if c.owner != 0 {
		e := t.addExt(n)
		e.owner = c.owner
		e.digest = t.computeDigest(n, e, c.path)
		t.own(slot)
	}
	t.linkChild(t.needExt(t.nodes.at(parent), parentPath), slot)
	t.digest.sum += t.nodeDigest(slot, c.path)
	t.count++
	t.dataSize += int64(len(c.path) + len(c.data))
}

// change runs a change of the node's data, and of its stat.
func (t *Tree) change(slot uint32, path string, change func(n *node, e *ext)) {
	t.touch(slot)
	n := t.nodes.at(slot)
	e := t.needExt(n, path)
	t.digest.sum -= uint64(e.digest)
	change(n, e)
	e.digest = t.computeDigest(n, e, path)
	t.digest.sum += uint64(e.digest)
}

// changeStat runs a change of the node's stat alone.
func (t *Tree) changeStat(slot uint32, path string, change func(n *node, e *ext)) {
	t.touch(slot)
	n := t.nodes.at(slot)
	e := t.needExt(n, path)
	if !inDigest(path) {
		change(n, e)
		return
	}
	var before, after statBytes
	before.fill(n, e)
	change(n, e)
	after.fill(n, e)
	t.digest.sum -= uint64(e.digest)
	e.digest = t.digest.restated(e.digest, &before, &after)
	t.digest.sum += uint64(e.digest)
}

// countChild raises the number of children ever created under a parent. A
// replay may come with a number from the past, which changes nothing.
func (t *Tree) countChild(parent uint32, path string, cversion int32, z wire.Zxid) {
	now := t.stored(t.nodes.at(parent)).cversion
	if cversion == -1 {
		cversion = now + 1
	}
	if cversion <= now {
		return
	}
	t.changeStat(parent, path, func(_ *node, e *ext) { e.cversion, e.pzxid = cversion, int64(z) })
}

func (t *Tree) delete(h *wire.TxnHeader, path string) wire.Code {
	parentPath, name := split(path)
	if name == "" {
		return wire.BadArguments
	}
	slot, parent := t.hinted(path), uint32(0)
	if slot != 0 {
		parent = t.nodes.at(slot).parent
	} else if parent = t.find(parentPath); parent != 0 {
		slot = t.child(parent, name)
	}
	if parent == 0 {
		return wire.NoNode
	}
	if slot != 0 && slot <= configSlot {
		return wire.BadArguments
	}
	if slot != 0 && t.isLater(slot, h.Zxid) {
		slot = 0
	}
	if slot != 0 && t.firstChild(t.nodes.at(slot)) != 0 {
		return wire.NotEmpty
	}
	if int64(h.Zxid) > t.stored(t.nodes.at(parent)).pzxid {
		t.changeStat(parent, parentPath, func(_ *node, e *ext) { e.pzxid = int64(h.Zxid) })
	}
	if slot == 0 {
		return wire.NoNode
	}
	t.remove(slot, parent, path)
	return wire.OK
}

// remove takes the node out of every structure of the tree.
func (t *Tree) remove(slot, parent uint32, path string) {
	t.touch(slot)
	n := t.nodes.at(slot)
	size := int64(max(n.dataLen, 0))
	t.changes = append(t.changes, Change{
		wire.EventNodeDeleted, path, t.acls.list(n.acl), t.acls.list(t.nodes.at(parent).acl)})
	t.digest.sum -= t.nodeDigest(slot, path)
	t.disown(n)
	t.acls.release(n.acl)
	t.unlinkChild(t.exts.at(t.nodes.at(parent).ext), slot)
	t.index.remove(&t.nodes, n.hash, slot)
	t.arena.release(n.block)
	if n.ext != 0 {
		t.dropExt(n.ext)
	}
	t.dropSlot(slot)
	t.marks.used.clear(slot)
	t.count--
	t.dataSize -= int64(len(path)) + size
	t.charge(path, -size, -1)
}

func (t *Tree) setData(h *wire.TxnHeader, b *wire.SetDataTxn) Result {
	r := Result{Path: b.Path}
	slot := t.locate(b.Path)
	if slot == 0 || t.isLater(slot, h.Zxid) {
		r.Err = wire.NoNode
		return r
	}
	n := t.nodes.at(slot)
	grown := int64(len(b.Data)) - int64(max(n.dataLen, 0))
	t.change(slot, b.Path, func(n *node, e *ext) {
		t.putData(n, b.Data)
		e.version, e.mzxid, e.mtime = b.Version, int64(h.Zxid), h.Time
	})
	t.dataSize += grown
	r.Stat = t.visible(n)
	t.changes = append(t.changes, Change{Type: wire.EventNodeDataChanged, Path: b.Path, ACL: t.acls.list(n.acl)})
	t.charge(b.Path, grown, 0)
	return r
}

func (t *Tree) setACL(h *wire.TxnHeader, b *wire.SetACLTxn) Result {
	r := Result{Path: b.Path}
	slot := t.locate(b.Path)
	if slot == 0 || t.isLater(slot, h.Zxid) {
		r.Err = wire.NoNode
		return r
	}
	t.changeStat(slot, b.Path, func(_ *node, e *ext) { e.aversion = b.Aversion })
	t.replaceACL(slot, b.ACL)
	r.Stat = t.visible(t.nodes.at(slot))
	return r
}

// endSession removes the listed nodes, then whatever else the session still
// owns, in order of path.
func (t *Tree) endSession(h *wire.TxnHeader, paths []string) {
	if n := len(paths); n > 0 && plant.In(plant.EphemeralKept) {
		paths = paths[:n-1]
	}
	for _, p := range paths {
		t.delete(h, p)
	}
	if plant.In(plant.EphemeralKept) {
		t.closeSession(h.Session)
		return
	}
	for _, p := range t.Ephemerals(h.Session) {
		t.delete(h, p)
	}
	t.closeSession(h.Session)
}
