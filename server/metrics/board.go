package metrics

import (
	"math/bits"
	"runtime"
	"sync/atomic"
)

// lineWords is two cache lines of 64-bit words: what neighbouring cores may
// prefetch together, and so what two stripes must not share.
const lineWords = 16

// A board holds the cells of many metrics, one copy of every cell for each
// stripe. All cells of one stripe lie together: a connection that adds to ten
// counters touches a few lines, and nobody of another stripe touches them.
type board struct {
	cells  []atomic.Int64
	stride int // words of one stripe
	mask   int // stripes - 1; the number of stripes is a power of two
	used   int // words handed out by alloc
}

// defaultStripes is four stripes for each core that runs Go code, so that two
// connections that run at the same moment seldom share one.
func defaultStripes() int {
	n := 4 * runtime.GOMAXPROCS(0)
	return min(ceilPow2(n), 256)
}

func ceilPow2(n int) int {
	if n <= 1 {
		return 1
	}
	return 1 << bits.Len(uint(n-1))
}

// newBoard returns a board without cells; alloc reserves them and seal makes
// them.
func newBoard(stripes int) *board { return &board{mask: ceilPow2(stripes) - 1} }

// alloc reserves n words in every stripe and returns the first one's index.
func (b *board) alloc(n int) int {
	slot := b.used
	b.used += n
	return slot
}

// seal makes the cells. Nothing may be added before, nor reserved after.
func (b *board) seal() {
	b.stride = (b.used + lineWords - 1) / lineWords * lineWords
	b.cells = make([]atomic.Int64, b.stride*(b.mask+1))
}

func (b *board) stripes() int { return b.mask + 1 }

// cell is one word of a stripe; any number is a stripe.
func (b *board) cell(stripe, slot int) *atomic.Int64 {
	return &b.cells[(stripe&b.mask)*b.stride+slot]
}

// sum adds the word up over all stripes.
func (b *board) sum(slot int) int64 {
	var n int64
	for s := range b.stripes() {
		n += b.cell(s, slot).Load()
	}
	return n
}

// store sets the word in every stripe.
func (b *board) store(slot int, v int64) {
	for s := range b.stripes() {
		b.cell(s, slot).Store(v)
	}
}
