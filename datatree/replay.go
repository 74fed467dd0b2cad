package datatree

import "github.com/zabra/zabra/wire"

// isLater reports whether a node was created after a transaction: the tree
// comes from a snapshot that was written while it changed, and the transaction
// was about another node that had the path before. It must not touch this one.
func (t *Tree) isLater(slot uint32, z wire.Zxid) bool { return t.nodes.at(slot).czxid > int64(z) }

// createAgain is a create that finds its node. Either it is the very one, or a
// later one, or one that was deleted in the meantime but stayed because a
// later child keeps it: that one starts anew.
func (t *Tree) createAgain(h *wire.TxnHeader, slot uint32, c *newNode) {
	switch n := t.nodes.at(slot); {
	case slot <= configSlot || n.czxid > int64(h.Zxid):
	case n.czxid == int64(h.Zxid):
		t.replaceACL(slot, c.acl)
	default:
		t.startAnew(h, slot, c)
	}
}

// startAnew makes the node what a create would have made it, children aside.
func (t *Tree) startAnew(h *wire.TxnHeader, slot uint32, c *newNode) {
	grown := int64(len(c.data)) - int64(max(t.nodes.at(slot).dataLen, 0))
	t.change(slot, c.path, func(n *node, e *ext) {
		t.disown(n)
		t.putData(n, c.data)
		n.czxid, n.ctime = int64(h.Zxid), h.Time
		*e = ext{
			mzxid: n.czxid, mtime: n.ctime, pzxid: n.czxid, owner: c.owner,
			child: e.child, kids: e.kids,
		}
		if c.owner != 0 {
			t.own(slot)
		}
	})
	t.replaceACL(slot, c.acl)
	t.dataSize += grown
	t.charge(c.path, grown, 0)
}

func (t *Tree) replaceACL(slot uint32, acl []wire.ACL) {
	n := t.nodes.at(slot)
	id := t.acls.intern(acl)
	if id != n.acl {
		t.touch(slot)
	}
	t.acls.release(n.acl)
	n.acl = id
}
