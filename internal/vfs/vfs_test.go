package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/faultfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/internal/vfs/slowfs"
)

// forEach runs a test on every implementation; they must not differ.
func forEach(t *testing.T, run func(t *testing.T, fsys vfs.FS, dir string)) {
	mem := func() vfs.FS {
		m := memfs.New()
		if err := m.MkdirAll("/data"); err != nil {
			t.Fatal(err)
		}
		return m
	}
	t.Run("osfs", func(t *testing.T) { run(t, osfs.FS{}, t.TempDir()) })
	t.Run("memfs", func(t *testing.T) { run(t, mem(), "/data") })
	t.Run("intercepted", func(t *testing.T) { run(t, vfs.Intercept(mem(), vfs.Hooks{}), "/data") })
	t.Run("faultfs", func(t *testing.T) { run(t, faultfs.New(mem()), "/data") })
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, fsys vfs.FS, name string) []byte {
	t.Helper()
	return must(vfs.ReadFile(fsys, name, 1<<20))(t)
}

func TestFileReadsWhatWasWritten(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "f")
		f := must(fsys.Create(name))(t)
		_, err := f.WriteAt([]byte("hello"), 4094) // over a page boundary
		ok(t, err, f.Sync(), f.Close())

		f = must(fsys.Open(name))(t)
		if size := must(f.Size())(t); size != 4099 {
			t.Errorf("size %d, want 4099", size)
		}
		p := make([]byte, 8)
		n, err := f.ReadAt(p, 4092)
		if n != 7 || err != io.EOF || !bytes.Equal(p[:n], []byte("\x00\x00hello")) {
			t.Errorf("ReadAt = %d %v %q", n, err, p[:n])
		}
		if _, err := f.WriteAt([]byte("x"), 0); err == nil {
			t.Error("a file opened for reading took a write")
		}
		ok(t, f.Close())
		if _, err := f.ReadAt(p, 0); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("ReadAt after Close: %v", err)
		}
	})
}

func TestTruncateDropsAndZeroes(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "f")
		f := must(fsys.Create(name))(t)
		_, err := f.WriteAt(bytes.Repeat([]byte("x"), 6000), 0)
		ok(t, err, f.Truncate(5), f.Truncate(5000), f.Preallocate(8192), f.Preallocate(10), f.Close())
		want := make([]byte, 8192)
		copy(want, "xxxxx")
		if !bytes.Equal(content(t, fsys, name), want) {
			t.Error("what was cut off came back")
		}
	})
}

func TestNames(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		in := func(name string) string { return filepath.Join(dir, name) }
		ok(t, fsys.MkdirAll(in("a/b")), fsys.MkdirAll(in("a/b")))
		ok(t, must(fsys.Create(in("f")))(t).Close(), must(fsys.Create(in("g")))(t).Close())
		if _, err := fsys.Create(in("f")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Create over a file: %v", err)
		}
		if got := must(fsys.List(dir))(t); !slices.Equal(got, []string{"a", "f", "g"}) {
			t.Errorf("List = %v", got)
		}
		if info := must(fsys.Stat(in("a")))(t); !info.Dir {
			t.Error("Stat of a directory does not say so")
		}
		ok(t, fsys.Rename(in("f"), in("g")), fsys.SyncDir(dir))
		if _, err := fsys.Stat(in("f")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat of a renamed file: %v", err)
		}
		if err := fsys.Remove(in("a")); err == nil {
			t.Error("removed a directory that is not empty")
		}
		ok(t, fsys.Remove(in("a/b")), fsys.Remove(in("a")), fsys.Remove(in("g")))
		for _, err := range []error{
			fsys.Remove(in("g")), fsys.Rename(in("g"), in("h")), fsys.SyncDir(in("a")),
			second(fsys.Open(in("g"))), second(fsys.OpenReadWrite(in("g"))), second(fsys.List(in("a"))),
		} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("want fs.ErrNotExist, got %v", err)
			}
		}
		if n := must(fsys.Free(dir))(t); n == 0 {
			t.Error("no free space")
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestRemovedFileStaysReadable(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "f")
		f := must(fsys.Create(name))(t)
		_, err := f.WriteAt([]byte("abc"), 0)
		ok(t, err, fsys.Remove(name))
		p := make([]byte, 3)
		if _, err := f.ReadAt(p, 0); err != nil || string(p) != "abc" {
			t.Errorf("ReadAt = %q, %v", p, err)
		}
		ok(t, f.Close())
	})
}

