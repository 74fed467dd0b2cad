package quorum

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// overheard is what a server counts by that has a configuration of servers 1 to 3 in its
// log, and hears that the one of five that it began with has got a version.
func overheard(t *testing.T) Active {
	t.Helper()
	parse := func(participants int, version int64) Config {
		c, err := Parse([]byte(lines(participants, 0)))
		if err != nil {
			t.Fatal(err)
		}
		c.Version = version
		return c
	}
	began := Active{Committed: parse(5, 0)}
	return began.Behind(parse(3, 7)).Told(parse(5, 1))
}

// Servers 1 and 2 may know that the configuration of three is committed, and lead by it:
// no quorum may do without both.
func TestToldLeavesWhatIsUnderWay(t *testing.T) {
	a := overheard(t)
	if a.Committed.Version != 1 || !a.Pending() || a.Proposed.Version != 7 {
		t.Errorf("%d is committed, and %d under way", a.Committed.Version, a.Proposed.Version)
	}
	for _, tt := range []struct {
		acks []wire.SID
		want bool
	}{
		{[]wire.SID{3, 4, 5}, false},
		{[]wire.SID{1, 2}, false},
		{[]wire.SID{1, 3, 5}, true},
	} {
		if got := a.HasQuorum(anyOf(tt.acks...)); got != tt.want {
			t.Errorf("%v: %v", tt.acks, got)
		}
	}
}

// A configuration that is told and as new as what the log proposes is that one.
func TestToldOfWhatIsUnderWay(t *testing.T) {
	a := overheard(t)
	if a = a.Told(a.Proposed); a.Pending() || a.Committed.Version != 7 || a.HasQuorum(anyOf(3, 4, 5)) {
		t.Errorf("%d is committed, and %d under way", a.Committed.Version, a.Proposed.Version)
	}
}
