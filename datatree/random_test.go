package datatree

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

var genOptions = Options{ExtendedTypes: true, HashSeed: 7}

func TestAgainstTwin(t *testing.T) {
	for seed := range uint64(12) {
		tr, w := NewWith(genOptions), newTwin()
		g := newGen(seed, tr)
		for i := range 1500 {
			txn := g.next()
			w.apply(&txn)
			tr.Apply(&txn)
			if i%50 == 49 || seed == 0 && i < 300 {
				w.compare(t, tr)
			}
		}
		old := wire.Txn{Header: wire.TxnHeader{Zxid: 5, Op: wire.OpDelete}, Body: &wire.DeleteTxn{Path: "/a"}}
		if r := tr.Apply(&old); !r.Ignored {
			t.Fatal("an old transaction was applied")
		}
		w.compare(t, tr)
		checkInside(t, tr)
	}
}

// checkInside checks what no method shows: that nothing leaks.
func checkInside(t testing.TB, tr *Tree) {
	t.Helper()
	inIndex, live, refs := 0, 0, map[uint32]int{}
	for i := range tr.index.tables {
		inIndex += tr.index.tables[i].used
	}
	if inIndex != tr.count-1 {
		t.Fatalf("index holds %d, the tree %d", inIndex, tr.count)
	}
	used := 0
	for s := uint32(1); s < tr.nodes.high; s++ {
		if tr.inUse(s) != tr.marks.used.has(s) {
			t.Fatalf("slot %d: in use %v, marked %v", s, tr.inUse(s), !tr.inUse(s))
		}
		if tr.inUse(s) {
			used++
			refs[tr.nodes.at(s).acl]++
			checkDigest(t, tr, s)
		}
	}
	for i := range tr.arena.pages {
		live += int(tr.arena.pages[i].live)
	}
	big := len(tr.arena.big) - len(tr.arena.bigFree)
	if used != tr.count || live+big != tr.count {
		t.Fatalf("%d slots, %d blocks for %d nodes", used, live+big, tr.count)
	}
	for id, e := range tr.acls.entries {
		if id != openACL && e.refs != refs[uint32(id)] {
			t.Fatalf("list %d: %d uses counted, %d found", id, e.refs, refs[uint32(id)])
		}
	}
}

// checkDigest checks the digest that a node keeps.
func checkDigest(t testing.TB, tr *Tree, slot uint32) {
	t.Helper()
	n, path := tr.nodes.at(slot), tr.Path(Node(slot))
	e := tr.stored(n)
	if want := tr.computeDigest(n, &e, path); n.ext != 0 && e.digest != want {
		t.Fatalf("%s: digest %#x is kept instead of %#x", path, e.digest, want)
	}
}

// describe renders all nodes by path, but for quota statistics.
func describe(tr *Tree) map[string]string {
	all := map[string]string{}
	for s := rootSlot; s != 0; s = tr.following(rootSlot, s) {
		p := tr.Path(Node(s))
		if strings.HasSuffix(p, "/"+statsNode) {
			continue
		}
		all[p] = fmt.Sprintf("%+v %+v %q %v", tr.Stat(Node(s)), tr.Stored(Node(s)), tr.Data(Node(s)), tr.ACL(Node(s)))
	}
	return all
}
