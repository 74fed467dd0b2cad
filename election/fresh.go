package election

import (
	"math"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// What servers with empty disks do to learn that the ensemble is new; doc.go says why
// it is safe.

// A claim is the word of a looking voter that it holds nothing at all. On the wire it is
// a vote for nobody, which every version ignores, in round 0, which makes ZooKeeper's
// servers answer with their vote; where the zxid would be stands a number of the sender's
// present life, and where the epoch would be the number last heard from the receiver.
func (m *Machine) claimTo(peer wire.SID) ballot {
	v := Vote{Leader: wire.NoSID, Zxid: wire.Zxid(m.number), PeerEpoch: m.numbers[peer]}
	return ballot{Vote: v, state: wire.Looking}
}

// claims reports whether a vote is a claim.
func (b ballot) claims() bool {
	return b.state == wire.Looking && b.Leader == wire.NoSID && b.Zxid > 0
}

// maxNumber bounds the numbers in claims.
const maxNumber = math.MaxInt64 >> 1

// newNumber begins to collect claims: only those that repeat the new number count.
func (m *Machine) newNumber() {
	m.number = m.number%maxNumber + 1
	m.hollow = map[wire.SID]bool{}
}

// fresh reports whether this server holds nothing and would vote if it knew that
// nobody holds anything.
func (m *Machine) fresh() bool { return m.holdsNothing() && m.own.Untrusted }

// votes reports whether the configuration gives this server a vote.
func (m *Machine) votes() bool {
	return !m.own.Observer && m.active.Committed.IsVoter(m.opts.ID)
}

// holdsNothing reports whether this server may claim so: its log is empty, and not
// because of damage.
func (m *Machine) holdsNothing() bool {
	return m.votes() && m.own.LastLogged == 0 && (m.own.Fresh || !m.own.Untrusted)
}

// word is what this server, which looks, says to a peer.
func (m *Machine) word(to wire.SID) ballot {
	if m.fresh() {
		return m.claimTo(to)
	}
	return m.cast()
}

// hearClaim takes the claim of a voter, and answers it unless that would tell it nothing
// new.
func (m *Machine) hearClaim(now int64, from wire.SID, b ballot) {
	known := m.numbers[from] == int64(b.Zxid) && b.PeerEpoch == m.number
	m.numbers[from] = int64(b.Zxid)
	switch {
	case !m.holdsNothing():
		m.reply(now, from, b, m.cast())
	case !known || !m.fresh():
		// A fresh server repeats its claim anyway; one that votes by now would not, and
		// its answer may have been lost.
		m.reply(now, from, b, m.claimTo(from))
	}
	if b.PeerEpoch == m.number || plant.In(plant.OldClaimsCount) {
		delete(m.out, from) // it has begun anew since it followed anybody
		m.hollow[from] = true
		m.tryVouch(now)
	}
}

// hearData notes what a vote says about whether its sender holds anything. Servers that
// know no claims, ZooKeeper's, vote at once for themselves with zxid 0; but the first
// message of a connection may be old.
func (m *Machine) hearData(now int64, from wire.SID, b ballot) {
	if !m.fresh() || b.claims() {
		return
	}
	if b.state != wire.Looking || b.Zxid != 0 {
		delete(m.hollow, from)
	} else if m.opts.Connections && m.greeted[from] {
		m.hollow[from] = true
		m.tryVouch(now)
	}
}

// tryVouch gives this server a vote when every voter whose acknowledgements count has
// said, twice, that it holds nothing: the second time after all had said it once. It
// casts it in the round that the others are in, where it has cast none: a later one
// would draw them away from the leader that they may just have elected.
func (m *Machine) tryVouch(now int64) {
	for m.fresh() && (len(m.Awaits()) == 0 || plant.In(plant.FreshMajority) && m.mostAreHollow()) {
		if !m.asking {
			m.asking = true
			m.newNumber()
			m.announce()
			continue
		}
		m.own.Untrusted, m.own.Fresh = false, false
		m.output.Vouched = true
		m.begin(now)
	}
}

// mostAreHollow is what a planted bug asks.
func (m *Machine) mostAreHollow() bool {
	return m.active.HasQuorum(func(id wire.SID) bool { return id == m.opts.ID || m.hollow[id] })
}

// Awaits lists the voters that a fresh server has not heard say that they hold nothing.
// It is nil for one that is not fresh, and meaningful while looking only.
func (m *Machine) Awaits() (list []wire.SID) {
	if !m.fresh() {
		return nil
	}
	for _, id := range m.active.Voters() {
		c := m.active.Committed
		idle := c.IsVoter(id) && c.Weight(id) == 0 && !m.active.Proposed.IsVoter(id)
		if id != m.opts.ID && !idle && !m.hollow[id] {
			list = append(list, id)
		}
	}
	return list
}
