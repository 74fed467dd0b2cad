package wire

import (
	"math"
	"testing"
)

func TestZxidParts(t *testing.T) {
	for _, tt := range []struct {
		z       Zxid
		epoch   Epoch
		counter uint32
		text    string
	}{
		{0, 0, 0, "0x0"},
		{MakeZxid(5, 3), 5, 3, "0x500000003"},
		{MakeZxid(1, math.MaxUint32), 1, math.MaxUint32, "0x1ffffffff"},
		{MakeZxid(math.MaxInt32, 1), math.MaxInt32, 1, "0x7fffffff00000001"},
		{NoZxid, -1, math.MaxUint32, "0xffffffffffffffff"},
	} {
		if tt.z.Epoch() != tt.epoch || tt.z.Counter() != tt.counter || tt.z.String() != tt.text {
			t.Errorf("%x: epoch %d, counter %d, %s", int64(tt.z), tt.z.Epoch(), tt.z.Counter(), tt.z)
		}
	}
}

func TestZxidNext(t *testing.T) {
	for _, tt := range []struct {
		z, want Zxid
		ok      bool
	}{
		{0, 1, true},
		{MakeZxid(2, 0), MakeZxid(2, 1), true},
		{MakeZxid(2, 0x7fffffff), MakeZxid(2, 0x80000000), true},
		{MakeZxid(2, MaxCounter-2), MakeZxid(2, MaxCounter-1), true},
		{MakeZxid(2, MaxCounter-1), MakeZxid(2, MaxCounter-1), false},
		{MakeZxid(2, MaxCounter), MakeZxid(2, MaxCounter), false},
	} {
		if got, ok := tt.z.Next(); got != tt.want || ok != tt.ok {
			t.Errorf("%v.Next() = %v, %v, want %v, %v", tt.z, got, ok, tt.want, tt.ok)
		}
	}
}

func TestZxidFollows(t *testing.T) {
	for _, tt := range []struct {
		prev, z Zxid
		want    bool
	}{
		{0, 1, true},
		{MakeZxid(1, 4), MakeZxid(1, 5), true},
		{MakeZxid(1, 4), MakeZxid(1, 4), false},
		{MakeZxid(1, 4), MakeZxid(1, 6), false},
		{MakeZxid(1, 4), MakeZxid(2, 1), true},
		{MakeZxid(1, 4), MakeZxid(9, 1), true},
		{MakeZxid(1, 4), MakeZxid(2, 0), false},
		{MakeZxid(1, 4), MakeZxid(2, 2), false},
		{MakeZxid(2, 1), MakeZxid(1, 1), false},
		{MakeZxid(1, math.MaxUint32), MakeZxid(2, 0), false},
	} {
		if got := tt.z.Follows(tt.prev); got != tt.want {
			t.Errorf("%v after %v: %v", tt.z, tt.prev, got)
		}
	}
}

func TestSessionIDPrintsAsZooKeeperDoes(t *testing.T) {
	for s, want := range map[SessionID]string{0x100001289bc0000: "0x100001289bc0000", -1: "0xffffffffffffffff"} {
		if got := s.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
