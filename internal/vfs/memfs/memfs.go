package memfs

import (
	"io"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/zabra/zabra/internal/vfs"
)

// FS is a file system in memory. The zero value is not usable; see New.
type FS struct {
	mu    sync.Mutex
	dirs  map[string]*dir
	locks map[string]bool
}

var _ vfs.FS = (*FS)(nil)

// New returns an empty file system, with its root directory and the current one.
func New() *FS {
	root := string(filepath.Separator)
	return &FS{dirs: map[string]*dir{root: newDir(), ".": newDir()}, locks: map[string]bool{}}
}

// CrashClone returns what a machine that loses power now might find when it
// starts again. The same rng state and history give the same clone. Locks are
// gone; f is not changed and can be cloned again.
func (f *FS) CrashClone(rng *rand.Rand) *FS {
	c := newCrash(rng)
	return f.clone(
		func(d *dir) *dir { return &dir{now: d.crash(c)} },
		func(n *inode) *inode { return n.crash(c) })
}

// KillClone returns what a process that starts now finds if all others died:
// everything that was written, synced or not, as far from the disk as it was.
// Locks are gone; f is not changed.
func (f *FS) KillClone() *FS { return f.clone((*dir).clone, (*inode).clone) }

// clone copies f with what ofDir and ofFile leave. Directories come in the order
// of their paths and files in the order of their names, so that a random choice
// can be repeated.
func (f *FS) clone(ofDir func(*dir) *dir, ofFile func(*inode) *inode) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &FS{dirs: make(map[string]*dir, len(f.dirs)), locks: map[string]bool{}}
	copies := map[*inode]*inode{}
	for _, path := range slices.Sorted(maps.Keys(f.dirs)) {
		d := ofDir(f.dirs[path])
		d.replace(func(n *inode) *inode {
			if copies[n] == nil {
				copies[n] = ofFile(n)
			}
			return copies[n]
		})
		out.dirs[path] = d
	}
	return out
}

// find returns the directory of a path and the name in it.
func (f *FS) find(op, path string) (*dir, string, error) {
	path = filepath.Clean(path)
	d := f.dirs[filepath.Dir(path)]
	if d == nil {
		return nil, "", &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist}
	}
	return d, filepath.Base(path), nil
}

// Create implements vfs.FS.
func (f *FS) Create(name string) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, base, err := f.find("create", name)
	if err != nil {
		return nil, err
	}
	if d.now[base] != nil || f.dirs[filepath.Clean(name)] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	n := newInode()
	d.do(change{add: base, node: n})
	return &file{node: n, name: name, writable: true}, nil
}

// Open implements vfs.FS.
func (f *FS) Open(name string) (vfs.File, error) { return f.open(name, false) }

// OpenReadWrite implements vfs.FS.
func (f *FS) OpenReadWrite(name string) (vfs.File, error) { return f.open(name, true) }

func (f *FS) open(name string, writable bool) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, base, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if d.now[base] == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{node: d.now[base], name: name, writable: writable}, nil
}

// Remove implements vfs.FS. Removing a directory is durable at once.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.dirs[filepath.Clean(name)]; d != nil {
		if len(d.now) > 0 || len(f.subdirs(filepath.Clean(name))) > 0 {
			return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
		}
		delete(f.dirs, filepath.Clean(name))
		return nil
	}
	d, base, err := f.find("remove", name)
	if err != nil {
		return err
	}
	if d.now[base] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	d.do(change{remove: base, node: d.now[base]})
	return nil
}

// Rename implements vfs.FS, within one directory.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, base, err := f.find("rename", from)
	if err != nil {
		return err
	}
	target, toBase, err := f.find("rename", to)
	if err != nil {
		return err
	}
	linkErr := func(err error) error { return &os.LinkError{Op: "rename", Old: from, New: to, Err: err} }
	switch {
	case d.now[base] == nil:
		return linkErr(fs.ErrNotExist)
	case target != d || f.dirs[filepath.Clean(to)] != nil:
		return linkErr(syscall.EXDEV)
	}
	if base != toBase {
		d.do(change{remove: base, add: toBase, node: d.now[base]})
	}
	return nil
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := filepath.Clean(name); f.dirs[p] == nil; p = filepath.Dir(p) {
		if d := f.dirs[filepath.Dir(p)]; d != nil && d.now[filepath.Base(p)] != nil {
			return &fs.PathError{Op: "mkdir", Path: p, Err: syscall.ENOTDIR}
		}
		f.dirs[p] = newDir()
	}
	return nil
}

// List implements vfs.FS.
func (f *FS) List(name string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := filepath.Clean(name)
	d := f.dirs[path]
	if d == nil {
		return nil, &fs.PathError{Op: "list", Path: name, Err: fs.ErrNotExist}
	}
	names := slices.AppendSeq(f.subdirs(path), maps.Keys(d.now))
	slices.Sort(names)
	return names, nil
}

// subdirs returns the names of the directories in dir.
func (f *FS) subdirs(dir string) []string {
	var names []string
	for p := range f.dirs {
		if p != dir && filepath.Dir(p) == dir {
			names = append(names, filepath.Base(p))
		}
	}
	return names
}

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (vfs.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dirs[filepath.Clean(name)] != nil {
		return vfs.Info{Dir: true}, nil
	}
	d, base, err := f.find("stat", name)
	if err != nil {
		return vfs.Info{}, err
	}
	if d.now[base] == nil {
		return vfs.Info{}, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return vfs.Info{Size: d.now[base].size()}, nil
}

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.dirs[filepath.Clean(name)]
	if d == nil {
		return &fs.PathError{Op: "syncdir", Path: name, Err: fs.ErrNotExist}
	}
	d.sync()
	return nil
}

// Lock implements vfs.FS. The lock file is durable at once.
func (f *FS) Lock(name string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, base, err := f.find("lock", name)
	if err != nil {
		return nil, err
	}
	if f.locks[name] {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: vfs.ErrLocked}
	}
	if d.now[base] == nil {
		n := newInode()
		d.now[base], d.synced[base] = n, n
	}
	f.locks[name] = true
	return &heldLock{f, name}, nil
}

type heldLock struct {
	fs   *FS
	name string
}

func (l *heldLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	delete(l.fs.locks, l.name)
	return nil
}

// Free implements vfs.FS: there is always room; see faultfs for a full disk.
func (f *FS) Free(string) (uint64, error) { return math.MaxInt64, nil }
