package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/zabra/zabra/internal/vfs/osfs"
)

// Move renames a store's directory, which nobody has open, durably; to "" it removes it.
// It is no error if it is not there.
func Move(from, to string) error {
	if to == "" {
		if err := os.RemoveAll(from); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		return syncParent(from)
	}
	if err := os.Rename(from, to); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return errors.Join(syncParent(to), syncParent(from))
}

// syncParent makes the names beside a directory durable, if there are any.
func syncParent(dir string) error {
	err := osfs.FS{}.SyncDir(filepath.Dir(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
