package store

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"github.com/zabra/zabra/datatree"
)

// Load returns the tree of the last complete checkpoint, nil if there is none. It closes
// the database.
func (s *Store) Load(o datatree.Options) (*datatree.Tree, error) {
	if err := s.openToRead(); err != nil {
		return nil, err
	}
	tree, err := s.tree(o)
	if err != nil {
		return nil, errors.Join(s.damaged(err), s.Close())
	}
	return tree, s.Close()
}

func (s *Store) tree(o datatree.Options) (*datatree.Tree, error) {
	l := datatree.NewLoader(o)
	if err := s.read(l.Add); err != nil {
		return nil, err
	}
	if l.Empty() {
		return nil, nil
	}
	return l.Tree()
}

// read calls f with every record of the last complete checkpoint, the meta record
// first, and takes stock of the blobs. Key and value are valid during the call.
func (s *Store) read(f func(key, value []byte) error) error {
	if s.head.meta != nil {
		if err := f([]byte{metaKind}, s.head.meta); err != nil {
			return err
		}
	}
	u := unpacker{emit: f}
	held := newInventory()
	err := s.eachBlob(func(key, blob []byte) error {
		k, err := decodeBlobKey(key)
		if err != nil {
			return err
		}
		records, err := u.add(k, key, blob)
		if err != nil {
			return fmt.Errorf("%v: %w", k, err)
		}
		held.add(k, len(blob), records)
		return nil
	})
	if err == nil {
		err = u.end()
	}
	if err != nil {
		return err
	}
	if held.total != s.head.totals {
		return corrupt("it has %d blobs of %d bytes instead of %d of %d bytes",
			held.total.blobs, held.total.bytes, s.head.totals.blobs, s.head.totals.bytes)
	}
	s.held, s.known = held, true
	return nil
}

// takeInventory finds out what blobs there are, if that is not known.
func (s *Store) takeInventory() error {
	if s.known {
		return nil
	}
	return s.read(func(_, _ []byte) error { return nil })
}

// eachBlob calls f with every blob of the last complete checkpoint, in the order
// of the keys.
func (s *Store) eachBlob(f func(key, blob []byte) error) error {
	txn := s.db.NewTransactionAt(s.head.number, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: false})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		if item.Key()[0] == headKey[0] {
			continue
		}
		if err := item.Value(func(v []byte) error { return f(item.Key(), v) }); err != nil {
			return err
		}
	}
	return nil
}