func TestLockIsExclusive(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "LOCK")
		held := must(fsys.Lock(name))(t)
		if _, err := fsys.Lock(name); !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("second Lock: %v", err)
		}
		ok(t, held.Close())
		ok(t, must(fsys.Lock(name))(t).Close())
	})
}

func TestWriteFileAtomic(t *testing.T) {
	forEach(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "epoch")
		ok(t, must(fsys.Create(name+".tmp"))(t).Close()) // left by a crash
		for _, s := range []string{"1", "23"} {
			ok(t, vfs.WriteFileAtomic(fsys, name, []byte(s)))
			if got := string(content(t, fsys, name)); got != s {
				t.Errorf("content %q, want %q", got, s)
			}
		}
		if got := must(fsys.List(dir))(t); !slices.Equal(got, []string{"epoch"}) {
			t.Errorf("List = %v", got)
		}
		var tooLarge *vfs.TooLargeError
		if _, err := vfs.ReadFile(fsys, name, 1); !errors.As(err, &tooLarge) {
			t.Errorf("ReadFile above its limit: %v", err)
		}
	})
}

func TestSlowFSPassesEverything(t *testing.T) {
	calls := 0
	fsys := slowfs.New(memfs.New(), func(vfs.Call) time.Duration { calls++; return 0 })
	ok(t, vfs.WriteFileAtomic(fsys, "f", []byte("x")))
	if got := string(content(t, fsys, "f")); got != "x" || calls == 0 {
		t.Errorf("content %q after %d calls", got, calls)
	}
}

// A crash at any moment leaves the old content or the new, and the new for sure
// when WriteFileAtomic has returned; a failure at any step leaves one of them.
func TestWriteFileAtomicAcrossCrashes(t *testing.T) {
	mem := memfs.New()
	ok(t, vfs.WriteFileAtomic(mem, "epoch", []byte("1")))
	crashes := 0
	hooked := vfs.Intercept(mem, vfs.Hooks{After: func(c vfs.Call, _ error) {
		for seed := range uint64(50) {
			crashes++
			got := string(content(t, mem.CrashClone(rand.New(rand.NewPCG(seed, 0))), "epoch"))
			if got != "1" && got != "23" {
				t.Fatalf("crash after %v leaves %q", c.Op, got)
			}
		}
	}})
	ok(t, vfs.WriteFileAtomic(hooked, "epoch", []byte("23")))
	for seed := range uint64(50) {
		if got := string(content(t, mem.CrashClone(rand.New(rand.NewPCG(seed, 0))), "epoch")); got != "23" {
			t.Fatalf("a crash afterwards leaves %q", got)
		}
	}
	if crashes == 0 {
		t.Error("no crash")
	}
}

func TestWriteFileAtomicReportsEveryFailure(t *testing.T) {
	for _, op := range []vfs.Op{vfs.OpCreate, vfs.OpWrite, vfs.OpSync, vfs.OpRename, vfs.OpSyncDir} {
		fsys := faultfs.New(memfs.New())
		ok(t, vfs.WriteFileAtomic(fsys, "epoch", []byte("1")))
		fsys.Fail(faultfs.Rule{Op: op, Err: syscall.EIO})
		err := vfs.WriteFileAtomic(fsys, "epoch", []byte("23"))
		if !errors.Is(err, syscall.EIO) || errors.Is(err, vfs.ErrUnchanged) != (op < vfs.OpRename || op == vfs.OpWrite || op == vfs.OpSync) {
			t.Errorf("%v failed, and the answer is %v", op, err)
		}
		want := "1"
		if op == vfs.OpSyncDir { // after the rename
			want = "23"
		}
		if got := string(content(t, fsys, "epoch")); got != want {
			t.Errorf("%v failed and left %q", op, got)
		}
	}
}
