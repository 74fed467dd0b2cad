package store

import (
	"encoding/binary"
	"fmt"

	"github.com/zabra/zabra/datatree"
)

// Records are stored by groups: those of one kind whose numbers share all but
// the low groupBits bits.
const (
	groupBits = 12
	groupSize = 1 << groupBits
)

// Kinds of datatree's keys.
const (
	metaKind    = 'm'
	nodeKind    = 'n'
	sessionKind = 's'
)

// A group names one.
type group struct {
	kind byte
	id   uint64 // its records have the numbers from id*groupSize on
}

func (g group) compare(o group) int {
	switch {
	case g == o:
		return 0
	case g.kind < o.kind, g.kind == o.kind && g.id < o.id:
		return -1
	}
	return 1
}

// keys is the range of what may be in the group.
func (g group) keys() datatree.KeyRange {
	first := g.id << groupBits
	return datatree.KeyRange{Kind: g.kind, First: first, Last: first + groupSize - 1}
}

// place returns where the record with this key belongs. It panics if datatree
// has no such key.
func place(key []byte) (g group, index uint16) {
	var n uint64
	switch {
	case key[0] == nodeKind && len(key) == 5:
		n = uint64(binary.BigEndian.Uint32(key[1:]))
	case key[0] == sessionKind && len(key) == 9:
		n = binary.BigEndian.Uint64(key[1:])
	default:
		panic(fmt.Sprintf("store: a record with the key %q", key))
	}
	return group{key[0], n >> groupBits}, uint16(n & (groupSize - 1))
}

// appendRecordKey is the inverse of place.
func (g group) appendRecordKey(b []byte, index uint16) []byte {
	n := g.id<<groupBits | uint64(index)
	b = append(b, g.kind)
	if g.kind == nodeKind {
		return binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return binary.BigEndian.AppendUint64(b, n)
}

// possible reports whether the numbers of the group's records are such as its
// kind has.
func (g group) possible() bool {
	switch g.kind {
	case nodeKind:
		return g.id < 1<<(32-groupBits)
	case sessionKind:
		return g.id < 1<<(64-groupBits)
	}
	return false
}

// A blobKey is the key of a blob: part of what checkpoint number wrote of the
// group.
type blobKey struct {
	group  group
	number uint64
	part   uint32
}

const blobKeySize = 1 + 8 + 8 + 4

// append appends the key as it is stored: that which is newer sorts first.
func (k blobKey) append(b []byte) []byte {
	b = append(b, k.group.kind)
	b = binary.BigEndian.AppendUint64(b, k.group.id)
	b = binary.BigEndian.AppendUint64(b, ^k.number)
	return binary.BigEndian.AppendUint32(b, k.part)
}

func decodeBlobKey(b []byte) (blobKey, error) {
	if len(b) != blobKeySize {
		return blobKey{}, corrupt("unknown key %q", b)
	}
	be := binary.BigEndian
	k := blobKey{group{b[0], be.Uint64(b[1:])}, ^be.Uint64(b[9:]), be.Uint32(b[17:])}
	if !k.group.possible() {
		return blobKey{}, corrupt("impossible key %q", b)
	}
	return k, nil
}

func (k blobKey) String() string {
	return fmt.Sprintf("part %d of %c%d in checkpoint %d", k.part, k.group.kind, k.group.id<<groupBits, k.number)
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, datatree.ErrCorrupt)...)
}
