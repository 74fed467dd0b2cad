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
	s     *Store
	n     uint64
	batch *badger.WriteBatch
	dirty bool // something was written
	bytes int64
}

// Begin starts a checkpoint on top of the last complete one. With fresh it
// replaces everything that is there.
func (s *Store) Begin(fresh bool) (*Checkpoint, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	c := &Checkpoint{s: s, n: s.at + 1}
	c.batch = s.db.NewWriteBatchAt(c.n)
	if fresh {
		if err := c.removeAll(); err != nil {
			return nil, errors.Join(fmt.Errorf("store: clear: %w", err), c.Abort())
		}
	}
	return c, nil
}

// removeAll deletes every record of the checkpoints before, but not the number of
// the last of them: that is what the database falls back to.
func (c *Checkpoint) removeAll() error {
	return c.s.each(c.s.at, func(item *badger.Item) error {
		if item.Key()[0] == completeKey[0] {
			return nil
		}
		c.dirty = true
		return c.batch.DeleteAt(item.KeyCopy(nil), c.n)
	})
}

// Put adds records. It keeps none of their memory.
func (c *Checkpoint) Put(recs []datatree.Record) error {
	for i := range recs {
		c.dirty = true
		key, value := bytes.Clone(recs[i].Key), recs[i].Value
		c.bytes += int64(len(key) + len(value))
		var err error
		if value == nil {
			err = c.batch.DeleteAt(key, c.n)
		} else {
			err = c.batch.SetEntryAt(badger.NewEntry(key, bytes.Clone(value)), c.n)
		}
		if err != nil {
			return fmt.Errorf("store: write checkpoint: %w", err)
		}
	}
	return nil
}

// Bytes is how much has been put.
func (c *Checkpoint) Bytes() int64 { return c.bytes }

// ErrUndecided is wrapped in an error of Commit after which the checkpoint may or
// may not be the last complete one; which it is shows when the database is opened
// next.
var ErrUndecided = errors.New("store: the checkpoint may or may not have taken effect")

// Commit makes the checkpoint durable and complete. After an error it has not
// happened, unless the error wraps ErrUndecided. The database is then closed, so
// that the next use of it reads what is on the disk.
func (c *Checkpoint) Commit() error {
	if err := c.batch.Flush(); err != nil {
		return errors.Join(fmt.Errorf("store: write checkpoint: %w", err), c.s.Close())
	}
	if err := c.s.setComplete(c.n); err != nil {
		return errors.Join(fmt.Errorf("store: complete checkpoint: %w: %w", ErrUndecided, err), c.s.Close())
	}
	if err := os.RemoveAll(filepath.Join(c.s.dir, asideDir)); err != nil {
		c.s.log.Warn("tables that nobody needs stay", zap.Error(err))
	}
	return nil
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
