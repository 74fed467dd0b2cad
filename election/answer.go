package election

import (
	"maps"
	"slices"

	"github.com/zabra/zabra/wire"
)

// maxAsked bounds how many peers are remembered: anybody may connect under any
// id.
const maxAsked = 1024

// An exchange is what a peer said and was answered last.
type exchange struct {
	asked, answered ballot
	at              int64
}

// reply answers a peer, unless the same was said and answered just now: two
// servers whose configurations do not know each other, one of them ZooKeeper's,
// would otherwise answer each other's answers as fast as they can.
func (m *Machine) reply(now int64, to wire.SID, asked, answer ballot) {
	last, ok := m.asked[to]
	if ok && last.asked == asked && last.answered == answer && now-last.at < m.opts.MinInterval {
		return
	}
	if !ok && len(m.asked) >= maxAsked {
		clear(m.asked)
	}
	m.asked[to] = exchange{asked: asked, answered: answer, at: now}
	m.send(to, answer)
}

// answerStranger answers a peer that does not vote. It gets the round of this
// server instead of that of the vote, and is told when the election ends.
func (m *Machine) answerStranger(now int64, from wire.SID, b ballot) {
	if b.state != wire.Looking {
		return
	}
	if !m.looking() {
		m.reply(now, from, b, m.currentFor(from))
		return
	}
	if len(m.askers) < maxAsked {
		m.askers[from] = true
	}
	m.reply(now, from, b, m.cast())
}

// answerVoter answers a voter that looks for a leader while this server has one.
func (m *Machine) answerVoter(now int64, from wire.SID, b ballot) {
	if b.state != wire.Looking {
		return
	}
	m.reply(now, from, b, m.currentFor(from))
	m.watchElector(from, b)
}

// currentFor is the vote that ended the last election, as a peer is told it.
func (m *Machine) currentFor(peer wire.SID) ballot {
	b := m.current
	if !m.active.IsVoter(peer) {
		b.round = m.clock
	}
	return b
}

// tellAskers tells those who asked during the election how it ended. ZooKeeper
// lets them ask again, which they do later and later.
func (m *Machine) tellAskers() {
	for _, id := range slices.Sorted(maps.Keys(m.askers)) {
		if m.state == wire.Leading && m.active.IsVoter(id) {
			continue // announce tells all voters
		}
		m.send(id, m.currentFor(id))
	}
}

// watchElector notices when a voter that elected this server looks for another
// leader (S18): in a later round, or with a better vote in the same one. A worse
// vote is an old message, and one of an earlier round is that or comes from a
// server that was restarted and will be back.
func (m *Machine) watchElector(from wire.SID, b ballot) {
	if m.state != wire.Leading || m.established || b.round < m.current.round {
		return
	}
	switch {
	case b.round == m.current.round && b.Vote == m.current.Vote:
		m.electors[from] = true
	case b.round == m.current.round && b.compare(m.current.Vote) < 0:
	case m.electors[from]:
		delete(m.electors, from)
		m.output.Deserted = true
	}
}

// CanLead reports whether a quorum can still gather around this server, which
// leads and is not established: of those that are connected as its learners and
// those that elected it and were not seen looking again. A leader that cannot
// gives up now instead of waiting for initLimit.
func (m *Machine) CanLead(connected func(wire.SID) bool) bool {
	return m.active.HasQuorum(func(id wire.SID) bool { return m.electors[id] || connected(id) })
}
