package quorum

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
	"pgregory.net/rapid"
)

// lines makes a configuration of servers h1, h2 ... of which the first are
// participants and the others observers.
func lines(participants, observers int) string {
	var b strings.Builder
	for id := 1; id <= participants+observers; id++ {
		role := Participant
		if id > participants {
			role = Observer
		}
		fmt.Fprintf(&b, "server.%d=h%d:2888:3888:%s;2181\n", id, id, role)
	}
	return b.String()
}

func anyOf(ids ...wire.SID) func(wire.SID) bool {
	return func(id wire.SID) bool { return slices.Contains(ids, id) }
}

func TestMajorities(t *testing.T) {
	for _, tt := range []struct {
		participants, observers int
		acks                    []wire.SID
		want                    bool
	}{
		{1, 0, nil, false},
		{1, 0, []wire.SID{1}, true},
		{2, 0, []wire.SID{1}, false},
		{2, 0, []wire.SID{1, 2}, true},
		{3, 0, []wire.SID{3}, false},
		{3, 0, []wire.SID{3, 1}, true},
		{4, 0, []wire.SID{1, 2}, false},
		{4, 0, []wire.SID{1, 2, 4}, true},
		{5, 0, []wire.SID{1, 2}, false},
		{5, 0, []wire.SID{1, 2, 3}, true},
		{3, 2, []wire.SID{1, 4, 5}, false},
		{3, 2, []wire.SID{1, 9, 7}, false},
		{3, 2, []wire.SID{1, 2, 4}, true},
	} {
		c := mustParse(t, lines(tt.participants, tt.observers))
		if got := c.HasQuorum(anyOf(tt.acks...)); got != tt.want {
			t.Errorf("%d voters, %d observers, %v: %v", tt.participants, tt.observers, tt.acks, got)
		}
	}
	if (Config{}).HasQuorum(func(wire.SID) bool { return true }) {
		t.Error("nobody is a quorum")
	}
}

func TestGroups(t *testing.T) {
	nine := lines(9, 0) + "group.1=1:2:3\ngroup.2=4:5:6\ngroup.3=7:8:9\n"
	for _, tt := range []struct {
		text string
		acks []wire.SID
		want bool
	}{
		{nine, []wire.SID{1, 2, 4, 5}, true},
		{nine, []wire.SID{1, 2, 4, 7}, false},
		{nine, []wire.SID{1, 2, 3, 4, 7}, false},
		{nine, []wire.SID{1, 4, 7}, false},
		// Weight 0 counts nothing, and a group without weight is no group.
		{nine + "weight.7=0\nweight.8=0\nweight.9=0", []wire.SID{1, 2, 4, 5}, true},
		{nine + "weight.7=0\nweight.8=0\nweight.9=0", []wire.SID{1, 2, 7, 8, 9}, false},
		// One server may carry its group, and half of a group is not enough.
		{nine + "weight.1=5\nweight.4=5", []wire.SID{1, 4}, true},
		{nine + "weight.1=2\nweight.4=5", []wire.SID{1, 4}, false},
		{nine + "weight.1=2\nweight.4=5", []wire.SID{1, 3, 4}, true},
		// Two groups: both are needed.
		{lines(4, 0) + "group.1=1:2\ngroup.2=3:4", []wire.SID{1, 2, 3}, false},
		{lines(4, 0) + "group.1=1:2\ngroup.2=3:4", []wire.SID{1, 2, 3, 4}, true},
		// No weight at all: no quorum at all.
		{lines(1, 0) + "group.1=1\nweight.1=0", []wire.SID{1}, false},
		// An observer in a group is not asked, whatever its weight.
		{lines(2, 1) + "group.1=1:2:3\nweight.3=9", []wire.SID{1, 3}, false},
		{lines(2, 1) + "group.1=1:2:3\nweight.3=9", []wire.SID{1, 2}, true},
		// Weights as large as they may be.
		{lines(2, 0) + "group.1=1:2\nweight.1=4611686018427387903\nweight.2=4611686018427387904", []wire.SID{2}, true},
		{lines(2, 0) + "group.1=1:2\nweight.1=4611686018427387903\nweight.2=4611686018427387904", []wire.SID{1}, false},
	} {
		if got := mustParse(t, tt.text).HasQuorum(anyOf(tt.acks...)); got != tt.want {
			t.Errorf("%s\n%v: %v", tt.text, tt.acks, got)
		}
	}
}

