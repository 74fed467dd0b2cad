package session

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

func TestIDsBeginWithServerAndTime(t *testing.T) {
	for _, c := range []struct {
		server wire.SID
		wall   int64
		want   wire.SessionID
	}{
		{1, 0x123456789a, 0x0112_3456_789a_0000},
		{StandaloneServer, 1, 0x0100_0000_0001_0000},
		{2, 0x1a2_0156_bbbd, 0x02a2_0156_bbbd_0000}, // bits above the 40th are cut off
		{254, 1, -0x1ff_ffff_ffff_0000},             // 0xfe00000000010000
	} {
		g := NewIDs(c.server, c.wall)
		for i := range wire.SessionID(3) {
			if got := g.Next(); got != c.want+i {
				t.Errorf("server %d: id %d is %v, want %v", c.server, i, got, c.want+i)
			}
		}
	}
}

func TestIDsSkipReservedValues(t *testing.T) {
	for _, c := range []struct {
		server wire.SID
		want   wire.SessionID
	}{
		{0, 1},
		{0x80, wire.SessionID(wire.ContainerOwner + 1)},
	} {
		g := NewIDs(c.server, 0)
		if got := g.Next(); got != c.want {
			t.Errorf("first id of server %d is %v, want %v", c.server, got, c.want)
		}
	}
}

func TestIDsNeverLeaveTheirServer(t *testing.T) {
	g := IDs{next: 0x05ff_ffff_ffff_ffff}
	g.Next()
	if got, want := g.Next(), wire.SessionID(0x0500_0000_0000_0000); got != want {
		t.Errorf("after the last id of server 5 comes %v, want %v", got, want)
	}
	g = IDs{next: 0x00ff_ffff_ffff_ffff}
	g.Next()
	if got := g.Next(); got != 1 {
		t.Errorf("after the last id of server 0 comes %v, want 0x1", got)
	}
}

func TestNegotiateTimeout(t *testing.T) {
	for _, c := range []struct{ asked, want int32 }{
		{1, 4000}, {0, 4000}, {-1, 4000}, {4000, 4000}, {10000, 10000}, {40000, 40000}, {100_000_000, 40000},
	} {
		if got := NegotiateTimeout(c.asked, 4000, 40000); got != c.want {
			t.Errorf("NegotiateTimeout(%d) = %d, want %d", c.asked, got, c.want)
		}
	}
}
