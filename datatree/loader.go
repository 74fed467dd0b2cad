package datatree

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/zabra/zabra/wire"
)

// maxSlots bounds the slot numbers a loader believes, and with them the memory
// that a damaged key can cost.
const maxSlots = 1 << 28

// A Loader builds a tree from the records of a checkpoint, in any order.
type Loader struct {
	t       *Tree
	meta    meta
	hasMeta bool
	aclKey  []byte // of the last list, and its number: neighbours often share it
	aclID   uint32

	ignoreDigest bool // for the fuzz target
}

// NewLoader returns a loader for a tree with these options.
func NewLoader(o Options) *Loader { return &Loader{t: newEmpty(o)} }

// Empty reports whether no record has been added.
func (l *Loader) Empty() bool {
	return !l.hasMeta && l.t.count == 0 && len(l.t.owners.sessions) == 0
}

// Add takes a record. It keeps neither key nor value.
func (l *Loader) Add(key, value []byte) error {
	switch {
	case len(key) == 5 && key[0] == nodeKey:
		return l.addNode(binary.BigEndian.Uint32(key[1:]), value)
	case len(key) == 9 && key[0] == sessionKey:
		return l.addSession(wire.SessionID(binary.BigEndian.Uint64(key[1:])), value)
	case len(key) == 1 && key[0] == metaKey:
		m, err := decodeMeta(value)
		l.meta, l.hasMeta = m, err == nil
		return err
	}
	return corrupt("checkpoint: unknown key %q", key)
}

func (l *Loader) addSession(id wire.SessionID, value []byte) error {
	if len(value) != 4 {
		return corrupt("checkpoint: session %v has a record of %d bytes", id, len(value))
	}
	o := &l.t.owners
	if o.sessions[id].open {
		return corrupt("checkpoint: session %v is there twice", id)
	}
	o.sessions[id] = session{timeout: int32(binary.BigEndian.Uint32(value)), open: true}
	o.open++
	return nil
}

func (l *Loader) addNode(slot uint32, value []byte) error {
	var r nodeRecord
	if err := r.decode(value); err != nil {
		return corrupt("checkpoint: node %d: %v", slot, err)
	}
	t := l.t
	if slot == 0 || slot >= maxSlots || t.inUse(slot) {
		return corrupt("checkpoint: node %d is impossible or there twice", slot)
	}
	if (r.name == "") != (slot == rootSlot) {
		return corrupt("checkpoint: node %d: name %q", slot, r.name)
	}
	acl, ok := l.acl(r.acl)
	if !ok {
		return corrupt("checkpoint: node %d: bad access control list", slot)
	}
	t.nodes.reserve(slot)
	n := t.nodes.at(slot)
	n.parent, n.czxid, n.ctime, n.acl = r.parent, r.czxid, r.ctime, acl
	t.putBlock(n, r.name, r.data)
	if r.stat != nil {
		n.ext = t.newExt()
		t.exts.at(n.ext).decode(r.stat)
	}
	t.count++
	return nil
}

// acl interns a list by its encoding.
func (l *Loader) acl(key []byte) (uint32, bool) {
	if key == nil {
		return openACL, true
	}
	a := &l.t.acls
	id, known := l.aclID, l.aclKey != nil && string(key) == string(l.aclKey)
	if !known {
		id, known = a.byKey[string(key)]
	}
	if known {
		a.use(id)
	} else {
		d := wire.NewDecoder(key)
		list, ok := decodeACL(&d)
		if !ok || len(d.Rest()) != 0 {
			return 0, false
		}
		id = a.intern(list)
	}
	l.aclKey, l.aclID = append(l.aclKey[:0], key...), id
	return id, true
}

// Tree checks that the records make up a whole tree and returns it. The loader
// is used up.
func (l *Loader) Tree() (*Tree, error) {
	t := l.t
	if !l.hasMeta {
		return nil, corrupt("checkpoint: no meta record")
	}
	if uint64(t.count) != l.meta.nodes {
		return nil, corrupt("checkpoint at %v: %d nodes instead of %d", l.meta.zxid, t.count, l.meta.nodes)
	}
	if err := l.linkAll(); err != nil {
		return nil, err
	}
	if err := l.enterAll(); err != nil {
		return nil, err
	}
	if t.digest.sum != l.meta.digest && !l.ignoreDigest {
		return nil, corrupt("checkpoint at %v: digest %#x instead of %#x", l.meta.zxid, t.digest.sum, l.meta.digest)
	}
	t.lastZxid = l.meta.zxid
	l.collectFree()
	return t, nil
}

