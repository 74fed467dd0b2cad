package osfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/zabra/zabra/internal/vfs"
)

// Files are readable by their owner and group only: the log and the checkpoints
// hold data that ACLs protect on the wire.
const (
	filePerm = 0o640
	dirPerm  = 0o750
)

// FS is the file system of the operating system. It has no state.
type FS struct{}

var _ vfs.FS = FS{}

// Create implements vfs.FS.
func (FS) Create(name string) (vfs.File, error) {
	return open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// Open implements vfs.FS.
func (FS) Open(name string) (vfs.File, error) { return open(name, os.O_RDONLY) }

// OpenReadWrite implements vfs.FS.
func (FS) OpenReadWrite(name string) (vfs.File, error) { return open(name, os.O_RDWR) }

func open(name string, flag int) (vfs.File, error) {
	f, err := os.OpenFile(name, flag, filePerm)
	if err != nil {
		return nil, err
	}
	return &file{f}, nil
}

// Remove implements vfs.FS.
func (FS) Remove(name string) error { return os.Remove(name) }

// Rename implements vfs.FS.
func (FS) Rename(from, to string) error { return os.Rename(from, to) }

// CopyMode lets vfs.ReplaceFile keep what an operator has given a file. A file that is
// not there has no mode to keep. Only root can give files to others.
func (FS) CopyMode(from, to string) error {
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	keepOwner(info, to)
	return os.Chmod(to, info.Mode().Perm())
}

// MkdirAll implements vfs.FS.
func (f FS) MkdirAll(dir string) error {
	missing, err := missingDirs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, dirPerm); err != nil {
		return err
	}
	for _, d := range missing {
		if err := f.SyncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

// missingDirs lists dir and those of its parents that do not exist, outermost
// first.
func missingDirs(dir string) ([]string, error) {
	var missing []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		_, err := os.Stat(d)
		if err == nil || d == filepath.Dir(d) {
			slices.Reverse(missing)
			return missing, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		missing = append(missing, d)
	}
}

// List implements vfs.FS.
func (FS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// Stat implements vfs.FS.
func (FS) Stat(name string) (vfs.Info, error) {
	info, err := os.Stat(name)
	if err != nil {
		return vfs.Info{}, err
	}
	if info.IsDir() {
		return vfs.Info{Dir: true}, nil
	}
	return vfs.Info{Size: info.Size()}, nil
}

// SyncDir implements vfs.FS.
func (FS) SyncDir(dir string) error { return syncDir(dir) }

// Lock implements vfs.FS.
func (FS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, filePerm)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: name, Err: err}, f.Close())
	}
	return f, nil
}

// Free implements vfs.FS.
func (FS) Free(dir string) (uint64, error) {
	n, err := free(dir)
	if err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return n, nil
}

type file struct{ *os.File }

func (f *file) Sync() error {
	if err := fdatasync(f.File); err != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

func (f *file) Preallocate(size int64) error {
	if err := preallocate(f.File, size); err != nil {
		return &fs.PathError{Op: "fallocate", Path: f.Name(), Err: err}
	}
	return nil
}

func (f *file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// extend makes a file at least size bytes long.
func extend(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil || info.Size() >= size {
		return err
	}
	return f.Truncate(size)
}
