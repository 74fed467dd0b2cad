package conn

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"testing/quick"
)

// An input gives back what was put in, in order, whatever the pieces; and holds no
// buffer while it is empty, nor one much larger than what is in it.
func TestInput(t *testing.T) {
	check := func(seed uint64) bool {
		rng := rand.New(rand.NewPCG(seed, 0))
		var in input
		var want []byte
		for range 200 {
			if rng.IntN(2) == 0 {
				room := in.space()
				n := rng.IntN(len(room) + 1)
				for i := range n {
					room[i] = byte(rng.Uint32())
				}
				want = append(want, room[:n]...)
				in.grew(n)
			} else if len(in.bytes()) > 0 {
				n := rng.IntN(len(in.bytes()) + 1)
				in.use(n)
				want = want[n:]
			}
			if !bytes.Equal(in.bytes(), want) {
				return false
			}
			if len(want) == 0 && in.buf != nil || cap(in.buf) > max(inputSize, 4*(len(want)+inputSize)) {
				return false
			}
		}
		return true
	}
	if !check(0x2f7b1153a08d915c) {
		t.Error("a large buffer is kept for a few bytes")
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}
