package store

import (
	"errors"
	"fmt"
	"math"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"go.uber.org/zap"
)

// A Store is a directory with checkpoints.
type Store struct {
	dir  string
	name string // dir, for messages
	log  *zap.Logger
	db   *badger.DB // nil while closed

	checked map[string]bool // tables whose checksums were checked
	head    head            // of the last complete checkpoint; its number is 0 if there is none
	held    inventory       // what it consists of, if known
	known   bool
	recent  int64 // bytes of records in the last checkpoint written
}

// New returns the store in dir, which Badger makes when it is first needed.
func New(dir string, log *zap.Logger) *Store {
	return &Store{dir: dir, name: dir, log: log, checked: make(map[string]bool)}
}

// A DamageError says that what is in a store's directory cannot be read.
type DamageError struct {
	Dir string
	Err error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("store: %s: the checkpoint cannot be read: %v", e.Dir, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

// damaged gives an error of what is below the store its name.
func (s *Store) damaged(err error) error {
	var f *FormatError
	if errors.As(err, &f) {
		f.Dir = s.name
		return f
	}
	return &DamageError{s.name, err}
}

// Number is that of the last complete checkpoint, as of when the database was opened or
// written last; they are counted, from 1. The next one has the next number.
func (s *Store) Number() uint64 { return s.head.number }

// Tuning: the database is written in bursts of blobs by one goroutine and read
// once, at the start, from end to end.
const (
	// Tables are built in memory, in buffers that Badger keeps while it is open,
	// up to eight of twice tableSize: a full memtable has to fit in one, and a
	// blob in a block without making it grow. Twice as large is 2 percent less
	// CPU for a create and 100 MB more at the peak.
	memTableSize = 3 << 20
	tableSize    = 2 << 20
	blockSize    = 64 << 10
	// Compactions cost more than tables to look through at a start.
	levelZeroTables = 20
	baseLevelSize   = 256 << 20
	valueThreshold  = 256 << 10 // no blob is as long, so nothing goes to the value log
	vlogFileSize    = 1 << 20
)

func (s *Store) options() badger.Options {
	return badger.DefaultOptions(s.dir).
		WithLogger(logger{s.log.Sugar()}).
		WithMetricsEnabled(false).
		WithDetectConflicts(false).
		// Badger's Sync covers only the memtable in use. One that is full already
		// and not yet a table would not survive a failure of power.
		WithSyncWrites(true).
		WithNumVersionsToKeep(1).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithBloomFalsePositive(0). // nothing is looked up
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithBlockSize(blockSize).
		WithNumLevelZeroTables(levelZeroTables).
		WithNumLevelZeroTablesStall(2 * levelZeroTables).
		WithBaseLevelSize(baseLevelSize).
		WithBaseTableSize(tableSize).
		WithValueThreshold(valueThreshold).
		WithValueLogFileSize(vlogFileSize).
		WithNumCompactors(2)
}

// open opens the database to be written, unless it is open.
func (s *Store) open() error { return s.openWith(s.options()) }

// openToRead opens the database, unless it is open, so that nothing is compacted: a
// compaction takes room that nobody has looked for, and may be waiting since the process
// before was killed.
func (s *Store) openToRead() error {
	return s.openWith(s.options().WithNumCompactors(0).WithNumLevelZeroTablesStall(math.MaxInt32))
}

// openWith opens the database, unless it is open, and undoes what an interrupted
// checkpoint left behind.
func (s *Store) openWith(o badger.Options) error {
	if s.db != nil {
		return nil
	}
	if err := s.prepare(); err != nil {
		return s.damaged(err)
	}
	db, err := openBadger(o)
	if err != nil {
		return s.damaged(err)
	}
	s.db = db
	if err := s.enter(); err != nil {
		return errors.Join(s.damaged(err), s.Close())
	}
	return nil
}

// enter reads the head and undoes what was written behind it.
func (s *Store) enter() error {
	h, err := s.readHead()
	if err != nil {
		return err
	}
	if h.totals != s.held.total {
		s.known = false
	}
	s.head = h
	if err := s.undo(); err != nil {
		return err
	}
	s.db.SetDiscardTs(s.head.number)
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

// readHead reads the head, empty if there is none.
func (s *Store) readHead() (head, error) {
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	item, err := txn.Get(headKey)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return head{}, nil
	}
	if err != nil {
		return head{}, err
	}
	var h head
	err = item.Value(func(v []byte) (err error) {
		h, err = decodeHead(v)
		return err
	})
	return h, err
}

// complete makes the checkpoint with this head the last complete one. Everything
// it consists of must be written; it is synced first.
func (s *Store) complete(h head) error {
	if err := s.db.Sync(); err != nil {
		return err
	}
	txn := s.db.NewTransactionAt(h.number, true)
	defer txn.Discard()
	if err := txn.Set(headKey, h.encode()); err != nil {
		return err
	}
	if err := txn.CommitAt(h.number, nil); err != nil {
		return err
	}
	if err := s.db.Sync(); err != nil {
		return err
	}
	s.head = h
	s.db.SetDiscardTs(h.number)
	return nil
}
