package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/store"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// restorePath is the file that tells a start which falls between the two steps of
// a restore, replacing the checkpoint and resetting the log, to finish it.
func (d *data) restorePath() string { return layoutOf(d.cfg).RestoreMark() }

// restore replaces the tree with a snapshot in ZooKeeper's format and returns
// the zxid at which it now stands: the snapshot's, or the server's own if that
// was higher, so that no client goes back in time.
func (s *Server) restore(ctx context.Context, r io.Reader) (wire.Zxid, error) {
	began := time.Now()
	tree, _, err := datatree.ReadSnapshot(r, wire.NoZxid, s.data.treeOptions())
	if err != nil {
		return 0, fmt.Errorf("server: restore: %w", err)
	}
	err = s.core.Replace(func(old *datatree.Tree) (*datatree.Tree, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		raise(tree, old.LastZxid())
		return tree, s.data.replace(s.core, tree)
	})
	if err != nil {
		return 0, fmt.Errorf("server: restore: %w", err)
	}
	s.metrics.RestoreTime.Observe(0, time.Since(began))
	s.log.Info("restored from a snapshot", zap.Stringer("zxid", tree.LastZxid()), zap.Int("nodes", tree.NodeCount()))
	return tree.LastZxid(), nil
}

// raise lets the tree stand at z if it stands before it.
func raise(tree *datatree.Tree, z wire.Zxid) {
	if tree.LastZxid() >= z {
		return
	}
	txn := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: z, Op: wire.OpError}, &wire.ErrorTxn{})
	tree.Apply(&txn)
}

// replace makes tree what the disk holds. After the checkpoint is complete an
// error is fatal: the log and the memory still speak of the old tree.
func (d *data) replace(core *pipeline.Core, tree *datatree.Tree) error {
	if err := d.shortage.room(0); err != nil { // the log begins anew, behind a checkpoint that cannot be undone
		return err
	}
	return d.replaceWith(tree, func() error {
		return core.LogAlone(func() error { return d.log.Reset(tree.LastZxid()) })
	})
}

// replaceWith does so with a way to let the log begin behind the tree.
func (d *data) replaceWith(tree *datatree.Tree, reset func() error) error {
	d.storing.Lock()
	defer d.storing.Unlock()
	if err := d.roomFor(d.storeRoom()); err != nil {
		return err
	}
	mark := datadir.Restoring{Zxid: tree.LastZxid(), Number: d.store.Number() + 1}
	if err := vfs.WriteFileAtomic(d.fs, d.restorePath(), mark.Append(nil)); err != nil {
		return d.giveUpRestore(err)
	}
	if err := d.writeFresh(tree); errors.Is(err, store.ErrUndecided) {
		return &pipeline.Fatal{Err: fmt.Errorf("start the server again to see whether the snapshot is restored: %w", err)}
	} else if err != nil {
		return d.giveUpRestore(err)
	}
	err := reset()
	if err == nil {
		err = d.removeRestoreMark()
	}
	if err != nil {
		return &pipeline.Fatal{Err: fmt.Errorf("the snapshot is restored on disk, start the server again: %w", err)}
	}
	d.tree = tree
	return nil
}

// giveUpRestore goes on with the old state. The mark must be gone for good before
// anything else is written: the next checkpoint gets the number that it names.
func (d *data) giveUpRestore(err error) error {
	removed := d.removeRestoreMark()
	if removed == nil || errors.Is(removed, fs.ErrNotExist) && d.fs.SyncDir(d.cfg.DataDir) == nil {
		return err
	}
	return &pipeline.Fatal{Err: fmt.Errorf("nothing was restored, and %s cannot be removed; start the server again: %w",
		d.restorePath(), errors.Join(err, removed))}
}

func (d *data) writeFresh(tree *datatree.Tree) error {
	cp, err := d.store.Begin(true)
	if err != nil {
		return err
	}
	scan := tree.Scan(false)
	defer scan.Cancel()
	for recs := scan.Step(scanStep); recs != nil; recs = scan.Step(scanStep) {
		err := d.room(d.storeRoom())
		if err == nil {
			err = cp.Put(recs)
		}
		if err != nil {
			return errors.Join(err, cp.Abort())
		}
	}
	if err := cp.Commit(); err != nil {
		return err
	}
	scan.Done()
	return nil
}

// finishRestore completes a restore that was interrupted behind its checkpoint,
// and forgets one that was interrupted before.
func (d *data) finishRestore() error {
	text, err := vfs.ReadFile(d.fs, d.restorePath(), datadir.MaxRestoring)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mark, err := datadir.ParseRestoring(text)
	if err != nil {
		return lost("%s holds %.40q: %v: remove it if no restore was running when the server stopped", d.restorePath(), text, err)
	}
	if mark == (datadir.Restoring{Zxid: d.tree.LastZxid(), Number: d.store.Number()}) {
		if err := d.log.Reset(mark.Zxid); err != nil {
			return err
		}
	}
	return d.removeRestoreMark()
}

func (d *data) removeRestoreMark() error {
	if err := d.fs.Remove(d.restorePath()); err != nil {
		return err
	}
	return d.fs.SyncDir(d.cfg.DataDir)
}
