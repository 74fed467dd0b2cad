package zab

import (
	"errors"
	"testing"

	"github.com/zabra/zabra/wire"
)

func epoch(e wire.Epoch) *wire.Epoch { return &e }

// TestRecover goes through what may be found on a disk; S15 is a crash between the log
// and currentEpoch.
func TestRecover(t *testing.T) {
	z := wire.MakeZxid
	for _, tt := range []struct {
		name string
		disk Disk
		want State
	}{
		{"a new ensemble", Disk{Empty: true, Trusted: true}, State{}},
		{"an empty disk nobody vouches for", Disk{Empty: true}, State{Untrusted: true}},
		{"the usual", Disk{AcceptedEpoch: epoch(4), CurrentEpoch: epoch(3), Last: z(3, 7), Tree: z(3, 5)},
			State{AcceptedEpoch: 4, CurrentEpoch: 3, Last: z(3, 7), Applied: z(3, 5)}},
		{"S15: the log is ahead of currentEpoch", Disk{AcceptedEpoch: epoch(4), CurrentEpoch: epoch(3), Last: z(4, 1), Tree: z(3, 5)},
			State{AcceptedEpoch: 4, CurrentEpoch: 4, Last: z(4, 1), Applied: z(3, 5)}},
		{"no epoch files", Disk{Last: z(3, 7), Tree: z(3, 7)},
			State{AcceptedEpoch: 3, CurrentEpoch: 3, Last: z(3, 7), Applied: z(3, 7)}},
		{"no currentEpoch", Disk{AcceptedEpoch: epoch(5), Last: z(3, 7), Tree: z(3, 7)},
			State{AcceptedEpoch: 5, CurrentEpoch: 3, Last: z(3, 7), Applied: z(3, 7)}},
		{"damage", Disk{AcceptedEpoch: epoch(3), CurrentEpoch: epoch(3), Last: z(3, 7), Tree: z(3, 7), Damaged: true},
			State{AcceptedEpoch: 3, CurrentEpoch: 3, Last: z(3, 7), Applied: z(3, 7), Untrusted: true, ForceSnapshot: true}},
		{"the log is older than the tree", Disk{AcceptedEpoch: epoch(3), CurrentEpoch: epoch(3), Last: z(3, 7), Tree: z(3, 8)},
			State{AcceptedEpoch: 3, CurrentEpoch: 3, Last: z(3, 7), Applied: z(3, 8), Untrusted: true, ForceSnapshot: true}},
		{"the log begins behind the tree", Disk{AcceptedEpoch: epoch(3), CurrentEpoch: epoch(3), Base: z(3, 5), Last: z(3, 7), Tree: z(3, 4)},
			State{AcceptedEpoch: 3, CurrentEpoch: 3, Last: z(3, 7), Applied: z(3, 4), Untrusted: true, ForceSnapshot: true}},
	} {
		got, err := Recover(tt.disk)
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
		if votes := got.Claim() != wire.NoZxid; votes == (tt.want.Untrusted || tt.want.ForceSnapshot) {
			t.Errorf("%s: votes %v", tt.name, votes)
		}
	}
}

func TestRecoverRefuses(t *testing.T) {
	for name, d := range map[string]Disk{
		"acceptedEpoch below currentEpoch": {AcceptedEpoch: epoch(2), CurrentEpoch: epoch(3)},
		"acceptedEpoch below the log":      {AcceptedEpoch: epoch(2), CurrentEpoch: epoch(2), Last: wire.MakeZxid(3, 1)},
		"acceptedEpoch lost":               {CurrentEpoch: epoch(4), Last: wire.MakeZxid(3, 1)},
		"a negative epoch":                 {AcceptedEpoch: epoch(2), CurrentEpoch: epoch(-1)},
	} {
		var bad *DiskError
		if s, err := Recover(d); !errors.As(err, &bad) || err.Error() == "" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}
