package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A majority is left, and one of it has lost its disk. Nobody is elected, until an
// operator says that what the other one holds shall count: the empty server, which waits,
// votes for it.
func TestAnEmptyServerVotesOnAnOperatorsWord(t *testing.T) {
	sites := startEnsemble(t, 3)
	sites[0].client().create("/kept", "x", wire.ModePersistent)
	agree(t, sites, "/kept", "x")
	for _, s := range sites {
		s.halt()
	}
	whole, empty := sites[0], sites[1]
	empty.wipe()
	empty.log = new(lines)
	whole.launch()
	empty.launch()
	empty.eventually("an election", func() bool { return strings.Contains(empty.log.String(), "looking for a leader") })
	if err := os.WriteFile(filepath.Join(empty.dir, "initialize"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	empty.eventually("clients to be served", empty.serves)
	agree(t, []*site{whole, empty}, "/kept", "x")
	if !strings.Contains(empty.log.String(), "a file said that this server is rightly empty") {
		t.Error("the log says nothing of the file")
	}
}
