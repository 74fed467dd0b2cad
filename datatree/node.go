package datatree

import (
	"encoding/binary"
	"unsafe"

	"github.com/zabra/zabra/wire"
)

// A node is what every znode needs. Numbers refer to other records of the
// tree; nothing here is a pointer.
type node struct {
	czxid   int64
	ctime   int64
	parent  uint32 // slot; 0 marks a free record, the root is its own parent
	next    uint32 // younger sibling, 0 for the youngest; next free record
	prev    uint32 // older sibling; the oldest has the youngest
	block   block  // length of the name as a uvarint, name, data
	dataLen int32  // -1 is null
	acl     uint32 // in the tree's ACL table
	ext     uint32 // in the tree's extensions, 0 for none
	hash    uint32 // of the path
}

// An ext holds what differs from a node that was created and then left alone:
// a node without one was never set, has had no child and no owner.
type ext struct {
	mzxid, mtime, pzxid         int64
	owner                       int64
	version, cversion, aversion int32
	child                       uint32 // oldest child, 0 for none
	kids                        int32
	ownNext, ownPrev            uint32 // in the list of the owner's nodes
	digest                      uint32 // the node's part of the tree's digest; 0 for one that is left out of it
}

// Slots of the nodes that always exist.
const (
	rootSlot uint32 = 1 + iota
	zookeeperSlot
	quotaSlot
	configSlot
)

// newSlot takes a free node record.
func (t *Tree) newSlot() uint32 {
	if t.freeNode == 0 {
		if n := len(t.holes); n > 0 {
			t.fillHole(t.holes[n-1])
			t.holes = t.holes[:n-1]
		}
	}
	if s := t.freeNode; s != 0 {
		t.freeNode = t.nodes.at(s).next
		return s
	}
	return t.nodes.extend()
}

// fillHole makes a chunk that a sparse load left out, all free.
func (t *Tree) fillHole(chunk uint32) {
	t.nodes.chunks[chunk] = new([chunkSize]node)
	first := max(chunk<<chunkShift, 1)
	for s := chunk<<chunkShift + chunkSize - 1; s >= first; s-- {
		t.nodes.at(s).next = t.freeNode
		t.freeNode = s
	}
}

func (t *Tree) dropSlot(s uint32) {
	*t.nodes.at(s) = node{next: t.freeNode}
	t.freeNode = s
}

// inUse reports whether a slot holds a node.
func (t *Tree) inUse(s uint32) bool {
	return s < t.nodes.high && t.nodes.chunks[s>>chunkShift] != nil && t.nodes.at(s).parent != 0
}

func (t *Tree) newExt() uint32 {
	if e := t.freeExt; e != 0 {
		t.freeExt = t.exts.at(e).child
		*t.exts.at(e) = ext{}
		return e
	}
	return t.exts.extend()
}

func (t *Tree) dropExt(e uint32) {
	*t.exts.at(e) = ext{child: t.freeExt}
	t.freeExt = e
}

// needExt gives the node at path an extension if it has none.
func (t *Tree) needExt(n *node, path string) *ext {
	if n.ext == 0 {
		e := t.addExt(n)
		e.digest = t.computeDigest(n, e, path)
	}
	return t.exts.at(n.ext)
}

// addExt gives a node its extension, but for the digest.
func (t *Tree) addExt(n *node) *ext {
	n.ext = t.newExt()
	e := t.exts.at(n.ext)
	e.mzxid, e.pzxid, e.mtime = n.czxid, n.czxid, n.ctime
	return e
}

// stored is the node's extension, or what it would hold.
func (t *Tree) stored(n *node) ext {
	if n.ext != 0 {
		return *t.exts.at(n.ext)
	}
	return ext{mzxid: n.czxid, mtime: n.ctime, pzxid: n.czxid}
}

// name is the last component of the node's path. It aliases the arena.
func (t *Tree) name(n *node) string {
	name, _ := t.split(n)
	return name
}

// data is the node's data, nil for null. It aliases the arena.
func (t *Tree) data(n *node) []byte {
	_, data := t.split(n)
	return data
}

func (t *Tree) split(n *node) (name string, data []byte) {
	b := t.arena.bytes(n.block)
	l, k := uint64(b[0]), 1
	if l >= 0x80 {
		l, k = binary.Uvarint(b)
	}
	end := k + int(l)
	if l > 0 {
		name = unsafe.String(&b[k], int(l))
	}
	if n.dataLen >= 0 {
		data = b[end : end+int(n.dataLen) : end+int(n.dataLen)]
	}
	return name, data
}

func uvarintLen(v int) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// putBlock writes name and data into a new block. The name may alias the arena.
func (t *Tree) putBlock(n *node, name string, data []byte) {
	n.block = t.arena.alloc(uvarintLen(len(name)) + len(name) + len(data))
	b := t.arena.bytes(n.block)
	k := binary.PutUvarint(b, uint64(len(name)))
	k += copy(b[k:], name)
	copy(b[k:], data)
	n.dataLen = dataLen(data)
}

func dataLen(data []byte) int32 {
	if data == nil {
		return -1
	}
	return int32(len(data))
}

// putData replaces the data, in place if the block suits it.
func (t *Tree) putData(n *node, data []byte) {
	name := t.name(n)
	start := uvarintLen(len(name)) + len(name)
	if t.arena.fits(n.block, start+len(data)) {
		copy(t.arena.bytes(n.block)[start:], data)
		n.dataLen = dataLen(data)
		return
	}
	old := n.block
	t.putBlock(n, name, data)
	t.arena.release(old)
}

// linkChild makes c the youngest child of p.
func (t *Tree) linkChild(p *ext, slot uint32) {
	c := t.nodes.at(slot)
	c.next = 0
	if p.child == 0 {
		p.child, c.prev = slot, slot
	} else {
		first := t.nodes.at(p.child)
		last := first.prev
		t.nodes.at(last).next = slot
		c.prev, first.prev = last, slot
	}
	p.kids++
}

func (t *Tree) unlinkChild(p *ext, slot uint32) {
	c := t.nodes.at(slot)
	if p.child == slot {
		p.child = c.next
	} else {
		t.nodes.at(c.prev).next = c.next
	}
	if c.next != 0 {
		t.nodes.at(c.next).prev = c.prev
	} else if p.child != 0 {
		t.nodes.at(p.child).prev = c.prev
	}
	p.kids--
}

// firstChild is the oldest child's slot, 0 for none.
func (t *Tree) firstChild(n *node) uint32 {
	if n.ext == 0 {
		return 0
	}
	return t.exts.at(n.ext).child
}

// following is the next node of the subtree of top after slot, parents before
// children, 0 at the end.
func (t *Tree) following(top, slot uint32) uint32 {
	if c := t.firstChild(t.nodes.at(slot)); c != 0 {
		return c
	}
	for slot != top {
		n := t.nodes.at(slot)
		if n.next != 0 {
			return n.next
		}
		slot = n.parent
	}
	return 0
}

// visible is the stat a client sees.
func (t *Tree) visible(n *node) wire.Stat {
	e := t.stored(n)
	s := wire.Stat{
		Czxid: wire.Zxid(n.czxid), Mzxid: wire.Zxid(e.mzxid), Ctime: n.ctime, Mtime: e.mtime,
		Version: e.version, Cversion: 2*e.cversion - e.kids, Aversion: e.aversion,
		DataLength: max(n.dataLen, 0), NumChildren: e.kids, Pzxid: wire.Zxid(e.pzxid),
	}
	if t.kind(e.owner) == ephemeral {
		s.EphemeralOwner = e.owner
	}
	return s
}
