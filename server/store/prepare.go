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
// refuses one with damaged tables.
func prepare(o badger.Options) error {
	if err := removeEmptyLogs(o.Dir); err != nil {
		return err
	}
	tables, err := referenced(o)
	if err != nil {
		return err
	}
	return checkTables(tables)
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
// a process that was killed while it wrote them, and Badger removes them.
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
