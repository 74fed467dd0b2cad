package sim

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/internal/sim/simdisk"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// Names on a server's disk.
const (
	dataDir      = "data"
	logDir       = "data/log"
	acceptedName = "data/acceptedEpoch"
	currentName  = "data/currentEpoch"
	treeName     = "data/tree"
	newName      = "data/initialize" // an operator's word that an empty disk is right
	configName   = "data/config"     // the configuration in force
	damagedName  = "data/damaged"    // what was durable is gone, until a snapshot replaces it
	freshName    = "data/fresh"      // the disk was empty, and no leader has filled it yet
)

// A storage is a server's log and its other files. The core's log goroutine works with
// it (pipeline.Log, pipeline.Vault): as in a real server a disk is slow, and the server
// goes on meanwhile.
type storage struct {
	*server
	fs      vfs.FS
	log     *txnlog.Log
	working bool // the log's goroutine has something to do
	batches int  // done
}

// wake lets the log's goroutine look whether there is something to do.
func (s *storage) wake() {
	if !s.working && !s.core.LogIdle() {
		s.working = true
		s.step()
	}
}

// step lets the log's goroutine go on to where it has to wait for the disk.
func (s *storage) step() {
	more := s.core.Log()
	if !s.up() {
		return
	}
	if !s.core.Idle() {
		s.server.wake()
	}
	if !more {
		s.working = false
		s.settleSoon()
		return
	}
	write, sync := s.disk.Latency()
	s.kernel.After(write+sync, s.life, func() { s.do(s.step) })
}

// alone has the log's goroutine call f, between two batches.
func (s *storage) alone(f func()) {
	s.core.Alone(func() error { f(); return nil })
	s.wake()
}

// settleSoon settles the log when nothing was written for a moment, as a real server
// does.
func (s *storage) settleSoon() {
	s.batches++
	batch := s.batches
	s.kernel.After(msec(30), s.life, func() {
		s.do(func() {
			if !s.working && s.batches == batch {
				s.try("settle", s.log.Settle())
			}
		})
	})
}

// try reports whether the server goes on. A failed write ends it: nobody knows what
// the disk holds then.
func (s *storage) try(what string, err error) bool {
	if err != nil && !s.life.Over() {
		s.fatal(what, err)
	}
	return !s.life.Over()
}

// Append appends transactions, which a crash may keep or lose before the next Sync.
func (s *storage) Append(txns []zab.Txn) error {
	recs := make([]txnlog.Record, len(txns))
	for i, t := range txns {
		s.ledger.appending(s.id, t.Zxid, t.Raw)
		recs[i] = txnlog.Record{Zxid: t.Zxid, Payload: t.Raw}
	}
	err := s.log.Append(recs)
	if !txnlog.NoSpace(err) {
		return err
	}
	if plant.In(plant.NoSpaceSwallowed) {
		return nil
	}
	if errors.Is(err, txnlog.ErrNotAppended) {
		s.ledger.unappended(s.id, len(txns))
		return fmt.Errorf("%w: %w", pipeline.ErrNoSpace, err)
	}
	return err
}

// Sync makes durable what was appended.
func (s *storage) Sync() error {
	err := s.log.Sync()
	if err != nil && plant.In(plant.SyncRetried) {
		return nil // the second fsync of a page that could not be written succeeds
	}
	if err == nil {
		s.ledger.synced(s.id)
	}
	return err
}

// Settle is done by settleSoon.
func (s *storage) Settle() error { return nil }

// SetEpoch makes an epoch durable.
func (s *storage) SetEpoch(which zab.WriteOp, e wire.Epoch) error {
	if which == zab.WriteAcceptedEpoch {
		return s.writeEpoch(acceptedName, e)
	}
	if r, ok := s.role.(*leading); ok {
		r.reigns(e)
	}
	if err := s.writeEpoch(currentName, e); err != nil {
		return err
	}
	// Whatever was damaged has been replaced by what this epoch began with.
	s.force, s.untrust = false, false
	return s.forgetDamage()
}

// Truncate removes everything above z from the log.
func (s *storage) Truncate(z wire.Zxid) error {
	s.ledger.cutting(s.id, z)
	err := s.log.Truncate(z)
	if err == nil {
		s.ledger.cut(s.id, z)
	}
	return err
}

