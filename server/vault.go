package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// What a member of an ensemble keeps on disk: data is its pipeline.Vault.

// SetEpoch makes an epoch durable. With the current one the log holds the history
// that the epoch began with, whatever it had forgotten before.
func (d *data) SetEpoch(which zab.WriteOp, e wire.Epoch) error {
	err := d.writeEpoch(which, e)
	if err == nil && which == zab.WriteCurrentEpoch {
		err = d.trust()
	}
	return err
}

// writeEpoch writes an epoch under ZooKeeper's name for its file.
func (d *data) writeEpoch(which zab.WriteOp, e wire.Epoch) error {
	name, own := layoutOf(d.cfg).AcceptedEpoch(), &d.accepted
	if which == zab.WriteCurrentEpoch {
		name, own = layoutOf(d.cfg).CurrentEpoch(), &d.current
	}
	if err := vfs.WriteFileAtomic(d.fs, name, []byte(strconv.Itoa(int(e)))); err != nil {
		return fmt.Errorf("server: epoch file: %w", err)
	}
	own.Store(int32(e))
	return nil
}

// distrust notes, also for the next start, that log and tree are not to be built on.
func (d *data) distrust() error {
	d.untrusted.Store(true)
	d.resync.Store(true)
	if err := vfs.WriteFileAtomic(d.fs, layoutOf(d.cfg).Distrust(), nil); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// noteEmpty notes that a member of an ensemble was found empty and nobody said that
// it should be. The next start will find a log, and the server must not count any
// sooner for that: it may have forgotten what it promised.
func (d *data) noteEmpty() error {
	if !d.empty || !d.cfg.Ensemble.Distributed || d.cfg.Ensemble.DBAutocreate {
		return nil
	}
	if err := d.fs.MkdirAll(d.cfg.DataDir); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return d.distrust()
}

func (d *data) trust() error {
	d.untrusted.Store(false)
	d.resync.Store(false)
	err := d.fs.Remove(layoutOf(d.cfg).Distrust())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = d.fs.SyncDir(d.cfg.DataDir)
	}
	return err
}

// readEpoch returns nil for a file that is not there.
func (d *data) readEpoch(name string) (*wire.Epoch, error) {
	text, err := vfs.ReadFile(d.fs, name, 32)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("server: epoch file: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("server: epoch file %s holds %.40q and should hold one number: restore a backup of it, "+
			"or move the whole data directory away and let the ensemble fill an empty one", name, text)
	}
	e := wire.Epoch(n)
	return &e, nil
}

// recoverEpochs judges what was found on disk, and makes durable what follows from it.
func (d *data) recoverEpochs() error {
	disk := zab.Disk{
		Base: d.log.Base(), Last: d.log.Last(), Tree: d.tree.LastZxid(),
		Empty: d.empty, Trusted: d.cfg.Ensemble.DBAutocreate,
	}
	_, err := d.fs.Stat(layoutOf(d.cfg).Distrust())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("server: whether the data can be trusted: %w", err)
	}
	disk.Damaged = err == nil
	if disk.AcceptedEpoch, err = d.readEpoch(layoutOf(d.cfg).AcceptedEpoch()); err != nil {
		return err
	}
	if disk.CurrentEpoch, err = d.readEpoch(layoutOf(d.cfg).CurrentEpoch()); err != nil {
		return err
	}
	state, err := zab.Recover(disk)
	if err != nil {
		return fmt.Errorf("server: data in %s: %w", d.cfg.DataDir, err)
	}
	if disk.AcceptedEpoch == nil || *disk.AcceptedEpoch != state.AcceptedEpoch {
		if err := d.writeEpoch(zab.WriteAcceptedEpoch, state.AcceptedEpoch); err != nil {
			return err
		}
	}
	if disk.CurrentEpoch == nil || *disk.CurrentEpoch != state.CurrentEpoch {
		if err := d.writeEpoch(zab.WriteCurrentEpoch, state.CurrentEpoch); err != nil {
			return err
		}
	}
	d.accepted.Store(int32(state.AcceptedEpoch))
	d.current.Store(int32(state.CurrentEpoch))
	d.untrusted.Store(state.Untrusted)
	d.resync.Store(state.ForceSnapshot)
	return nil
}

// joining reports whether the server was about to join an epoch when it stopped. The
// tree may then be a leader's that did not get a quorum.
func (d *data) joining() bool { return d.accepted.Load() != d.current.Load() }

// state is what the server may claim in an election. Nothing is being written.
func (d *data) state(applied wire.Zxid) zab.State {
	return zab.State{
		AcceptedEpoch: wire.Epoch(d.accepted.Load()), CurrentEpoch: wire.Epoch(d.current.Load()),
		Last: d.log.Last(), Applied: applied,
		Untrusted: d.untrusted.Load(), ForceSnapshot: d.resync.Load(),
	}
}

// Truncate removes everything above z from the log.
func (d *data) Truncate(z wire.Zxid) error {
	if err := d.log.Truncate(z); err != nil {
		return fmt.Errorf("server: the log cannot be cut at %v, as the leader asks: %w", z, err)
	}
	return nil
}

// Replace makes a tree received from the leader the state on disk.
func (d *data) Replace(tree *datatree.Tree) error {
	return d.replaceWith(tree, func() error { return d.log.Reset(tree.LastZxid()) })
}

// Read calls f with the transactions of a range of the log.
func (d *data) Read(r zab.Range, f func(z wire.Zxid, raw []byte) error) error {
	rd, err := d.log.Read(r.After)
	if err != nil {
		return err
	}
	defer func() { _ = rd.Close() }()
	for last := r.After; last < r.To; {
		rec, err := rd.Next()
		if err == io.EOF {
			return fmt.Errorf("server: the log ends at %v and should hold %v", last, r.To)
		}
		if err != nil {
			return err
		}
		if rec.Zxid > r.To {
			return fmt.Errorf("server: the log holds no %v", r.To)
		}
		if err := f(rec.Zxid, rec.Payload); err != nil {
			return err
		}
		last = rec.Zxid
	}
	return nil
}
