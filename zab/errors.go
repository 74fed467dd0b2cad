package zab

import (
	"errors"
	"fmt"

	"github.com/zabra/zabra/wire"
)

// ErrNotServing is returned by Leader.Propose while the leader is not established,
// or no longer leads.
var ErrNotServing = errors.New("zab: this server does not lead an established ensemble")

// ErrNotFollowing ends the connection of an observer to a server that is no follower,
// or does not serve yet.
var ErrNotFollowing = errors.New("zab: this server does not follow a leader")

// ErrCounterSpent ends a leader that has proposed the last transaction that its
// epoch has room for: the next epoch needs a new election.
var ErrCounterSpent = errors.New("zab: the epoch has no zxids left, a new one is due")

// ErrNoElectors ends a leader that waits for followers when so many of those who
// could have followed are known to be looking for another leader that no quorum can
// come.
var ErrNoElectors = errors.New("zab: those who elected this server look for another leader")

// ErrLostQuorum ends a leader that has not heard from a quorum for syncLimit ticks.
var ErrLostQuorum = errors.New("zab: no quorum of servers is in contact with this leader")

// A ProtocolError is a packet that should not have come. It ends the connection it
// came by and nothing else.
type ProtocolError struct {
	Type   wire.PacketType
	Zxid   wire.Zxid
	Reason string
	Err    error // what lies below, or nil
}

// Error implements error.
func (e *ProtocolError) Error() string {
	s := fmt.Sprintf("zab: %v %v: %s", e.Type, e.Zxid, e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *ProtocolError) Unwrap() error { return e.Err }

// A ResyncError ends a learner whose history cannot be joined to the leader's, or
// whose tree turned out to be wrong. The driver connects again with
// State.ForceSnapshot.
type ResyncError struct {
	Zxid   wire.Zxid
	Reason string
}

// Error implements error.
func (e *ResyncError) Error() string {
	return fmt.Sprintf("zab: at %v: %s; the whole state has to be fetched again", e.Zxid, e.Reason)
}

// An AheadError refuses to lead, or to follow, somebody who has seen a later epoch or
// a longer history. If it lasts, somebody should look: the ensemble may have
// forgotten what this server, or that one, remembers.
type AheadError struct {
	SID    wire.SID // who is ahead
	Reason string
}

// Error implements error.
func (e *AheadError) Error() string { return fmt.Sprintf("zab: server %d %s", e.SID, e.Reason) }

// A TimeoutError ends a leader that waited too long for a quorum, or the connection
// to a peer that was silent for too long.
type TimeoutError struct {
	For   string // what was waited for
	Ticks int    // for how many, in tickTimes
}

// Error implements error.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("zab: waited %d ticks for %s", e.Ticks, e.For)
}

// A SlowError ends the connection to a learner that does not keep up.
type SlowError struct {
	SID    wire.SID
	Reason string
}

// Error implements error.
func (e *SlowError) Error() string {
	return fmt.Sprintf("zab: server %d is too slow: %s", e.SID, e.Reason)
}

// A BusyError ends the connection to an observer that had to wait too long for others
// that are being brought up to date (Throttle).
type BusyError struct{ SID wire.SID }

// Error implements error.
func (e *BusyError) Error() string {
	return fmt.Sprintf("zab: too many others are being brought up to date, and server %d has waited too long", e.SID)
}

// A MovedError ends the connection to an observer that passed on a request of a session
// which speaks through another server by now. The observer cannot be told that the
// request was dropped, so it begins anew.
type MovedError struct {
	SID     wire.SID
	Session wire.SessionID
}

// Error implements error.
func (e *MovedError) Error() string {
	return fmt.Sprintf("zab: server %d passed on a request of session %v, which has moved", e.SID, e.Session)
}

// A ReplacedError ends a connection whose server has made a newer one.
type ReplacedError struct{ SID wire.SID }

// Error implements error.
func (e *ReplacedError) Error() string {
	return fmt.Sprintf("zab: server %d has connected anew", e.SID)
}

// An OrderError refuses a proposal that is not the next one. It is the caller's
// mistake.
type OrderError struct{ Zxid, Want wire.Zxid }

// Error implements error.
func (e *OrderError) Error() string {
	return fmt.Sprintf("zab: proposal %v, want %v", e.Zxid, e.Want)
}

// A RoleChange ends a machine because a reconfiguration gave this server another
// role, or the ensemble another leader. No election is needed: Leader is who is
// designated to lead, and whose vote this server has from now on.
type RoleChange struct {
	Leader wire.SID
	Zxid   wire.Zxid // of the reconfiguration
}

// Error implements error.
func (e *RoleChange) Error() string {
	return fmt.Sprintf("zab: reconfiguration %v: server %d is to lead", e.Zxid, e.Leader)
}
