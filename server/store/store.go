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
	dir string
	log *zap.Logger
	db  *badger.DB // nil while closed
	at  uint64     // number of the last complete checkpoint, 0 if there is none
}

// completeKey holds the number of the last complete checkpoint. No key of
// datatree begins like it.
var completeKey = []byte{'C'}

// New returns the store in dir, which Badger makes when it is first needed.
func New(dir string, log *zap.Logger) *Store { return &Store{dir: dir, log: log} }

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
		WithSyncWrites(false). // Commit syncs, twice, whatever it wrote
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
	db, err := badger.OpenManaged(s.options())
	if err != nil {
		return fmt.Errorf("store: %s: %w", s.dir, err)
	}
	s.db = db
	if s.at, err = s.complete(); err == nil {
		err = s.undo()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("store: %s: %w", s.dir, err), s.Close())
	}
	db.SetDiscardTs(s.at)
	return nil
}

// Close closes the database until it is needed again.
func (s *Store) Close() error {
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	if err := db.Close(); err != nil {
		return fmt.Errorf("store: %s: %w", s.dir, err)
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
