package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/election"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/peer"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
)

// A member is this server's part in its ensemble: it looks for a leader, leads, or
// learns, and looks again when that is over. One goroutine, run, owns it; what
// happens elsewhere comes by the mailbox.
type member struct {
	server   *Server
	id       wire.SID
	log      *zap.Logger
	mail     *mailbox
	began    time.Time
	active   quorum.Active
	machine  *election.Machine
	carrier  peer.Transport // how servers reach each other
	votes    *peer.Election
	bound    []string      // where votes listens
	unread   chan struct{} // a token for each vote that waits to be looked at
	closed   chan struct{}
	closing  sync.Once
	fatal    func(error)
	stopping <-chan struct{} // closed when run is to end
	standing atomic.Pointer[standing]
	config   atomic.Pointer[quorum.Config] // in force, for others
	led      map[wire.SID]wire.SID         // leaders of those who said last that they have one

	role   memberRole // nil while looking
	since  time.Time  // when the election, or the role, began
	epoch  wire.Epoch
	leader wire.SID

	unfit    error // why the quorum port could not be bound the last time, nil if it could
	detours  int   // how often an observer went to the leader for want of a follower
	differed bool  // the leader's tree was fetched because ours differed
}

// A memberRole is a leader's or a learner's side of the connections.
type memberRole interface {
	// close ends the connections; nothing is called any more that matters.
	close()
}

// maxUnread is how many votes may wait. Whoever sends more than can be looked at waits
// on its own connection.
const maxUnread = 128

func newMember(s *Server) (*member, error) {
	e := &s.cfg.Ensemble
	config, err := e.Membership()
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	carrier, notes, err := peer.FromConfig(s.cfg, s.tlsReloaded)
	if err != nil {
		return nil, err
	}
	for _, note := range notes {
		s.log.Warn("TLS between servers", zap.String("note", note))
	}
	m := &member{
		unread: make(chan struct{}, maxUnread), closed: make(chan struct{}),
		server: s, id: e.MyID, log: s.log.Named("ensemble"), carrier: carrier, mail: newMailbox(), began: time.Now(),
		active: quorum.Active{Committed: config},
		machine: election.New(election.Options{
			ID: e.MyID, Reconfig: e.ReconfigEnabled, Number: rand.Int64(), Connections: true,
			MinInterval: e.MinNotification.Milliseconds(), MaxInterval: e.MaxNotification.Milliseconds(),
		}),
	}
	m.config.Store(&config)
	return m, nil
}

// close closes the election port.
func (m *member) close() {
	m.closing.Do(func() { close(m.closed) })
	if m.votes != nil {
		m.votes.Close()
	}
}

// now is the election's clock, in milliseconds.
func (m *member) now() int64 { return time.Since(m.began).Milliseconds() }

// run takes part in the ensemble until ctx is done.
func (m *member) run(ctx context.Context) {
	m.stopping = ctx.Done()
	if m.server.cfg.ReadOnlyMode {
		var noting sync.WaitGroup
		defer noting.Wait()
		noting.Go(func() { m.keepDecided(ctx) })
	}
	m.look(nil)
	m.elect()
	timer := time.NewTimer(0)
	defer timer.Stop()
	waiting := time.NewTicker(complainEvery)
	defer waiting.Stop()
	for {
		m.obey()
		timer.Reset(m.pause())
		select {
		case <-m.mail.wake:
			m.mail.run()
		case <-timer.C:
			m.machine.Tick(m.now())
		case <-waiting.C:
			m.complain()
		case <-ctx.Done():
			if m.role != nil {
				m.role.close()
			}
			return
		}
	}
}

// pause is how long the election machine can be left alone.
func (m *member) pause() time.Duration {
	at, ok := m.machine.Deadline()
	if !ok {
		return time.Hour
	}
	return max(time.Duration(at-m.now())*time.Millisecond, 0)
}

// look notes that this server has no leader; elect follows. The log has done what it
// was told.
func (m *member) look(cause error) {
	m.role, m.since, m.epoch, m.leader = nil, time.Now(), 0, -1
	m.looks()
	m.recall()
	state := m.state()
	fields := []zap.Field{zap.Stringer("zxid", state.Last), zap.Int32("epoch", int32(state.CurrentEpoch))}
	if cause != nil {
		m.log.Warn("looking for a leader", append(fields, why(cause)...)...)
	} else {
		m.log.Info("looking for a leader", fields...)
	}
}

// elect begins an election.
func (m *member) elect() {
	state := m.state()
	m.readOnlySoon()
	m.machine.Start(m.now(), election.Own{
		LastLogged: state.Last, CurrentEpoch: state.CurrentEpoch,
		Untrusted: state.Untrusted || state.ForceSnapshot, Fresh: m.server.data.isFresh(), Observer: m.observer(),
		Unfit: m.stillUnfit(),
	}, m.active)
}

// observer reports whether the server belongs to the ensemble and votes in none of its
// configurations.
func (m *member) observer() bool {
	return m.active.Committed.IsMember(m.id) && !m.active.IsVoter(m.id)
}

func (m *member) state() zab.State {
	var applied wire.Zxid
	m.server.core.View(func(t *datatree.Tree) { applied = t.LastZxid() })
	return m.server.data.state(applied)
}

