package store

import (
	"errors"
	"testing"
	"time"

	"github.com/zabra/zabra/datatree"
	"go.uber.org/zap"
)

// Who reads sets off no compaction, for which there may be no room, though more tables
// wait than usual: the process before was killed before it got round to them.
func TestReadingCompactsNothing(t *testing.T) {
	dir, _, _ := oneTable(t)
	waiting := 2*levelZeroTables - 1
	s := New(dir, zap.NewNop())
	for range waiting {
		if err := s.openToRead(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.complete(s.head), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.openToRead(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := s.db.Levels()[0].NumTables
	if before < waiting {
		t.Fatalf("%d tables wait, want %d", before, waiting)
	}
	time.Sleep(3 * time.Second) // Badger's compactors begin within one
	if after := s.db.Levels()[0].NumTables; after != before {
		t.Errorf("%d of %d tables wait after a while", after, before)
	}
	if tree, err := s.Load(datatree.Options{}); tree == nil || err != nil || s.db != nil {
		t.Errorf("Load: %v, %v; the database is open: %v", tree, err, s.db != nil)
	}
}
