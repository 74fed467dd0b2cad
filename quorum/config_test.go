package quorum

import (
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

func TestMembers(t *testing.T) {
	c := mustParse(t, lines(2, 1)+"group.1=1:2\nweight.2=7")
	if v := c.Voters(); !slices.Equal(v, []wire.SID{1, 2}) {
		t.Errorf("voters %v", v)
	}
	for id, want := range map[wire.SID]struct {
		member, voter bool
		weight        int64
	}{0: {false, false, 1}, 1: {true, true, 1}, 2: {true, true, 7}, 3: {true, false, 1}, 4: {false, false, 1}} {
		if c.IsMember(id) != want.member || c.IsVoter(id) != want.voter || c.Weight(id) != want.weight {
			t.Errorf("%d: %v %v %d", id, c.IsMember(id), c.IsVoter(id), c.Weight(id))
		}
	}
	s, ok := c.Server(2)
	if !ok || s.Client.String() != "0.0.0.0:2181" || s.Addrs[0].Quorum().String() != "h2:2888" || s.Addrs[0].Election().String() != "h2:3888" {
		t.Errorf("got %+v", s)
	}
}

func TestEqual(t *testing.T) {
	const base = "server.1=a:1:2;5\nserver.2=[fe80::1]:1:2|b:3:4\n"
	const groups = "group.1=1\ngroup.2=2\n"
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{base, base, true},
		{base + "version=1", base + "version=2", true},
		{base + "version=1", "server.1=z:1:2\nversion=1", true}, // one version is one configuration
		{base, "server.2=B:3:4|[FE80::1]:1:2:participant\nserver.1=A:1:2;0.0.0.0:5\nversion=1", true},
		{base, "server.1=a:1:2;5\nversion=1", false},
		{base, "server.1=a:1:2;5\nserver.2=b:3:4\nversion=1", false},
		{base, "server.1=a:1:2\nserver.2=[fe80::1]:1:2|b:3:4\nversion=1", false},
		{base, "server.1=a:1:2;6\nserver.2=[fe80::1]:1:2|b:3:4\nversion=1", false},
		{base, "server.1=a:1:3;5\nserver.2=[fe80::1]:1:2|b:3:4\nversion=1", false},
		{base, "server.1=a:1:2;5\nserver.2=[fe80::1]:1:2|b:3:4:observer\nversion=1", false},
		{base, "server.1=a:1:2;5\nserver.3=[fe80::1]:1:2|b:3:4\nversion=1", false},
		{base, base + "group.1=1:2\nversion=1", false},
		{base + groups, base + groups + "weight.1=1\nversion=1", true},
		{base + groups, base + groups + "weight.1=2\nversion=1", false},
		{base + groups, base + "group.1=1:2\nversion=1", false},
		{base + groups, base + "group.1=2\ngroup.2=1\nversion=1", false},
	} {
		a, b := mustParse(t, tt.a), mustParse(t, tt.b)
		if a.Equal(b) != tt.want || b.Equal(a) != tt.want {
			t.Errorf("%q and %q: %v", tt.a, tt.b, a.Equal(b))
		}
	}
}

// Methods do not panic on configurations that nobody checked.
func TestUncheckedConfigs(t *testing.T) {
	c := Config{
		Servers: []Server{{ID: 5}, {ID: 1, Role: Participant}, {ID: 5}},
		Groups:  []Group{{ID: 1, Members: []wire.SID{9, 1}}, {}},
		Weights: []Weight{{ID: 3, Weight: -1}, {ID: 3, Weight: 1 << 62}},
	}
	c.HasQuorum(func(wire.SID) bool { return true })
	if c.Check() == nil || c.String() == "" || !c.Equal(c) || c.IsVoter(9) {
		t.Error("what is this?")
	}
}
