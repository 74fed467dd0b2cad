package datatree

import "math/bits"

// A bitmap is a set of slots.
type bitmap []uint64

func (b *bitmap) set(i uint32) {
	for int(i>>6) >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[i>>6] |= 1 << (i & 63)
}

func (b bitmap) clear(i uint32) { b[i>>6] &^= 1 << (i & 63) }

func (b bitmap) has(i uint32) bool {
	return int(i>>6) < len(b) && b[i>>6]&(1<<(i&63)) != 0
}

// add adds the members of o.
func (b *bitmap) add(o bitmap) {
	if len(o) > len(*b) {
		*b = append(*b, make(bitmap, len(o)-len(*b))...)
	}
	for i, w := range o {
		(*b)[i] |= w
	}
}

// lowest returns the lowest member in word w.
func (b bitmap) lowest(w int) uint32 { return uint32(w<<6 + bits.TrailingZeros64(b[w])) }

// addRange adds those members of o that lie between first and last.
func (b *bitmap) addRange(o bitmap, first, last uint64) {
	for w := first >> 6; w <= last>>6 && w < uint64(len(o)); w++ {
		word := o[w]
		if w == first>>6 {
			word &= ^uint64(0) << (first & 63)
		}
		if w == last>>6 {
			word &= ^uint64(0) >> (63 - last&63)
		}
		if word == 0 {
			continue
		}
		if int(w) >= len(*b) {
			*b = append(*b, make(bitmap, int(w)+1-len(*b))...)
		}
		(*b)[w] |= word
	}
}
