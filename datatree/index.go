package datatree

// The index finds a node's slot by the hash of its path. It is split into
// tables by the low byte of the hash; each grows on its own by a quarter, so
// there is no long pause and little room to spare. A table is open addressing
// with linear probing; a byte of the hash beside each slot spares nearly all
// looks at nodes that are not meant.
type index struct {
	tables [256]table
}

type table struct {
	tags  []uint8 // 0 is free
	slots []uint32
	used  int
}

func (x *index) table(hash uint32) *table { return &x.tables[hash&0xff] }

func tagOf(hash uint32) uint8 {
	if t := uint8(hash >> 8); t != 0 {
		return t
	}
	return 1
}

// home is where the search for hash begins.
func (t *table) home(hash uint32) int {
	return int(uint64(hash>>8) * uint64(len(t.tags)) >> 24)
}

func (t *table) next(i int) int {
	if i++; i < len(t.tags) {
		return i
	}
	return 0
}

// insert adds a slot. It needs the nodes for their hashes when the table grows.
func (x *index) insert(nodes *slab[node], hash, slot uint32) {
	t := x.table(hash)
	if (t.used+1)*5 > len(t.tags)*4 {
		t.grow(nodes)
	}
	t.place(hash, slot)
	t.used++
}

func (t *table) place(hash, slot uint32) {
	i := t.home(hash)
	for t.tags[i] != 0 {
		i = t.next(i)
	}
	t.tags[i], t.slots[i] = tagOf(hash), slot
}

func (t *table) grow(nodes *slab[node]) { t.resize(nodes, len(t.tags)+len(t.tags)/4+8) }

func (t *table) resize(nodes *slab[node], size int) {
	old := *t
	t.tags, t.slots = make([]uint8, size), make([]uint32, size)
	for i, tag := range old.tags {
		if tag != 0 {
			s := old.slots[i]
			t.place(nodes.at(s).hash, s)
		}
	}
}

// remove takes a slot out and moves those behind it closer to their homes, so
// that deleting leaves nothing behind.
func (x *index) remove(nodes *slab[node], hash, slot uint32) {
	t := x.table(hash)
	i := t.home(hash)
	for t.slots[i] != slot || t.tags[i] == 0 {
		i = t.next(i)
	}
	for j := t.next(i); t.tags[j] != 0; j = t.next(j) {
		home := t.home(nodes.at(t.slots[j]).hash)
		if between(home, i, j) {
			t.tags[i], t.slots[i] = t.tags[j], t.slots[j]
			i = j
		}
	}
	t.tags[i], t.slots[i] = 0, 0
	t.used--
	if len(t.tags) > 64 && t.used < len(t.tags)/4 {
		t.resize(nodes, len(t.tags)/2)
	}
}

// between reports whether an entry at j with this home may move to i: going
// round from its home, i comes no later than j.
func between(home, i, j int) bool {
	if i <= j {
		return home <= i || home > j
	}
	return home <= i && home > j
}

// presize makes room for n slots in all.
func (x *index) presize(n int) {
	size := n/len(x.tables)*4/3 + 8
	for i := range x.tables {
		x.tables[i].tags, x.tables[i].slots = make([]uint8, size), make([]uint32, size)
	}
}

// insertNew inserts a node unless its parent has a child of that name already.
func (x *index) insertNew(t *Tree, n *node, slot uint32) bool {
	if t.childAt(n.hash, n.parent, t.name(n)) != 0 {
		return false
	}
	x.insert(&t.nodes, n.hash, slot)
	return true
}
