package watch

import (
	"fmt"
	"strings"
	"testing"
)

// Every byte of a path counts, wherever it stands.
func TestHashSeesEveryByte(t *testing.T) {
	seen := map[uint64]string{}
	for n := range 40 {
		for i := range n {
			for _, c := range "ab/" {
				name := []byte(strings.Repeat("x", n))
				name[i] = byte(c)
				path := "/" + string(name)
				h := hashPath(1, path)
				if other, ok := seen[h]; ok && other != path {
					t.Fatalf("%s and %s have one hash", path, other)
				}
				seen[h] = path
			}
		}
	}
	if hashPath(1, "/a") == hashPath(2, "/a") {
		t.Error("the seed does not count")
	}
}

func TestIndexAgainstMap(t *testing.T) {
	// A bad hash makes long chains that wrap around the end of the table.
	hashOf := func(n uint32) uint32 { return ^(n % 5) }
	var x index
	want := map[uint32]bool{}
	has := func(n uint32) (int, bool) {
		return x.find(hashOf(n), func(m uint32) bool { return m == n })
	}
	for step := range uint32(2_000) {
		n := step * 2654435761 % 97
		cell, ok := has(n)
		if ok != want[n] {
			t.Fatalf("step %d: find(%d) = %v", step, n, ok)
		}
		if ok {
			x.remove(cell, hashOf)
		} else {
			x.insert(n, hashOf(n), hashOf)
		}
		want[n] = !ok
		for m := range uint32(97) {
			if _, ok := has(m); ok != want[m] {
				t.Fatalf("step %d: after changing %d, find(%d) = %v", step, n, m, ok)
			}
		}
	}
}

func BenchmarkHashPath(b *testing.B) {
	for _, depth := range []int{1, 4} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			path := strings.Repeat("/service-name", depth)
			for b.Loop() {
				hashPath(1, path)
			}
		})
	}
}
