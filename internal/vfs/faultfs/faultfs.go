package faultfs

import (
	"errors"
	"io/fs"
	"strings"
	"sync"

	"github.com/zabra/zabra/internal/vfs"
)

// A Rule says which operations fail and how.
type Rule struct {
	Op   vfs.Op
	Path string // only paths that contain it; "" means all
	// Nth is the first matching operation that fails, counted from 0.
	Nth int
	// Sticky lets every matching operation from the Nth on fail, not only that one.
	Sticky bool
	// Err is what the caller finds wrapped in the error, for example
	// syscall.EIO. It may be a *vfs.ShortWrite.
	Err error

	seen int
}

// An FS fails as its rules say. It may be used from several goroutines.
type FS struct {
	vfs.FS // with the faults

	mu     sync.Mutex
	rules  []*Rule
	fired  int
	budget int64 // bytes by which files may still grow; negative: no limit
	full   error
}

// New returns a file system over inner that does not fail yet.
func New(inner vfs.FS) *FS {
	f := &FS{budget: -1}
	f.FS = vfs.Intercept(inner, vfs.Hooks{Before: f.before})
	return f
}

// Fail adds a rule. Operations are counted from now on.
func (f *FS) Fail(r Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.seen = 0
	f.rules = append(f.rules, &r)
}

// Heal removes all rules and the limit of space.
func (f *FS) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.budget = nil, -1
}

// LimitSpace lets files grow by n more bytes; the write that would exceed it
// stops there with full, normally syscall.ENOSPC. Writing over what a file
// already holds stays possible, as on a real disk.
func (f *FS) LimitSpace(n int64, full error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.budget, f.full = n, full
}

// Fired returns how many operations have been made to fail.
func (f *FS) Fired() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

func (f *FS) before(c vfs.Call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.byRule(c)
	if err == nil {
		err = f.bySpace(c)
	}
	if err != nil {
		f.fired++
	}
	return err
}

func (f *FS) byRule(c vfs.Call) error {
	var err error
	for _, r := range f.rules {
		if r.Op != c.Op || !strings.Contains(c.Path, r.Path) {
			continue
		}
		if (r.seen == r.Nth || r.Sticky && r.seen > r.Nth) && err == nil {
			err = located(c, r.Err)
		}
		r.seen++
	}
	return err
}

// located names the operation and the path, as package os does.
func located(c vfs.Call, err error) error {
	var short *vfs.ShortWrite
	if errors.As(err, &short) {
		return &vfs.ShortWrite{N: short.N, Err: located(c, short.Err)}
	}
	return &fs.PathError{Op: c.Op.String(), Path: c.Path, Err: err}
}

func (f *FS) bySpace(c vfs.Call) error {
	if f.budget < 0 || c.Op != vfs.OpWrite && c.Op != vfs.OpPreallocate && c.Op != vfs.OpTruncate {
		return nil
	}
	size, err := c.File.Size()
	if err != nil {
		return err
	}
	grow := c.Off + int64(c.Len) - size
	if grow <= 0 {
		return nil
	}
	if grow <= f.budget {
		f.budget -= grow
		return nil
	}
	if c.Op != vfs.OpWrite {
		return located(c, f.full)
	}
	fits := max(0, int64(c.Len)-grow+f.budget)
	f.budget = 0
	return &vfs.ShortWrite{N: int(fits), Err: located(c, f.full)}
}
