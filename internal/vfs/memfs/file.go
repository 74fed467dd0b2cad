package memfs

import (
	"io"
	"io/fs"
	"sync/atomic"
	"syscall"
)

type file struct {
	node     *inode
	name     string
	writable bool
	closed   atomic.Bool
}

func (f *file) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

func (f *file) check(op string, writes bool, off int64) error {
	switch {
	case f.closed.Load():
		return f.fail(op, fs.ErrClosed)
	case writes && !f.writable:
		return f.fail(op, syscall.EBADF)
	case off < 0:
		return f.fail(op, syscall.EINVAL)
	}
	return nil
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", false, off); err != nil {
		return 0, err
	}
	n := f.node.readAt(p, off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write", true, off); err != nil {
		return 0, err
	}
	if len(p) > 0 {
		f.node.writeAt(p, off)
	}
	return len(p), nil
}

func (f *file) Sync() error {
	if err := f.check("sync", false, 0); err != nil {
		return err
	}
	f.node.sync()
	return nil
}

func (f *file) Truncate(size int64) error {
	if err := f.check("truncate", true, size); err != nil {
		return err
	}
	f.node.truncate(size)
	return nil
}

func (f *file) Preallocate(size int64) error {
	if err := f.check("preallocate", true, size); err != nil {
		return err
	}
	if f.node.size() < size {
		f.node.truncate(size)
	}
	return nil
}

func (f *file) Size() (int64, error) {
	if err := f.check("size", false, 0); err != nil {
		return 0, err
	}
	return f.node.size(), nil
}

func (f *file) Close() error {
	if f.closed.Swap(true) {
		return f.fail("close", fs.ErrClosed)
	}
	return nil
}
