package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
)

// What a member of an ensemble keeps on disk: data is its pipeline.Vault.

// SetEpoch makes an epoch durable. With the current one the log holds the history
// that the epoch began with, whatever it had forgotten before.
//
// A disk without room is waited for: who follows nobody meanwhile is more useful than who
// has to be started again.
func (d *data) SetEpoch(which zab.WriteOp, e wire.Epoch) error {
	err := d.writeEpoch(which, e)
	d.waits(err)
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
	if err := vfs.WriteFileAtomic(d.fs, name, datadir.AppendEpoch(nil, e)); err != nil {
		return fmt.Errorf("server: epoch file: %w", lacksRoom(err))
	}
	own.Store(int32(e))
	return nil
}

// distrust notes, also for the next start, that log and tree are not to be built on.
func (d *data) distrust(why error) error {
	d.untrusted.Store(true)
	d.resync.Store(true)
	return d.setDistrust(distrust{why: damaged, text: why.Error()})
}

// noteEmpty notes that a member of an ensemble was found empty and nobody said that
// it should be. The next start will find a log, and the server must not count any
// sooner for that: it may have forgotten what it promised.
func (d *data) noteEmpty() error {
	if !d.empty || !d.cfg.Ensemble.Distributed || d.distrusted().why != none {
		return nil
	}
	if vouched, err := d.exists(layoutOf(d.cfg).Initialize()); err != nil || vouched {
		return err
	}
	if err := d.fs.MkdirAll(d.cfg.DataDir); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return d.setDistrust(distrust{why: fresh, text: "this server was started on an empty disk, and no leader has filled it yet"})
}

// trust notes that the disk holds the history that an epoch began with.
func (d *data) trust() error {
	d.untrusted.Store(false)
	d.resync.Store(false)
	m := d.distrusted()
	if m.why == none {
		return nil
	}
	if err := d.setDistrust(distrust{}); err != nil {
		return err
	}
	d.healed(m)
	return nil
}

// isFresh reports whether the server has not held anything yet, and would vote if it
// knew that nobody has.
func (d *data) isFresh() bool {
	return d.distrusted().why == fresh && d.cfg.Ensemble.DBAutocreate && d.untrusted.Load()
}

// vouch lets a fresh server count until its process ends: the ensemble is new. It stays
// marked: whoever starts again has to ask again.
func (d *data) vouch() { d.untrusted.Store(false) }

// initialize takes an operator's word that the disk is rightly empty, and reports whether
// that changed anything. Nothing is being written.
func (d *data) initialize() (bool, error) {
	name := layoutOf(d.cfg).Initialize()
	found, err := d.exists(name)
	if err != nil || !found {
		return false, err
	}
	took := d.untrusted.Load() && d.log.Last() == 0 && d.tree.LastZxid() == 0
	if took {
		if err := d.setDistrust(distrust{}); err != nil {
			return false, err
		}
		d.untrusted.Store(false)
		d.resync.Store(false)
	}
	if err := d.fs.Remove(name); err != nil {
		return false, fmt.Errorf("server: %w", err)
	}
	if err := d.fs.SyncDir(d.cfg.DataLogDir); err != nil {
		return false, fmt.Errorf("server: %w", err)
	}
	d.zap.Info("a file said that this server is rightly empty, and was removed", zap.String("file", name), zap.Bool("it was empty", d.log.Last() == 0))
	return took, nil
}

// readEpoch returns nil for a file that is not there.
func (d *data) readEpoch(name string) (*wire.Epoch, error) {
	text, err := vfs.ReadFile(d.fs, name, datadir.MaxEpochFile)
	var large *vfs.TooLargeError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.As(err, &large):
		return nil, lost("epoch file: %v", err)
	case err != nil:
		return nil, fmt.Errorf("server: epoch file: %w", err)
	}
	e, err := datadir.ParseEpoch(text)
	if err != nil {
		return nil, lost("epoch file %s holds %.40q: %v", name, text, err)
	}
	return &e, nil
}

// recoverEpochs judges what was found on disk, and makes durable what follows from it.
func (d *data) recoverEpochs() error {
	mark := d.distrusted()
	disk := zab.Disk{
		Base: d.log.Base(), Last: d.log.Last(), Tree: d.tree.LastZxid(),
		Empty: mark.why == fresh, Damaged: mark.why == damaged,
	}
	var err error
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
	if err := d.noteMember(); err != nil {
		return err
	}
	_, err = d.initialize()
	return err
}

// noteMember notes that this server has promised something to others.
func (d *data) noteMember() error {
	found, err := d.exists(layoutOf(d.cfg).Member())
	if err != nil || found {
		return err
	}
	if err := vfs.WriteFileAtomic(d.fs, layoutOf(d.cfg).Member(), nil); err != nil {
		return fmt.Errorf("server: %w", err)
	}
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

// Replace makes a tree received from the leader the state on disk. Room is waited for.
func (d *data) Replace(tree *datatree.Tree) error {
	err := d.doubtUpTo(tree.LastZxid())
	if err == nil {
		err = d.replaceWith(tree, func() error { return d.log.Reset(tree.LastZxid()) })
	}
	var room *RoomError
	var fatal *pipeline.Fatal
	switch {
	case errors.As(err, &fatal):
	case errors.As(err, &room):
		err = fmt.Errorf("server: %w: %w", pipeline.ErrNoSpace, err)
	default:
		err = lacksRoom(err) // for the mark that a state is about to be replaced
	}
	d.waits(err)
	return err
}

// doubtUpTo marks the server, until it has joined the leader's epoch, if a state that
// ends at z takes back some of its log. A leader that is not established yet sends what
// it has applied, and then transactions that this server may have acknowledged: one that
// stopped in between would vote for a history without them.
func (d *data) doubtUpTo(z wire.Zxid) error {
	if d.log.Last() <= z || d.distrusted().why != none {
		return nil
	}
	d.untrusted.Store(true)
	d.resync.Store(true)
	return d.setDistrust(distrust{why: replacing, text: "a state of the leader that ends before the log did is being taken over"})
}

// Read calls f with the transactions of a range of the log.
func (d *data) Read(r zab.Range, f func(z wire.Zxid, raw []byte) error) (err error) {
	defer func() { d.met(err) }()
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
