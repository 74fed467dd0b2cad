package store

import (
	"errors"

	"github.com/dgraph-io/badger/v4"
	"github.com/zabra/zabra/datatree"
)

// Load returns the tree of the last complete checkpoint, nil if there is none.
func (s *Store) Load(o datatree.Options) (*datatree.Tree, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	l := datatree.NewLoader(o)
	err := s.each(s.at, func(item *badger.Item) error {
		if item.Key()[0] == completeKey[0] {
			return nil
		}
		return item.Value(func(v []byte) error { return l.Add(item.Key(), v) })
	})
	if err != nil {
		return nil, s.damaged(err)
	}
	if l.Empty() {
		return nil, nil
	}
	tree, err := l.Tree()
	if err != nil {
		return nil, s.damaged(err)
	}
	return tree, nil
}

// each calls f with every record as of checkpoint n.
func (s *Store) each(n uint64, f func(*badger.Item) error) error {
	txn := s.db.NewTransactionAt(n, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: false})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if err := f(it.Item()); err != nil {
			return err
		}
	}
	return nil
}

// undo finds what an interrupted checkpoint wrote and puts back what was there
// before, as one more checkpoint.
func (s *Store) undo() error {
	keys, last, err := s.younger()
	if err != nil || len(keys) == 0 {
		return err
	}
	old := s.db.NewTransactionAt(s.at, false)
	defer old.Discard()
	n := last + 1
	batch := s.db.NewWriteBatchAt(n)
	defer batch.Cancel()
	for _, key := range keys {
		if err := putBack(batch, n, old, key); err != nil {
			return err
		}
	}
	if err := batch.Flush(); err != nil {
		return err
	}
	return s.setComplete(n)
}

// younger returns the keys that have versions after the last complete
// checkpoint, and the highest of these versions.
func (s *Store) younger() (keys [][]byte, last uint64, err error) {
	txn := s.db.NewTransactionAt(^uint64(0)>>1, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{AllVersions: true, SinceTs: s.at})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		if item.Version() <= s.at || item.Key()[0] == completeKey[0] {
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
