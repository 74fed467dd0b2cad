package store

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zabra/zabra/datatree"
	"go.uber.org/zap"
)

// A naive is a tree without meaning: records, and which of them changed since the
// last checkpoint.
type naive struct {
	rng     *rand.Rand
	records map[string]string
	changed map[string]bool
	meta    string
}

func newNaive(rng *rand.Rand) *naive {
	return &naive{rng: rng, records: map[string]string{}, changed: map[string]bool{}}
}

func (n *naive) clone() *naive {
	return &naive{n.rng, maps.Clone(n.records), maps.Clone(n.changed), n.meta}
}

// key returns one of the keys of three groups of nodes, one of them the last that
// there can be, and two of sessions.
func (n *naive) key() string {
	index := uint64(n.rng.IntN(40) * 101)
	if n.rng.IntN(3) > 0 {
		g := []uint64{0, 1, 1<<(32-groupBits) - 1}[n.rng.IntN(3)]
		return string(group{nodeKind, g}.appendRecordKey(nil, uint16(index)))
	}
	g := []uint64{7, 1<<(64-groupBits) - 1}[n.rng.IntN(2)]
	return string(group{sessionKind, g}.appendRecordKey(nil, uint16(index)))
}

func (n *naive) value() string {
	size := n.rng.IntN(200)
	switch n.rng.IntN(40) {
	case 0:
		size = n.rng.IntN(3 * blobSize)
	case 1:
		size = blobSize - 40 + n.rng.IntN(60)
	case 2:
		size = 0
	}
	b := make([]byte, size)
	for i := 0; i+8 <= len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], n.rng.Uint64())
	}
	return string(b)
}

func (n *naive) change() {
	k := n.key()
	n.changed[k] = true
	if n.rng.IntN(4) == 0 {
		delete(n.records, k)
	} else {
		n.records[k] = n.value()
	}
}

// put writes a checkpoint as datatree would, in parts and in any order.
func (n *naive) put(t *testing.T, s *Store, fresh bool) *Checkpoint {
	t.Helper()
	c, err := s.Begin(fresh)
	if err != nil {
		t.Fatal(err)
	}
	n.meta = fmt.Sprint("meta ", c.n)
	for _, rec := range append(n.due(c, fresh), datatree.Record{Key: []byte{metaKind}, Value: []byte(n.meta)}) {
		if err := c.Put([]datatree.Record{rec}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// due returns the records that belong into a checkpoint.
func (n *naive) due(c *Checkpoint, fresh bool) (recs []datatree.Record) {
	keys := maps.Clone(n.changed)
	for k := range n.records {
		if fresh || slices.ContainsFunc(c.Due(), func(r datatree.KeyRange) bool { return within(k, r) }) {
			keys[k] = true
		}
	}
	order := slices.Sorted(maps.Keys(keys))
	shuffled := rand.New(rand.NewPCG(uint64(len(order)), c.n))
	shuffled.Shuffle(min(len(order), shuffled.IntN(50)), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, k := range order {
		rec := datatree.Record{Key: []byte(k)}
		if v, ok := n.records[k]; ok {
			rec.Value = []byte(v)
		}
		recs = append(recs, rec)
	}
	return recs
}

func within(key string, r datatree.KeyRange) bool {
	g, index := place([]byte(key))
	num := g.id<<groupBits | uint64(index)
	return g.kind == r.Kind && r.First <= num && num <= r.Last
}

// compare wants the store to hold exactly these records.
func (n *naive) compare(t *testing.T, s *Store) {
	t.Helper()
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	kept, known := s.held, s.known
	got := map[string]string{}
	if err := s.read(func(k, v []byte) error {
		if _, twice := got[string(k)]; twice {
			t.Errorf("%q is there twice", k)
		}
		got[string(k)] = string(v)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got[string(metaKind)] != n.meta {
		t.Errorf("meta record %q, want %q", got["m"], n.meta)
	}
	delete(got, string(metaKind))
	if !maps.Equal(got, n.records) {
		t.Fatalf("%d records, want %d, or they differ", len(got), len(n.records))
	}
	if known && kept.total != s.held.total {
		t.Errorf("the inventory was %+v, and there is %+v", kept.total, s.held.total)
	}
}

// Checkpoints of random changes, abandoned, interrupted or complete, lead to what
// the changes led to, in the open store and in one that a killed process left.
func TestAgainstNaive(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { testAgainstNaive(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func testAgainstNaive(t *testing.T, rng *rand.Rand) {
	s := New(t.TempDir(), zap.NewNop())
	defer func() { _ = s.Close() }()
	tree := newNaive(rng)
	done := tree.clone() // as of the last complete checkpoint
	rewritten := 0
	for range 30 {
		for range rng.IntN(120) {
			tree.change()
		}
		c := tree.put(t, s, rng.IntN(12) == 0)
		rewritten += len(c.Due())
		switch rng.IntN(6) {
		case 0:
			if err := c.Abort(); err != nil {
				t.Fatal(err)
			}
		case 1: // the process is killed when all but the head is written
			if err := c.finish(); err != nil {
				t.Fatal(err)
			}
			dir := clone(t, s.dir)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = New(dir, zap.NewNop())
		default:
			if err := c.Commit(); err != nil {
				t.Fatal(err)
			}
			clear(tree.changed)
			done = tree.clone()
		}
		done.look(t, s)
	}
	if rewritten == 0 {
		t.Error("no group was written anew: the test does not test it")
	}
}

// look compares the store as it is, after it was closed, or as a killed process
// leaves it; or not, and goes on.
func (n *naive) look(t *testing.T, s *Store) {
	t.Helper()
	switch n.rng.IntN(4) {
	case 0:
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		n.compare(t, s)
	case 1:
		killed := New(clone(t, s.dir), zap.NewNop())
		n.compare(t, killed)
		if err := killed.Close(); err != nil {
			t.Fatal(err)
		}
	case 2:
		n.compare(t, s)
	}
}
