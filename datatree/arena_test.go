package datatree

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestClassSizes(t *testing.T) {
	for size := range largestClass + 1 {
		c := classOf(size)
		if int(classSize[c]) < size || c > 0 && int(classSize[c-1]) >= size {
			t.Fatalf("%d bytes go to the class of %d", size, classSize[c])
		}
	}
	for _, s := range classSize {
		if s%8 != 0 || pageSize%int(s) > pageSize/8 {
			t.Errorf("class %d leaves %d of a page", s, pageSize%int(s))
		}
	}
}

// TestArenaKeepsBytes: blocks do not overlap and memory comes back.
func TestArenaKeepsBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var a arena
	held := map[block][]byte{}
	for i := range 60_000 {
		if len(held) > 3000 || i > 50_000 && len(held) > 0 {
			for b, want := range held {
				if !bytes.Equal(a.bytes(b)[:len(want)], want) {
					t.Fatal("a block changed")
				}
				a.release(b)
				delete(held, b)
				break
			}
			continue
		}
		size := 1 + r.IntN(200)
		if r.IntN(20) == 0 {
			size = 1 + r.IntN(2*largestClass)
		}
		b := a.alloc(size)
		if held[b] != nil || b == 0 {
			t.Fatal("a block was handed out twice")
		}
		content := bytes.Repeat([]byte{byte(i), byte(i >> 8)}, size)[:size]
		copy(a.bytes(b), content)
		held[b] = content
	}
	for b := range held {
		a.release(b)
	}
	kept := 0
	for i := range a.pages {
		if a.pages[i].mem != nil {
			kept++
		}
	}
	if kept != 0 || len(a.spare) > maxSpare || len(a.bigFree) != len(a.big) {
		t.Errorf("%d pages, %d slices still held", kept, len(a.big)-len(a.bigFree))
	}
}
