package sim

import (
	"maps"
	"slices"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// What the ledger is told of elections, configurations, and packets that vouch.

// votes is called with the zxid a server claims, in a vote for itself or in
// ACKEPOCH.
func (l *ledger) votes(id wire.SID, z wire.Zxid, where string) {
	if b := l.books[id]; z != wire.NoZxid && z != b.durable() {
		l.fail("I15", "server %d claims %v in %s, and its log is durable up to %v", id, z, where, b.durable())
	}
}

// voted is called when a server that looks for a leader casts a vote.
func (l *ledger) voted(id wire.SID, b ballot) {
	if l.cast[b] == nil {
		l.cast[b] = map[wire.SID]bool{}
	}
	l.cast[b][id] = true
}

// elects is called when a server ends an election on the ground of votes: a quorum
// must have cast them, in that round.
func (l *ledger) elects(id wire.SID, b ballot, active quorum.Active) {
	if !majority(active, func(v wire.SID) bool { return l.cast[b][v] }) {
		l.fail("election", "server %d elects %d in round %d, and only %v voted for it", id, b.leader, b.round, slices.Sorted(maps.Keys(l.cast[b])))
	}
}

// activates is called when a server puts a configuration into force (I20).
func (l *ledger) activates(id wire.SID, c quorum.Config) {
	l.forward(id, &l.books[id].config, c)
	if c.Version > l.active.Committed.Version {
		l.active.Committed = c
	}
}

// adopts is called when a server's member goes by another configuration (I20). What the
// core put into force comes to it in letters: two that came into force at once are
// adopted one after the other.
func (l *ledger) adopts(id wire.SID, c quorum.Config) { l.forward(id, &l.books[id].member, c) }

// forward checks that a configuration is not older than the one before it.
func (l *ledger) forward(id wire.SID, before *int64, c quorum.Config) {
	if c.Version < *before {
		l.fail("I20", "server %d goes back from configuration %x to %x", id, *before, c.Version)
	}
	*before = c.Version
	if known, ok := l.configs[c.Version]; !ok {
		l.configs[c.Version] = c.String()
	} else if known != c.String() {
		l.fail("I20", "server %d has another configuration %x than somebody else", id, c.Version)
	}
}

// acks is called when a server sends an ACK.
func (l *ledger) acks(id wire.SID, z wire.Zxid) {
	b := l.books[id]
	if z.Counter() == 0 {
		if b.current != z.Epoch() {
			l.fail("I14", "server %d acknowledges epoch %d and its currentEpoch is %d", id, z.Epoch(), b.current)
		}
		l.hasHistory(id, z.Epoch(), "acknowledges epoch")
		return
	}
	if !b.holds(z) {
		l.fail("I14", "server %d acknowledges %v and its log is durable up to %v", id, z, b.durable())
	}
}

// promises is called when a server sends LEADERINFO or ACKEPOCH >= 0.
func (l *ledger) promises(id wire.SID, e wire.Epoch) {
	if b := l.books[id]; b.accepted < e {
		l.fail("I14", "server %d promises epoch %d and its acceptedEpoch is %d", id, e, b.accepted)
	}
}
