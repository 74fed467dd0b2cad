package zkdata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/server/store"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
)

// ExportOptions say what is exported, and where to.
type ExportOptions struct {
	From     datadir.Layout // of a Zabra server that does not run
	To       Dirs           // empty, missing, or the same as From; without a folder version-2
	Progress Progress       // may be nil
}

// Export reads the directories of a Zabra server and makes those of Apache ZooKeeper,
// 3.6 or newer, which then starts where the Zabra server stopped. If it fails, it leaves
// nothing behind. The error may be a *DamageError or a *PlaceError, or inspect.ErrRunning.
func Export(ctx context.Context, fsys vfs.FS, o ExportOptions) (*ExportReport, error) {
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	lock, err := inspect.Lock(fsys, o.From)
	if err != nil {
		return nil, err
	}
	if lock != nil {
		defer func() { _ = lock.Close() }()
	}
	e := &exporter{fs: fsys, o: o, report: ExportReport{From: o.From, To: o.To}}
	for _, step := range []func() error{e.marks, e.load, e.readEpochs} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	place, err := takeExportPlace(fsys, o.To, o.From)
	if err != nil {
		return nil, err
	}
	if err := e.write(ctx, place); err != nil {
		return nil, errors.Join(err, place.clear())
	}
	return &e.report, nil
}

// An exporter is one export.
type exporter struct {
	fs     vfs.FS
	o      ExportOptions
	report ExportReport

	tree   *datatree.Tree
	log    *txnlog.Report
	epochs *epochs
	// start is where the snapshot is to be taken: at the checkpoint, or behind it if
	// that is of a tree that Apache ZooKeeper had sent while it changed.
	start wire.Zxid
	check inspect.TreeCheck
}