// Replace makes a tree that was received the state, and lets the log begin behind it:
// both, or neither, because recovery finishes what a crash interrupts once the
// checkpoint is there.
func (s *storage) Replace(tree *datatree.Tree) error {
	z := tree.LastZxid()
	image, err := snapshot(tree)
	if err != nil {
		return err
	}
	if s.log.Last() > z {
		s.distrust() // what follows the tree was perhaps acknowledged, and is not there yet
	}
	if !s.up() {
		return simdisk.ErrCrashed
	}
	s.ledger.resetting(s.id, z)
	if err := s.checkpoint(z, image, true); err != nil {
		return err
	}
	if err := s.log.Reset(z); err != nil {
		return err
	}
	s.tree = tree
	s.ledger.reset(s.id, z)
	s.ledger.loaded(s.id, z, tree.Digest())
	return nil
}

// Read calls f for the transactions of the log in a range.
func (s *storage) Read(r zab.Range, f func(z wire.Zxid, raw []byte) error) error {
	if r.Empty() {
		return nil
	}
	rd, err := s.log.Read(r.After)
	if err != nil {
		return err
	}
	defer func() { _ = rd.Close() }() // in memory
	for last := r.After; last < r.To; {
		rec, err := rd.Next()
		if err == io.EOF || err == nil && rec.Zxid > r.To {
			return nil
		}
		if err != nil {
			return err
		}
		last = rec.Zxid
		if err := f(rec.Zxid, bytes.Clone(rec.Payload)); err != nil {
			return err
		}
	}
	return nil
}

// snapshot is a tree as a checkpoint holds it.
func snapshot(t *datatree.Tree) ([]byte, error) {
	var b bytes.Buffer
	err := datatree.WriteSnapshot(&b, t, datatree.Stream)
	return b.Bytes(), err
}

func (s *storage) writeEpoch(name string, e wire.Epoch) error {
	err := vfs.WriteFileAtomic(s.fs, name, []byte(strconv.Itoa(int(e))))
	switch {
	case err == nil:
		s.ledger.wroteEpoch(s.id, name == currentName, e)
	case errors.Is(err, vfs.ErrUnchanged) && txnlog.NoSpace(err):
		s.cluster.grid.did("epoch waits for room")
		return fmt.Errorf("%w: %w", pipeline.ErrNoSpace, err)
	}
	return err
}

// readEpoch returns nil for a file that is not there.
func readEpoch(fsys vfs.FS, name string) (*wire.Epoch, error) {
	data, err := vfs.ReadFile(fsys, name, 32)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 32)
	e := wire.Epoch(n)
	return &e, err
}

func (s *storage) noteDamage() error { return vfs.WriteFileAtomic(s.fs, damagedName, nil) }

func (s *storage) forgetDamage() error {
	for _, name := range []string{damagedName, freshName} {
		if err := s.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.fs.SyncDir(dataDir)
}

// checkpoint writes a tree. restart says that the log begins behind it.
func (s *storage) checkpoint(z wire.Zxid, image []byte, restart bool) error {
	b := wire.AppendBool(wire.AppendLong(nil, int64(z)), restart)
	b = append(b, image...)
	b = wire.AppendInt(b, int32(crc32.ChecksumIEEE(b)))
	return vfs.WriteFileAtomic(s.fs, treeName, b)
}

// checkpointOwn writes the tree as it is, which holds what is committed and no
// more, and lets the log drop what that makes superfluous.
func (s *storage) checkpointOwn() error {
	if s.tree != s.core.Tree() {
		return nil // another one was received, and is not the state yet
	}
	if plant.In(plant.UncommittedInTree) {
		return s.checkpointLogged()
	}
	image, err := snapshot(s.tree)
	if err != nil {
		return err
	}
	z := s.tree.LastZxid()
	if err := s.checkpoint(z, image, false); err != nil {
		return err
	}
	return s.log.Purge(z, txnlog.Retention{Txns: s.cluster.opts.KeepTxns, Bytes: 1 << 40})
}

// checkpointLogged is what a planted bug does: the checkpoint holds what is logged,
// committed or not.
func (s *storage) checkpointLogged() error {
	image, err := snapshot(s.tree)
	if err != nil {
		return err
	}
	tree, err := datatree.ReadStream(bytes.NewReader(image), s.tree.LastZxid(), treeOptions)
	if err != nil {
		return err
	}
	err = s.Read(zab.Range{After: tree.LastZxid(), To: s.log.Last()}, func(_ wire.Zxid, raw []byte) error {
		txn, err := wire.DecodeTxn(raw)
		if err == nil {
			tree.Apply(&txn)
		}
		return err
	})
	image, err2 := snapshot(tree)
	return errors.Join(err, err2, s.checkpoint(tree.LastZxid(), image, false))
}
