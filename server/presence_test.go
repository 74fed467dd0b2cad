package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// The directory of the log is removed under a member, which could go on to write into
// files that nobody will find. It stops, and when it is started again a leader of the
// others fills it.
func TestMemberWhoseDirectoryIsRemovedStops(t *testing.T) {
	for _, who := range []string{"leader", "follower"} {
		t.Run(who, func(t *testing.T) {
			sites := startEnsemble(t, 3)
			leader, _, others := lead(t, sites)
			victim, rest := leader, others
			if who == "follower" {
				victim, rest = others[0], []*site{others[1], leader}
			}
			victim.client().create("/before", "x", wire.ModePersistent)
			victim.wipe() // while it runs
			var err error
			select {
			case err = <-victim.ended:
				victim.ended <- nil // for halt
			case <-time.After(patience):
				t.Fatal("it goes on")
			}
			if err == nil || !strings.Contains(err.Error(), filepath.Join(victim.dir, "zabra-log", "log.lock")+" is gone") {
				t.Fatalf("it ends with %v", err)
			}
			victim.halt()
			victim.eventually("the others to serve", func() bool { return rest[0].serves() && rest[1].serves() })
			rest[0].client().create("/meanwhile", "y", wire.ModePersistent)
			victim.launch()
			allServe(sites)
			agree(t, sites, "/before", "x")
			agree(t, sites, "/meanwhile", "y")
		})
	}
}

// A server that stands alone has the only copy then, in memory. It acknowledges nothing
// more, and can be read, and backed up.
func TestServerWhoseDirectoryIsRemovedCanBeBackedUp(t *testing.T) {
	s := startSite(t, superLine)
	s.client().create("/before", "x", wire.ModePersistent)
	reader, writer := s.client(), s.client()
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	s.eventually("the server to notice", func() bool { return strings.Contains(s.log.String(), "writes wait, everything else is served") })
	err := writer.Do(wire.OpCreate, &wire.CreateRequest{Path: "/lost", ACL: anyone}, &wire.PathResponse{})
	if err == nil {
		t.Error("a write is acknowledged that cannot be found again")
	}
	if got, _, ok := reader.get("/before"); !ok || got != "x" {
		t.Errorf("a read gets %q, %v", got, ok)
	}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if r := s.ask(t, http.MethodGet, "/commands/snapshot", asSuper, nil); r.status != http.StatusOK || !strings.Contains(string(r.body), "/before") {
		t.Errorf("the snapshot has status %d and %d bytes", r.status, len(r.body))
	}
	if _, err := s.open(rawclient.Options{}); err == nil {
		t.Error("a session is made that would be lost")
	}
}
