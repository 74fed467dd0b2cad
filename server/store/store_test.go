package store

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/zabra/zabra/datatree"
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
func write(t *testing.T, s *Store, tree *datatree.Tree, commit bool) {
	t.Helper()
	c, err := s.Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	scan := tree.Scan(false)
	for recs := scan.Step(1 << 10); recs != nil; recs = scan.Step(1 << 10) {
		if err := c.Put(recs); err != nil {
			t.Fatal(err)
		}
	}
	if !commit {
		if err := c.batch.Flush(); err != nil { // the worst: all of it is there
			t.Fatal(err)
		}
		scan.Cancel()
		return
	}
	if err := c.Commit(); err != nil {
		t.Fatal(err)
	}
	scan.Done()
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

// clone copies a directory as a process that is killed leaves it.
func clone(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, d.Name()), b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
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
	if err := c.batch.Flush(); err != nil {
		t.Fatal(err)
	}
	after := New(clone(t, s.dir), zap.NewNop())
	defer after.Close()
	same(t, load(t, after), old)
}
