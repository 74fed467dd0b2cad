package watch

// An index is a hash table of numbers below 2^32-1: open addressing, linear
// probing, at most three quarters full. It holds neither keys nor hashes; its
// user knows both by the number. The zero value is empty.
type index struct {
	cells []uint32 // number + 1, or 0; length 0 or a power of two
	used  int
}

// find returns the cell of the number that match accepts among those whose hash
// may be h.
func (x *index) find(h uint32, match func(n uint32) bool) (cell int, ok bool) {
	if len(x.cells) == 0 {
		return 0, false
	}
	mask := len(x.cells) - 1
	for c := int(h) & mask; x.cells[c] != 0; c = (c + 1) & mask {
		if match(x.cells[c] - 1) {
			return c, true
		}
	}
	return 0, false
}

// insert adds a number that is not there yet.
func (x *index) insert(n, h uint32, hashOf func(n uint32) uint32) {
	if 4*(x.used+1) > 3*len(x.cells) {
		x.grow(hashOf)
	}
	x.put(n, h)
	x.used++
}

func (x *index) put(n, h uint32) {
	mask := len(x.cells) - 1
	c := int(h) & mask
	for x.cells[c] != 0 {
		c = (c + 1) & mask
	}
	x.cells[c] = n + 1
}

func (x *index) grow(hashOf func(n uint32) uint32) {
	old := x.cells
	x.cells = make([]uint32, max(2*len(old), 8))
	for _, v := range old {
		if v != 0 {
			x.put(v-1, hashOf(v-1))
		}
	}
}

// remove empties a cell and moves those back that had to step over it.
func (x *index) remove(cell int, hashOf func(n uint32) uint32) {
	mask := len(x.cells) - 1
	hole := cell
	for c := (cell + 1) & mask; x.cells[c] != 0; c = (c + 1) & mask {
		home := int(hashOf(x.cells[c]-1)) & mask
		if (c-home)&mask >= (c-hole)&mask {
			x.cells[hole] = x.cells[c]
			hole = c
		}
	}
	x.cells[hole] = 0
	x.used--
}
