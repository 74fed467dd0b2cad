package datatree

// Records live in chunks that are never moved, so that a tree grows without
// copying and a record's address stays good.
const (
	chunkShift = 10
	chunkSize  = 1 << chunkShift
	chunkMask  = chunkSize - 1
)

// A slab is a growing array of T in chunks, addressed by number. Number 0 is
// never handed out: it means "none" wherever a number is stored.
type slab[T any] struct {
	chunks []*[chunkSize]T // nil where nothing was ever put (after a sparse load)
	high   uint32          // numbers below it have been handed out at some time
}

func (s *slab[T]) at(i uint32) *T { return &s.chunks[i>>chunkShift][i&chunkMask] }

// reserve makes number i addressable.
func (s *slab[T]) reserve(i uint32) {
	c := int(i >> chunkShift)
	for len(s.chunks) <= c {
		s.chunks = append(s.chunks, nil)
	}
	if s.chunks[c] == nil {
		s.chunks[c] = new([chunkSize]T)
	}
	s.high = max(s.high, i+1)
}

// extend hands out the number after the highest.
func (s *slab[T]) extend() uint32 {
	i := max(s.high, 1)
	s.reserve(i)
	return i
}
