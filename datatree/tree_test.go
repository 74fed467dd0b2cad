package datatree

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

var open = wire.WorldAnyone(wire.PermAll)

func apply(t *testing.T, tr *Tree, h wire.TxnHeader, body wire.Record) Result {
	t.Helper()
	raw := wire.EncodeTxn(nil, h, body)
	txn, err := wire.DecodeTxn(raw.Raw)
	if err != nil {
		t.Fatal(err)
	}
	return tr.Apply(&txn)
}

func TestFreshTree(t *testing.T) {
	tr := New()
	if tr.Digest() != 0x51c6d660 {
		t.Errorf("digest %#x", tr.Digest())
	}
	if tr.NodeCount() != 4 || tr.DataSize() != 44 {
		t.Errorf("count %d, size %d", tr.NodeCount(), tr.DataSize())
	}
	for path, cversion := range map[string]int32{"/": -1, "": -1, "/zookeeper": -2, "/zookeeper/quota": 0} {
		n, ok := tr.Find(path)
		if !ok {
			t.Fatalf("no %q", path)
		}
		if s := tr.Stat(n); s.Cversion != cversion || s.Czxid != 0 {
			t.Errorf("%q: %+v", path, s)
		}
	}
}

func TestDigestOfReference(t *testing.T) {
	tr := New()
	r := apply(t, tr, wire.TxnHeader{Session: 1, Zxid: 0x100000002, Time: 1795318791121, Op: wire.OpCreate},
		&wire.CreateTxn{Path: "/a", Data: []byte("hello"), ACL: open, ParentCversion: 1})
	if r.Err != wire.OK || tr.Digest() != 0x14c0ce1a9 {
		t.Errorf("err %v, digest %#x", r.Err, tr.Digest())
	}
}
