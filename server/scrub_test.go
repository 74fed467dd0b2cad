package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// segmentsOf lists the segments of a site's log, oldest first.
func segmentsOf(t *testing.T, s *site) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(s.dir, "zabra-log", "log.*[0-9a-f]"))
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(list, func(f string) bool { return strings.HasSuffix(f, "prealloc") })
	slices.SortFunc(list, func(a, b string) int {
		if d := len(a) - len(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return list
}

// spoil changes a byte in the middle of the records of a file.
func spoil(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, 10_000); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{b[0] ^ 0x10}, 10_000); err != nil {
		t.Fatal(err)
	}
}

// A part of the leader's log goes bad while it leads. A follower that was away and needs
// it gets a snapshot, also at its second visit, and the leader goes on.
func TestLeaderWithADamagedSegmentSendsASnapshot(t *testing.T) {
	sites := startEnsemble(t, 3, "preAllocSize=16", "snapCount=1000000")
	leader, _, others := lead(t, sites)
	away, stays := others[0], others[1]
	for round, want := range []int64{1, 1} {
		away.halt()
		leader.eventually("a client to be served", leader.serves)
		c := leader.client()
		for i := range 200 {
			c.create(fmt.Sprintf("/n%d-%d", round, i), strings.Repeat("x", 300), wire.ModePersistent)
		}
		if round == 0 {
			list := segmentsOf(t, leader)
			if len(list) < 4 {
				t.Fatalf("only %v", list)
			}
			for _, name := range list[1:3] {
				spoil(t, name)
			}
		}
		away.launch()
		away.eventually("the follower to serve again", away.serves)
		agree(t, []*site{leader, away, stays}, fmt.Sprintf("/n%d-199", round), strings.Repeat("x", 300))
		if got := leader.mntr(t)["zk_damage_found_count"]; got != fmt.Sprint(want) && got != "2" {
			t.Errorf("damage was found %s times", got)
		}
	}
	if got := leaderOf(t, sites); got != leader {
		t.Error("another server leads")
	}
	if n := strings.Count(leader.log.String(), "a part of the log"); n < 1 || n > 2 {
		t.Errorf("the log tells %d times of damage", n)
	}
}
