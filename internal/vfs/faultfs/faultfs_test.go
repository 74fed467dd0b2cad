package faultfs_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/faultfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
)

func file(t *testing.T, fsys vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := fsys.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNthSyncFails(t *testing.T) {
	for _, sticky := range []bool{false, true} {
		fsys := faultfs.New(memfs.New())
		f, other := file(t, fsys, "log.1"), file(t, fsys, "epoch")
		fsys.Fail(faultfs.Rule{Op: vfs.OpSync, Path: "log.", Nth: 1, Sticky: sticky, Err: syscall.EIO})
		for i, bad := range []bool{false, true, sticky} {
			if err := other.Sync(); err != nil {
				t.Fatal(err)
			}
			if err := f.Sync(); errors.Is(err, syscall.EIO) != bad {
				t.Errorf("sticky %v: sync %d: %v", sticky, i, err)
			}
		}
		fsys.Heal()
		if err := f.Sync(); err != nil {
			t.Errorf("healed: %v", err)
		}
	}
}

func TestShortWrite(t *testing.T) {
	fsys := faultfs.New(memfs.New())
	f := file(t, fsys, "f")
	fsys.Fail(faultfs.Rule{Op: vfs.OpWrite, Err: &vfs.ShortWrite{N: 2, Err: syscall.EIO}})
	n, err := f.WriteAt([]byte("abcd"), 0)
	if n != 2 || !errors.Is(err, syscall.EIO) || fsys.Fired() != 1 {
		t.Errorf("WriteAt = %d, %v; fired %d", n, err, fsys.Fired())
	}
	if size, _ := f.Size(); size != 2 {
		t.Errorf("size %d, want 2", size)
	}
}

func TestFullDisk(t *testing.T) {
	fsys := faultfs.New(memfs.New())
	f := file(t, fsys, "f")
	fsys.LimitSpace(10, syscall.ENOSPC)
	if _, err := f.WriteAt([]byte("abcdef"), 0); err != nil {
		t.Fatal(err)
	}
	if n, err := f.WriteAt([]byte("abcdefgh"), 4); n != 6 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("growing write = %d, %v; want 6, ENOSPC", n, err)
	}
	if n, err := f.WriteAt([]byte("0123456789"), 0); n != 10 || err != nil {
		t.Errorf("overwrite on a full disk = %d, %v", n, err)
	}
	if err := f.Preallocate(11); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("preallocate on a full disk: %v", err)
	}
}