// linkAll makes every node a child of its parent, and checks those that always
// exist.
func (l *Loader) linkAll() error {
	t := l.t
	for slot := uint32(1); slot < t.nodes.high; slot++ {
		if !t.inUse(slot) {
			continue
		}
		t.marks.used.set(slot)
		n := t.nodes.at(slot)
		if slot == rootSlot {
			if n.parent != rootSlot {
				return corrupt("checkpoint: the root has a parent")
			}
			continue
		}
		if n.parent == slot || !t.inUse(n.parent) {
			return corrupt("checkpoint: node %d (%s): parent %d is missing", slot, t.name(n), n.parent)
		}
		t.linkChild(t.rawExt(t.nodes.at(n.parent)), slot)
	}
	if !t.isFixed(rootSlot, rootSlot, "") || !t.isFixed(zookeeperSlot, rootSlot, "zookeeper") ||
		!t.isFixed(quotaSlot, zookeeperSlot, "quota") || !t.isFixed(configSlot, zookeeperSlot, "config") {
		return corrupt("checkpoint: a node that always exists is missing")
	}
	return nil
}

func (t *Tree) isFixed(slot, parent uint32, name string) bool {
	return t.inUse(slot) && t.nodes.at(slot).parent == parent && t.name(t.nodes.at(slot)) == name
}

// rawExt is needExt before digests are known.
func (t *Tree) rawExt(n *node) *ext {
	if n.ext == 0 {
		e := t.stored(n)
		n.ext = t.newExt()
		*t.exts.at(n.ext) = e
	}
	return t.exts.at(n.ext)
}

// A level is what a walk down the tree knows about the node at that depth.
type level struct {
	slot   uint32
	crc    uint32 // of the path
	length int    // of the path
}

// enterAll walks the tree from the root and completes hash, index, owners,
// sizes and digest. A node it does not reach is part of a cycle.
func (l *Loader) enterAll() error {
	t := l.t
	t.index.presize(t.count)
	stack := []level{{slot: rootSlot}}
	t.dataSize = 1
	t.enterLoaded(stack[0], false)
	reached := 1
	for slot := t.firstChild(t.nodes.at(rootSlot)); slot != 0; {
		n := t.nodes.at(slot)
		up := stack[len(stack)-1]
		name := t.name(n)
		n.hash = childHash(t.opts.HashSeed, t.nodes.at(up.slot).hash, name)
		if !t.index.insertNew(t, n, slot) {
			return corrupt("checkpoint: node %d: a second child %q of node %d", slot, name, up.slot)
		}
		lv := level{slot, crcString(crcString(up.crc, "/"), name), up.length + 1 + len(name)}
		t.enterLoaded(lv, len(stack) > 1 && stack[1].slot == zookeeperSlot)
		reached++
		if c := t.firstChild(n); c != 0 {
			stack = append(stack, lv)
			slot = c
			continue
		}
		for slot = n.next; slot == 0 && len(stack) > 1; stack = stack[:len(stack)-1] {
			slot = t.nodes.at(stack[len(stack)-1].slot).next
		}
	}
	if reached != t.count {
		return corrupt("checkpoint: %d nodes do not lead to the root", t.count-reached)
	}
	return nil
}

// enterLoaded adds a node's sizes, owner and digest. hidden says that it is
// below /zookeeper.
func (t *Tree) enterLoaded(lv level, hidden bool) {
	n := t.nodes.at(lv.slot)
	data := t.data(n)
	t.dataSize += int64(lv.length + len(data))
	e := t.stored(n)
	e.prefix = crc32.Update(lv.crc, crc32.IEEETable, data)
	if !hidden {
		t.digest.sum += t.digest.finish(n, &e)
	}
	if n.ext != 0 {
		t.exts.at(n.ext).prefix = e.prefix
		if e.owner != 0 {
			t.own(lv.slot)
		}
	}
}

// collectFree makes the slots between the loaded ones available.
func (l *Loader) collectFree() {
	t := l.t
	for c := len(t.nodes.chunks) - 1; c >= 0; c-- {
		if t.nodes.chunks[c] == nil {
			t.holes = append(t.holes, uint32(c))
			continue
		}
		first := max(uint32(c)<<chunkShift, 1)
		last := min(uint32(c+1)<<chunkShift, t.nodes.high) - 1
		for s := last; s >= first; s-- {
			if !t.inUse(s) {
				t.dropSlot(s)
			}
		}
	}
}
