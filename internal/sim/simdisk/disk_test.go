package simdisk_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/zabra/zabra/internal/sim/simdisk"
	"github.com/zabra/zabra/internal/sim/vtime"
	"github.com/zabra/zabra/internal/vfs"
)

func newDisk(seed uint64) *simdisk.Disk { return simdisk.New(vtime.New(seed), "d", simdisk.Speed{}) }

func content(d *simdisk.Disk) string {
	b, err := vfs.ReadFile(d.FS(), "f", 100)
	if err != nil {
		return "none"
	}
	return string(b)
}

// A crash at any operation of a replacement leaves the old content or the new one,
// and both occur.
func TestACrashFallsAtAnyOperation(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(40) {
		d := newDisk(seed)
		if err := vfs.WriteFileAtomic(d.FS(), "f", []byte("old")); err != nil {
			t.Fatal(err)
		}
		crashed := false
		d.CrashAfter(1+int(seed%6), func() { crashed = true })
		fs := d.FS()
		err := vfs.WriteFileAtomic(fs, "f", []byte("new"))
		if crashed != (err != nil) || crashed && !errors.Is(err, simdisk.ErrCrashed) {
			t.Fatalf("seed %d: crashed %v, error %v", seed, crashed, err)
		}
		if !crashed {
			d.Crash(false)
		}
		d.Restart()
		if _, err := fs.List("."); !errors.Is(err, simdisk.ErrCrashed) {
			t.Errorf("the file system of an earlier life still works: %v", err)
		}
		seen[content(d)]++
	}
	if seen["old"] == 0 || seen["new"] == 0 || len(seen) != 2 {
		t.Errorf("found after the crash: %v", seen)
	}
}

func TestASyncFailsOnce(t *testing.T) {
	d := newDisk(1)
	d.FailSync(2)
	f, err := d.FS().Create("f")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, true} {
		if ok := f.Sync() == nil; ok != want {
			t.Errorf("sync %d: %v, want %v", i, ok, want)
		}
	}
}

func TestAFullDiskTakesNothingMore(t *testing.T) {
	d := newDisk(1)
	fs := d.FS()
	f, err := fs.Create("f")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("1234"), 0); err != nil {
		t.Fatal(err)
	}
	d.SetFull(true)
	if _, err := f.WriteAt([]byte("ab"), 1); err != nil {
		t.Errorf("writing over what is there: %v", err)
	}
	if n, err := f.WriteAt([]byte("xyz"), 3); n != 1 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("writing behind the end: %d bytes, %v", n, err)
	}
	if _, err := fs.Create("g"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a new file: %v", err)
	}
	d.SetFull(false)
	if _, err := f.WriteAt([]byte("xyz"), 3); err != nil || content(d) != "1abxyz" {
		t.Errorf("after there is room again: %v, %q", err, content(d))
	}
}

func TestAFlipChangesOneBit(t *testing.T) {
	d := newDisk(1)
	if err := vfs.WriteFileAtomic(d.FS(), "f", make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	d.Crash(true)
	if name := d.Flip(".", func(name string) bool { return name == "f" }); name != "f" {
		t.Fatalf("flipped in %q", name)
	}
	d.Restart()
	bits := 0
	for _, b := range []byte(content(d)) {
		for ; b != 0; b &= b - 1 {
			bits++
		}
	}
	if bits != 1 {
		t.Errorf("%d bits changed", bits)
	}
}
