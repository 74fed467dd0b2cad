package store

import (
	"maps"
	"slices"
)

// maxPacking bounds the records that wait for their blobs to fill, in bytes.
const maxPacking = 4 << 20

// A packer makes blobs of the records of one checkpoint. Most records come in
// the order of their numbers, those that a change overtook come in any.
type packer struct {
	number  uint64
	put     func(key, blob []byte) error
	open    map[group]*packing
	waiting int // bytes in open blobs
	held    inventory
}

// A packing is the blob of a group that is not full yet.
type packing struct {
	part    uint32
	buf     []byte // with blobHead bytes of room; nil if there are no records
	records int
}

func newPacker(number uint64, put func(key, blob []byte) error) *packer {
	return &packer{number: number, put: put, open: make(map[group]*packing), held: newInventory()}
}

// add takes a record, and keeps nothing of its memory.
func (p *packer) add(g group, index uint16, value []byte) error {
	o := p.open[g]
	if o == nil {
		o = new(packing)
		p.open[g] = o
	}
	need := maxRecordHead + len(value) + blobTail
	if o.records > 0 && len(o.buf)+need > blobSize {
		if err := p.flush(g, o); err != nil {
			return err
		}
	}
	before := len(o.buf)
	o.reserve(need)
	o.buf = appendRecord(o.buf, index, value)
	o.records++
	if p.waiting += len(o.buf) - before; p.waiting >= maxPacking {
		return p.flushAll()
	}
	return nil
}

// reserve makes room for n more bytes: little for the few records that most
// groups have in a checkpoint, and soon that of a whole blob.
func (o *packing) reserve(n int) {
	size := len(o.buf) + n
	switch {
	case o.buf == nil:
		o.buf = make([]byte, blobHead, max(blobHead+size, 512))
	case size <= cap(o.buf):
	case size < 4<<10:
		o.buf = slices.Grow(o.buf, n)
	default:
		o.buf = append(make([]byte, 0, max(size, blobSize)), o.buf...)
	}
}

// flushAll ends every blob.
func (p *packer) flushAll() error {
	for _, g := range slices.SortedFunc(maps.Keys(p.open), group.compare) {
		if err := p.flush(g, p.open[g]); err != nil {
			return err
		}
	}
	return nil
}

// flush ends a group's blob. One record that is too long becomes several.
func (p *packer) flush(g group, o *packing) error {
	if o.buf == nil {
		return nil
	}
	last := o.buf
	o.buf = nil
	p.waiting -= len(last)
	for len(last)+blobTail > blobSize {
		first := make([]byte, blobSize-blobTail, blobSize)
		n := copy(first[blobHead:], last[blobHead:])
		last = last[n:] // whose head is what first ends with
		if err := p.seal(g, o, first, 0); err != nil {
			return err
		}
	}
	err := p.seal(g, o, last, o.records)
	o.records = 0
	return err
}

func (p *packer) seal(g group, o *packing, b []byte, records int) error {
	k := blobKey{g, p.number, o.part}
	key := k.append(nil)
	b = sealBlob(b, key, records)
	o.part++
	p.held.add(k, len(b), records)
	return p.put(key, b)
}
