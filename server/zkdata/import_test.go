package zkdata

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/wire"
)

func TestImportAlone(t *testing.T) {
	k := standard(t)
	_, r := k.imported()
	if r.SnapshotZxid != 51 || r.Applied != 54 || r.Checkpoint != k.last || r.LogBase != 0 || r.Txns != 105 || r.Epochs != nil || r.LogFiles != 3 {
		t.Errorf("%+v", r)
	}
	if r.Compared != 55 || r.Differed != 0 {
		t.Errorf("%d digests compared, %d differed", r.Compared, r.Differed)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "1 nodes have a time to live") {
		t.Errorf("notes %q", r.Notes)
	}
}

// What the ensemble has not decided stays in the log.
func TestImportMember(t *testing.T) {
	k := standard(t)
	k.epochs(4, 3)
	k.ok(os.WriteFile(filepath.Join(k.dirs.Data, "myid"), []byte("3\n"), 0o644))
	to, r := k.imported()
	if r.Checkpoint != 52 || r.Epochs == nil || *r.Epochs != (Epochs{4, 3}) {
		t.Errorf("checkpoint %v, epochs %v", r.Checkpoint, r.Epochs)
	}
	for name, want := range map[string]string{to.AcceptedEpoch(): string(datadir.AppendEpoch(nil, 4)), to.CurrentEpoch(): string(datadir.AppendEpoch(nil, 3)), filepath.Join(to.Data, "myid"): "3\n", to.Member(): ""} {
		if b, err := os.ReadFile(name); err != nil || string(b) != want {
			t.Errorf("%s holds %q, %v; want %q", name, b, err, want)
		}
	}
}

func TestImportCompressed(t *testing.T) {
	for _, pack := range []packing{plain, gzipped, snappied} {
		k := newKeeper(t)
		k.create(2000)
		path := k.snapshot(pack)
		k.create(3)
		k.write()
		if _, r := k.imported(); r.Snapshot != path || r.Applied != 3 {
			t.Errorf("%q: %+v", pack, r)
		}
	}
}

// Snapshots of older servers, and of those that are told so, lack what is behind the
// first seal.
func TestImportWithoutSeals(t *testing.T) {
	for _, behind := range []int{33 + 21, 21} {
		k := newKeeper(t)
		k.create(10)
		path := k.snapshot(plain)
		b, err := os.ReadFile(path)
		k.ok(err)
		k.ok(os.WriteFile(path, b[:len(b)-behind], 0o644))
		k.epochs(0, 0)
		k.create(10)
		k.write()
		_, r := k.imported()
		if want := map[int]wire.Zxid{33 + 21: 20, 21: 11}[behind]; r.Checkpoint != want {
			t.Errorf("%d bytes less: checkpoint at %v, want %v", behind, r.Checkpoint, want)
		}
	}
}

// A snapshot that was written while the tree changed holds some of what came later.
func TestImportFuzzySnapshot(t *testing.T) {
	k := newKeeper(t)
	k.create(10)
	k.create(5)
	k.snapshot(plain)
	for _, name := range []string{"snapshot.9", "snapshot.a", "snapshot.e"} { // it was begun earlier
		k.ok(os.Rename(filepath.Join(k.dirs.SnapDir(), "snapshot.f"), filepath.Join(k.dirs.SnapDir(), name)))
		k.epochs(0, 0)
		k.write()
		if _, r := k.imported(); r.Checkpoint != 15 || r.Compared == 0 {
			t.Errorf("%s: %+v", name, r)
		}
		k.ok(os.Rename(filepath.Join(k.dirs.SnapDir(), name), filepath.Join(k.dirs.SnapDir(), "snapshot.f")))
	}
}

func TestImportFallsBackOnAnOlderSnapshot(t *testing.T) {
	k := standard(t)
	newest := filepath.Join(k.dirs.SnapDir(), "snapshot.33")
	b, err := os.ReadFile(newest)
	k.ok(err)
	for _, n := range []int{0, 10, len(b) / 2, len(b) - 60, len(b) - 1} {
		k.ok(os.WriteFile(newest, b[:n], 0o644))
		if _, r := k.imported(); r.SnapshotZxid != 0 || r.Applied != 105 || !strings.Contains(r.Notes[0], newest+" cannot be read") {
			t.Errorf("cut at %d: %+v", n, r)
		}
	}
	k.ok(os.WriteFile(newest+".tmp", b, 0o644)) // never finished
	if _, r := k.imported(); r.SnapshotZxid != 0 {
		t.Errorf("%+v", r)
	}
	k.ok(os.Remove(filepath.Join(k.dirs.LogDir(), "log.1")))
	k.refused("those in between are missing")
	k.ok(os.Remove(filepath.Join(k.dirs.SnapDir(), "snapshot.0")))
	k.refused("neither it nor any older snapshot can be read")
	k.ok(os.Remove(newest))
	k.refused("holds no snapshot")
}