// marks refuses data that a start would not take as it is.
func (e *exporter) marks() error {
	for _, m := range []struct{ file, problem string }{
		{e.o.From.ImportDir(), "holds an import that has not finished"},
		{e.o.From.RestoreMark(), "holds a restore that was interrupted: start the Zabra server once, which finishes it, and stop it again"},
		{e.o.From.Distrust(), "is of a member that lost data and has not fetched it from the others yet: start the Zabra server until it follows, and stop it again; or export the directory of another member"},
	} {
		switch _, err := e.fs.Stat(m.file); {
		case err == nil:
			return &PlaceError{e.o.From.Data, m.problem}
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return nil
}

const remedyBackup = "run zabra verify; put back the missing files, restore a backup of both folders, or export the directory of another member of the ensemble"

// load loads the checkpoint and looks through the log.
func (e *exporter) load() error {
	err := e.loadTree()
	if err != nil {
		return err
	}
	e.o.Progress("checking the log", 0, 0)
	if e.log, err = txnlog.Verify(e.fs, e.o.From.LogDir()); err != nil {
		return err
	}
	if len(e.log.Damage) > 0 {
		d := e.log.Damage[0]
		return &DamageError{d.File, d.Offset, d.Reason, d.Remedy}
	}
	if t := e.log.Torn; t != nil {
		e.report.Notes = append(e.report.Notes, fmt.Sprintf("%v: it was being written when the machine stopped, and never acknowledged", t))
	}
	return e.joined()
}

func (e *exporter) loadTree() error {
	e.o.Progress("reading the checkpoint", 0, 0)
	found, err := store.LoadOffline(e.o.From.StoreDir(), treeOptions)
	var damaged *store.DamageError
	if errors.As(err, &damaged) {
		return &DamageError{e.o.From.StoreDir(), -1, damaged.Error(), remedyBackup}
	}
	if err != nil {
		return err
	}
	if e.tree = found.Tree; e.tree == nil {
		e.tree = datatree.NewWith(treeOptions)
	}
	return nil
}

// joined checks that the log goes on from the checkpoint.
func (e *exporter) joined() error {
	at := e.tree.LastZxid()
	switch {
	case len(e.log.Segments) == 0:
		return &DamageError{e.o.From.LogDir(), -1, "there is no log", remedyBackup}
	case at < e.log.Base:
		return &DamageError{e.o.From.StoreDir(), -1,
			fmt.Sprintf("the checkpoint stands at %v and the log begins after %v: what lies between is missing", at, e.log.Base), remedyBackup}
	case at > e.log.Last:
		return &DamageError{e.o.From.LogDir(), -1, fmt.Sprintf("the log ends at %v, before the checkpoint at %v", e.log.Last, at), remedyBackup}
	}
	return nil
}

func (e *exporter) readEpochs() (err error) {
	e.epochs, err = readOwnEpochs(e.fs, e.o.From)
	if err != nil {
		return err
	}
	return e.epochs.recover(e.log.Base, e.log.Last, e.tree.LastZxid(), &e.report.Epochs)
}

func (e *exporter) write(ctx context.Context, place *exportPlace) error {
	e.start = e.tree.LastZxid()
	if err := e.writeFrom(ctx, place); err != nil {
		return err
	}
	if e.check.Settled > e.start { // begin again where the tree is what it was at one moment
		e.start = e.check.Settled
		if err := errors.Join(place.empty(), e.loadTree()); err != nil {
			return err
		}
		if err := e.writeFrom(ctx, place); err != nil {
			return err
		}
	}
	if problem := e.check.Problem(); problem != "" {
		return &DamageError{e.o.From.StoreDir(), -1, problem, remedyBackup}
	}
	e.report.State = stateOf(e.tree)
	if n := e.report.TTLs; n > 0 {
		e.report.Notes = append(e.report.Notes, fmt.Sprintf("%d nodes have a time to live: ZooKeeper takes them for ephemeral nodes unless it runs with -Dzookeeper.extendedTypesEnabled=true", n))
	}
	if err := e.epochs.write(e.fs, filepath.Join(place.snap, "acceptedEpoch"), filepath.Join(place.snap, "currentEpoch"), zooKeeperEpoch); err != nil {
		return err
	}
	id, err := readMyid(e.fs, e.o.From.Data)
	if err != nil {
		return err
	}
	return place.finish(id)
}

// writeFrom writes snapshot and log with the snapshot at e.start.
func (e *exporter) writeFrom(ctx context.Context, place *exportPlace) error {
	e.check, e.report.Txns, e.report.Applied = inspect.TreeCheck{}, 0, 0
	if err := e.forward(); err != nil {
		return err
	}
	name := fmt.Sprintf("%s%x", snapshotPrefix, int64(e.start))
	e.report.Snapshot, e.report.SnapshotZxid = filepath.Join(e.o.To.SnapDir(), name), e.start
	if err := e.writeSnapshot(ctx, filepath.Join(place.snap, name)); err != nil {
		return err
	}
	return e.writeLog(ctx, place.log)
}

// forward brings the tree of the checkpoint to e.start.
func (e *exporter) forward() (err error) {
	if e.tree.LastZxid() == e.start {
		return nil
	}
	r, err := txnlog.ReadOnly(e.fs, e.o.From.LogDir(), e.tree.LastZxid())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for e.tree.LastZxid() < e.start {
		rec, err := r.Next()
		if err != nil {
			return err
		}
		txn, err := wire.DecodeTxn(rec.Payload)
		if err != nil {
			return err
		}
		e.tree.Apply(&txn)
	}
	return nil
}

func (e *exporter) writeSnapshot(ctx context.Context, name string) error {
	f, err := e.fs.Create(name)
	if err != nil {
		return err
	}
	w := &appender{f: f}
	snap := e.tree.Snapshot(datatree.File)
	defer snap.Close()
	total := e.tree.DataSize()
	for b := snap.Step(checkpointStep); b != nil && err == nil; b = snap.Step(checkpointStep) {
		_, err = w.Write(b)
		e.o.Progress("writing the snapshot", w.off, max(total, w.off))
		err = errors.Join(err, ctx.Err())
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// writeLog writes all transactions that the log holds, and brings the tree to its end.
func (e *exporter) writeLog(ctx context.Context, dir string) (err error) {
	r, err := txnlog.ReadOnly(e.fs, e.o.From.LogDir(), e.log.Base)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	w := &logWriter{fs: e.fs, dir: dir}
	defer func() { err = errors.Join(err, w.close()) }()
	if at := e.tree.LastZxid(); at == e.log.Base && at > 0 && e.log.Last > at {
		// So that ZooKeeper can cut the log behind the snapshot; see the package comment.
		stand := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: at, Op: wire.OpError}, &wire.ErrorTxn{})
		if err := w.append(at, stand.Raw); err != nil {
			return err
		}
	}
	for {
		rec, err := r.Next()
		if err == io.EOF {
			e.report.LogFiles = w.files
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = w.append(rec.Zxid, rec.Payload)
		}
		if err == nil {
			err = e.apply(rec)
		}
		if err != nil {
			return err
		}
		e.o.Progress("writing the log", int64(e.report.Txns), int64(e.log.Records))
	}
}

// apply brings the tree behind a transaction, which shows that it can be.
func (e *exporter) apply(rec txnlog.Record) error {
	e.report.Txns++
	if rec.Zxid <= e.tree.LastZxid() {
		return nil
	}
	txn, err := wire.DecodeTxn(rec.Payload)
	if err != nil {
		return &DamageError{e.o.From.LogDir(), -1, fmt.Sprintf("transaction %v: %v", rec.Zxid, err), "run the version of Zabra that wrote it"}
	}
	e.report.Applied++
	res := e.tree.Apply(&txn)
	e.check.Applied(e.tree, &txn, &res, true)
	return nil
}

// An exportPlace is where an export puts what it makes.
type exportPlace struct {
	fs        vfs.FS
	to        Dirs
	snap, log string // folders that are built; the same if ZooKeeper's are
	p         place
}

const exporting = versionDir + ".exporting"

func takeExportPlace(fsys vfs.FS, to Dirs, from datadir.Layout) (*exportPlace, error) {
	x := &exportPlace{fs: fsys, to: to, snap: filepath.Join(to.Data, exporting), log: filepath.Join(to.Log, exporting), p: place{fs: fsys}}
	for _, dir := range []string{to.Data, to.Log} {
		if err := freeForExport(fsys, dir, from); err != nil {
			return nil, err
		}
	}
	for _, dir := range slices.Compact([]string{to.Data, to.Log, x.snap, x.log}) {
		if err := x.p.mkdir(dir); err != nil {
			return nil, errors.Join(err, x.p.clear())
		}
	}
	return x, nil
}

func freeForExport(fsys vfs.FS, dir string, from datadir.Layout) error {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	clean := filepath.Clean(dir)
	inPlace := clean == filepath.Clean(from.Data) || clean == filepath.Clean(from.Log)
	for _, name := range names {
		switch {
		case name == versionDir:
			return &PlaceError{dir, "holds data of Apache ZooKeeper, which would be older than Zabra's: move its folder " + versionDir + " away first"}
		case name == exporting:
			return &PlaceError{dir, "holds an export that did not finish: remove " + filepath.Join(dir, name) + ", and export again"}
		case name != "lost+found" && !inPlace:
			return &PlaceError{dir, "is not empty (" + name + "): export into an empty directory, or into Zabra's own"}
		}
	}
	return nil
}

// finish gives the folders their names, the snapshots' last: ZooKeeper does not start on
// a log without a snapshot.
func (x *exportPlace) finish(myid []byte) error {
	name := myidFile(x.to.Data)
	if _, err := x.fs.Stat(name); myid != nil && errors.Is(err, fs.ErrNotExist) {
		x.p.made = append(x.p.made, name)
		if err := vfs.WriteFileAtomic(x.fs, name, myid); err != nil {
			return err
		}
	}
	for _, m := range slices.Compact([][2]string{{x.log, x.to.LogDir()}, {x.snap, x.to.SnapDir()}}) {
		if err := x.fs.SyncDir(m[0]); err != nil {
			return err
		}
		if err := x.p.move(m[0], m[1]); err != nil {
			return err
		}
	}
	return nil
}

// empty removes what has been built.
func (x *exportPlace) empty() error {
	for _, dir := range slices.Compact([]string{x.snap, x.log}) {
		if err := removeTree(x.fs, dir); err != nil {
			return err
		}
		if err := x.fs.MkdirAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func (x *exportPlace) clear() error { return x.p.clear() }
