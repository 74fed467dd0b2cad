package zkdata

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
)

func (k *keeper) exportTo(from datadir.Layout, to Dirs) *ExportReport {
	k.t.Helper()
	r, err := Export(k.t.Context(), osfs.FS{}, ExportOptions{From: from, To: to})
	k.ok(err)
	if r.Zxid != k.last || r.Digest != k.tree.Digest() {
		k.t.Errorf("exported up to %v with digest %#x, want %v, %#x", r.Zxid, r.Digest, k.last, k.tree.Digest())
	}
	return r
}

// What was imported and exported is the same when it is imported again.
func TestExportRoundTrip(t *testing.T) {
	for _, member := range []bool{false, true} {
		k := standard(t)
		if member {
			k.epochs(6, 5)
			k.ok(os.WriteFile(filepath.Join(k.dirs.Data, "myid"), []byte("12"), 0o644))
		}
		to, first := k.imported()
		back := filepath.Join(t.TempDir(), "x", "zookeeper")
		r := k.exportTo(to, Dirs{back, back})
		if r.SnapshotZxid != first.Checkpoint || r.Txns != 105 || r.Applied != int(k.last-first.Checkpoint) {
			t.Errorf("%+v", r)
		}
		k.dirs = Dirs{back, back}
		_, second := k.imported()
		if member && (*second.Epochs != *first.Epochs || second.Checkpoint < first.Checkpoint) || !member && second.Epochs != nil {
			t.Errorf("%+v, %+v", second, second.Epochs)
		}
		if second.Txns != 105 {
			t.Errorf("%+v", second)
		}
	}
}

// ZooKeeper cuts a log behind the record of the zxid that it shall keep, or behind the
// next one if that is not there.
func TestExportHasTheRecordOfTheSnapshot(t *testing.T) {
	k := newKeeper(t)
	k.create(5)
	k.snapshot(plain)
	delete(k.logs, filepath.Join(k.dirs.LogDir(), "log.1"))
	k.epochs(0, 0)
	k.create(3)
	k.write()
	to, _ := k.imported() // checkpoint at 6, log after 5
	back := filepath.Join(t.TempDir(), "zookeeper")
	k.exportTo(to, Dirs{back, back})
	first := firstRecord(t, filepath.Join(back, "version-2", "log.6"))
	if first.Header.Zxid != 6 || first.Header.Op != wire.OpCreate {
		t.Errorf("%+v", first.Header)
	}

	// A log that begins behind the checkpoint.
	tail := txnsOf(t, to, 6)
	log, err := txnlog.Open(osfs.FS{}, to.LogDir(), txnlog.Options{})
	k.ok(err)
	k.ok(log.Reset(6))
	k.ok(log.Append(tail))
	k.ok(log.Sync())
	k.ok(log.Close())
	back = filepath.Join(t.TempDir(), "zookeeper")
	k.exportTo(to, Dirs{back, back})
	first = firstRecord(t, filepath.Join(back, "version-2", "log.6"))
	if first.Header.Zxid != 6 || first.Header.Op != wire.OpError {
		t.Errorf("%+v", first.Header)
	}
	k.dirs = Dirs{back, back}
	k.imported()
}

func firstRecord(t *testing.T, name string) wire.Txn {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	records, _, err := readAll(b)
	if err != nil || len(records) == 0 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	txn, err := wire.DecodeTxn(records[0].Payload)
	if err != nil {
		t.Fatal(err)
	}
	return txn
}

func txnsOf(t *testing.T, dirs datadir.Layout, after wire.Zxid) (list []txnlog.Record) {
	t.Helper()
	for txn, err := range inspect.Transactions(osfs.FS{}, dirs, inspect.Range{From: after + 1}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, txnlog.Record{Zxid: txn.Header.Zxid, Payload: append([]byte{}, txn.Raw...)})
	}
	return list
}

// A member that got its tree from an Apache leader, which went on meanwhile, has a
// checkpoint that holds some of what is behind it.
func TestExportFuzzyCheckpoint(t *testing.T) {
	k := newKeeper(t)
	k.create(10)
	var b bytes.Buffer
	k.ok(datatree.WriteSnapshot(&b, k.tree, datatree.File))
	k.create(10)
	tree, _, err := datatree.ReadSnapshot(&b, 4, treeOptions) // begun at 0x4, ended at 0xa
	k.ok(err)
	from := layoutIn(t.TempDir())
	k.ok(writeCheckpoint(from.StoreDir(), tree, func(int64) {}))
	log, err := newLogCopy(osfs.FS{}, from.LogDir(), 0)
	k.ok(err)
	k.ok(log.reset(4))
	records, _, err := readAll(k.logs[k.file])
	k.ok(err)
	for _, r := range records[4:] {
		k.ok(log.append(txnlog.Record{Zxid: r.Zxid, Payload: r.Payload}))
	}
	k.ok(log.close())
	k.sound(from) // zabra verify must not take it for damage
	k.ok(os.WriteFile(from.AcceptedEpoch(), datadir.AppendEpoch(nil, 0), 0o644))

	back := filepath.Join(t.TempDir(), "zookeeper")
	if r := k.exportTo(from, Dirs{back, back}); r.SnapshotZxid != 0xa || r.Txns != 16 || r.Applied != 10 {
		t.Errorf("%+v", r)
	}
	k.dirs = Dirs{back, back}
	if _, r := k.imported(); r.Differed != 0 || r.Compared != 11 {
		t.Errorf("%+v", r)
	}

	tree, _, err = datatree.ReadSnapshot(bytes.NewReader(broken(t, k)), 4, treeOptions)
	k.ok(err)
	k.ok(os.RemoveAll(from.StoreDir()))
	k.ok(writeCheckpoint(from.StoreDir(), tree, func(int64) {}))
	if _, err := Export(t.Context(), osfs.FS{}, ExportOptions{From: from, To: Dirs{t.TempDir(), t.TempDir()}}); err == nil || !strings.Contains(err.Error(), "has not the digest") {
		t.Errorf("a checkpoint with a node that never was: %v", err)
	}
	if r, err := inspect.Verify(osfs.FS{}, from); err != nil || len(r.Damage) != 1 {
		t.Errorf("%v, %v", r.Damage, err)
	}
}

