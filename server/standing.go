package server

import (
	"time"

	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A standing is what others may know of a member at one moment. Nobody changes one:
// the member's goroutine puts another in its place.
type standing struct {
	state   wire.ServerState
	phase   string // of ZAB, as ZooKeeper calls it
	epoch   wire.Epoch
	leader  wire.SID   // -1 without one
	master  wire.SID   // whom this server learns from: the leader, or a follower of it
	since   time.Time  // when the state began
	lost    time.Time  // when there was nobody to serve clients; zero while served
	serving time.Time  // when that began, zero before
	role    memberRole // nil while looking
	synced  fed        // how this learner was brought up to date

	readOnly bool // clients that are content with reads are served while a leader is looked for
}

// The phases of ZAB under ZooKeeper's names.
const (
	phaseElection    = "election"
	phaseDiscovery   = "discovery"
	phaseSynchronize = "synchronization"
	phaseBroadcast   = "broadcast"
)

// stand is the present standing.
func (m *member) stand() standing {
	if s := m.standing.Load(); s != nil {
		return *s
	}
	return standing{state: wire.Looking, phase: phaseElection, leader: -1, master: -1, since: m.began, lost: m.began}
}

// looks notes that a leader is looked for.
func (m *member) looks() {
	s := m.stand()
	next := standing{state: wire.Looking, phase: phaseElection, leader: -1, master: -1, since: time.Now(), lost: s.lost}
	if next.lost.IsZero() {
		next.lost = next.since
	}
	m.standing.Store(&next)
	m.server.metrics.LookingCount.Inc(0)
	m.server.leaderGauges(nil)
}

// elected notes what an election gave.
func (m *member) elected(state wire.ServerState, leader wire.SID) {
	s := m.stand()
	if state != wire.Observing {
		m.server.metrics.ElectionTime.Observe(0, time.Since(s.since))
	}
	s.state, s.phase, s.leader, s.master, s.since, s.readOnly = state, phaseDiscovery, leader, leader, time.Now(), false
	m.standing.Store(&s)
}

// shows notes that read-only clients are served.
func (m *member) shows() {
	s := m.stand()
	s.readOnly = true
	m.standing.Store(&s)
	m.server.metrics.QuorumSize.Set(nil)
}

// plays notes the role that follows from the election.
func (m *member) plays(r memberRole) {
	s := m.stand()
	s.role = r
	m.standing.Store(&s)
}

// learnsFrom notes whom this server has connected to.
func (m *member) learnsFrom(master wire.SID) {
	s := m.stand()
	s.master = master
	m.standing.Store(&s)
}

// synchronizes notes that the epoch is chosen, and history goes over.
func (m *member) synchronizes() {
	if s := m.stand(); s.phase == phaseDiscovery {
		s.phase = phaseSynchronize
		m.standing.Store(&s)
	}
}

// learned notes how this learner was brought up to date.
func (m *member) learned(how fed) {
	s := m.stand()
	s.synced = how
	m.standing.Store(&s)
}

// serves notes that clients are served, and tells for how long they were not.
func (m *member) serves(e wire.Epoch) {
	s := m.stand()
	s.phase, s.epoch, s.serving = phaseBroadcast, e, time.Now()
	away, took := s.serving.Sub(s.lost), s.serving.Sub(s.since)
	s.lost = time.Time{}
	m.standing.Store(&s)
	mt := m.server.metrics
	mt.UnavailableTime.Observe(0, away)
	switch s.state {
	case wire.Leading:
		mt.LeaderUnavailableTime.Observe(0, away)
		m.server.leaderGauges(s.role.(*learners))
	case wire.Observing:
		mt.ObserverSyncTime.Observe(0, took)
	default:
		mt.FollowerSyncTime.Observe(0, took)
		if u, ok := s.role.(*upstream); ok {
			u.host()
		}
		if l := s.learners(); l != nil {
			mt.SyncedObservers.Set(l.count(servedObserver))
		}
	}
	fields := append([]zap.Field{zap.String("as", s.mode()), zap.Int64("leader", int64(s.leader)), zap.Int32("epoch", int32(e)),
		zap.Duration("after the election", took), zap.Duration("not served for", away)}, s.synced.fields()...)
	m.log.Info("serving", fields...)
}
