package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/zabra/zabra/datatree"
	"go.uber.org/zap"
)

// tamper opens the database of a store with a complete checkpoint and changes it
// as of that checkpoint.
func tamper(t *testing.T, dir string, f func(b *badger.WriteBatch, at uint64)) {
	t.Helper()
	s := New(dir, zap.NewNop())
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	b := s.db.NewWriteBatchAt(s.head.number)
	f(b, s.head.number)
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A store of another format is refused by name, and keeps what it has.
func TestOtherFormatsAreRefused(t *testing.T) {
	for found, value := range map[int][]byte{1: {0, 0, 0, 0, 0, 0, 0, 1}, 9: slices.Concat([]byte{9}, make([]byte, 80))} {
		dir, _, _ := oneTable(t)
		tamper(t, dir, func(b *badger.WriteBatch, at uint64) {
			if err := b.SetEntryAt(badger.NewEntry(headKey, value), at); err != nil {
				t.Fatal(err)
			}
		})
		for range 2 {
			var f *FormatError
			_, err := New(dir, zap.NewNop()).Load(datatree.Options{})
			if !errors.As(err, &f) || f.Found != found || !strings.Contains(err.Error(), fmt.Sprintf("%s: the checkpoint has format %d", dir, found)) {
				t.Errorf("Load: %v", err)
			}
			if _, err = LoadOffline(dir, datatree.Options{}); !errors.As(err, &f) || f.Dir != dir {
				t.Errorf("LoadOffline: %v", err)
			}
			if _, err := New(dir, zap.NewNop()).Begin(true); !errors.As(err, &f) {
				t.Errorf("Begin: %v", err)
			}
		}
	}
}

// Damage that Badger's own checksums do not show is refused with the part of the
// checkpoint in which it is.
func TestDamageInsideTheDatabaseIsRefused(t *testing.T) {
	var keys [][]byte
	pristine := func() string {
		dir := t.TempDir()
		s := New(dir, zap.NewNop())
		tree := datatree.New()
		for i := range 2 * groupSize {
			create(tree, fmt.Sprintf("/node-%d", i))
		}
		write(t, s, tree, true)
		set(tree, "/node-7", "again", 1)
		write(t, s, tree, true)
		keys = nil
		if err := s.eachBlob(func(key, _ []byte) error {
			keys = append(keys, slices.Clone(key))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	refused := func(dir, want string) {
		t.Helper()
		var damage *DamageError
		s := New(dir, zap.NewNop())
		if _, err := s.Load(datatree.Options{}); !errors.As(err, &damage) || !strings.Contains(err.Error(), want) {
			t.Errorf("Load: %v, want %q", err, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOffline(dir, datatree.Options{}); !errors.As(err, &damage) || !strings.Contains(err.Error(), want) {
			t.Errorf("LoadOffline: %v, want %q", err, want)
		}
		if _, err := New(dir, zap.NewNop()).Begin(false); !errors.As(err, &damage) || !strings.Contains(err.Error(), want) {
			t.Errorf("Begin: %v, want %q", err, want)
		}
	}
	dir := pristine()
	last := len(keys) - 1
	lastKey, err := decodeBlobKey(keys[last])
	if err != nil || last < 4 {
		t.Fatalf("%d blobs, %v", last+1, err)
	}
	tamper(t, dir, func(b *badger.WriteBatch, at uint64) {
		if err := b.SetEntryAt(badger.NewEntry(keys[last], []byte("not a blob at all")), at); err != nil {
			t.Fatal(err)
		}
	})
	refused(dir, lastKey.String()+": bad checksum")

	dir = pristine()
	tamper(t, dir, func(b *badger.WriteBatch, at uint64) {
		if err := b.DeleteAt(keys[0], at); err != nil { // the delta of /node-7
			t.Fatal(err)
		}
	})
	refused(dir, fmt.Sprintf("it has %d blobs of", last))

	dir = pristine()
	tamper(t, dir, func(b *badger.WriteBatch, at uint64) {
		if err := b.SetEntryAt(badger.NewEntry([]byte("x"), []byte("?")), at); err != nil {
			t.Fatal(err)
		}
	})
	refused(dir, `unknown key "x"`)

	dir = pristine()
	tamper(t, dir, func(b *badger.WriteBatch, at uint64) {
		if err := b.SetEntryAt(badger.NewEntry(headKey, append([]byte{format}, make([]byte, 60)...)), at); err != nil {
			t.Fatal(err)
		}
	})
	refused(dir, "bad checksum of the head")
}

// A checkpoint that lacks its meta record does not take effect.
func TestCheckpointWithoutMeta(t *testing.T) {
	s := New(t.TempDir(), zap.NewNop())
	defer s.Close()
	tree := datatree.New()
	create(tree, "/a")
	write(t, s, tree, true)
	c, err := s.Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Put([]datatree.Record{{Key: recordKey(nodeKind, 9), Value: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(); !errors.Is(err, errNoMeta) {
		t.Errorf("Commit: %v", err)
	}
	same(t, load(t, s), tree)
}
