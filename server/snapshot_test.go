package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/faultfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A snapshot that finds no room, or was interrupted, leaves nothing behind that
// takes room or is in the way of the next.
func TestSnapshotWithoutRoom(t *testing.T) {
	disk := faultfs.New(memfs.New())
	if err := disk.MkdirAll("data"); err != nil {
		t.Fatal(err)
	}
	d := &data{cfg: &zoocfg.Config{DataDir: "data"}, fs: disk, zap: zap.NewNop()}
	schemes, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	tree := datatree.New()
	for z := range wire.Zxid(100) {
		txn := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: z + 1, Op: wire.OpCreate}, &wire.CreateTxn{
			Path: fmt.Sprintf("/%d", z), Data: make([]byte, 10_000), ACL: wire.WorldAnyone(wire.PermAll),
		})
		tree.Apply(&txn)
	}
	core := pipeline.New(tree, nil, schemes, metrics.New(), pipeline.Events{}, pipeline.Options{})
	names := func() []string {
		list, err := disk.List("data")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for _, rule := range []faultfs.Rule{{Op: vfs.OpWrite, Nth: 1}, {Op: vfs.OpSync}, {Op: vfs.OpRename}} {
		rule.Err = syscall.ENOSPC
		disk.Fail(rule)
		if _, err := d.takeSnapshot(context.Background(), core); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v: %v", rule.Op, err)
		}
		if list := names(); len(list) > 0 {
			t.Errorf("%v: %v is left", rule.Op, list)
		}
		disk.Heal()
	}
	left, err := disk.Create("data/snapshot.64.tmp")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := left.WriteAt([]byte("x"), 0); err != nil || left.Close() != nil {
		t.Fatal(err)
	}
	snap, err := d.takeSnapshot(context.Background(), core)
	if err != nil {
		t.Fatal(err)
	}
	if list := names(); !slices.Equal(list, []string{"snapshot.64"}) || snap.Size < 1_000_000 {
		t.Errorf("%d bytes in %v", snap.Size, list)
	}
	_ = snap.Close()
}
