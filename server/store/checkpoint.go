package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/zabra/zabra/datatree"
	"go.uber.org/zap"
)

// A Checkpoint is one that is being written. It takes effect with Commit; until
// then, and after Abort, it is as if it had never been.
type Checkpoint struct {
	s      *Store
	n      uint64
	fresh  bool
	anew   map[group]bool // groups of which everything is put again
	batch  *badger.WriteBatch
	packer *packer
	meta   []byte
	dirty  bool  // something was written
	bytes  int64 // of the records that were put
	extra  int64 // of them those of groups that are written anew
}

// Pending writes of the batch hold their blobs in memory.
const maxPendingTxns = 2

// Begin starts a checkpoint on top of the last complete one. With fresh it
// replaces everything that is there. Otherwise its records must hold all that
// changed since, and everything that is in the ranges that Due returns.
func (s *Store) Begin(fresh bool) (*Checkpoint, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	if err := s.takeInventory(); err != nil {
		return nil, errors.Join(s.damaged(err), s.Close())
	}
	c := &Checkpoint{s: s, n: s.head.number + 1, fresh: fresh, anew: make(map[group]bool)}
	groups := s.held.all()
	if !fresh {
		groups = s.held.worn(2*s.recent + spareRewrite)
	}
	for _, g := range groups {
		c.anew[g] = true
	}
	c.batch = s.db.NewWriteBatchAt(c.n)
	c.batch.SetMaxPendingTxns(maxPendingTxns)
	c.packer = newPacker(c.n, c.put)
	return c, nil
}

// spareRewrite is how many bytes of worn groups a checkpoint writes anew at least,
// beside twice as many as the one before had records of changes.
const spareRewrite = 16 << 20

// Due returns the keys of which the checkpoint needs all records that there are,
// changed or not: what lies there is written anew. It is empty for a fresh one.
func (c *Checkpoint) Due() []datatree.KeyRange {
	if c.fresh {
		return nil
	}
	due := make([]datatree.KeyRange, 0, len(c.anew))
	for _, g := range c.s.held.all() {
		if c.anew[g] {
			due = append(due, g.keys())
		}
	}
	return due
}

// Put adds records. It keeps none of their memory.
func (c *Checkpoint) Put(recs []datatree.Record) error {
	for i := range recs {
		if err := c.add(recs[i].Key, recs[i].Value); err != nil {
			return fmt.Errorf("store: write checkpoint: %w", err)
		}
	}
	return nil
}

func (c *Checkpoint) add(key, value []byte) error {
	if key[0] == metaKind {
		c.meta = bytes.Clone(value)
		return nil
	}
	g, index := place(key)
	anew := c.anew[g]
	if value == nil && (anew || c.s.held.groups[g] == nil) {
		return nil // there will be nothing that it could remove
	}
	size := int64(len(key) + len(value))
	c.bytes += size
	if anew {
		c.extra += size
	}
	return c.packer.add(g, index, value)
}

// put writes a blob, which the batch keeps.
func (c *Checkpoint) put(key, blob []byte) error {
	c.dirty = true
	return c.batch.SetEntryAt(badger.NewEntry(key, blob), c.n)
}

// Bytes is how much has been put.
func (c *Checkpoint) Bytes() int64 { return c.bytes }

// ErrUndecided is wrapped in an error of Commit after which the checkpoint may or
// may not be the last complete one; which it is shows when the database is opened
// next.
var ErrUndecided = errors.New("store: the checkpoint may or may not have taken effect")

// errNoMeta says that a checkpoint lacks what makes it one.
var errNoMeta = errors.New("it has no meta record")

// Commit makes the checkpoint durable and complete. After an error it has not
// happened, unless the error wraps ErrUndecided. The database is then closed, so
// that the next use of it reads what is on the disk.
func (c *Checkpoint) Commit() error {
	s := c.s
	if err := c.finish(); err != nil {
		c.batch.Cancel()
		return errors.Join(fmt.Errorf("store: write checkpoint: %w", err), s.Close())
	}
	s.known = false
	for g := range c.anew {
		s.held.drop(g)
	}
	s.held.merge(c.packer.held)
	if err := s.complete(head{c.n, s.held.total, c.meta}); err != nil {
		return errors.Join(fmt.Errorf("store: complete checkpoint: %w: %w", ErrUndecided, err), s.Close())
	}
	s.known = true
	s.recent = c.bytes - c.extra
	if err := os.RemoveAll(filepath.Join(s.dir, asideDir)); err != nil {
		s.log.Warn("tables that nobody needs stay", zap.Error(err))
	}
	return nil
}

// finish writes everything but the head.
func (c *Checkpoint) finish() error {
	if c.meta == nil {
		return errNoMeta
	}
	if err := c.packer.flushAll(); err != nil {
		return err
	}
	for g := range c.anew {
		for _, key := range c.s.held.keysOf(g) {
			c.dirty = true
			if err := c.batch.DeleteAt(key, c.n); err != nil {
				return err
			}
		}
	}
	return c.batch.Flush()
}

// Abort gives the checkpoint up. What was written of it is undone when the
// database is opened next, so it is closed.
func (c *Checkpoint) Abort() error {
	c.batch.Cancel()
	if !c.dirty {
		return nil
	}
	return c.s.Close()
}
