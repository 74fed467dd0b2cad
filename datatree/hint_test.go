package datatree

import (
	"reflect"
	"testing"

	"github.com/zabra/zabra/wire"
	"pgregory.net/rapid"
)

// Wherever a node is said to be, the result is that of a tree that nobody told.
func TestHintsChangeNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		told, plain := NewWith(genOptions), NewWith(genOptions)
		g := newGen(rapid.Uint64().Draw(rt, "seed"), plain)
		for range rapid.IntRange(1, 150).Draw(rt, "transactions") {
			txn := g.next()
			got := told.ApplyAt(&txn, drawHint(rt, told, &txn))
			if want := plain.Apply(&txn); !reflect.DeepEqual(got, want) {
				rt.Fatalf("%v %+v: %+v, without a hint %+v", txn.Header.Op, txn.Body, got, want)
			}
		}
		if got, want := describe(told), describe(plain); !reflect.DeepEqual(got, want) || told.Digest() != plain.Digest() {
			rt.Fatalf("the trees differ:\n%v\n%v", got, want)
		}
		checkInside(t, told)
	})
}

// drawHint is the right node, its parent, or any number.
func drawHint(rt *rapid.T, tr *Tree, txn *wire.Txn) Node {
	d := wire.NewDecoder(txn.Raw[32:]) // most bodies begin with the path
	path := d.String()
	switch rapid.IntRange(0, 3).Draw(rt, "hint") {
	case 0:
		n, _ := tr.Find(path)
		return n
	case 1:
		parent, _ := split(path)
		n, _ := tr.Find(parent)
		return n
	}
	return Node(rapid.Uint32Range(0, tr.nodes.high+2*chunkSize).Draw(rt, "number"))
}

// A node is not looked for where the hint is right.
func TestRightHintIsTaken(t *testing.T) {
	tr := New()
	apply(t, tr, wire.TxnHeader{Zxid: 1, Op: wire.OpCreate}, &wire.CreateTxn{Path: "/a", ParentCversion: -1})
	apply(t, tr, wire.TxnHeader{Zxid: 2, Op: wire.OpCreate}, &wire.CreateTxn{Path: "/a/b", ParentCversion: -1})
	n, _ := tr.Find("/a/b")
	for _, path := range []string{"/a/b", "/a", "/b", "/a/b/", "a/b", "", "/"} {
		tr.hint = uint32(n)
		if got := tr.hinted(path); (got == uint32(n)) != (path == "/a/b") {
			t.Errorf("%q is taken for node %d, /a/b is %d", path, got, n)
		}
	}
}

// What the digest of a node becomes when only its stat changes does not depend on the
// way there.
func TestRestatedDigest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tr := New()
		body := &wire.CreateTxn{Path: "/a", Data: make([]byte, rapid.SampledFrom([]int{0, 1, 3, 4, 100, 2000}).Draw(rt, "size")), ParentCversion: -1}
		apply(t, tr, wire.TxnHeader{Zxid: 1, Op: wire.OpCreate}, body)
		slot := tr.find("/a")
		for range rapid.IntRange(1, 5).Draw(rt, "changes") {
			tr.changeStat(slot, "/a", func(n *node, e *ext) {
				n.czxid, n.ctime = rapid.Int64().Draw(rt, "czxid"), rapid.Int64().Draw(rt, "ctime")
				e.mzxid, e.pzxid, e.mtime = rapid.Int64().Draw(rt, "mzxid"), rapid.Int64().Draw(rt, "pzxid"), rapid.Int64().Draw(rt, "mtime")
				e.version, e.cversion, e.aversion = rapid.Int32().Draw(rt, "v"), rapid.Int32().Draw(rt, "c"), rapid.Int32().Draw(rt, "a")
				e.owner = rapid.Int64().Draw(rt, "owner")
			})
			n, e := tr.nodes.at(slot), *tr.exts.at(tr.nodes.at(slot).ext)
			if want := tr.computeDigest(n, &e, "/a"); e.digest != want {
				rt.Fatalf("%#x instead of %#x", e.digest, want)
			}
		}
	})
}