func TestImportRefusesDamage(t *testing.T) {
	// The files are log.1, log.34 and log.52; the snapshots stand at 0x0 and 0x33.
	for _, c := range []struct {
		name string
		do   func(k *keeper, log func(string) string) error
		want string // "" if it is no damage
	}{
		{"missing file in the middle", func(k *keeper, log func(string) string) error { return os.Remove(log("34")) }, "transaction 0x52 comes after 0x33: those in between are missing"},
		{"missing file before the snapshot", func(k *keeper, log func(string) string) error { return os.Remove(log("1")) }, ""},
		{"renamed file", func(k *keeper, log func(string) string) error { return os.Rename(log("52"), log("53")) }, "has been renamed"},
		{"damage before the snapshot", func(k *keeper, log func(string) string) error { return flip(log("1"), 100) }, ""},
		{"damage behind the snapshot", func(k *keeper, log func(string) string) error { return flip(log("34"), 100) }, "log.34 at offset"},
		{"no log of ZooKeeper's", func(k *keeper, log func(string) string) error { return flip(log("34"), 2) }, "does not begin as a log"},
		{"epochs of another server", func(k *keeper, log func(string) string) error { k.epochs(2, 3); return nil }, "smaller than currentEpoch"},
		{"an epoch that is none", func(k *keeper, log func(string) string) error {
			return os.WriteFile(filepath.Join(k.dirs.SnapDir(), "currentEpoch"), []byte("x"), 0o644)
		}, "should hold one number"},
		{"an unknown transaction", func(k *keeper, log func(string) string) error {
			payload := make([]byte, 40)
			k.last++
			h := wire.TxnHeader{Zxid: k.last, Op: 99}
			k.log(k.last, append(h.AppendTo(nil), payload...))
			k.write()
			return nil
		}, "if a newer version of ZooKeeper wrote it"},
		{"another tree", func(k *keeper, log func(string) string) error {
			h := wire.TxnHeader{Zxid: k.last + 1, Op: wire.OpDelete}
			raw := h.AppendTo(nil)
			k.log(k.last+1, wire.AppendLong(wire.AppendInt(wire.AppendString(raw, "/eph"), 2), 4711))
			k.write()
			return nil
		}, "from transaction 0x6a on the tree has not the digest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := standard(t)
			k.ok(c.do(k, func(z string) string { return filepath.Join(k.dirs.LogDir(), "log."+z) }))
			if c.want == "" {
				k.imported()
				return
			}
			err := k.refused(c.want)
			var damaged *DamageError
			if !errors.As(err, &damaged) || damaged.File == "" || damaged.Remedy == "" {
				t.Errorf("%v is no DamageError with file and remedy", err)
			}
		})
	}
}

func flip(name string, at int) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	b[at] ^= 0x10
	return os.WriteFile(name, b, 0o644)
}

func TestImportAcceptsDifferences(t *testing.T) {
	k := standard(t)
	h := wire.TxnHeader{Zxid: k.last + 1, Op: wire.OpDelete}
	k.log(k.last+1, wire.AppendLong(wire.AppendInt(wire.AppendString(h.AppendTo(nil), "/eph"), 2), 4711))
	k.write()
	r, err := Import(t.Context(), osfs.FS{}, ImportOptions{From: k.dirs, To: layoutIn(t.TempDir()), AcceptDifferences: true})
	if err != nil || r.Differed != 1 || !strings.Contains(strings.Join(r.Notes, ""), "imported all the same") {
		t.Errorf("%v, %+v", err, r)
	}
}

