package memfs_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
)

const clones = 300

// outcomes counts what show says about each of many crash clones.
func outcomes(fsys *memfs.FS, show func(*memfs.FS) string) map[string]int {
	seen := map[string]int{}
	for seed := range uint64(clones) {
		seen[show(fsys.CrashClone(rand.New(rand.NewPCG(seed, 1))))]++
	}
	return seen
}

func wantOutcomes(t *testing.T, seen map[string]int, want ...string) {
	t.Helper()
	for _, w := range want {
		if seen[w] == 0 {
			t.Errorf("no crash left %q; seen %v", w, seen)
		}
		delete(seen, w)
	}
	if len(seen) > 0 {
		t.Errorf("a crash left what none may leave: %v", seen)
	}
}

func read(fsys *memfs.FS, name string) string {
	p, err := vfs.ReadFile(fsys, name, 1<<20)
	if err != nil {
		return "none"
	}
	return string(p)
}

func create(t *testing.T, fsys *memfs.FS, name string) vfs.File {
	t.Helper()
	f, err := fsys.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, f vfs.File, s string, off int64) {
	t.Helper()
	if _, err := f.WriteAt([]byte(s), off); err != nil {
		t.Fatal(err)
	}
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	fsys := memfs.New()
	f := create(t, fsys, "f")
	write(t, f, "synced", 0)
	ok(t, f.Sync(), fsys.SyncDir("."))
	wantOutcomes(t, outcomes(fsys, func(c *memfs.FS) string { return read(c, "f") }), "synced")
}

func TestCrashMayTakeTheName(t *testing.T) {
	fsys := memfs.New()
	f := create(t, fsys, "f")
	write(t, f, "synced", 0)
	ok(t, f.Sync())
	wantOutcomes(t, outcomes(fsys, func(c *memfs.FS) string { return read(c, "f") }), "synced", "none")
}

func TestCrashMayTakeARenameButNotHalfOfIt(t *testing.T) {
	fsys := memfs.New()
	write(t, create(t, fsys, "f"), "new", 0)
	write(t, create(t, fsys, "g"), "old", 0)
	for _, name := range []string{"f", "g"} {
		f, err := fsys.OpenReadWrite(name)
		ok(t, err, f.Sync())
	}
	ok(t, fsys.SyncDir("."), fsys.Rename("f", "g"))
	wantOutcomes(t, outcomes(fsys, func(c *memfs.FS) string { return read(c, "f") + "," + read(c, "g") }),
		"new,old", "none,new")
}

func TestCrashTakesRemovesInAnyOrder(t *testing.T) {
	fsys := memfs.New()
	create(t, fsys, "a")
	create(t, fsys, "b")
	ok(t, fsys.SyncDir("."), fsys.Remove("a"), fsys.Remove("b"))
	seen := outcomes(fsys, func(c *memfs.FS) string {
		names, _ := c.List(".")
		return fmt.Sprint(names)
	})
	wantOutcomes(t, seen, "[a b]", "[a]", "[b]", "[]")
}

func TestCrashTearsAWriteAtSectors(t *testing.T) {
	fsys := memfs.New()
	f := create(t, fsys, "f")
	write(t, f, string(bytes.Repeat([]byte("."), 1024)), 0)
	ok(t, f.Sync(), fsys.SyncDir("."))
	write(t, f, string(bytes.Repeat([]byte("x"), 1000)), 12)
	seen := outcomes(fsys, func(c *memfs.FS) string {
		s := read(c, "f")
		return s[:1] + s[12:13] + s[511:513] + s[1011:1012] + s[1012:1013]
	})
	wantOutcomes(t, seen, "......", ".xxxx.", ".xx...", "...xx.")
}

func TestCrashMayLeaveAnOlderVersion(t *testing.T) {
	fsys := memfs.New()
	f := create(t, fsys, "f")
	write(t, f, "0", 0)
	ok(t, f.Sync(), fsys.SyncDir("."))
	write(t, f, "1", 0)
	write(t, f, "2", 0)
	wantOutcomes(t, outcomes(fsys, func(c *memfs.FS) string { return read(c, "f") }), "0", "1", "2")
}

func TestCrashOfAGrowingFile(t *testing.T) {
	fsys := memfs.New()
	f := create(t, fsys, "f")
	ok(t, fsys.SyncDir("."))
	write(t, f, string(bytes.Repeat([]byte("x"), 600)), 0)
	seen := outcomes(fsys, func(c *memfs.FS) string {
		s := read(c, "f")
		return fmt.Sprint(len(s), bytes.Contains([]byte(s), []byte("x")))
	})
	wantOutcomes(t, seen, "0 false", "512 false", "512 true", "600 false", "600 true")
}

func TestKillKeepsEverythingButMakesNothingDurable(t *testing.T) {
	fsys := memfs.New()
	f := create(t, fsys, "f")
	write(t, f, "old", 0)
	ok(t, f.Sync(), fsys.SyncDir("."))
	write(t, f, "new", 0)
	create(t, fsys, "g")
	killed := fsys.KillClone()
	if read(killed, "f") != "new" || read(killed, "g") != "" {
		t.Errorf("a killed process lost a write: %q, %q", read(killed, "f"), read(killed, "g"))
	}
	write(t, f, "xxx", 0) // not seen by the clone
	show := func(c *memfs.FS) string { return read(c, "f") + read(c, "g") }
	wantOutcomes(t, outcomes(killed, show), "old", "oldnone", "new", "newnone")
}

func TestCloneIsIndependentAndRepeatable(t *testing.T) {
	fsys := memfs.New()
	f := create(t, fsys, "f")
	write(t, f, "before", 0)
	ok(t, f.Sync(), fsys.SyncDir("."))
	clone := fsys.CrashClone(rand.New(rand.NewPCG(1, 1)))
	write(t, f, "after!", 0)
	g, err := clone.OpenReadWrite("f")
	ok(t, err)
	write(t, g, "clone", 0)
	if read(fsys, "f") != "after!" || read(clone, "f") != "clonee" {
		t.Errorf("original %q, clone %q", read(fsys, "f"), read(clone, "f"))
	}
	for seed := range uint64(50) {
		a := fsys.CrashClone(rand.New(rand.NewPCG(seed, 2)))
		b := fsys.CrashClone(rand.New(rand.NewPCG(seed, 2)))
		if read(a, "f") != read(b, "f") {
			t.Fatalf("seed %d gives two outcomes", seed)
		}
	}
}
