package server

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/store"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// data is what a node keeps on disk, and the tree that follows from it.
type data struct {
	cfg     *zoocfg.Config
	fs      vfs.FS
	log     *txnlog.Log
	tree    *datatree.Tree
	zap     *zap.Logger
	metrics *metrics.Metrics

	// Of a member of an ensemble: what it has promised, and whether it may count on
	// what it holds; see zab.State.
	accepted, current atomic.Int32
	untrusted, resync atomic.Bool
	empty             bool // there was nothing on disk
	mark              atomic.Pointer[distrust]
	intact            atomic.Int64 // the zxid behind which the log can be read, as far as is known

	since      atomic.Int64 // operations applied since the last checkpoint
	sinceBytes atomic.Int64
	due        chan struct{} // a checkpoint is due
	relief     chan struct{} // the log's volume is full
	shortage   shortage
	absent     atomic.Pointer[error] // what is missing of the directories, nil if nothing is known to be
	hindered   time.Time             // when it was told last that there is no room to join an epoch; of the log's goroutine

	snapshotting sync.Mutex // held by whoever writes a snapshot file

	storing sync.Mutex // held by whoever uses the store
	store   *store.Store
	last    atomic.Pointer[checkpointMade]
}

// openData loads the last checkpoint and replays the log from there.
func openData(cfg *zoocfg.Config, fsys vfs.FS, log *zap.Logger, m *metrics.Metrics) (*data, error) {
	d := &data{cfg: cfg, fs: fsys, zap: log, metrics: m, due: make(chan struct{}, 1), relief: make(chan struct{}, 1)}
	d.mark.Store(&distrust{})
	open := d.open
	if cfg.Ensemble.Distributed {
		open = d.openMember
	}
	if err := open(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *data) open() error {
	if err := d.openLog(); err != nil {
		return err
	}
	if err := d.load(); err != nil {
		err = errors.Join(fmt.Errorf("server: data in %s: %w", d.cfg.DataDir, err), d.close())
		d.log, d.store = nil, nil
		return err
	}
	return nil
}

func (d *data) openLog() error {
	dir := d.logDir()
	if !d.cfg.DataDirAutocreate {
		if _, err := d.fs.Stat(d.cfg.DataDir); err != nil {
			return fmt.Errorf("server: %w; create it, or set zookeeper.datadir.autocreate=true", err)
		}
	}
	if err := d.guard(); err != nil {
		return err
	}
	if err := d.noteEmpty(); err != nil {
		return err
	}
	log, err := txnlog.Open(d.fs, dir, txnlog.Options{
		Background: true, SegmentSize: segmentSize(&d.cfg.Storage), MaxRecord: maxRecord,
		Events: txnlog.Events{PrepareFailed: d.prepareFailed},
	})
	if errors.Is(err, vfs.ErrLocked) {
		return d.lockedError(err)
	}
	if err != nil {
		return fmt.Errorf("server: transaction log in %s: %w", dir, err)
	}
	d.log = log
	if t := d.log.Recovery().Torn; t != nil {
		d.zap.Warn("cut what was being written when the server stopped; none of it was acknowledged",
			zap.String("file", t.File), zap.Int64("offset", t.Offset))
	}
	return nil
}

func (d *data) lockedError(err error) error {
	return fmt.Errorf("server: %w: another server runs on %s; stop it, or choose another dataDir", err, d.cfg.DataDir)
}

// maxRecord bounds a record of the log. What requests can lead to is smaller:
// see maxTxn.
const maxRecord = 256 << 20

// maxTxn is the longest transaction that a client's request may become.
func maxTxn(l *zoocfg.Limits) int {
	return min(l.JuteMaxBuffer+l.JuteMaxBufferExtra, maxRecord-4096) // but for headers
}

// segmentSize is that of the log's segments, as near as the log can to what is
// configured.
func segmentSize(s *zoocfg.Storage) int64 {
	size := s.PreAllocSize
	if s.TxnLogSizeLimit > 0 {
		size = s.TxnLogSizeLimit
	}
	if size == 0 {
		return txnlog.DefaultSegmentSize
	}
	return min(max(size, txnlog.MinSegmentSize), txnlog.MaxSegmentSize)
}

func (d *data) journal(c *configFiles) *journal {
	d.shortage.watch(d)
	return &journal{log: d.log, configs: c, zap: d.zap, metrics: d.metrics, slow: d.cfg.Storage.FsyncWarning, shortage: &d.shortage, absence: d.absence}
}

// prepareFailed tells that the log will soon have no room.
func (d *data) prepareFailed(err error) {
	d.zap.Error("the next log segment could not be prepared; when the present one is full, writes have to wait: is the disk full?",
		zap.Error(err))
}

func (d *data) treeOptions() datatree.Options {
	return datatree.Options{
		ExtendedTypes: d.cfg.ExtendedTypes, Emulate353: d.cfg.Emulate353TTL, HashSeed: rand.Uint64(),
	}
}

// load builds the tree.
func (d *data) load() error {
	began := time.Now()
	if err := d.guardOlder(); err != nil {
		return err
	}
	if err := d.fs.MkdirAll(d.storeDir()); err != nil {
		return err
	}
	if err := d.room(openRoom); err != nil {
		return err
	}
	d.store = store.New(d.storeDir(), d.zap)
	tree, err := d.store.Load(d.treeOptions())
	if err != nil {
		return d.unreadable(err)
	}
	if tree == nil {
		tree = datatree.NewWith(d.treeOptions())
	} else {
		d.last.Store(&checkpointMade{tree.LastZxid(), time.Now()})
	}
	loaded := time.Now()
	d.tree = tree
	if err := d.finishRestore(); err != nil {
		return err
	}
	if d.log.Last() < tree.LastZxid() {
		return lost("the log in %s ends at %v, before the checkpoint at %v: transactions were acknowledged that it should hold; "+
			"put the missing log files back, or move both folders away to start with nothing", d.logDir(), d.log.Last(), tree.LastZxid())
	}
	if base := d.log.Base(); tree.LastZxid() < base {
		return lost("the checkpoint in %s stands at %v and the log in %s begins after %v: what lies between is missing; "+
			"put the files of one of them back, or restore a backup of both", d.storeDir(), tree.LastZxid(), d.logDir(), base)
	}
	n := 0
	if d.cfg.Ensemble.Distributed {
		// What is logged behind the checkpoint is committed when a leader says so.
		if err = d.checkTail(); err == nil {
			err = d.recoverEpochs()
		}
	} else {
		n, err = replay(d.log, tree)
	}
	if err != nil {
		return err
	}
	d.metrics.StartupSnapLoadTime.Observe(0, loaded.Sub(began))
	d.metrics.StartupTxnsLoadTime.Observe(0, time.Since(loaded))
	d.metrics.StartupTxnsLoaded.Observe(0, int64(n))
	d.metrics.DBInitTime.Observe(0, time.Since(began))
	d.zap.Info("data loaded", zap.String("dir", d.cfg.DataDir), zap.Stringer("zxid", tree.LastZxid()),
		zap.Int("nodes", tree.NodeCount()), zap.Int("sessions", tree.SessionCount()),
		zap.Int("replayed", n), zap.Duration("took", time.Since(began)))
	d.since.Store(int64(n))
	return nil
}

// unreadable says what to do about a checkpoint that does not load.
func (d *data) unreadable(err error) error {
	var other *store.FormatError
	if errors.As(err, &other) {
		return fmt.Errorf("%w: run the version that wrote it, or restore a backup that this one made", err)
	}
	if base := d.log.Base(); base > 0 {
		return fmt.Errorf("%w; if its files are damaged, restore a backup of them: the log in %s begins after %v and cannot replace them",
			err, d.logDir(), base)
	}
	return fmt.Errorf("%w; if its files are damaged, move that folder away and start again: the log in %s holds every transaction",
		err, d.logDir())
}

func layoutOf(cfg *zoocfg.Config) datadir.Layout {
	return datadir.Layout{Data: cfg.DataDir, Log: cfg.DataLogDir}
}

func (d *data) logDir() string   { return layoutOf(d.cfg).LogDir() }
func (d *data) storeDir() string { return layoutOf(d.cfg).StoreDir() }

// replay applies the log's transactions that are newer than the tree.
func replay(log *txnlog.Log, tree *datatree.Tree) (n int, err error) {
	r, err := log.Read(tree.LastZxid())
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		txn, err := wire.DecodeTxn(rec.Payload)
		if err != nil {
			return n, fmt.Errorf("transaction %v: %w", rec.Zxid, err)
		}
		tree.Apply(&txn)
		n++
	}
}

// applied counts towards the next checkpoint.
func (d *data) applied(ops, bytes int) {
	n, size := d.since.Add(int64(ops)), d.sinceBytes.Add(int64(bytes))
	if n < int64(d.cfg.Storage.SnapCount) && (d.cfg.Storage.SnapSizeLimit <= 0 || size < d.cfg.Storage.SnapSizeLimit) {
		return
	}
	d.since.Store(0)
	d.sinceBytes.Store(0)
	signal(d.due)
}

func (d *data) close() error {
	d.storing.Lock()
	defer d.storing.Unlock()
	err := d.log.Close()
	if d.store != nil {
		err = errors.Join(err, d.leaveStore())
	}
	return err
}

// leaveStore closes the store, or leaves it as it is if the disk is too full: its
// last checkpoint is synced already.
func (d *data) leaveStore() error {
	if err := d.room(openRoom); err != nil {
		d.zap.Warn("the checkpoint store is not closed; it is whole", zap.Error(err))
		return nil
	}
	return d.store.Close()
}
