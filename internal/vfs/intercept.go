package vfs

import (
	"errors"
	"fmt"
	"io"
)

// An Op names an operation of FS or File.
type Op uint8

// The operations, in the order of the interfaces.
const (
	OpCreate Op = iota
	OpOpen
	OpOpenReadWrite
	OpRemove
	OpRename
	OpMkdirAll
	OpList
	OpStat
	OpSyncDir
	OpLock
	OpFree
	OpRead
	OpWrite
	OpClose
	OpSync
	OpTruncate
	OpPreallocate
	OpSize
	numOps
)

var opNames = [numOps]string{
	"create", "open", "open for writing", "remove", "rename", "mkdir", "list", "stat", "syncdir", "lock", "free",
	"read", "write", "close", "sync", "truncate", "preallocate", "size",
}

// String returns the name used in error messages.
func (o Op) String() string {
	if o < numOps {
		return opNames[o]
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// Changes reports whether the operation changes what a crash could leave.
func (o Op) Changes() bool {
	switch o {
	case OpCreate, OpRemove, OpRename, OpMkdirAll, OpSyncDir, OpWrite, OpSync, OpTruncate, OpPreallocate:
		return true
	}
	return false
}

// A Call is one operation on its way to a file system.
type Call struct {
	Op   Op
	Path string
	To   string // new name of a rename
	Off  int64  // where a read or write begins; the size of a truncate or preallocate
	Len  int    // bytes of a read or write
	File File   // the inner file of a file operation, else nil
}

// Hooks are called around each operation of an intercepted file system, on the
// goroutine of the caller. Either may be nil. They may use the inner file
// system.
type Hooks struct {
	// Before may let the operation fail: the error it returns is what the caller
	// gets, and the inner file system is not called, except for a *ShortWrite.
	Before func(Call) error
	// After is told how the operation ended.
	After func(Call, error)
}

// A ShortWrite, returned by Hooks.Before, lets the first N bytes of a write pass
// and the write then fail with Err.
type ShortWrite struct {
	N   int
	Err error
}

func (e *ShortWrite) Error() string { return fmt.Sprintf("short write of %d bytes: %v", e.N, e.Err) }

func (e *ShortWrite) Unwrap() error { return e.Err }

// Intercept returns a file system that passes every call on to inner with hooks
// around it.
func Intercept(inner FS, hooks Hooks) FS { return &interceptFS{inner, hooks} }

type interceptFS struct {
	inner FS
	hooks Hooks
}

func (i *interceptFS) before(c Call) error {
	if i.hooks.Before == nil {
		return nil
	}
	return i.hooks.Before(c)
}

func (i *interceptFS) after(c Call, err error) {
	if i.hooks.After != nil {
		i.hooks.After(c, err)
	}
}

// do runs one operation between its hooks.
func (i *interceptFS) do(c Call, op func() error) error {
	err := i.before(c)
	if err == nil {
		err = op()
	}
	i.after(c, err)
	return err
}

func (i *interceptFS) open(c Call, op func(string) (File, error)) (File, error) {
	var file File
	err := i.do(c, func() error {
		inner, err := op(c.Path)
		if err == nil {
			file = &interceptFile{i, inner, c.Path}
		}
		return err
	})
	return file, err
}

func (i *interceptFS) Create(name string) (File, error) {
	return i.open(Call{Op: OpCreate, Path: name}, i.inner.Create)
}

func (i *interceptFS) Open(name string) (File, error) {
	return i.open(Call{Op: OpOpen, Path: name}, i.inner.Open)
}

func (i *interceptFS) OpenReadWrite(name string) (File, error) {
	return i.open(Call{Op: OpOpenReadWrite, Path: name}, i.inner.OpenReadWrite)
}

func (i *interceptFS) Remove(name string) error {
	return i.do(Call{Op: OpRemove, Path: name}, func() error { return i.inner.Remove(name) })
}

func (i *interceptFS) Rename(from, to string) error {
	return i.do(Call{Op: OpRename, Path: from, To: to}, func() error { return i.inner.Rename(from, to) })
}

func (i *interceptFS) MkdirAll(dir string) error {
	return i.do(Call{Op: OpMkdirAll, Path: dir}, func() error { return i.inner.MkdirAll(dir) })
}

func (i *interceptFS) SyncDir(dir string) error {
	return i.do(Call{Op: OpSyncDir, Path: dir}, func() error { return i.inner.SyncDir(dir) })
}

func (i *interceptFS) List(dir string) (names []string, err error) {
	err = i.do(Call{Op: OpList, Path: dir}, func() error {
		names, err = i.inner.List(dir)
		return err
	})
	return names, err
}

func (i *interceptFS) Stat(name string) (info Info, err error) {
	err = i.do(Call{Op: OpStat, Path: name}, func() error {
		info, err = i.inner.Stat(name)
		return err
	})
	return info, err
}

func (i *interceptFS) Lock(name string) (lock io.Closer, err error) {
	err = i.do(Call{Op: OpLock, Path: name}, func() error {
		lock, err = i.inner.Lock(name)
		return err
	})
	return lock, err
}

func (i *interceptFS) Free(dir string) (free uint64, err error) {
	err = i.do(Call{Op: OpFree, Path: dir}, func() error {
		free, err = i.inner.Free(dir)
		return err
	})
	return free, err
}

type interceptFile struct {
	fs    *interceptFS
	inner File
	path  string
}

func (f *interceptFile) call(op Op) Call { return Call{Op: op, Path: f.path, File: f.inner} }

func (f *interceptFile) ReadAt(p []byte, off int64) (n int, err error) {
	c := f.call(OpRead)
	c.Off, c.Len = off, len(p)
	err = f.fs.do(c, func() error {
		n, err = f.inner.ReadAt(p, off)
		return err
	})
	return n, err
}

func (f *interceptFile) WriteAt(p []byte, off int64) (n int, err error) {
	c := f.call(OpWrite)
	c.Off, c.Len = off, len(p)
	err = f.fs.before(c)
	var short *ShortWrite
	switch {
	case err == nil:
		n, err = f.inner.WriteAt(p, off)
	case errors.As(err, &short):
		n, err = f.writeShort(p, off, short)
	}
	f.fs.after(c, err)
	return n, err
}

func (f *interceptFile) writeShort(p []byte, off int64, short *ShortWrite) (int, error) {
	n, err := f.inner.WriteAt(p[:min(short.N, len(p))], off)
	if err == nil {
		err = short.Err
	}
	return n, err
}

func (f *interceptFile) Close() error { return f.fs.do(f.call(OpClose), f.inner.Close) }

func (f *interceptFile) Sync() error { return f.fs.do(f.call(OpSync), f.inner.Sync) }

func (f *interceptFile) Truncate(size int64) error {
	c := f.call(OpTruncate)
	c.Off = size
	return f.fs.do(c, func() error { return f.inner.Truncate(size) })
}

func (f *interceptFile) Preallocate(size int64) error {
	c := f.call(OpPreallocate)
	c.Off = size
	return f.fs.do(c, func() error { return f.inner.Preallocate(size) })
}

func (f *interceptFile) Size() (size int64, err error) {
	err = f.fs.do(f.call(OpSize), func() error {
		size, err = f.inner.Size()
		return err
	})
	return size, err
}