// Servers from 3.9.0 on may log a transaction twice.
func TestImportDoubles(t *testing.T) {
	k := newKeeper(t)
	k.snapshot(plain)
	k.create(3)
	k.log(k.last, wire.EncodeTxn(nil, wire.TxnHeader{Zxid: k.last, Op: wire.OpError}, &wire.ErrorTxn{Err: wire.NoNode}).Raw)
	k.create(2)
	k.write()
	if _, r := k.imported(); r.Doubles != 1 || r.Txns != 5 {
		t.Errorf("%+v", r)
	}
}

// A snapshot may stand at the beginning of an epoch; before that, the log proves nothing.
func TestImportOverEpochs(t *testing.T) {
	k := newKeeper(t)
	k.snapshot(plain)
	k.create(3)
	k.roll()
	k.txnAt(0x200000001, wire.OpCreate, &wire.CreateTxn{Path: "/b", ACL: wire.WorldAnyone(31), ParentCversion: k.created()})
	k.create(2)
	k.write()
	k.epochs(5, 2)
	if _, r := k.imported(); r.LogBase != 0 || r.Txns != 6 || *r.Epochs != (Epochs{5, 2}) {
		t.Errorf("%+v", r)
	}
	k.epochs(2, 0) // it had promised the epoch, and stopped before it wrote that it is the current one
	to, r := k.imported()
	if e, err := readOwnEpochs(osfs.FS{}, to); err != nil || *e.current != 2 || *r.Epochs != (Epochs{2, 2}) {
		t.Errorf("%+v, %v on disk, %v", r.Epochs, *e.current, err)
	}
	k.epochs(1, 1)
	k.refused("the log holds epoch 2")

	k.epochs(3, 3)
	k.tree.Apply(&wire.Txn{Header: wire.TxnHeader{Zxid: 0x300000000, Op: wire.OpError}, Body: &wire.ErrorTxn{}})
	k.last = 0x300000000
	k.snapshot(plain)
	k.create(2)
	k.write()
	if _, r := k.imported(); r.LogBase != 0x300000000 || r.Txns != 2 {
		t.Errorf("%+v", r)
	}
}

func TestImportTakesOverRecentHistory(t *testing.T) {
	h := history{snapshot: 0x100000000 + 250_000}
	for _, z := range []int64{1, 0x100000001, 0x100000000 + 100_000, 0x100000000 + 149_000, 0x100000000 + 200_000, 0x100000000 + 260_000} {
		h.files = append(h.files, numbered{zxid: wire.Zxid(z)})
	}
	h.choose()
	if len(h.files) != 3 || h.files[0].zxid != 0x100000000+149_000 {
		t.Errorf("%v", h.files)
	}
}

// A log that stopped being written in the middle of a record, and went on in the next file.
func TestImportTornInTheMiddle(t *testing.T) {
	k := standard(t)
	name := filepath.Join(k.dirs.LogDir(), "log.34")
	k.logs[name] = append(k.logs[name], appendRecord(nil, make([]byte, 100))[:60]...)
	k.logs[name][len(k.logs[name])-1] = 1
	k.write()
	if _, r := k.imported(); len(r.Torn) != 1 || r.Torn[0].File != name || r.Torn[0].Bytes != 60 {
		t.Errorf("%v", r.Torn)
	}
}

// After a snapshot from the leader a server has no log that leads up to it.
func TestImportLogThatEndsBeforeTheSnapshot(t *testing.T) {
	for _, logs := range []bool{true, false} {
		k := newKeeper(t)
		k.create(3)
		k.write()
		k.logs = map[string][]byte{}
		k.roll()
		k.create(5)
		k.snapshot(plain)
		if !logs {
			k.ok(os.Remove(filepath.Join(k.dirs.LogDir(), "log.1")))
		}
		if _, r := k.imported(); r.LogBase != 8 || r.Txns != 0 || r.Checkpoint != 8 {
			t.Errorf("%+v", r)
		}
	}
}

func TestImportOfARunningServer(t *testing.T) {
	k := standard(t)
	o := ImportOptions{From: k.dirs, To: layoutIn(filepath.Join(t.TempDir(), "new"))}
	wrote := false
	o.Progress = func(stage string, _, _ int64) {
		if stage == "writing the checkpoint" && !wrote {
			wrote = true
			k.create(1)
			k.write()
		}
	}
	_, err := Import(t.Context(), osfs.FS{}, o)
	var place *PlaceError
	if !errors.As(err, &place) || !strings.Contains(err.Error(), "grew while it was read") {
		t.Error(err)
	}
}

