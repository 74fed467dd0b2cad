package election

import (
	"cmp"
	"fmt"
	"math"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// A Vote names a candidate and says how far its history goes.
type Vote struct {
	Leader wire.SID
	// Zxid is the last one in the candidate's log, committed or not.
	Zxid wire.Zxid
	// PeerEpoch is the candidate's currentEpoch; after synchronisation, the epoch
	// of the leader that was elected.
	PeerEpoch int64
}

// noVote is proposed by whoever has no vote: observers, servers that their own
// configuration does not list as voters, servers that could not lead, and servers
// whose data is not to be trusted. Its candidate is nobody, so every server ignores it, and every vote
// beats it.
var noVote = Vote{Leader: wire.NoSID, Zxid: math.MinInt64, PeerEpoch: math.MinInt64}

// abstains reports whether a vote is not to be counted: that of nobody, and that
// of a ZooKeeper server whose data is not to be trusted, which has zxid -1.
func (v Vote) abstains() bool { return v.Leader == wire.NoSID || v.Zxid == wire.NoZxid }

// compare orders votes by history, and candidates with the same one by id.
func (v Vote) compare(o Vote) int {
	return cmp.Or(cmp.Compare(v.PeerEpoch, o.PeerEpoch), cmp.Compare(v.Zxid, o.Zxid), cmp.Compare(v.Leader, o.Leader))
}

// String prints the vote as "2 (0x100000005, epoch 1)".
func (v Vote) String() string {
	if v == noVote {
		return "nobody"
	}
	return fmt.Sprintf("%d (%s, epoch %d)", v.Leader, v.Zxid, v.PeerEpoch)
}

// A ballot is a vote as a server cast it.
type ballot struct {
	Vote
	round   int64
	state   wire.ServerState
	version int32 // of the notification's format
}

func ballotOf(n *wire.Notification) ballot {
	return ballot{
		Vote:    Vote{Leader: n.Leader, Zxid: n.Zxid, PeerEpoch: n.PeerEpoch},
		round:   n.Round,
		state:   n.State,
		version: n.Version,
	}
}

// supports reports whether two ballots support one leader.
//
// While one of the two is looking, everything must be equal. Members of an
// ensemble that stands may differ in zxid and round, which are as they were when
// each was elected or joined, so that leader and epoch decide. Servers before
// 3.4.6, whose format has version 0, never replaced the epoch by that of the
// leader: with one of those the leader alone decides.
func (b ballot) supports(o ballot) bool {
	switch {
	case b.state == wire.Looking || o.state == wire.Looking:
		return b.Vote == o.Vote && (b.round == o.round || plant.In(plant.StaleNotification))
	case (b.version > 0) != (o.version > 0):
		return b.Leader == o.Leader
	}
	return b.Leader == o.Leader && b.PeerEpoch == o.PeerEpoch
}
