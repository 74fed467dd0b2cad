package sim

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/txnlog"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// segmentSize is small, so that logs of a few hundred transactions have several.
const segmentSize = txnlog.MinSegmentSize

// recover opens what the last life left on the disk and says what it is worth. The
// tree is that of the checkpoint: what is logged behind it is committed only when a
// leader says so.
func (s *storage) recover() (zab.State, error) {
	if err := s.fs.MkdirAll(logDir); err != nil {
		return zab.State{}, err
	}
	var d zab.Disk
	var err error
	if d.AcceptedEpoch, err = readEpoch(s.fs, acceptedName); err != nil {
		return zab.State{}, err
	}
	if d.CurrentEpoch, err = readEpoch(s.fs, currentName); err != nil {
		return zab.State{}, err
	}
	d.Trusted = exists(s.fs, newName)
	d.Damaged = exists(s.fs, damagedName)
	restart, err := s.loadTree(&d)
	if err != nil {
		return zab.State{}, err
	}
	if err := s.openLog(&d); err != nil {
		return zab.State{}, err
	}
	if restart && s.log.Base() < d.Tree {
		// A crash came between the two halves of storage.replace.
		if err := s.log.Reset(d.Tree); err != nil {
			return zab.State{}, err
		}
		s.ledger.reset(s.id, d.Tree)
	}
	if d.Damaged {
		s.ledger.damaged(s.id)
	}
	d.Base, d.Last = s.log.Base(), s.log.Last()
	return s.settle(d)
}

func exists(fsys vfs.FS, name string) bool {
	_, err := fsys.Stat(name)
	return err == nil
}

// loadTree reads the checkpoint. A damaged one is damage, not an error.
func (s *storage) loadTree(d *zab.Disk) (restart bool, err error) {
	s.tree = datatree.NewWith(treeOptions)
	b, err := vfs.ReadFile(s.fs, treeName, 1<<30)
	if errors.Is(err, fs.ErrNotExist) {
		d.Empty = true
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(b) < 13 || !plant.In(plant.SnapshotUnchecked) && crc32.ChecksumIEEE(b[:len(b)-4]) != uint32(int32(be32(b[len(b)-4:]))) {
		d.Damaged = true
		return false, nil
	}
	dec := wire.NewDecoder(b)
	z := wire.Zxid(dec.Long())
	restart = dec.Bool()
	tree, err := datatree.ReadStream(bytes.NewReader(b[9:len(b)-4]), z, treeOptions)
	if err != nil {
		return false, fmt.Errorf("checkpoint: %w", err)
	}
	s.tree, d.Tree = tree, z
	return restart, nil
}

func be32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// openLog opens the log. One that is damaged is put aside: nothing in it counts any
// more, and that is noted before it goes, so that a crash does not make the server
// look new.
func (s *storage) openLog(d *zab.Disk) error {
	names, err := s.fs.List(logDir)
	if err != nil {
		return err
	}
	d.Empty = d.Empty && !slices.ContainsFunc(names, func(n string) bool { return n != "log.lock" && n != "log.prealloc" })
	if d.Empty && !d.Trusted && !d.Damaged {
		// The next start will find a log, and the server must not count any sooner for
		// that.
		if err := vfs.WriteFileAtomic(s.fs, freshName, nil); err != nil {
			return err
		}
	}
	d.Empty = exists(s.fs, freshName)
	opts := txnlog.Options{SegmentSize: segmentSize, Salt: s.rng.Uint64}
	var records []wire.Zxid
	if s.log, err = txnlog.Open(s.fs, logDir, opts); err == nil {
		records, err = s.readAll()
	}
	if n := len(records); err == nil && n > 1 && plant.In(plant.TailCutTooFar) {
		records = records[:n-1]
		err = s.log.Truncate(records[n-2])
	}
	var corrupt *txnlog.CorruptError
	if errors.As(err, &corrupt) {
		return s.putAside(d, names, opts)
	}
	if err == nil {
		s.ledger.recovered(s.id, s.log.Base(), records)
	}
	return err
}

// putAside begins a new log in place of a damaged one.
func (s *storage) putAside(d *zab.Disk, names []string, opts txnlog.Options) error {
	s.say("finds its log damaged")
	d.Damaged = true
	if err := s.noteDamage(); err != nil {
		return err
	}
	if s.log != nil {
		if err := s.log.Close(); err != nil {
			return err
		}
	}
	for _, name := range names {
		if name == "log.lock" {
			continue
		}
		if err := s.fs.Remove(filepath.Join(logDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := s.fs.SyncDir(logDir); err != nil {
		return err
	}
	s.ledger.damaged(s.id)
	var err error
	s.log, err = txnlog.Open(s.fs, logDir, opts)
	s.ledger.recovered(s.id, 0, nil)
	return err
}

// readAll reads the whole log, so that damage is met now and not when a learner, or
// this server's own tree, needs what it took.
func (s *storage) readAll() ([]wire.Zxid, error) {
	var records []wire.Zxid
	r, err := s.log.Read(s.log.Base())
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // in memory
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		records = append(records, rec.Zxid)
	}
}

// settle makes the epochs durable that recovery deduced.
func (s *storage) settle(d zab.Disk) (zab.State, error) {
	state, err := zab.Recover(d)
	if err != nil {
		return state, err
	}
	if d.AcceptedEpoch == nil || *d.AcceptedEpoch != state.AcceptedEpoch {
		if err := s.writeEpoch(acceptedName, state.AcceptedEpoch); err != nil {
			return state, err
		}
	}
	if d.CurrentEpoch == nil || *d.CurrentEpoch != state.CurrentEpoch {
		if err := s.writeEpoch(currentName, state.CurrentEpoch); err != nil {
			return state, err
		}
	}
	if d.Trusted {
		// The epochs are there now, and so is the log.
		if err := s.fs.Remove(newName); err != nil {
			return state, err
		}
		return state, s.fs.SyncDir(dataDir)
	}
	return state, nil
}