func TestImportPlaces(t *testing.T) {
	k := standard(t)
	to := func(data string) error {
		_, err := Import(t.Context(), osfs.FS{}, ImportOptions{From: k.dirs, To: layoutIn(data)})
		return err
	}
	full := t.TempDir()
	k.ok(os.WriteFile(filepath.Join(full, "x"), nil, 0o644))
	if err := to(full); err == nil || !strings.Contains(err.Error(), "is not empty (x)") {
		t.Error(err)
	}
	k.ok(to(k.dirs.Data)) // in place
	k.sound(layoutIn(k.dirs.Data))
	if err := to(k.dirs.Data); err == nil || !strings.Contains(err.Error(), "holds data of a Zabra server") {
		t.Error(err)
	}
	half := t.TempDir()
	k.ok(os.Mkdir(filepath.Join(half, "zabra-importing"), 0o755))
	if err := to(half); err == nil || !strings.Contains(err.Error(), "did not finish") {
		t.Error(err)
	}
	for dir, want := range map[string]string{
		k.dirs.SnapDir():               "give the directory above it, " + k.dirs.Data,
		t.TempDir():                    "it has no folder version-2",
		filepath.Join(full, "no", "t"): "no such file",
	} {
		_, err := Import(t.Context(), osfs.FS{}, ImportOptions{From: Dirs{dir, dir}, To: layoutIn(filepath.Join(t.TempDir(), "new"))})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("from %s: %v, want %q", dir, err, want)
		}
	}
}

func TestImportSplitDirectories(t *testing.T) {
	k := standard(t)
	k.epochs(1, 0)
	other, to := t.TempDir(), datadir.Layout{Data: filepath.Join(t.TempDir(), "data"), Log: filepath.Join(t.TempDir(), "log")}
	k.ok(os.Mkdir(filepath.Join(other, "version-2"), 0o755))
	for name := range k.logs {
		k.ok(os.Rename(name, filepath.Join(other, "version-2", filepath.Base(name))))
	}
	_, err := Import(t.Context(), osfs.FS{}, ImportOptions{From: Dirs{k.dirs.Data, other}, To: to})
	k.ok(err)
	k.sound(to)
	for _, dir := range []string{to.Data, to.Log} {
		if _, err := os.Stat(filepath.Join(dir, "zabra-importing")); err == nil {
			t.Errorf("%s still holds zabra-importing", dir)
		}
	}
}

func TestImportInterrupted(t *testing.T) {
	k := standard(t)
	parent := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	o := ImportOptions{From: k.dirs, To: layoutIn(filepath.Join(parent, "new")), Progress: func(stage string, done, _ int64) {
		if stage == "reading the log" && done > 0 {
			cancel()
		}
	}}
	_, err := Import(ctx, osfs.FS{}, o)
	if left, _ := os.ReadDir(parent); !errors.Is(err, context.Canceled) || len(left) > 0 {
		t.Errorf("%v, left %v", err, left)
	}
}

var errGone = errors.New("gone")

// dying is a file system on which every call from the n-th on fails that changes something:
// what a process leaves that is killed there.
func dying(n int, calls *int) vfs.FS {
	return vfs.Intercept(osfs.FS{}, vfs.Hooks{Before: func(c vfs.Call) error {
		if !c.Op.Changes() {
			return nil
		}
		if *calls++; *calls > n {
			return fmt.Errorf("%v: %w", c.Op, errGone)
		}
		return nil
	}})
}

// Wherever an import is killed, it leaves what a server does not start on, or all of it.
func TestImportKilledAnywhere(t *testing.T) {
	k := standard(t)
	k.epochs(1, 0)
	for n, done := 0, false; !done; n++ {
		to, calls := layoutIn(filepath.Join(t.TempDir(), "new")), 0
		_, err := Import(t.Context(), dying(n, &calls), ImportOptions{From: k.dirs, To: to})
		if done = err == nil; done {
			k.sound(to)
			t.Logf("%d calls change something", n)
		} else if !errors.Is(err, errGone) {
			t.Fatalf("%d: %v", n, err)
		}
		_, mark := os.Stat(to.ImportDir())
		names, _ := os.ReadDir(to.Data)
		if !done && mark != nil && len(names) > 0 {
			k.sound(to) // only the last calls were missing, or it is not marked
		}
	}
}
