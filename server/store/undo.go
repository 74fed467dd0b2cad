package store

import (
	"errors"

	"github.com/dgraph-io/badger/v4"
)

// undo finds what an interrupted checkpoint wrote and puts back what was there
// before, as one more checkpoint.
func (s *Store) undo() error {
	keys, last, err := s.younger()
	if err != nil || len(keys) == 0 {
		return err
	}
	old := s.db.NewTransactionAt(s.head.number, false)
	defer old.Discard()
	n := last + 1
	batch := s.db.NewWriteBatchAt(n)
	batch.SetMaxPendingTxns(maxPendingTxns)
	defer batch.Cancel()
	for _, key := range keys {
		if err := putBack(batch, n, old, key); err != nil {
			return err
		}
	}
	if err := batch.Flush(); err != nil {
		return err
	}
	h := s.head
	h.number = n
	return s.complete(h)
}

// younger returns the keys that have versions after the last complete
// checkpoint, and the highest of these versions.
func (s *Store) younger() (keys [][]byte, last uint64, err error) {
	at := s.head.number
	txn := s.db.NewTransactionAt(^uint64(0)>>1, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{AllVersions: true, SinceTs: at})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		if item.Version() <= at || item.Key()[0] == headKey[0] {
			continue
		}
		last = max(last, item.Version())
		if n := len(keys); n == 0 || string(keys[n-1]) != string(item.Key()) {
			keys = append(keys, item.KeyCopy(nil))
		}
	}
	return keys, last, nil
}

// putBack writes what key held in old.
func putBack(batch *badger.WriteBatch, n uint64, old *badger.Txn, key []byte) error {
	item, err := old.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return batch.DeleteAt(key, n)
	}
	if err != nil {
		return err
	}
	value, err := item.ValueCopy(nil)
	if err != nil {
		return err
	}
	return batch.SetEntryAt(badger.NewEntry(key, value), n)
}
