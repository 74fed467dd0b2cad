package datatree

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

// someStore is the checkpoint of a tree with a bit of everything.
func someStore(t testing.TB, steps int) (store, *Tree) {
	t.Helper()
	tr := NewWith(genOptions)
	g := newGen(11, tr)
	for range steps {
		txn := g.next()
		tr.Apply(&txn)
	}
	s := tr.Scan(true)
	defer s.Done()
	return drain(s), tr
}

// TestLoadedTreeGoesOn: what comes from a loader behaves as the original.
func TestLoadedTreeGoesOn(t *testing.T) {
	tr, w := NewWith(genOptions), newTwin()
	g := newGen(5, tr)
	for i := range 3000 {
		txn := g.next()
		w.apply(&txn)
		tr.Apply(&txn)
		if i%300 == 0 {
			s := tr.Scan(true)
			tr = drain(s).load(t)
			g.tr = tr
		}
	}
	w.compare(t, tr)
	checkInside(t, tr)
}

// TestSparseLoad: slots between the loaded ones are used again.
func TestSparseLoad(t *testing.T) {
	tr := NewWith(genOptions)
	do := func(body wire.Record) {
		txn := wire.Txn{Header: wire.TxnHeader{Zxid: tr.LastZxid() + 1}, Body: body}
		if r := tr.Apply(&txn); r.Err != wire.OK {
			t.Fatal(r.Err)
		}
	}
	name := func(i int) string { return fmt.Sprintf("/n%d", i) }
	for i := range 5000 {
		do(&wire.CreateTxn{Path: name(i), ACL: open, ParentCversion: int32(i + 1)})
	}
	for i := range 4900 {
		do(&wire.DeleteTxn{Path: name(i)})
	}
	high := tr.nodes.high
	tr = drain(tr.Scan(true)).load(t)
	if len(tr.holes) == 0 {
		t.Fatal("the load was not sparse")
	}
	for i := range 4900 {
		do(&wire.CreateTxn{Path: name(i), ACL: open, ParentCversion: int32(5000 + i + 1)})
	}
	if tr.nodes.high > high {
		t.Errorf("%d slots where %d were enough", tr.nodes.high, high)
	}
	if tr.NodeCount() != 5004 {
		t.Errorf("%d nodes", tr.NodeCount())
	}
	checkInside(t, tr)
}

func TestLoaderRefuses(t *testing.T) {
	good, tr := someStore(t, 300)
	some := slices.Sorted(maps.Keys(good))
	nodes := slices.DeleteFunc(slices.Clone(some), func(k string) bool { return k[0] != nodeKey })
	leaf := nodes[len(nodes)-1]
	node := func(parent uint32, name string) []byte {
		n := node{parent: parent}
		x := newEmpty(Options{})
		x.putBlock(&n, name, nil)
		x.nodes.reserve(9)
		*x.nodes.at(9) = n
		return x.appendNode(nil, 9)
	}
	tests := map[string]func(s store){
		"no meta":            func(s store) { delete(s, "m") },
		"meta cut short":     func(s store) { s["m"] = s["m"][:9] },
		"other format":       func(s store) { s["m"] = append([]byte{2}, s["m"][1:]...) },
		"node missing":       func(s store) { delete(s, leaf) },
		"node too many":      func(s store) { s["n\x00\x00\xff\xff"] = node(rootSlot, "zz") },
		"parent missing":     func(s store) { s[leaf] = node(0xfffff, "zz") },
		"its own parent":     func(s store) { s[leaf] = node(slotOf([]byte(leaf)), "zz") },
		"twice the name":     func(s store) { s[leaf] = node(rootSlot, "zookeeper") },
		"no name":            func(s store) { s[leaf] = node(rootSlot, "") },
		"slash in name":      func(s store) { s[leaf] = node(rootSlot, "a/b") },
		"root with a name":   func(s store) { s["n\x00\x00\x00\x01"] = node(rootSlot, "r") },
		"root with a parent": func(s store) { s["n\x00\x00\x00\x01"] = node(zookeeperSlot, "") },
		"no /zookeeper":      func(s store) { s["n\x00\x00\x00\x02"] = node(rootSlot, "zoo") },
		"slot 0":             func(s store) { s["n\x00\x00\x00\x00"] = node(rootSlot, "zz") },
		"slot out of range":  func(s store) { s["n\xff\xff\xff\xff"] = node(rootSlot, "zz") },
		"cut short":          func(s store) { s[leaf] = s[leaf][:5] },
		"empty record":       func(s store) { s[leaf] = []byte{} },
		"unknown flag":       func(s store) { s[leaf] = append([]byte{0x80}, s[leaf][1:]...) },
		"unknown key":        func(s store) { s["x"] = nil },
		"bad session":        func(s store) { s["s12345678"] = []byte{1} },
		"changed data":       func(s store) { s["n\x00\x00\x00\x01"] = append(s["n\x00\x00\x00\x01"], 'x') },
		"bad ACL":            func(s store) { s[leaf] = append(node(rootSlot, "zz"), 3, 0, 0, 1); s[leaf][0] |= flagACL },
		"cycle": func(s store) {
			a, b := nodes[len(nodes)-1], nodes[len(nodes)-2]
			s[a], s[b] = node(slotOf([]byte(b)), "x"), node(slotOf([]byte(a)), "x")
		},
	}
	for name, spoil := range tests {
		s := maps.Clone(good)
		spoil(s)
		if err := tryLoad(s); err == nil {
			t.Errorf("%s: loaded", name)
		} else if !errors.Is(err, ErrCorrupt) && name != "other format" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := tryLoad(good); err != nil {
		t.Error(err)
	}
	_ = tr
}

func tryLoad(s store) error {
	l := NewLoader(genOptions)
	for _, k := range slices.Sorted(maps.Keys(s)) {
		if err := l.Add([]byte(k), s[k]); err != nil {
			return err
		}
	}
	_, err := l.Tree()
	return err
}

// FuzzLoader feeds arbitrary records: keys and values with their lengths
// before them, in one byte each for a key and two for a value.
func FuzzLoader(f *testing.F) {
	s, _ := someStore(f, 20)
	var all []byte
	for _, k := range slices.Sorted(maps.Keys(s)) {
		if len(s[k]) < 200 {
			all = append(append(all, byte(len(k))), k...)
			all = append(append(all, byte(len(s[k])>>8), byte(len(s[k]))), s[k]...)
		}
	}
	f.Add(all)
	f.Add([]byte{1, 'm', 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		l := NewLoader(genOptions)
		for len(b) > 0 {
			k := min(int(b[0]), len(b)-1)
			key, rest := b[1:1+k], b[1+k:]
			if len(rest) < 2 {
				break
			}
			v := min(int(rest[0])<<8|int(rest[1]), len(rest)-2)
			if l.Add(key, rest[2:2+v]) != nil {
				return
			}
			b = rest[2+v:]
		}
		// A fuzzer does not find the digest of what it changed.
		l.meta.nodes, l.hasMeta = uint64(l.t.count), true
		l.ignoreDigest = true
		if tr, err := l.Tree(); err == nil {
			checkInside(t, tr)
		}
	})
}
