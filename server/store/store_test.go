package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/sparse"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// apply applies one transaction with the next zxid.
func apply(t *datatree.Tree, op wire.OpCode, body wire.Record) {
	txn := wire.EncodeTxn(nil, wire.TxnHeader{Session: 1, Zxid: t.LastZxid() + 1, Time: 7, Op: op}, body)
	t.Apply(&txn)
}

func create(t *datatree.Tree, path string) {
	apply(t, wire.OpCreate, &wire.CreateTxn{Path: path, Data: []byte(path), ACL: wire.WorldAnyone(31), ParentCversion: -1})
}

func set(t *datatree.Tree, path, data string, version int32) {
	apply(t, wire.OpSetData, &wire.SetDataTxn{Path: path, Data: []byte(data), Version: version})
}

// write puts an incremental checkpoint of tree; commit false leaves it
// unfinished.
func write(t testing.TB, s *Store, tree *datatree.Tree, commit bool) (bytes int64) {
	t.Helper()
	c, err := s.Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range c.Due() {
		tree.Refresh(keys)
	}
	scan := tree.Scan(false)
	for recs := scan.Step(1 << 10); recs != nil; recs = scan.Step(1 << 10) {
		if err := c.Put(recs); err != nil {
			t.Fatal(err)
		}
	}
	if !commit {
		if err := c.finish(); err != nil { // the worst: all of it is there
			t.Fatal(err)
		}
		scan.Cancel()
		return c.Bytes()
	}
	if err := c.Commit(); err != nil {
		t.Fatal(err)
	}
	scan.Done()
	return c.Bytes()
}

