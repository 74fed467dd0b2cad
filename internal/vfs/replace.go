package vfs

import "fmt"

// A modeKeeper is a file system whose files have modes and owners.
type modeKeeper interface {
	// CopyMode gives a file the mode of another, and its owner where it may.
	CopyMode(from, to string) error
}

// ReplaceFile is WriteFileAtomic for a file that is not ours alone, such as one that an
// operator wrote: it keeps the mode of the file that it replaces, where the file system
// has modes.
func ReplaceFile(fsys FS, name string, data []byte) error {
	return writeFileAtomic(fsys, name, data, func(tmp string) error {
		keeper, ok := fsys.(modeKeeper)
		if !ok {
			return nil
		}
		if err := keeper.CopyMode(name, tmp); err != nil {
			return fmt.Errorf("keep the mode: %w", err)
		}
		return nil
	})
}
