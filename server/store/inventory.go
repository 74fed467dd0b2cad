package store

import (
	"cmp"
	"maps"
	"slices"
)

// An inventory is what blobs a store holds.
type inventory struct {
	groups map[group]*holding
	total  totals
}

// totals are part of a checkpoint's head: blobs that are missing show.
type totals struct {
	blobs uint64
	bytes uint64
}

// A holding is the blobs of a group, in no order. Those of the lowest number are
// the base, which was written with all the records that the group then had; the
// others are deltas.
type holding struct {
	blobs []held
	bytes int64
}

type held struct {
	number  uint64
	part    uint32
	size    uint32
	records uint32 // that end in it
}

func newInventory() inventory { return inventory{groups: make(map[group]*holding)} }

func (v *inventory) add(k blobKey, size, records int) {
	h := v.groups[k.group]
	if h == nil {
		h = new(holding)
		v.groups[k.group] = h
	}
	h.blobs = append(h.blobs, held{k.number, k.part, uint32(size), uint32(records)})
	h.bytes += int64(size)
	v.total.blobs++
	v.total.bytes += uint64(size)
}

// drop forgets a group.
func (v *inventory) drop(g group) {
	if h := v.groups[g]; h != nil {
		v.total.blobs -= uint64(len(h.blobs))
		v.total.bytes -= uint64(h.bytes)
		delete(v.groups, g)
	}
}

// merge adds what the other holds.
func (v *inventory) merge(o inventory) {
	for g, h := range o.groups {
		for _, b := range h.blobs {
			v.add(blobKey{g, b.number, b.part}, int(b.size), int(b.records))
		}
	}
}

// blobCost is what a blob counts beyond its bytes when it is judged whether a
// group is worn: about as many bytes as Badger writes in the time that it takes
// for one more entry.
const blobCost = 1 << 10

// wear is how much of what a group's base holds its deltas may have replaced, and
// what the base counts. Each record of a delta is taken to replace one of the base
// that has average length. What it lacks to that counts twice, since it makes the
// group smaller: a removal, which is short itself, counts as two records.
func (h *holding) wear() (wear, base int64) {
	first := h.blobs[0].number
	for _, b := range h.blobs {
		first = min(first, b.number)
	}
	var records int64
	for _, b := range h.blobs {
		if b.number == first {
			base += int64(b.size)
			records += int64(b.records)
		}
	}
	for _, b := range h.blobs {
		if b.number != first {
			size, replaced := int64(b.size), int64(b.records)*base/max(records, 1)
			wear += size + 2*max(replaced-size, 0) + blobCost
		}
	}
	return wear, base + blobCost
}

// worn returns groups to write anew: those whose deltas outweigh their base, the
// worst first, as long as their bases together are within the budget, but at
// least one.
func (v *inventory) worn(budget int64) []group {
	type candidate struct {
		g          group
		wear, base int64
	}
	var all []candidate
	for g, h := range v.groups {
		if wear, base := h.wear(); wear > base {
			all = append(all, candidate{g, wear, base})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if d := cmp.Compare(float64(b.wear)/float64(b.base), float64(a.wear)/float64(a.base)); d != 0 {
			return d
		}
		return a.g.compare(b.g)
	})
	var due []group
	for _, c := range all {
		if budget -= c.base; budget < 0 && len(due) > 0 {
			break
		}
		due = append(due, c.g)
	}
	return due
}

// keysOf returns the keys of all blobs of a group.
func (v *inventory) keysOf(g group) [][]byte {
	h := v.groups[g]
	if h == nil {
		return nil
	}
	keys := make([][]byte, 0, len(h.blobs))
	for _, b := range h.blobs {
		keys = append(keys, blobKey{g, b.number, b.part}.append(nil))
	}
	return keys
}

// all returns every group, in order.
func (v *inventory) all() []group { return slices.SortedFunc(maps.Keys(v.groups), group.compare) }
