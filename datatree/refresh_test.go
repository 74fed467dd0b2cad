package datatree

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"testing"
)

// After Refresh an incremental scan delivers what is in the range besides what
// changed, and nothing else.
func TestRefresh(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 3))
		tr := NewWith(genOptions)
		g := newGen(seed, tr)
		run := func(n int) {
			for range n {
				txn := g.next()
				tr.Apply(&txn)
			}
		}
		run(400)
		done := tr.Scan(false)
		drain(done)
		done.Done()
		run(r.IntN(3))
		plain := tr.Scan(false)
		want := drain(plain)
		plain.Cancel()

		first := r.Uint64N(uint64(tr.nodes.high))
		nodes := KeyRange{nodeKey, first, first + r.Uint64N(200)}
		sessions := KeyRange{Kind: sessionKey}
		for id := range tr.Sessions() {
			sessions.First, sessions.Last = uint64(id), uint64(id)+r.Uint64N(3)
			break
		}
		for k, v := range drain(tr.Scan(true)) {
			if in(nodes, k) || in(sessions, k) {
				want[k] = v
			}
		}
		tr.Refresh(nodes)
		tr.Refresh(sessions)
		tr.Refresh(KeyRange{Kind: metaKey})
		tr.Refresh(KeyRange{nodeKey, 1 << 30, 1<<30 + 4095})
		got := drain(tr.Scan(false))
		if !maps.EqualFunc(got, want, func(a, b []byte) bool { return string(a) == string(b) }) {
			t.Errorf("seed %d: %d records, want %d, or they differ", seed, len(got), len(want))
		}
	}
}

func in(r KeyRange, key string) bool {
	var n uint64
	switch len(key) {
	case 5:
		n = uint64(binary.BigEndian.Uint32([]byte(key[1:])))
	case 9:
		n = binary.BigEndian.Uint64([]byte(key[1:]))
	}
	return key[0] == r.Kind && r.First <= n && n <= r.Last
}

func TestAddRange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		var from, to bitmap
		for range r.IntN(40) {
			from.set(r.Uint32N(300))
			to.set(r.Uint32N(200))
		}
		first := r.Uint64N(320)
		last := first + r.Uint64N(200)
		got := append(bitmap(nil), to...)
		got.addRange(from, first, last)
		for i := range uint32(600) {
			want := to.has(i) || from.has(i) && uint64(i) >= first && uint64(i) <= last
			if got.has(i) != want {
				t.Fatalf("%d in %d to %d: %v", i, first, last, got.has(i))
			}
		}
	}
}
