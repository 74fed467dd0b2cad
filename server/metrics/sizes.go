package metrics

import "math"

// Sizes keeps the last, smallest and largest of the sizes it is shown, in bytes.
type Sizes struct {
	b    *board
	slot int
}

const (
	sizeLast = iota
	sizeMin
	sizeMax
	sizeWords
)

// Observe records a size that is not negative.
func (s *Sizes) Observe(stripe int, n int64) {
	s.b.cell(stripe, s.slot+sizeLast).Store(n)
	lower(s.b.cell(stripe, s.slot+sizeMin), n)
	raise(s.b.cell(stripe, s.slot+sizeMax), n)
}

// Load returns the three sizes, each -1 when there was none. "Last" is the last
// of one stripe: an order over all stripes would need a cell that every reply
// writes to.
func (s *Sizes) Load() (last, smallest, largest int64) {
	last, smallest, largest = -1, math.MaxInt64, -1
	for i := range s.b.stripes() {
		if n := s.b.cell(i, s.slot+sizeLast).Load(); n >= 0 {
			last = n
		}
		smallest = min(smallest, s.b.cell(i, s.slot+sizeMin).Load())
		largest = max(largest, s.b.cell(i, s.slot+sizeMax).Load())
	}
	if smallest == math.MaxInt64 {
		smallest = -1
	}
	return last, smallest, largest
}

func (s *Sizes) attach(b *board) { s.b, s.slot = b, b.alloc(sizeWords) }
func (s *Sizes) ready()          { s.reset() }

// Reset forgets all sizes.
func (s *Sizes) Reset() { s.reset() }

func (s *Sizes) reset() {
	s.b.store(s.slot+sizeLast, -1)
	s.b.store(s.slot+sizeMin, math.MaxInt64)
	s.b.store(s.slot+sizeMax, -1)
}
