package zkdata

import (
	"context"
	"errors"
	"fmt"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
)

// ImportOptions say what is imported, and where to.
type ImportOptions struct {
	From Dirs           // of ZooKeeper; no server may run on them
	To   datadir.Layout // empty, missing, or the same as From
	// AcceptDifferences imports also when digests say that the tree is not the one that
	// ZooKeeper had.
	AcceptDifferences bool
	Progress          Progress // may be nil
}

// A Progress is told, often, how much of a stage is done, in bytes.
type Progress func(stage string, done, total int64)

// Import reads ZooKeeper's directories and makes those of a Zabra server, which then
// starts where the ZooKeeper server stopped. If it fails, it leaves nothing behind.
// The error may be a *DamageError or a *PlaceError.
func Import(ctx context.Context, fsys vfs.FS, o ImportOptions) (*ImportReport, error) {
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	m := &importer{fs: fsys, o: o, report: ImportReport{From: o.From, To: o.To}}
	if err := o.From.check(fsys); err != nil {
		return nil, err
	}
	place, err := takePlace(fsys, o.To, o.From)
	if err != nil {
		return nil, err
	}
	m.build = place.build
	if err := m.run(ctx, place); err != nil {
		return nil, errors.Join(err, place.clear())
	}
	return &m.report, nil
}

// An importer is one import.
type importer struct {
	fs     vfs.FS
	o      ImportOptions
	build  datadir.Layout
	report ImportReport
	epochs *epochs

	tree       *datatree.Tree
	settled    wire.Zxid // from its end on the tree is what it was at one moment; NoZxid if unknown
	checkpoint bool      // is written
	log        *logCopy
	digest     datatree.SnapshotInfo // of the snapshot
	check      inspect.TreeCheck
}

func (m *importer) run(ctx context.Context, place *place) error {
	for _, step := range []func(context.Context) error{m.readEpochs, m.loadSnapshot, m.readLog, m.judge} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	id, err := readMyid(m.fs, m.o.From.Data)
	if err != nil {
		return err
	}
	return place.finish(m.epochs, id)
}

func (m *importer) readEpochs(context.Context) (err error) {
	m.epochs, err = readEpochs(m.fs, m.o.From)
	return err
}

// treeOptions: the server that loads the tree decides again what a TTL node is.
var treeOptions = datatree.Options{ExtendedTypes: true}

// loadSnapshot loads the newest one that can be read.
func (m *importer) loadSnapshot(ctx context.Context) error {
	files, err := m.o.From.snapshots(m.fs)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := readSnapshot(m.fs, f, treeOptions, func(read, size int64) { m.o.Progress("reading the snapshot", read, size) })
		var bad *unreadable
		if errors.As(err, &bad) {
			m.note("%v", bad)
			continue
		}
		if err != nil {
			return err
		}
		m.start(s)
		return nil
	}
	if len(files) == 0 {
		return &PlaceError{m.o.From.SnapDir(), "holds no snapshot: without one nothing can be imported"}
	}
	return &DamageError{files[0].path, -1, "neither it nor any older snapshot can be read: " + m.report.Notes[0],
		"put back an intact one with the logs behind it, or import the directory of another member of the ensemble"}
}

func (m *importer) start(s *snapshotFile) {
	m.tree = s.tree
	m.report.Snapshot, m.report.SnapshotZxid = s.path, s.zxid
	m.settled = max(s.info.Zxid, s.info.DigestZxid)
	if m.settled != wire.NoZxid {
		m.settled = max(m.settled, s.zxid)
	}
	m.digest = s.info
	m.compareSnapshot()
}

// compareSnapshot compares the tree with the digest in the snapshot, which is that of
// the tree at some transaction.
func (m *importer) compareSnapshot() {
	if m.digest.DigestZxid != wire.NoZxid && m.digest.DigestZxid == m.tree.LastZxid() {
		m.check.Compare(m.tree, m.digest.Digest)
	}
}

