package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/zabra/zabra/internal/plant"
)

// tempSuffix marks the file that WriteFileAtomic is writing. One that a crash
// left behind is overwritten by the next call.
const tempSuffix = ".tmp"

// ErrUnchanged is wrapped by an error of WriteFileAtomic after which the file certainly is
// as it was. Where the cause was a lack of room, the same call may succeed later.
var ErrUnchanged = errors.New("nothing was changed")

// An unchangedError is what stopped WriteFileAtomic before it changed the file.
type unchangedError struct {
	name string
	err  error
}

func (e *unchangedError) Error() string        { return fmt.Sprintf("write %s: %v", e.name, e.err) }
func (e *unchangedError) Unwrap() error        { return e.err }
func (e *unchangedError) Is(target error) bool { return target == ErrUnchanged }

// WriteFileAtomic replaces the content of a small file. After a crash the file
// holds the old content or the new, never a mixture; when WriteFileAtomic
// returns nil it durably holds the new. One caller per name at a time.
func WriteFileAtomic(fsys FS, name string, data []byte) error {
	return writeFileAtomic(fsys, name, data, func(string) error { return nil })
}

// writeFileAtomic calls prepare with the name of the file that will replace the old
// one, while that is empty.
func writeFileAtomic(fsys FS, name string, data []byte, prepare func(tmp string) error) error {
	tmp := name + tempSuffix
	if err := fsys.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &unchangedError{name, err}
	}
	if err := writeSynced(fsys, tmp, data, prepare); err != nil {
		_ = fsys.Remove(tmp) // the first error is the one that matters
		return &unchangedError{name, err}
	}
	if err := fsys.Rename(tmp, name); err != nil {
		_ = fsys.Remove(tmp)
		return fmt.Errorf("write %s: %w", name, err)
	}
	if plant.In(plant.DirectoryNotSynced) {
		return nil
	}
	if err := fsys.SyncDir(filepath.Dir(name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func writeSynced(fsys FS, name string, data []byte, prepare func(string) error) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	if err = prepare(name); err == nil {
		_, err = f.WriteAt(data, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// A TooLargeError is returned by ReadFile for a file above the caller's limit.
type TooLargeError struct {
	Name        string
	Size, Limit int64 // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("read %s: %d bytes, more than the %d that belong there", e.Name, e.Size, e.Limit)
}

// ReadFile returns the content of a file of at most limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, &TooLargeError{name, size, limit}
	}
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if err == io.EOF && int64(n) == size {
		err = nil
	}
	return data[:n], err
}
