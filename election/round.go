package election

import (
	"math"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// maxRound bounds the round that a peer may name. Beyond it lies nothing that a
// server could count up to, and near the end of the integers the next round would
// be a negative one, which everybody ignores.
const maxRound = math.MaxInt64 / 2

// Receive takes a notification of a peer. It keeps nothing of n.
func (m *Machine) Receive(now int64, from wire.SID, n *wire.Notification) {
	if !m.started || from == m.opts.ID || n.Round > maxRound {
		return
	}
	if m.offer(n) {
		return
	}
	b := ballotOf(n)
	if m.looking() && m.active.IsVoter(from) {
		m.hearData(now, from, b)
		m.greeted[from] = true
	}
	switch {
	case !m.active.IsVoter(from):
		m.answerStranger(now, from, b)
	case !m.looking():
		m.answerVoter(now, from, b)
	case b.state == wire.Looking:
		m.hearLooking(now, from, b)
	case b.state == wire.Following || b.state == wire.Leading:
		m.hearSettled(now, from, b)
	}
}

// hearLooking takes the vote of a voter that looks for a leader as this server
// does.
func (m *Machine) hearLooking(now int64, from wire.SID, b ballot) {
	delete(m.silent, from)
	if b.round > m.out[from].round {
		delete(m.out, from) // it follows nobody any more
	}
	switch {
	case b.abstains():
		m.hearAbstention(now, from, b)
		return
	case m.own.Untrusted:
		m.abstain(now, from, b)
		return
	case b.round < m.clock && b.round > 0 && m.proposal == noVote && m.active.IsVoter(b.Leader):
		// Who has no vote has no round of its own. The others do not hear of it, and may
		// need this server's voice, by a configuration that it has not heard of.
		m.clock = b.round
	case b.round < m.clock && !plant.In(plant.StaleNotification):
		m.reply(now, from, b, m.cast())
		return
	case !m.active.IsVoter(b.Leader):
		return
	}
	m.compete(now, from, b)
	m.recv[from] = b
	m.conclude(now)
}

// hearAbstention takes the word of a voter that has no vote: nobody waits for it, unless
// it may vote in a moment, and it is told the outcome, which it cannot conclude from votes.
func (m *Machine) hearAbstention(now int64, from wire.SID, b ballot) {
	m.silent[from] = !b.claims() || !m.holdsNothing()
	m.askers[from] = true
	if b.claims() {
		m.hearClaim(now, from, b)
		m.conclude(now)
		return
	}
	if b.round < m.clock && b.Leader != wire.NoSID && !m.own.Untrusted {
		m.reply(now, from, b, m.cast()) // ZooKeeper's servers without a vote count rounds
	}
	m.conclude(now)
}

// abstain answers a vote on behalf of a server that may have forgotten what it
// acknowledged: the election must go on without its support, need not wait for it,
// and it wants to hear the outcome.
func (m *Machine) abstain(now int64, from wire.SID, b ballot) {
	m.clock = max(m.clock, b.round)
	m.reply(now, from, b, m.word(from))
}

// compete weighs a vote against the proposal.
func (m *Machine) compete(now int64, from wire.SID, b ballot) {
	switch {
	case b.round > m.clock:
		m.clock = b.round
		clear(m.recv)
		if m.beats(b.Vote, m.initial) {
			m.propose(b.Vote)
		} else {
			m.propose(m.initial)
		}
	case m.beats(b.Vote, m.proposal):
		m.propose(b.Vote)
	case m.active.IsVoter(m.opts.ID) && (m.isNew(from) || m.beats(m.proposal, b.Vote)):
		// The sender may have begun to look only now, and have dropped what it was
		// told before. ZooKeeper leaves it to the next repetition.
		m.reply(now, from, b, m.cast())
	}
}

// isNew reports whether nothing was heard of a voter in this round.
func (m *Machine) isNew(id wire.SID) bool {
	_, heard := m.recv[id]
	return !heard
}

// beats reports whether a vote is strictly better than another. Servers without
// weight never lead. A vote for this server that it does not cast itself is of an
// earlier life of it, in which it had more than it has now.
func (m *Machine) beats(v, over Vote) bool {
	if plant.In(plant.LowerZxidWins) && v.PeerEpoch == over.PeerEpoch && v.Zxid != over.Zxid {
		return v.Zxid < over.Zxid
	}
	phantom := v.Leader == m.opts.ID && v != m.initial
	return !phantom && !m.avoids(v.Leader) && !m.lacks(v) && m.active.Committed.Weight(v.Leader) != 0 && v.compare(over) > 0
}

// lacks reports whether a candidate lacks something that this server has, which could
// not lead instead of it.
func (m *Machine) lacks(v Vote) bool {
	own := m.candidacy()
	own.Leader = v.Leader
	return m.own.Unfit && v.compare(own) < 0
}

// propose makes a vote the proposal and tells everybody.
func (m *Machine) propose(v Vote) {
	m.proposal = v
	m.settleAt = never
	if m.active.IsVoter(m.opts.ID) && m.active.IsVoter(v.Leader) {
		m.recv[m.opts.ID] = m.cast()
	}
	m.announce()
}

// cast is the proposal as a ballot.
func (m *Machine) cast() ballot {
	return ballot{Vote: m.proposal, round: m.clock, state: wire.Looking}
}

// announce tells all voters the proposal or, once this server leads, that it does:
// who has heard a quorum then follows without waiting for the rest.
func (m *Machine) announce() {
	for _, id := range m.active.Voters() {
		switch {
		case id == m.opts.ID:
		case m.state == wire.Looking:
			m.send(id, m.word(id))
		default:
			m.send(id, m.current)
		}
	}
}

// conclude ends the election if a quorum agrees on the proposal and no better
// vote is to be expected.
func (m *Machine) conclude(now int64) {
	own := m.cast()
	agrees := func(id wire.SID) bool {
		b, ok := m.recv[id]
		return ok && b.supports(own)
	}
	switch {
	case !m.active.HasQuorum(agrees):
		m.settleAt = never
	case m.allSpoke(own):
		m.decide(m.recv, own, Unanimous)
	case m.settleAt == never:
		m.settleAt = now + m.opts.FinalizeWait
	case now >= m.settleAt:
		m.decide(m.recv, own, Waited)
	}
}

// allSpoke reports whether nobody is left who could cast a better vote in this
// round. Within a round a vote only changes for a better one, and the proposal is
// the best that was heard; so it is enough to have heard a voter at all, whatever
// it said.
func (m *Machine) allSpoke(own ballot) bool {
	for _, id := range m.active.Voters() {
		b, heard := m.recv[id]
		heard = heard && (b.state == wire.Looking || b.supports(own))
		if !heard && !m.silent[id] {
			return false
		}
	}
	return true
}

// decide ends the election with the leader of b, on the ground of votes.
func (m *Machine) decide(votes map[wire.SID]ballot, b ballot, basis Basis) {
	if b.round > 0 {
		m.clock = b.round
	}
	switch {
	case b.Leader == m.opts.ID:
		m.state = wire.Leading
	case m.own.Observer:
		m.state = wire.Observing
	default:
		m.state = wire.Following
	}
	electors := map[wire.SID]bool{}
	for id, v := range votes {
		if v.supports(b) {
			electors[id] = true
		}
	}
	m.current = ballot{Vote: b.Vote, round: b.round, state: m.state, version: wire.NotificationVersion}
	m.output.Decision = &Decision{State: m.state, Vote: b.Vote, Round: b.round, Basis: basis}
	m.tellAskers()
	m.leave()
	if m.state == wire.Leading {
		m.electors = electors
		m.announce()
	}
}

// leave forgets what only an election needs.
func (m *Machine) leave() {
	m.recv, m.out, m.silent, m.askers = nil, nil, nil, nil
	m.electors, m.established = map[wire.SID]bool{}, false
}
