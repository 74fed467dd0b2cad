package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabra/zabra/datatree"
	"go.uber.org/zap"
)

// oneTable makes a store with one table and returns its directory and the table's
// path.
func oneTable(t *testing.T) (dir, file string, tree *datatree.Tree) {
	t.Helper()
	s := New(t.TempDir(), zap.NewNop())
	tree = datatree.New()
	for i := range 300 {
		create(tree, fmt.Sprintf("/node-%d", i))
	}
	write(t, s, tree, true)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "*.sst"))
	if err != nil || len(files) != 1 {
		t.Fatalf("tables %v, %v", files, err)
	}
	return s.dir, files[0], tree
}

func TestEveryFlipAndCutOfATableIsFound(t *testing.T) {
	dir, file, tree := oneTable(t)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkTable(file, bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatalf("a sound table: %v", err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	harmed := func(kind string, at int, b []byte) {
		var e *FileError
		if err := checkTable(file, bytes.NewReader(b), int64(len(b))); !errors.As(err, &e) || e.Offset < 0 {
			t.Errorf("%s at %d: %v", kind, at, err)
		}
	}
	for at := range b {
		c := bytes.Clone(b)
		c[at] ^= 1 << rng.IntN(8)
		harmed("flip", at, c)
		harmed("cut", at, b[:at])
	}
	// What the check passes is what Badger can load.
	s := New(dir, zap.NewNop())
	defer s.Close()
	same(t, load(t, s), tree)
}

func TestDamagedTableIsNamed(t *testing.T) {
	dir, file, _ := oneTable(t)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[200] ^= 1
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = New(dir, zap.NewNop()).Load(datatree.Options{})
	var damage *DamageError
	if !errors.As(err, &damage) || !strings.Contains(err.Error(), filepath.Base(file)+": bad checksum of a block at offset ") {
		t.Errorf("Load: %v", err)
	}
	if _, err := LoadOffline(dir, datatree.Options{}); !errors.As(err, &damage) {
		t.Errorf("LoadOffline: %v", err)
	}
}

func TestLoadOffline(t *testing.T) {
	dir, _, tree := oneTable(t)
	found, err := LoadOffline(dir, datatree.Options{})
	if err != nil || found.Number != 1 || found.Bytes == 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	same(t, found.Tree, tree)
	none, err := LoadOffline(filepath.Join(dir, "nothing"), datatree.Options{})
	if err != nil || none.Tree != nil {
		t.Errorf("of nothing: %+v, %v", none, err)
	}
}

// What a process leaves that is killed while Badger creates files: an empty log,
// and a table that no manifest names.
func TestLeftoversOfAKill(t *testing.T) {
	dir, _, tree := oneTable(t)
	for name, content := range map[string]string{
		"00009.mem": "", "000009.vlog": "", "000099.sst": "", "000098.sst": "half a table", "MANIFEST-REWRITE": "half",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := LoadOffline(dir, datatree.Options{}); err != nil {
		t.Error(err)
	} else {
		same(t, found.Tree, tree)
	}
	s := New(dir, zap.NewNop())
	defer s.Close()
	same(t, load(t, s), tree)
}

// A manifest that was cut names no table; the tables are not removed before the
// store is whole again.
func TestTablesOfADamagedManifestAreKept(t *testing.T) {
	dir, file, tree := oneTable(t)
	manifest := filepath.Join(dir, "MANIFEST")
	whole, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(manifest, whole[:16], 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(dir, zap.NewNop())
	if got := load(t, s); got != nil {
		t.Error("a tree from no table")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(manifest, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, asideDir, filepath.Base(file)), file); err != nil {
		t.Fatal(err)
	}
	same(t, load(t, s), tree)
	write(t, s, load(t, s), true)
	if _, err := os.Stat(filepath.Join(dir, asideDir)); !os.IsNotExist(err) {
		t.Errorf("what was put aside is still there: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMissingTableIsNamed(t *testing.T) {
	dir, file, _ := oneTable(t)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := New(dir, zap.NewNop()).Load(datatree.Options{}); err == nil || !strings.Contains(err.Error(), filepath.Base(file)+": the table is missing") {
		t.Errorf("got %v", err)
	}
}

// A table of any bytes ends in an error, not in a panic.
func FuzzCheckTable(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("index\x00\x00\x00\x05\x00\x00\x00\x00"))
	f.Add(make([]byte, 64))
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = checkTable("x", bytes.NewReader(b), int64(len(b)))
	})
}
