package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
)

// prepare makes a directory that a killed process left fit for Badger, and
// refuses one with damaged tables. A table is never changed once it is written,
// so each is checked once.
func (s *Store) prepare() error {
	if err := removeEmptyLogs(s.dir); err != nil {
		return err
	}
	tables, err := referenced(s.options())
	if err != nil {
		return err
	}
	for _, file := range tables {
		if s.checked[file] {
			continue
		}
		if err := checkFile(file); err != nil {
			return err
		}
	}
	clear(s.checked)
	for _, file := range tables {
		s.checked[file] = true
	}
	return putAside(s.dir, tables)
}

// asideDir holds tables that the manifest does not name. Normally they are
// leftovers; but if it is the manifest that is damaged, they are the data, and
// Badger would remove them. They go with the next complete checkpoint.
const asideDir = "aside"

func putAside(dir string, named []string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if slices.Contains(named, file) {
			continue
		}
		aside := filepath.Join(dir, asideDir)
		if err := os.MkdirAll(aside, 0o700); err != nil {
			return err
		}
		if err := os.Rename(file, filepath.Join(aside, filepath.Base(file))); err != nil {
			return err
		}
	}
	return nil
}

// removeEmptyLogs removes logs of memtables and of values that were created and
// never filled. Badger does not open a directory that has one: it takes a file
// without bytes for one that it has just made, and stops over that.
func removeEmptyLogs(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".mem" && ext != ".vlog" {
			continue
		}
		info, err := e.Info()
		if err == nil && info.Size() == 0 {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// referenced returns the tables that the manifest names. Others are leftovers of
// a process that was killed while it wrote them.
func referenced(o badger.Options) ([]string, error) {
	name := filepath.Join(o.Dir, badger.ManifestFilename)
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f, 0, o)
	if err != nil {
		return nil, &FileError{name, 0, fmt.Sprintf("the list of tables cannot be read (%v)", err)}
	}
	var tables []string
	for id := range manifest.Tables {
		tables = append(tables, table.NewFilename(id, o.Dir))
	}
	slices.Sort(tables)
	return tables, nil
}
