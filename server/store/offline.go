package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/sparse"
	"go.uber.org/zap"
)

// An Offline is what LoadOffline found.
type Offline struct {
	Tree   *datatree.Tree // nil if there is no complete checkpoint
	Number uint64         // of the last complete checkpoint
	Bytes  int64          // of all files
}

// LoadOffline loads the last complete checkpoint in dir, whose server is not
// running, and checks the checksum of everything there, without changing it.
// Badger repairs and compacts what it opens, so it is given a copy, in the
// directory for temporary files. A directory that does not exist holds nothing.
func LoadOffline(dir string, o datatree.Options) (*Offline, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return &Offline{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	// Here, so that the error names the file itself and not the copy.
	if err := checkTables(New(dir, zap.NewNop()).options()); err != nil {
		return nil, &DamageError{dir, err}
	}
	scratch, err := os.MkdirTemp("", "zabra-store-copy-")
	if err != nil {
		return nil, fmt.Errorf("store: copy to examine: %w", err)
	}
	defer os.RemoveAll(scratch)
	found := &Offline{}
	for _, e := range entries {
		if !e.Type().IsRegular() || e.Name() == badgerLock {
			continue
		}
		n, err := sparse.Copy(filepath.Join(scratch, e.Name()), filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("store: copy to examine: %w", err)
		}
		found.Bytes += n
	}
	return found, found.load(dir, scratch, o)
}

// badgerLock holds the pid of the process that has the database open.
const badgerLock = "LOCK"

func (f *Offline) load(dir, scratch string, o datatree.Options) (err error) {
	s := New(scratch, zap.NewNop())
	s.name = dir
	defer func() { err = errors.Join(err, s.Close()) }()
	if f.Tree, err = s.Load(o); err != nil {
		return err
	}
	f.Number = s.head.number
	return nil
}
