package sim

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/internal/vfs"
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
	damagedName  = "data/damaged"    // what was durable is gone, until a snapshot replaces it
)

// A storage is a server's log and its other files, behind a queue: as in a real
// server, a disk is slow and the server goes on meanwhile. All writes are durable in
// the order in which they were submitted.
type storage struct {
	*server
	fs    vfs.FS
	log   *txnlog.Log
	queue []task
	busy  bool
	idle  []func() // to be called when nothing is under way

	batches int // done
}

// A task is a write, or what is to be called when all before it are durable.
type task struct {
	write *zab.Write
	image []byte // of the snapshot, for WriteSnapshot
	done  func()
}

// submit queues writes and calls done when they, and all before, are durable.
func (s *storage) submit(writes []zab.Write, image []byte, done func()) {
	for i := range writes {
		s.queue = append(s.queue, task{write: &writes[i], image: image})
	}
	s.queue = append(s.queue, task{done: done})
	if !s.busy {
		s.busy = true
		s.step()
	}
}

// whenIdle calls f once nothing is under way: a change of role is a barrier.
func (s *storage) whenIdle(f func()) {
	if s.busy {
		s.idle = append(s.idle, f)
		return
	}
	f()
}

// step carries on with the queue. Records are appended as far as they come in a row
// and synced together; every other write is durable before the next one begins.
func (s *storage) step() {
	var done []func()
	dirty := false
	for len(s.queue) > 0 && (s.queue[0].write == nil || s.queue[0].write.Op == zab.WriteTxns) {
		t := s.take()
		if t.write == nil {
			done = append(done, t.done)
			continue
		}
		if !s.try("append", s.append(t.write.Txns)) {
			return
		}
		dirty = true
	}
	write, sync := s.disk.Latency()
	switch {
	case dirty:
		if plant.In(plant.AckBeforeSync) {
			callAll(done)
			done = nil
		}
		s.kernel.After(write+sync, s.life, func() {
			if s.try("sync", s.sync()) {
				callAll(done)
				s.step()
			}
		})
	case len(done) > 0:
		callAll(done)
		s.step()
	case len(s.queue) > 0:
		t := s.take()
		s.kernel.After(write+sync, s.life, func() {
			if s.try("write", s.perform(t)) {
				s.step()
			}
		})
	default:
		s.busy = false
		s.settleSoon()
		idle := s.idle
		s.idle = nil
		callAll(idle)
	}
}

// settleSoon settles the log when nothing was written for a moment, as a real server
// does.
func (s *storage) settleSoon() {
	s.batches++
	batch := s.batches
	s.kernel.After(msec(30), s.life, func() {
		if !s.busy && s.batches == batch {
			s.try("settle", s.log.Settle())
		}
	})
}

func (s *storage) take() task {
	t := s.queue[0]
	s.queue[0] = task{}
	s.queue = s.queue[1:]
	return t
}

func callAll(fs []func()) {
	for _, f := range fs {
		f()
	}
}

// try reports whether the server goes on. A failed write ends it: nobody knows what
// the disk holds then.
func (s *storage) try(what string, err error) bool {
	if err != nil && !s.life.Over() {
		s.fatal(what, err)
	}
	return !s.life.Over()
}

func (s *storage) append(txns []zab.Txn) error {
	recs := make([]txnlog.Record, len(txns))
	for i, t := range txns {
		s.ledger.appending(s.id, t.Zxid, t.Raw)
		recs[i] = txnlog.Record{Zxid: t.Zxid, Payload: t.Raw}
	}
	err := s.log.Append(recs)
	if errors.Is(err, syscall.ENOSPC) && plant.In(plant.NoSpaceSwallowed) {
		return nil
	}
	return err
}

func (s *storage) sync() error {
	err := s.log.Sync()
	if err != nil && plant.In(plant.SyncRetried) {
		return nil // the second fsync of a page that could not be written succeeds
	}
	if err == nil {
		s.ledger.synced(s.id)
	}
	return err
}

// perform does one write that is no record.
func (s *storage) perform(t task) error {
	w := t.write
	switch w.Op {
	case zab.WriteAcceptedEpoch:
		return s.writeEpoch(acceptedName, w.Epoch)
	case zab.WriteCurrentEpoch:
		// Whatever was damaged has been replaced by what this epoch began with.
		return errors.Join(s.writeEpoch(currentName, w.Epoch), s.forgetDamage())
	case zab.WriteTruncate:
		s.ledger.cutting(s.id, w.Zxid)
		err := s.log.Truncate(w.Zxid)
		if err == nil {
			s.ledger.cut(s.id, w.Zxid)
		}
		return err
	case zab.WriteSnapshot:
		return s.replace(w.Zxid, t.image)
	}
	return fmt.Errorf("unknown write %d", w.Op)
}

func (s *storage) writeEpoch(name string, e wire.Epoch) error {
	err := vfs.WriteFileAtomic(s.fs, name, []byte(strconv.Itoa(int(e))))
	if err == nil {
		s.ledger.wroteEpoch(s.id, name == currentName, e)
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

// replace makes a snapshot the state, and lets the log begin behind it: both, or
// neither, because recovery finishes what a crash interrupts once the checkpoint is
// there.
func (s *storage) replace(z wire.Zxid, image []byte) error {
	s.ledger.resetting(s.id, z)
	if err := s.checkpoint(z, image, true); err != nil {
		return err
	}
	if err := s.log.Reset(z); err != nil {
		return err
	}
	s.ledger.reset(s.id, z)
	return nil
}

func (s *storage) noteDamage() error { return vfs.WriteFileAtomic(s.fs, damagedName, nil) }

func (s *storage) forgetDamage() error {
	err := s.fs.Remove(damagedName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, s.fs.SyncDir(dataDir))
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
	if plant.In(plant.UncommittedInTree) {
		return s.checkpointLogged()
	}
	var b bytes.Buffer
	if err := datatree.WriteSnapshot(&b, s.tree, datatree.Stream); err != nil {
		return err
	}
	z := s.tree.LastZxid()
	if err := s.checkpoint(z, b.Bytes(), false); err != nil {
		return err
	}
	return s.log.Purge(z, txnlog.Retention{Txns: s.cluster.opts.KeepTxns, Bytes: 1 << 40})
}

// checkpointLogged is what a planted bug does: the checkpoint holds what is logged,
// committed or not.
func (s *storage) checkpointLogged() error {
	tree, err := datatree.ReadStream(bytes.NewReader(s.snapshot()), s.tree.LastZxid(), datatree.Options{})
	if err != nil {
		return err
	}
	err = s.between(zab.Range{After: tree.LastZxid(), To: s.log.Last()}, func(_ wire.Zxid, raw []byte) {
		if txn, err := wire.DecodeTxn(raw); err == nil {
			tree.Apply(&txn)
		}
	})
	var b bytes.Buffer
	err = errors.Join(err, datatree.WriteSnapshot(&b, tree, datatree.Stream))
	return errors.Join(err, s.checkpoint(tree.LastZxid(), b.Bytes(), false))
}
