package datatree

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/zabra/zabra/wire"
)

// maxSlots bounds the slot numbers a loader believes, and with them the memory
// that a damaged key can cost.
const maxSlots = 1 << 28

// maxPresize bounds the nodes for which the index makes room at the word of the
// meta record.
const maxPresize = 1 << 22

// A Loader builds a tree from the records of a checkpoint, in any order. The
// order of their keys is the quickest.
type Loader struct {
	t       *Tree
	meta    meta
	hasMeta bool
	aclKey  []byte // of the last list, and its number: neighbours often share it
	aclID   uint32

	paths []pathState // by extension
	chain []uint32
	step  []byte

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
		return l.addMeta(value)
	}
	return corrupt("checkpoint: unknown key %q", key)
}

func (l *Loader) addMeta(value []byte) error {
	m, err := decodeMeta(value)
	l.meta, l.hasMeta = m, err == nil
	if l.hasMeta && l.t.count == 0 {
		l.t.index.presize(int(min(m.nodes, maxPresize)))
	}
	return err
}

func (l *Loader) addSession(id wire.SessionID, value []byte) error {
	if len(value) != 4 {
		return corrupt("checkpoint: session %v has a record of %d bytes", id, len(value))
	}
	o := &l.t.owners
	s := o.sessions[id]
	if s.open {
		return corrupt("checkpoint: session %v is there twice", id)
	}
	s.timeout, s.open = int32(binary.BigEndian.Uint32(value)), true
	o.sessions[id] = s
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
	if slot == rootSlot {
		return l.addRoot()
	}
	if t.marks.used.has(r.parent) {
		return l.link(slot) // now, while it is in the processor's cache
	}
	return nil
}

func (l *Loader) addRoot() error {
	t := l.t
	if t.nodes.at(rootSlot).parent != rootSlot {
		return corrupt("checkpoint: the root has a parent")
	}
	*l.state(rootSlot) = pathState{known: true}
	t.marks.used.set(rootSlot)
	t.dataSize = 1 // as in a fresh tree
	t.enterLoaded(rootSlot, pathState{})
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
	if t.digest.sum != l.meta.digest && !l.ignoreDigest {
		return nil, corrupt("checkpoint at %v: digest %#x instead of %#x", l.meta.zxid, t.digest.sum, l.meta.digest)
	}
	t.lastZxid = l.meta.zxid
	l.collectFree()
	return t, nil
}

// linkAll links the nodes that came before their parents, and checks those that
// always exist.
func (l *Loader) linkAll() error {
	t := l.t
	if !t.isFixed(rootSlot, rootSlot, "") || !t.isFixed(zookeeperSlot, rootSlot, "zookeeper") ||
		!t.isFixed(quotaSlot, zookeeperSlot, "quota") || !t.isFixed(configSlot, zookeeperSlot, "config") {
		return corrupt("checkpoint: a node that always exists is missing")
	}
	for slot := rootSlot; slot < t.nodes.high; slot++ {
		if t.inUse(slot) && !t.marks.used.has(slot) {
			if err := l.link(slot); err != nil {
				return err
			}
		}
	}
	return nil
}

// link makes a node a child of its parent and completes its hash, and with it
// index, owners, sizes and digest. marks.used says for which nodes that is done.
func (l *Loader) link(slot uint32) error {
	t := l.t
	n := t.nodes.at(slot)
	up, err := l.pathOf(n.parent)
	if err != nil {
		return err
	}
	p := t.nodes.at(n.parent)
	name := t.name(n)
	n.hash = childHash(t.opts.HashSeed, p.hash, name)
	if !t.index.insertNew(t, n, slot) {
		return corrupt("checkpoint: node %d: a second child %q of node %d", slot, name, n.parent)
	}
	t.linkChild(t.exts.at(p.ext), slot)
	t.enterLoaded(slot, l.below(up, n.parent, name))
	t.marks.used.set(slot)
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

// A pathState is what is known of a node's path without having it.
type pathState struct {
	crc    uint32
	length int32
	hidden bool // below /zookeeper
	known  bool
	open   bool // being worked out; meeting it again means a cycle
}

// below is the state of a child.
func (l *Loader) below(up pathState, parent uint32, name string) pathState {
	l.step = append(append(l.step[:0], '/'), name...)
	return pathState{
		crc:    crc32.Update(up.crc, crc32.IEEETable, l.step),
		length: up.length + int32(len(l.step)),
		hidden: up.hidden || parent == zookeeperSlot,
		known:  true,
	}
}

// pathOf returns the state of a node that has children. It is kept with the
// extension that all of those have.
func (l *Loader) pathOf(slot uint32) (pathState, error) {
	t := l.t
	chain := l.chain[:0]
	for s := slot; ; s = t.nodes.at(s).parent {
		if !t.inUse(s) {
			return pathState{}, corrupt("checkpoint: node %d is missing, and has children", s)
		}
		st := l.state(s)
		if st.known {
			break
		}
		if st.open {
			return pathState{}, corrupt("checkpoint: node %d does not lead to the root", s)
		}
		st.open = true
		chain = append(chain, s)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		n := t.nodes.at(chain[i])
		name := t.name(n)
		n.hash = childHash(t.opts.HashSeed, t.nodes.at(n.parent).hash, name)
		*l.state(chain[i]) = l.below(*l.state(n.parent), n.parent, name)
	}
	l.chain = chain
	return *l.state(slot), nil
}

func (l *Loader) state(slot uint32) *pathState {
	n := l.t.nodes.at(slot)
	l.t.rawExt(n)
	for int(n.ext) >= len(l.paths) {
		l.paths = append(l.paths, pathState{})
	}
	return &l.paths[n.ext]
}

// enterLoaded adds a node's sizes, owner and digest.
func (t *Tree) enterLoaded(slot uint32, path pathState) {
	n := t.nodes.at(slot)
	data := t.data(n)
	t.dataSize += int64(path.length) + int64(len(data))
	e := t.stored(n)
	if !path.hidden {
		e.digest = t.digest.finish(crc32.Update(path.crc, crc32.IEEETable, data), n, &e)
		t.digest.sum += uint64(e.digest)
	}
	if n.ext != 0 {
		t.exts.at(n.ext).digest = e.digest
		if e.owner != 0 {
			t.own(slot)
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
