package election

import (
	"bytes"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// hearSettled takes the vote of a voter that follows or leads. It counts among
// those of this round if it is of this round, and in any case among those of the
// servers that look no more; a quorum in one of the two, the leader itself among
// them, ends the election.
func (m *Machine) hearSettled(now int64, from wire.SID, b ballot) {
	delete(m.silent, from)
	if !m.active.IsVoter(b.Leader) {
		return
	}
	if b.round == m.clock {
		// The version is dropped as ZooKeeper does: votes of one round then count
		// together by their leader alone.
		in := b
		in.version = 0
		m.recv[from] = in
		if m.stands(m.recv, b) {
			m.decide(m.recv, b, Joined)
			return
		}
	}
	known := m.out[from]
	m.out[from] = b
	if m.stands(m.out, b) {
		m.decide(m.out, b, Joined)
		return
	}
	if b != known {
		m.askSoon(now)
	}
	m.conclude(now)
}

// askSoon repeats the vote soon, although it may have been repeated for long: somebody
// has a leader now, and whose word is missing to join it gives it when asked.
func (m *Machine) askSoon(now int64) {
	m.interval = m.opts.MinInterval
	m.resendAt = min(m.resendAt, now+m.interval)
}

// stands reports whether a quorum of votes supports the leader of b, and the
// leader confirms it. Without its own word a dead leader would be elected for
// ever by those who have not noticed.
func (m *Machine) stands(votes map[wire.SID]ballot, b ballot) bool {
	quorum := m.active.HasQuorum(func(id wire.SID) bool {
		v, ok := votes[id]
		return ok && b.supports(v)
	})
	return quorum && m.confirmed(votes, b)
}

func (m *Machine) confirmed(votes map[wire.SID]ballot, b ballot) bool {
	if b.Leader == m.opts.ID {
		// Those who decided for this server in this round did so for the vote it
		// casts now. Anything else is about a life of this server before the last
		// restart, when it knew more, or less.
		return b.round == m.clock && b.Vote == m.initial
	}
	v, ok := votes[b.Leader]
	return ok && v.state == wire.Leading && v.Leader == b.Leader
}

// offer hands out a configuration newer than the committed one.
func (m *Machine) offer(n *wire.Notification) bool {
	if !m.looking() || !m.opts.Reconfig || len(n.Config) == 0 || bytes.Equal(n.Config, m.config) {
		return false
	}
	c, err := quorum.Parse(n.Config)
	if err != nil || c.Version <= max(m.offered, m.active.Committed.Version) {
		return false // whatever the text is, the vote counts
	}
	m.offered = c.Version
	m.output.Newer = &c
	return true
}
