package store

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// When nearly everything was removed, the disk is given back after a few more
// checkpoints, though nothing changes any more.
func TestRemovedDataIsGivenBack(t *testing.T) {
	s := New(t.TempDir(), zap.NewNop())
	defer s.Close()
	tree := datatree.New()
	const nodes, size = 2000, 50_000
	for i := range nodes {
		apply(tree, wire.OpCreate, &wire.CreateTxn{Path: fmt.Sprintf("/n%d", i*3), Data: make([]byte, size), ACL: wire.WorldAnyone(31), ParentCversion: -1})
		for k := range 2 {
			create(tree, fmt.Sprintf("/n%d", i*3+1+k))
		}
	}
	write(t, s, tree, true)
	if err := s.Tidy(); err != nil {
		t.Fatal(err)
	}
	full, err := tableBytes(s.dir)
	if err != nil || full < nodes*size {
		t.Fatalf("%d bytes on disk, %v", full, err)
	}
	for i := range nodes {
		for k := range 3 {
			apply(tree, wire.OpDelete, &wire.DeleteTxn{Path: fmt.Sprintf("/n%d", i*3+k)})
		}
	}
	checkpoints := 0
	for write(t, s, tree, true); s.Bloated(tree.DataSize()); write(t, s, tree, true) {
		if checkpoints++; checkpoints > 3 {
			t.Fatalf("the store is still bloated: %d bytes", s.Bytes())
		}
	}
	if checkpoints == 0 {
		t.Error("the store was not bloated")
	}
	if s.Bytes() > spareDisk {
		t.Errorf("the checkpoint consists of %d bytes", s.Bytes())
	}
	if err := s.Tidy(); err != nil {
		t.Fatal(err)
	}
	if left, err := tableBytes(s.dir); err != nil || left > spareDisk {
		t.Errorf("%d bytes of %d are left, %v", left, full, err)
	}
	same(t, load(t, s), tree)
}
