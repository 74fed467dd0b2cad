package datatree

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestIndexWithCollisions uses few hashes, so that every probe sequence is long
// and wraps around.
func TestIndexWithCollisions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var nodes slab[node]
	var x index
	in := map[uint32]bool{}
	for slot := uint32(1); slot < 3000; slot++ {
		nodes.reserve(slot)
		nodes.at(slot).hash = []uint32{0x01, 0xfffffe01, 0xffffff01, 0x80000001, 0x80100001, r.Uint32() | 0xff}[r.IntN(6)]
	}
	for range 50_000 {
		slot := 1 + r.Uint32N(2999)
		if h := nodes.at(slot).hash; in[slot] {
			x.remove(&nodes, h, slot)
			delete(in, slot)
		} else {
			x.insert(&nodes, h, slot)
			in[slot] = true
		}
		probe := 1 + r.Uint32N(2999)
		if found := holds(&x, nodes.at(probe).hash, probe); found != in[probe] {
			t.Fatalf("slot %d: found %v, put in %v", probe, found, in[probe])
		}
	}
	for slot := range in {
		if !holds(&x, nodes.at(slot).hash, slot) {
			t.Fatalf("slot %d is lost", slot)
		}
	}
}

func holds(x *index, hash, slot uint32) bool {
	t := x.table(hash)
	if len(t.tags) == 0 {
		return false
	}
	for i := t.home(hash); t.tags[i] != 0; i = t.next(i) {
		if t.slots[i] == slot && t.tags[i] == tagOf(hash) {
			return true
		}
	}
	return false
}

// TestChildHash: chaining hashes of components must not confuse paths.
func TestChildHash(t *testing.T) {
	seen := map[uint32]string{}
	for _, p := range []string{"/a", "/b", "/a/a", "/aa", "/ab", "/a/b", "/b/a", "/12345678", "/123456789", "/1234567", "/1234567\x00", "/a\x00"} {
		var h uint32
		for _, name := range splitNames(p) {
			h = childHash(1, h, name)
		}
		if old, ok := seen[h]; ok {
			t.Errorf("%q and %q", old, p)
		}
		seen[h] = p
	}
	if childHash(1, 0, "a") == childHash(2, 0, "a") {
		t.Error("the seed does not matter")
	}
}

// TestEqualHashes: two paths of one hash are still two paths.
func TestEqualHashes(t *testing.T) {
	names := map[uint32]string{}
	for i := 0; ; i++ {
		name := fmt.Sprintf("%07d", i)
		h := childHash(0, 0, name)
		other, ok := names[h]
		names[h] = name
		if !ok {
			continue
		}
		r := newRig(t, Options{})
		r.create("/"+name, "first")
		if _, ok := r.tr.Find("/" + other); ok {
			t.Fatalf("%s found as %s", name, other)
		}
		r.create("/"+other, "second")
		if r.data("/"+name) != "first" || r.data("/"+other) != "second" {
			t.Fatal("mixed up")
		}
		r.delete("/" + name)
		if r.data("/"+other) != "second" {
			t.Fatal("the other one went")
		}
		return
	}
}