func (m *importer) note(format string, args ...any) {
	m.report.Notes = append(m.report.Notes, fmt.Sprintf(format, args...))
}

// readLog applies the log, copies it, and writes the checkpoint where that belongs.
func (m *importer) readLog(ctx context.Context) (err error) {
	files, err := m.o.From.logs(m.fs)
	if err != nil {
		return err
	}
	h := &history{
		fs: m.fs, files: files, snapshot: m.report.SnapshotZxid,
		again: m.again, txn: m.apply, note: m.note,
	}
	h.choose()
	total, err := totalSize(m.fs, h.files)
	if err != nil {
		return err
	}
	if m.log, err = newLogCopy(m.fs, m.build.LogDir(), total); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.log.close()) }()
	h.progress = func(read int64) { m.o.Progress("reading the log", read, total) }
	if err := h.run(ctx); err != nil {
		return err
	}
	if err := m.writeCheckpoint(); err != nil {
		return err
	}
	if grown, err := h.grown(); err != nil || grown {
		return errors.Join(err, &PlaceError{h.ends.name, "grew while it was read: stop the ZooKeeper server, or import a copy of its directories"})
	}
	m.report.LogFiles, m.report.LogBase, m.report.Torn, m.report.Doubles = len(h.files), h.base, h.torn, h.doubles
	return nil
}

// again lets the log begin behind base, without what was copied so far.
func (m *importer) again(base wire.Zxid) error {
	m.report.Txns = 0
	return m.log.reset(base)
}

func totalSize(fsys vfs.FS, files []numbered) (total int64, err error) {
	for _, f := range files {
		info, err := fsys.Stat(f.path)
		if err != nil {
			return 0, err
		}
		total += info.Size
	}
	return total, nil
}

// apply takes the next transaction of the history.
func (m *importer) apply(txn *wire.Txn) error {
	z := txn.Header.Zxid
	if err := m.log.append(txnlog.Record{Zxid: z, Payload: txn.Raw}); err != nil {
		return err
	}
	m.report.Txns++
	if z <= m.tree.LastZxid() {
		return nil
	}
	if m.epochs.member() && m.settled != wire.NoZxid && m.tree.LastZxid() > m.settled {
		if err := m.writeCheckpoint(); err != nil {
			return err
		}
	}
	m.report.Applied++
	res := m.tree.Apply(txn)
	m.check.Applied(m.tree, txn, &res, m.settled != wire.NoZxid && z > m.settled+1)
	if txn.Digest == nil {
		m.compareSnapshot()
	}
	return nil
}

// writeCheckpoint writes the tree as it is, once.
func (m *importer) writeCheckpoint() error {
	if m.checkpoint {
		return nil
	}
	m.checkpoint = true
	m.report.Checkpoint = m.tree.LastZxid()
	size := m.tree.DataSize()
	return writeCheckpoint(m.build.StoreDir(), m.tree, func(done int64) {
		m.o.Progress("writing the checkpoint", done, max(size, done))
	})
}

// judge refuses what would not be what ZooKeeper had, or would not start.
func (m *importer) judge(context.Context) error {
	m.report.State = stateOf(m.tree)
	m.report.Compared, m.report.Differed = m.check.Compared, m.check.Differed
	if problem := m.check.Problem(); problem != "" {
		if !m.o.AcceptDifferences {
			return &DamageError{m.report.Snapshot, -1, problem,
				"import the directory of another member of the ensemble; if there is none that agrees, accept the difference (--accept-differences)"}
		}
		m.note("%s; imported all the same", problem)
	}
	if n := m.report.TTLs; n > 0 {
		m.note("%d nodes have a time to live: Zabra's configuration needs extendedTypesEnabled=true, as ZooKeeper's had", n)
	}
	return m.epochs.recover(m.log.base, m.tree.LastZxid(), m.report.Checkpoint, &m.report.Epochs)
}
