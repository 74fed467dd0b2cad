package zab

import (
	"fmt"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// A State is what a server has on disk, and in its tree, before it leads or follows
// anybody.
type State struct {
	AcceptedEpoch wire.Epoch // the largest epoch that was promised
	CurrentEpoch  wire.Epoch // the last one whose initial history is in the log
	Last          wire.Zxid  // end of the durable log, committed or not
	Applied       wire.Zxid  // what the tree holds; never above Last
	// Untrusted says that the disk may have forgotten what this server once
	// promised or acknowledged: it was empty, or damaged. Such a server does
	// not vote and does not count until it has been synchronised.
	Untrusted bool
	// ForceSnapshot says that log and tree are not to be built on; see
	// ResyncError.
	ForceSnapshot bool
}

// Claim is the zxid that the server may put into its votes: NoZxid says that it has
// no vote to give.
func (s State) Claim() wire.Zxid {
	if s.Untrusted || s.ForceSnapshot {
		return wire.NoZxid
	}
	return s.Last
}

// A Disk is what a server found when it started.
type Disk struct {
	AcceptedEpoch *wire.Epoch // nil if the file is not there
	CurrentEpoch  *wire.Epoch // nil if the file is not there
	Base          wire.Zxid   // where the log begins
	Last          wire.Zxid   // where it ends; Base if it holds nothing
	Tree          wire.Zxid   // of the checkpoint that was loaded
	Empty         bool        // there was neither a checkpoint nor a log
	Damaged       bool        // something that had been durable is gone or unreadable
	Trusted       bool        // an operator vouches for an empty disk: the ensemble is new
}

// A DiskError is a disk from which a server must not start: somebody has to look.
type DiskError struct{ Reason string }

// Error implements error.
func (e *DiskError) Error() string { return "zab: " + e.Reason }

// Recover judges a disk. If an epoch in the State is not the one on disk, or
// missing there, it has to be made durable, the accepted one first, before the
// State is used. The error is a *DiskError.
func Recover(d Disk) (State, error) {
	s := State{Last: d.Last, Applied: d.Tree}
	if err := s.setEpochs(d); err != nil {
		return State{}, err
	}
	switch {
	case d.Damaged && plant.In(plant.DamagedVotes):
		s.Applied = min(s.Applied, s.Last)
	case d.Damaged, d.Tree > d.Last, d.Tree < d.Base:
		s.Untrusted, s.ForceSnapshot = true, true
	case d.Empty:
		s.Untrusted = !d.Trusted
	}
	return s, nil
}

// setEpochs applies the rules for epoch files that are missing or behind the log.
func (s *State) setEpochs(d Disk) error {
	logged := d.Last.Epoch()
	s.AcceptedEpoch, s.CurrentEpoch = logged, logged
	if d.CurrentEpoch != nil {
		s.CurrentEpoch = *d.CurrentEpoch
	}
	if d.AcceptedEpoch != nil {
		s.AcceptedEpoch = *d.AcceptedEpoch
	}
	if d.Damaged {
		// One of the files may be lost, too. The larger one is a promise.
		s.AcceptedEpoch = max(s.AcceptedEpoch, s.CurrentEpoch, logged)
	}
	if s.CurrentEpoch >= 0 && s.CurrentEpoch < logged && s.AcceptedEpoch >= logged {
		// A log that reaches into an epoch holds all of its initial history.
		s.CurrentEpoch = logged
	}
	switch {
	case s.AcceptedEpoch < 0 || s.CurrentEpoch < 0:
		return &DiskError{fmt.Sprintf("acceptedEpoch %d or currentEpoch %d is negative", s.AcceptedEpoch, s.CurrentEpoch)}
	case s.AcceptedEpoch < logged:
		return &DiskError{fmt.Sprintf("acceptedEpoch is %d, but the log holds epoch %d: the file is of another server, or older than the log", s.AcceptedEpoch, logged)}
	case s.AcceptedEpoch < s.CurrentEpoch:
		return &DiskError{fmt.Sprintf("acceptedEpoch %d is smaller than currentEpoch %d: one of the files is missing or of another server", s.AcceptedEpoch, s.CurrentEpoch)}
	}
	return nil
}
