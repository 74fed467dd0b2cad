package datatree

import (
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

func TestQuotas(t *testing.T) {
	tree, z := New(), wire.Zxid(0)
	create := func(path, data string) {
		z++
		txn := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: z, Op: wire.OpCreate},
			&wire.CreateTxn{Path: path, Data: []byte(data), ACL: wire.WorldAnyone(wire.PermAll), ParentCversion: -1})
		if res := tree.Apply(&txn); res.Err != wire.OK {
			t.Fatal(path, res.Err)
		}
	}
	for range tree.Quotas() {
		t.Error("an empty tree has a quota")
	}
	for _, path := range []string{"/a", "/a/b", "/c", "/zookeeper/quota/a", "/zookeeper/quota/a/b", "/zookeeper/quota/c"} {
		create(path, "xy")
	}
	create("/zookeeper/quota/a/zookeeper_limits", "count=5,bytes=-1")
	create("/zookeeper/quota/a/zookeeper_stats", "")
	create("/zookeeper/quota/a/b/zookeeper_limits", "count=9,bytes=-1=;byteHardLimit=70;countHardLimit=7")
	create("/zookeeper/quota/a/b/zookeeper_stats", "")
	create("/zookeeper/quota/c/zookeeper_limits", "count=1,bytes=1") // without statistics it is none
	got := slices.SortedFunc(tree.Quotas(), func(a, b QuotaState) int { return strings.Compare(a.Path, b.Path) })
	want := []QuotaState{
		{Path: "/a", MaxCount: 5, MaxBytes: -1, Count: 2, Bytes: 4},
		{Path: "/a/b", MaxCount: 7, MaxBytes: 70, Count: 1, Bytes: 2},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
