package datatree

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A store is what checkpoints are written to.
type store map[string][]byte

func (s store) write(recs []Record) {
	for _, r := range recs {
		if r.Value == nil {
			delete(s, string(r.Key))
		} else {
			s[string(r.Key)] = slices.Clone(r.Value)
		}
	}
}

func (s store) load(t testing.TB) *Tree {
	t.Helper()
	l := NewLoader(genOptions)
	for k, v := range s {
		if err := l.Add([]byte(k), v); err != nil {
			t.Fatal(err)
		}
	}
	tr, err := l.Tree()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func drain(s *Scan) store {
	st := store{}
	for recs := s.Step(1 << 10); recs != nil; recs = s.Step(1 << 10) {
		st.write(recs)
	}
	return st
}

func (w *twin) clone() *twin {
	c := &twin{nodes: map[string]*twinNode{}, sessions: map[wire.SessionID]int32{}, zxid: w.zxid, born: w.born}
	for p, n := range w.nodes {
		m := *n
		c.nodes[p] = &m
	}
	for id, ms := range w.sessions {
		c.sessions[id] = ms
	}
	return c
}

// TestScansAreConsistent takes checkpoints and full scans of a tree that goes
// on changing between their steps. Whatever they deliver must load to the tree
// as it was when they began.
func TestScansAreConsistent(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 2))
		tr, w := NewWith(genOptions), newTwin()
		g := newGen(seed, tr)
		disk := store{}
		run := func(n int) {
			for range n {
				txn := g.next()
				w.apply(&txn)
				tr.Apply(&txn)
			}
		}
		for range 8 {
			run(r.IntN(200))
			then := w.clone()
			incremental, full, copied := tr.Scan(false), tr.Scan(true), store{}
			pending := store{}
			for k, v := range disk {
				pending[k] = v
			}
			for a, b := true, true; a || b; {
				if recs := incremental.Step(r.IntN(2000)); recs != nil {
					pending.write(recs)
				} else {
					a = false
				}
				if recs := full.Step(r.IntN(500)); recs != nil {
					copied.write(recs)
				} else {
					b = false
				}
				run(r.IntN(15))
			}
			then.compare(t, copied.load(t))
			full.Done()
			if r.IntN(3) == 0 {
				incremental.Cancel()
				continue
			}
			incremental.Done()
			disk = pending
			loaded := disk.load(t)
			then.compare(t, loaded)
			checkInside(t, loaded)
		}
		if slices.ContainsFunc(tr.marks.active, func(w *walk) bool { return !w.over }) {
			t.Fatal("a scan is still active")
		}
	}
}

// TestScanParentsFirst: a full scan delivers no node before its parent.
func TestScanParentsFirst(t *testing.T) {
	tr := NewWith(genOptions)
	g := newGen(3, tr)
	for range 2000 {
		txn := g.next()
		tr.Apply(&txn)
	}
	seen := map[uint32]bool{rootSlot: true}
	s := tr.Scan(true)
	for recs := s.Step(300); recs != nil; recs = s.Step(300) {
		for _, rec := range recs {
			if rec.Key[0] != nodeKey {
				continue
			}
			var nr nodeRecord
			if err := nr.decode(rec.Value); err != nil {
				t.Fatal(err)
			}
			if !seen[nr.parent] {
				t.Fatalf("node %x before its parent %d", rec.Key, nr.parent)
			}
			seen[slotOf(rec.Key)] = true
		}
		for range 5 {
			txn := g.next()
			tr.Apply(&txn)
		}
	}
	s.Done()
}

func slotOf(key []byte) uint32 {
	return uint32(key[1])<<24 | uint32(key[2])<<16 | uint32(key[3])<<8 | uint32(key[4])
}

// Steps of several scans run side by side, the last ones too, while nobody changes the
// tree. The race detector watches; and the next change costs nothing for what has ended.
func TestScansEndSideBySide(t *testing.T) {
	tr := New()
	g := newGen(1, tr)
	for range 1000 {
		txn := g.next()
		tr.Apply(&txn)
	}
	var steps sync.WaitGroup
	var run []func()
	for range 8 {
		s, snap := tr.Scan(true), tr.Snapshot(Stream)
		run = append(run, func() { drain(s) }, func() {
			for snap.Step(1000) != nil {
			}
		})
	}
	for _, f := range run {
		steps.Go(f)
	}
	steps.Wait()
	g.zxid++
	apply(t, tr, wire.TxnHeader{Zxid: g.zxid, Op: wire.OpSetData}, &wire.SetDataTxn{Path: "/", Data: []byte("x"), Version: 1})
	if n := len(tr.marks.active); n != 0 {
		t.Errorf("%d walks are still told of changes", n)
	}
}

func TestIncrementalScanIsSmall(t *testing.T) {
	tr := New()
	g := newGen(1, tr)
	for range 1000 {
		txn := g.next()
		tr.Apply(&txn)
	}
	s := tr.Scan(false)
	drain(s)
	s.Done()
	g.zxid++
	apply(t, tr, wire.TxnHeader{Zxid: g.zxid, Op: wire.OpSetData}, &wire.SetDataTxn{Path: "/", Data: []byte("x"), Version: 1})
	s = tr.Scan(false)
	if got := drain(s); len(got) != 2 {
		t.Errorf("%d records for one changed node, want it and meta", len(got))
	}
	s.Done()
}

// TestUnfinishedScanGivesMarksBack: Done before the end must not lose changes.
func TestUnfinishedScanGivesMarksBack(t *testing.T) {
	tr := New()
	tr.Scan(false).Done()
	s := tr.Scan(false)
	if got := drain(s); len(got) != 5 {
		t.Errorf("%d records, want the four nodes and meta", len(got))
	}
	s.Done()
	s.Cancel()
	s = tr.Scan(false)
	if got := drain(s); len(got) != 1 {
		t.Errorf("%d records after nothing, want meta", len(got))
	}
}

func TestSecondIncrementalScanPanics(t *testing.T) {
	tr := New()
	tr.Scan(false)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	tr.Scan(false)
}

// TestReplayedACLIsMarked: a create that is replayed may change nothing but the
// ACL, and the checkpoint must have it.
func TestReplayedACLIsMarked(t *testing.T) {
	r := newRig(t, Options{})
	r.create("/a", "x")
	loaded := drain(r.tr.Scan(true)).load(t)
	loaded.lastZxid = 0 // as if the snapshot had been written while /a was created
	apply(t, loaded, wire.TxnHeader{Zxid: 1, Time: 1001, Op: wire.OpCreate}, &wire.CreateTxn{Path: "/a", Data: []byte("x"), ACL: genACLs[2], ParentCversion: 1})
	n, _ := loaded.Find("/a")
	if got := loaded.ACL(n); got[0].ID.Scheme != "digest" {
		t.Errorf("acl %v", got)
	}
	if got := drain(loaded.Scan(false)); len(got) != 2 {
		t.Errorf("%d records, want the node and meta", len(got))
	}
	if s := loaded.Stat(n); s != r.stat("/a") {
		t.Errorf("stat %+v", s)
	}
}