// obey does what the election machine wants.
func (m *member) obey() {
	out := m.machine.Take()
	for _, msg := range out.Messages {
		m.votes.Send(msg.To, msg.Notification)
	}
	if out.Vouched {
		m.log.Info("no server of the ensemble holds anything: it is new, and this server votes")
		m.server.data.vouch()
	}
	if out.Newer != nil && m.server.cfg.Ensemble.ReconfigEnabled {
		m.adopt(m.active.Told(*out.Newer))
	}
	if l, leading := m.role.(*learners); out.Deserted && leading && m.epoch == 0 {
		connected := map[wire.SID]bool{m.id: true}
		for _, f := range l.leadership.Followers() {
			connected[f.SID] = true
		}
		if !m.machine.CanLead(func(id wire.SID) bool { return connected[id] }) {
			l.leadership.Resign(zab.ErrNoElectors)
		}
	}
	if out.Decision != nil && m.role == nil {
		m.decided(out.Decision)
	}
}

// decided takes the role that an election gave.
func (m *member) decided(d *election.Decision) {
	m.log.Info("a leader is elected", zap.Int64("leader", int64(d.Vote.Leader)), zap.Stringer("state", d.State),
		zap.Int64("round", d.Round), zap.Stringer("because", d.Basis), zap.Duration("took", time.Since(m.since)))
	m.endReadOnly()
	m.take(d.State, d.Vote.Leader)
}

// take takes a role.
func (m *member) take(state wire.ServerState, leader wire.SID) {
	m.since, m.leader = time.Now(), leader
	m.elected(state, leader)
	var err error
	if state == wire.Leading {
		m.role, err = m.lead()
	} else {
		m.role, err = m.learn(leader, state == wire.Observing)
	}
	if err != nil {
		m.again(err)
		return
	}
	m.plays(m.role)
}

// designated takes the role that a reconfiguration gives, if that is why the last one
// ended. All servers do so, and there is no election: who is designated leads at once,
// and would answer nobody's questions. If it is not there, or lacks what others have,
// the role ends like any other, and then there is one.
func (m *member) designated(why error) bool {
	var change *zab.RoleChange
	if !errors.As(why, &change) || !m.active.Committed.IsVoter(change.Leader) {
		return false
	}
	state := wire.Following
	switch {
	case change.Leader == m.id:
		state = wire.Leading
	case m.observer():
		state = wire.Observing
	}
	m.log.Info("a reconfiguration says who leads", zap.Int64("leader", int64(change.Leader)), zap.Stringer("state", state),
		zap.Stringer("zxid", change.Zxid))
	m.machine.Settle(state, change.Leader, change.Zxid)
	m.take(state, change.Leader)
	return true
}

// report is what the core tells of a role. Each call comes on the core's goroutine.
func (m *member) report() pipeline.Report {
	return pipeline.Report{
		Serving: func(e wire.Epoch) {
			m.mail.put(func() {
				m.epoch = e
				m.machine.Synced(e)
				m.serves(e)
			})
		},
		Activated: func(a *zab.Activation) {
			m.mail.put(func() { m.adopt(quorum.Active{Committed: a.Config}) })
		},
		Mismatch: m.differs,
		Ended:    func(why error) { m.mail.put(func() { m.again(why) }) },
	}
}

// differs tells of a tree that is not the leader's. The first time, the server fetches
// the leader's; if that does not help the trees are counted differently, and it is
// left to an operator.
func (m *member) differs(z wire.Zxid, leaders, own uint64) {
	m.log.Error("the tree differs from the leader's: data on one of the two is damaged, or a version is wrong",
		zap.Stringer("zxid", z), zap.String("leader's digest", fmt.Sprintf("%x", leaders)), zap.String("own digest", fmt.Sprintf("%x", own)))
	m.mail.put(func() {
		u, learning := m.role.(*upstream)
		if m.differed || !learning {
			return
		}
		m.differed = true
		u.mismatch(z)
	})
}

// again ends the role and looks for a leader, once the log has done what it was told:
// only then is it known what it holds.
func (m *member) again(why error) {
	role := m.role
	if role != nil {
		role.close()
	}
	var resync *zab.ResyncError
	if errors.As(why, &resync) {
		if err := m.server.data.distrust(resync); err != nil {
			m.fatal(err)
			return
		}
	}
	if errors.Is(why, zab.ErrNoElectors) {
		m.server.metrics.QuitLeadingDisloyalVoter.Inc(0)
	}
	if err := m.server.core.LogAloneUntil(m.stopping, func() error { return nil }); err != nil {
		return // the log has failed, or has no room, and the server stops
	}
	m.look(why)
	if m.designated(why) {
		return
	}
	u, learning := role.(*upstream)
	switch {
	case !learning:
		m.elect()
	case u.observe:
		// Many observers that have lost one server do not come all at once.
		m.later(upTo(m.server.cfg.Ensemble.ObserverElectionDelay), func() { m.elect() })
	default:
		m.elect()
		m.machine.Unreachable(m.now(), u.master) // nobody need wait for its vote
		if errors.Is(why, peer.ErrSilent) {
			m.machine.Avoid(m.now(), u.master, m.silence().Milliseconds())
		}
	}
}

// later has f run on the member's goroutine, after a while.
func (m *member) later(d time.Duration, f func()) {
	if d == 0 {
		f()
		return
	}
	time.AfterFunc(d, func() { m.mail.put(f) })
}
