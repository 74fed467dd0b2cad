package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/zabra/zabra/datatree"
	"go.uber.org/zap"
)

// A Store is a directory with checkpoints.
type Store struct {
	dir  string
	name string // dir, for messages
	log  *zap.Logger
	db   *badger.DB // nil while closed
	at   uint64     // number of the last complete checkpoint, 0 if there is none
}

// completeKey holds the number of the last complete checkpoint. No key of
// datatree begins like it.
var completeKey = []byte{'C'}

// New returns the store in dir, which Badger makes when it is first needed.
func New(dir string, log *zap.Logger) *Store { return &Store{dir: dir, name: dir, log: log} }

// A DamageError says that what is in a store's directory cannot be read.
type DamageError struct {
	Dir string
	Err error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("store: %s: the checkpoint cannot be read: %v", e.Dir, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

func (s *Store) damaged(err error) error { return &DamageError{s.name, err} }

// Tuning: the database is written in bursts by one goroutine and read once, at
// the start, from end to end.
const (
	memTableSize   = 32 << 20
	valueThreshold = 1 << 20 // larger values go to Badger's value log
	vlogFileSize   = 64 << 20
	tableSize      = 16 << 20
)

func (s *Store) options() badger.Options {
	return badger.DefaultOptions(s.dir).
		WithLogger(logger{s.log.Sugar()}).
		WithMetricsEnabled(false).
		WithDetectConflicts(false).
		// Badger's Sync covers only the memtable in use. One that is full already
		// and not yet a table would not survive a failure of power.
		WithSyncWrites(true).
		WithVerifyValueChecksum(true).
		WithNumVersionsToKeep(1).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithBloomFalsePositive(0). // nothing is looked up
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithBaseTableSize(tableSize).
		WithValueThreshold(valueThreshold).
		WithValueLogFileSize(vlogFileSize).
		WithNumCompactors(2)
}

// open opens the database, unless it is open, and undoes what an interrupted
// checkpoint left behind.
func (s *Store) open() error {
	if s.db != nil {
		return nil
	}
	if err := prepare(s.options()); err != nil {
		return s.damaged(err)
	}
	db, err := openBadger(s.options())
	if err != nil {
		return s.damaged(err)
	}
	s.db = db
	if s.at, err = s.complete(); err == nil {
		err = s.undo()
	}
	if err != nil {
		return errors.Join(s.damaged(err), s.Close())
	}
	db.SetDiscardTs(s.at)
	return nil
}

// openBadger turns what Badger panics about in damaged files into an error.
func openBadger(o badger.Options) (db *badger.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("badger: %v", p)
		}
	}()
	return badger.OpenManaged(o)
}

// Close closes the database until it is needed again.
func (s *Store) Close() error {
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	if err := db.Close(); err != nil {
		return fmt.Errorf("store: %s: %w", s.name, err)
	}
	return nil
}

// complete reads the number of the last complete checkpoint.
func (s *Store) complete() (uint64, error) {
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	item, err := txn.Get(completeKey)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var n uint64
	err = item.Value(func(v []byte) error {
		if len(v) != 8 {
			return fmt.Errorf("number of the last checkpoint has %d bytes: %w", len(v), datatree.ErrCorrupt)
		}
		n = binary.BigEndian.Uint64(v)
		return nil
	})
	return n, err
}

// setComplete makes checkpoint n the last complete one. Everything it consists
// of must be written; it is synced first.
func (s *Store) setComplete(n uint64) error {
	if err := s.db.Sync(); err != nil {
		return err
	}
	txn := s.db.NewTransactionAt(n, true)
	defer txn.Discard()
	if err := txn.Set(completeKey, binary.BigEndian.AppendUint64(nil, n)); err != nil {
		return err
	}
	if err := txn.CommitAt(n, nil); err != nil {
		return err
	}
	if err := s.db.Sync(); err != nil {
		return err
	}
	s.at = n
	s.db.SetDiscardTs(n)
	return nil
}