func load(t *testing.T, s *Store) *datatree.Tree {
	t.Helper()
	tree, err := s.Load(datatree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func same(t *testing.T, got, want *datatree.Tree) {
	t.Helper()
	if got == nil {
		t.Fatal("nothing was loaded")
	}
	if got.LastZxid() != want.LastZxid() || got.Digest() != want.Digest() || got.NodeCount() != want.NodeCount() {
		t.Fatalf("loaded zxid %v digest %x nodes %d, want %v %x %d", got.LastZxid(), got.Digest(), got.NodeCount(),
			want.LastZxid(), want.Digest(), want.NodeCount())
	}
}

func TestCheckpointsAddUp(t *testing.T) {
	dir := t.TempDir()
	tree := datatree.New()
	s := New(dir, zap.NewNop())
	if got := load(t, s); got != nil {
		t.Fatal("loaded a tree from an empty store")
	}
	for round := range 5 {
		for i := range 100 {
			create(tree, fmt.Sprintf("/n%d-%d", round, i))
		}
		set(tree, "/n0-0", fmt.Sprint(round), int32(round+1))
		apply(tree, wire.OpDelete, &wire.DeleteTxn{Path: fmt.Sprintf("/n%d-1", round)})
		write(t, s, tree, true)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		same(t, load(t, s), tree)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// clone copies a directory as a process that is killed leaves it: what Badger does
// in the background must not fall into the copying.
func clone(t *testing.T, dir string) string {
	t.Helper()
	for {
		to := t.TempDir()
		before := listing(t, dir)
		err := copyFiles(to, dir, before)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err == nil && slices.Equal(listing(t, dir), before) {
			return to
		}
	}
}

// listing returns names and sizes.
func listing(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !e.IsDir() && e.Name() != badgerLock {
			all = append(all, fmt.Sprintf("%s/%d", e.Name(), info.Size()))
		}
	}
	return all
}

func copyFiles(to, from string, list []string) error {
	for _, name := range list {
		name = filepath.Dir(name)
		if _, err := sparse.Copy(filepath.Join(to, name), filepath.Join(from, name)); err != nil {
			return err
		}
	}
	return nil
}

func TestInterruptedCheckpointIsInvisibleForEver(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, zap.NewNop())
	defer s.Close()
	tree := datatree.New()
	for i := range 50 {
		create(tree, fmt.Sprintf("/n%d", i))
	}
	write(t, s, tree, true)

	// An unfinished one changes, creates and deletes.
	lost := load(t, s)
	set(lost, "/n0", "lost", 1)
	create(lost, "/lost")
	apply(lost, wire.OpDelete, &wire.DeleteTxn{Path: "/n1"})
	write(t, s, lost, false)

	after := New(clone(t, dir), zap.NewNop())
	defer after.Close()
	same(t, load(t, after), tree)

	// A later one, by a history that went another way, must not bring it back.
	next := load(t, after)
	create(next, "/next")
	write(t, after, next, true)
	same(t, load(t, after), next)
	again := New(clone(t, after.dir), zap.NewNop())
	defer again.Close()
	same(t, load(t, again), next)
}

func TestFreshCheckpointReplacesAll(t *testing.T) {
	s := New(t.TempDir(), zap.NewNop())
	defer s.Close()
	old := datatree.New()
	create(old, "/old")
	write(t, s, old, true)

	tree := datatree.New()
	create(tree, "/new")
	create(tree, "/new/child")
	c, err := s.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	scan := tree.Scan(true)
	for recs := scan.Step(1 << 20); recs != nil; recs = scan.Step(1 << 20) {
		if err := c.Put(recs); err != nil {
			t.Fatal(err)
		}
	}
	scan.Done()
	if err := c.Commit(); err != nil {
		t.Fatal(err)
	}
	same(t, load(t, s), tree)
}

func TestAbortedCheckpointIsUndone(t *testing.T) {
	s := New(t.TempDir(), zap.NewNop())
	defer s.Close()
	tree := datatree.New()
	create(tree, "/a")
	write(t, s, tree, true)
	same(t, load(t, s), tree)

	more := load(t, s)
	create(more, "/b")
	c, err := s.Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	scan := more.Scan(false)
	if err := c.Put(scan.Step(1 << 20)); err != nil {
		t.Fatal(err)
	}
	scan.Cancel()
	if err := c.Abort(); err != nil {
		t.Fatal(err)
	}
	same(t, load(t, s), tree)
}

// A fresh checkpoint that was interrupted leaves the one before, number included.
func TestInterruptedFreshCheckpointIsInvisible(t *testing.T) {
	s := New(t.TempDir(), zap.NewNop())
	defer s.Close()
	old := datatree.New()
	for i := range 50 {
		create(old, fmt.Sprintf("/old%d", i))
	}
	write(t, s, old, true)

	fresh := datatree.New()
	create(fresh, "/new")
	c, err := s.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	scan := fresh.Scan(true)
	for recs := scan.Step(1 << 20); recs != nil; recs = scan.Step(1 << 20) {
		if err := c.Put(recs); err != nil {
			t.Fatal(err)
		}
	}
	scan.Done()
	if err := c.finish(); err != nil {
		t.Fatal(err)
	}
	after := New(clone(t, s.dir), zap.NewNop())
	defer after.Close()
	same(t, load(t, after), old)
}

// A node that changes all the time wears its group, and only that: checkpoints stay
// small, and now and then one writes the group anew.
func TestCheckpointsCostWhatChanges(t *testing.T) {
	s := New(t.TempDir(), zap.NewNop())
	defer s.Close()
	tree := datatree.New()
	const others = 600 // in the group of the node that changes
	for i := range groupSize + others {
		create(tree, fmt.Sprintf("/node-with-a-name-%d", i))
	}
	worn := write(t, s, tree, true) / (groupSize + others) * others
	anew := 0
	for i := range 150 {
		set(tree, "/node-with-a-name-4500", fmt.Sprint(i), int32(i+1))
		switch n := write(t, s, tree, true); {
		case n < 200:
		case n > worn*3/4 && n < worn*5/4:
			anew++
		default:
			t.Fatalf("a checkpoint of one change has %d bytes, its group about %d", n, worn)
		}
		if s.recent > 200 {
			t.Fatalf("one change counts %d bytes", s.recent)
		}
	}
	if most := 150*(blobCost+200)/int(worn) + 1; anew < 2 || anew > most {
		t.Errorf("a group of %d bytes was written anew %d times, want 2 to %d", worn, anew, most)
	}
	same(t, load(t, s), tree)
}