// drawConfig draws a configuration, with groups or without.
func drawConfig(t *rapid.T, name string) Config {
	n := rapid.IntRange(1, 9).Draw(t, name+" servers")
	var servers []Server
	for id := 1; id <= n; id++ {
		role := rapid.SampledFrom([]Role{Participant, Participant, Observer}).Draw(t, "role")
		if id == 1 {
			role = Participant
		}
		servers = append(servers, Server{ID: wire.SID(id), Role: role, Addrs: []PeerAddr{{Host: "h", QuorumPort: 1, ElectionPort: 2}}})
	}
	var groups []Group
	var weights []Weight
	if rapid.Bool().Draw(t, "grouped") {
		groups = make([]Group, rapid.IntRange(1, 4).Draw(t, "groups"))
		for i := range groups {
			groups[i].ID = int64(i)
		}
		for _, s := range servers {
			g := &groups[rapid.IntRange(0, len(groups)-1).Draw(t, "group")]
			g.Members = append(g.Members, s.ID)
			if rapid.Bool().Draw(t, "weighed") {
				weights = append(weights, Weight{ID: s.ID, Weight: rapid.Int64Range(0, 5).Draw(t, "weight")})
			}
		}
		groups = slices.DeleteFunc(groups, func(g Group) bool { return len(g.Members) == 0 })
	}
	c, err := New(rapid.Int64Range(0, 9).Draw(t, "version"), servers, groups, weights)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// twinQuorum is HasQuorum written another way: from the text, in fractions.
func twinQuorum(c Config, acked func(wire.SID) bool) bool {
	groupOf := map[wire.SID]int64{}
	for _, g := range c.Groups {
		for _, id := range g.Members {
			groupOf[id] = g.ID
		}
	}
	all, yes := map[int64]float64{}, map[int64]float64{}
	for _, s := range c.Servers {
		if s.Role != Participant {
			continue
		}
		all[groupOf[s.ID]] += float64(c.Weight(s.ID))
		if acked(s.ID) {
			yes[groupOf[s.ID]] += float64(c.Weight(s.ID))
		}
	}
	groups, won := 0.0, 0.0
	for g, w := range all {
		if w > 0 {
			groups++
			if yes[g]/w > 0.5 {
				won++
			}
		}
	}
	return groups > 0 && won/groups > 0.5
}

func drawSet(t *rapid.T, name string) func(wire.SID) bool {
	mask := rapid.Uint16().Draw(t, name)
	return func(id wire.SID) bool { return mask>>uint(id)&1 == 1 }
}

func TestQuorumProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t, "c")
		a, b := drawSet(t, "a"), drawSet(t, "b")
		if c.HasQuorum(a) != twinQuorum(c, a) {
			t.Fatalf("%s: %v, its twin says otherwise", c, c.HasQuorum(a))
		}
		both := func(id wire.SID) bool { return a(id) && b(id) }
		either := func(id wire.SID) bool { return a(id) || b(id) }
		shared := slices.ContainsFunc(c.Voters(), both)
		if c.HasQuorum(a) && c.HasQuorum(b) && !shared {
			t.Fatalf("%s: two quorums without a common server", c)
		}
		if c.HasQuorum(a) && !c.HasQuorum(either) {
			t.Fatalf("%s: more servers are no quorum", c)
		}
		if not := func(id wire.SID) bool { return !a(id) }; c.HasQuorum(a) && c.HasQuorum(not) {
			t.Fatalf("%s: a set and its complement are quorums", c)
		}

		// Two configurations in force.
		active := Active{Committed: c, Proposed: drawConfig(t, "proposed")}
		pending := active.Proposed.Version > c.Version
		if want := c.HasQuorum(a) && (!pending || active.Proposed.HasQuorum(a)); active.HasQuorum(a) != want || active.Pending() != pending {
			t.Fatalf("%s\nand %s: %v", c, active.Proposed, active.HasQuorum(a))
		}
		for id := wire.SID(0); id < 12; id++ {
			want := c.IsVoter(id) || pending && active.Proposed.IsVoter(id)
			if active.IsVoter(id) != want || slices.Contains(active.Voters(), id) != want {
				t.Fatalf("%s\nand %s: is %d a voter?", c, active.Proposed, id)
			}
		}
		if !slices.IsSorted(active.Voters()) {
			t.Fatalf("%s: %v", c, active.Voters())
		}

		// The text says it all.
		again := mustParse(t, c.String())
		if !again.SameMembers(c) || again.Version != c.Version || again.String() != c.String() || again.HasQuorum(a) != c.HasQuorum(a) {
			t.Fatalf("%s\nbecame %s", c, again)
		}
	})
}

func TestActive(t *testing.T) {
	old, next := mustParse(t, lines(3, 0)+"version=1"), mustParse(t, lines(5, 0)+"version=2")
	for _, tt := range []struct {
		active Active
		acks   []wire.SID
		want   bool
		newest Config
	}{
		{Active{Committed: old}, []wire.SID{1, 2}, true, old},
		{Active{Committed: old, Proposed: next}, []wire.SID{1, 2}, false, next},
		{Active{Committed: old, Proposed: next}, []wire.SID{1, 4, 5}, false, next},
		{Active{Committed: old, Proposed: next}, []wire.SID{1, 2, 5}, true, next},
		{Active{Committed: next, Proposed: old}, []wire.SID{1, 2}, false, next},
		{Active{Committed: next, Proposed: old}, []wire.SID{3, 4, 5}, true, next},
		{Active{Committed: old, Proposed: old}, []wire.SID{1, 2}, true, old},
	} {
		if got := tt.active.HasQuorum(anyOf(tt.acks...)); got != tt.want || !tt.active.Newest().SameMembers(tt.newest) {
			t.Errorf("%v: %v", tt.acks, got)
		}
	}
}

// What a log holds behind what is committed: the last proposal is under way, and says
// that those before it are not any more.
func TestBehind(t *testing.T) {
	config := func(version int64) Config { return Config{Version: version} }
	a := Active{Committed: config(3)}
	for _, v := range []int64{2, 3, 5, 4, 9} {
		a = a.Behind(config(v))
	}
	if a.Committed.Version != 5 || a.Proposed.Version != 9 {
		t.Errorf("%d is committed, and %d under way", a.Committed.Version, a.Proposed.Version)
	}
}