// broken is a snapshot with a node that the keeper's history does not know.
func broken(t *testing.T, k *keeper) []byte {
	t.Helper()
	other := newKeeper(t)
	other.txn(wire.OpCreate, &wire.CreateTxn{Path: "/never", ACL: wire.WorldAnyone(31), ParentCversion: other.created()})
	var b bytes.Buffer
	k.ok(datatree.WriteSnapshot(&b, other.tree, datatree.File))
	return b.Bytes()
}

func TestExportRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(from datadir.Layout, to string) error
		want string
	}{
		{"data of ZooKeeper's", func(_ datadir.Layout, to string) error { return os.MkdirAll(filepath.Join(to, "version-2"), 0o755) }, "move its folder version-2 away first"},
		{"an export that did not finish", func(_ datadir.Layout, to string) error {
			return os.MkdirAll(filepath.Join(to, "version-2.exporting"), 0o755)
		}, "did not finish"},
		{"something else", func(_ datadir.Layout, to string) error { return os.MkdirAll(filepath.Join(to, "x"), 0o755) }, "is not empty (x)"},
		{"distrust", func(f datadir.Layout, _ string) error { return os.WriteFile(f.Distrust(), nil, 0o644) }, "lost data"},
		{"a restore", func(f datadir.Layout, _ string) error { return os.WriteFile(f.RestoreMark(), []byte("1"), 0o644) }, "start the Zabra server once"},
		{"an import", func(f datadir.Layout, _ string) error { return os.Mkdir(f.ImportDir(), 0o755) }, "import that has not finished"},
		{"no checkpoint", func(f datadir.Layout, _ string) error { return os.RemoveAll(f.StoreDir()) }, "is missing"},
		{"no log", func(f datadir.Layout, _ string) error { return os.RemoveAll(f.LogDir()) }, "is missing"},
		{"damage", func(f datadir.Layout, _ string) error { return flip(filepath.Join(f.LogDir(), "log.34"), 8192+40) }, "log.34 at offset 8192"},
		{"epochs", func(f datadir.Layout, _ string) error {
			return os.WriteFile(f.CurrentEpoch(), datadir.AppendEpoch(nil, 9), 0o644)
		}, "smaller than currentEpoch"},
		{"a damaged epoch", func(f datadir.Layout, _ string) error { return os.WriteFile(f.CurrentEpoch(), []byte("1"), 0o644) }, "its checksum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := standard(t)
			k.ok(os.Remove(filepath.Join(k.dirs.LogDir(), "log.1"))) // the log begins behind 0x33
			k.epochs(1, 1)
			from, _ := k.imported()
			parent := t.TempDir()
			to := filepath.Join(parent, "to")
			k.ok(c.do(from, to))
			before, _ := os.ReadDir(to)
			_, err := Export(t.Context(), osfs.FS{}, ExportOptions{From: from, To: Dirs{to, to}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if after, _ := os.ReadDir(to); len(after) != len(before) {
				t.Errorf("left %v", after)
			}
		})
	}
}

func TestExportOfARunningServer(t *testing.T) {
	from, _ := standard(t).imported()
	log, err := txnlog.Open(osfs.FS{}, from.LogDir(), txnlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := Export(t.Context(), osfs.FS{}, ExportOptions{From: from, To: Dirs{t.TempDir(), t.TempDir()}}); !errors.Is(err, inspect.ErrRunning) {
		t.Error(err)
	}
}

// Wherever an export is killed, ZooKeeper finds all of it or nothing.
func TestExportKilledAnywhere(t *testing.T) {
	k := standard(t)
	k.epochs(1, 0)
	from, _ := k.imported()
	for n, done := 0, false; !done; n++ {
		to, calls := filepath.Join(t.TempDir(), "new"), 0
		_, err := Export(t.Context(), dying(n, &calls), ExportOptions{From: from, To: Dirs{to, to}})
		if done = err == nil; !done && !errors.Is(err, errGone) {
			t.Fatalf("%d: %v", n, err)
		}
		if _, err := os.Stat(filepath.Join(to, "version-2")); err == nil {
			whole := *k
			whole.dirs = Dirs{to, to}
			whole.imported()
		} else if done {
			t.Error(err)
		}
	}
}
