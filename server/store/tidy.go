package store

import (
	"fmt"
	"os"
	"path/filepath"
)

// spareDisk is how many bytes on the disk are left alone though nobody needs them.
const spareDisk = 64 << 20

// Bytes is how much the last complete checkpoint consists of, what its deltas have
// replaced included.
func (s *Store) Bytes() int64 { return int64(s.head.totals.bytes) }

// Bloated reports whether the store consists of far more than the live bytes, and
// another checkpoint would make that less.
func (s *Store) Bloated(live int64) bool {
	return s.known && s.Bytes() > 3*live+spareDisk && len(s.held.worn(0)) > 0
}

// Tidy closes the database, and if its tables are then more than twice what the
// last checkpoint consists of, compacts them: Badger drops what was removed only
// when new data comes to lie over it, and after a large removal there may be none.
func (s *Store) Tidy() error {
	if err := s.Close(); err != nil {
		return err
	}
	size, err := tableBytes(s.dir)
	if err != nil || size <= 2*s.Bytes()+spareDisk {
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	if err := s.db.Flatten(1); err != nil {
		return fmt.Errorf("store: %s: compact: %w", s.name, err)
	}
	return s.Close()
}

// tableBytes is how large the tables in dir are.
func tableBytes(dir string) (n int64, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return 0, err
		}
		n += info.Size()
	}
	return n, nil
}
