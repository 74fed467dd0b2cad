package main

import (
	"errors"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/internal/vfs"
)

// A volatile file system keeps what is written in the memory of the process until it is
// synced, so killing the process does to a file what losing power may do: nothing
// remains of what was not synced. Names and sizes are durable at once.
type volatile struct {
	vfs.FS
	mu    sync.Mutex
	files map[string]*unsynced // by path, of files that were opened
}

func newVolatile(inner vfs.FS) *volatile { return &volatile{FS: inner, files: map[string]*unsynced{}} }

// unsynced are the writes to a file since the last sync, in order.
type unsynced struct {
	mu     sync.Mutex
	writes []write
	before int // writes that are not in the list any more
}

type write struct {
	off  int64
	data []byte
}

func (v *volatile) open(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	u := v.files[name]
	if u == nil {
		u = &unsynced{}
		v.files[name] = u
	}
	return &volatileFile{f, u}, nil
}

func (v *volatile) Create(name string) (vfs.File, error) {
	f, err := v.FS.Create(name)
	return v.open(name, f, err)
}

func (v *volatile) Open(name string) (vfs.File, error) {
	f, err := v.FS.Open(name)
	return v.open(name, f, err)
}

func (v *volatile) OpenReadWrite(name string) (vfs.File, error) {
	f, err := v.FS.OpenReadWrite(name)
	return v.open(name, f, err)
}

func (v *volatile) Rename(from, to string) error {
	err := v.FS.Rename(from, to)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		v.files[to] = v.files[from]
		delete(v.files, from)
	}
	return err
}

func (v *volatile) Remove(name string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.files, name)
	return v.FS.Remove(name)
}

type volatileFile struct {
	vfs.File
	u *unsynced
}

func (f *volatileFile) WriteAt(p []byte, off int64) (int, error) {
	f.u.mu.Lock()
	defer f.u.mu.Unlock()
	f.u.writes = append(f.u.writes, write{off, slices.Clone(p)})
	return len(p), nil
}

func (f *volatileFile) ReadAt(p []byte, off int64) (int, error) {
	f.u.mu.Lock()
	defer f.u.mu.Unlock()
	n, err := f.File.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	size := off + int64(n)
	for _, w := range f.u.writes {
		size = max(size, w.off+int64(len(w.data)))
	}
	clear(p[n:])
	n = int(min(int64(len(p)), max(size-off, 0)))
	for _, w := range f.u.writes {
		if from, to := max(w.off, off), min(w.off+int64(len(w.data)), off+int64(n)); from < to {
			copy(p[from-off:to-off], w.data[from-w.off:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *volatileFile) Sync() error {
	if plant.In(plant.AckBeforeSync) {
		if n, ok := f.u.onlyRecords(); ok {
			time.AfterFunc(300*time.Millisecond, func() { _ = f.sync(n) })
			return nil
		}
	}
	return f.sync(math.MaxInt)
}

// sync makes the first n writes there ever were durable.
func (f *volatileFile) sync(n int) error {
	f.u.mu.Lock()
	defer f.u.mu.Unlock()
	n = min(max(n-f.u.before, 0), len(f.u.writes))
	for _, w := range f.u.writes[:n] {
		if _, err := f.File.WriteAt(w.data, w.off); err != nil {
			return err
		}
	}
	f.u.writes, f.u.before = f.u.writes[n:], f.u.before+n
	return f.File.Sync()
}

func (f *volatileFile) Close() error {
	if plant.In(plant.AckBeforeSync) {
		_ = f.sync(math.MaxInt) // or it never would be; fails for a file that is only read
	}
	return f.File.Close()
}

// onlyRecords reports whether the log has appended to a segment, and nothing else, and
// how many writes there have been.
func (u *unsynced) onlyRecords() (writes int, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	other := func(w write) bool { return w.off < 4096 || len(w.data) > 16<<10 }
	return u.before + len(u.writes), len(u.writes) > 0 && !slices.ContainsFunc(u.writes, other)
}

func (f *volatileFile) Truncate(size int64) error {
	f.u.mu.Lock()
	defer f.u.mu.Unlock()
	kept := f.u.writes[:0]
	for _, w := range f.u.writes {
		if w.off < size {
			w.data = w.data[:min(int64(len(w.data)), size-w.off)]
			kept = append(kept, w)
		}
	}
	f.u.before += len(f.u.writes) - len(kept)
	f.u.writes = kept
	return f.File.Truncate(size)
}

func (f *volatileFile) Size() (int64, error) {
	f.u.mu.Lock()
	defer f.u.mu.Unlock()
	size, err := f.File.Size()
	for _, w := range f.u.writes {
		size = max(size, w.off+int64(len(w.data)))
	}
	return size, err
}
