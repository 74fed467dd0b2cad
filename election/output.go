package election

import (
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// An Output is what a Machine wants done, in any order. Nothing in it depends on
// anything being durable: a vote is about a log that is.
type Output struct {
	// Messages go out now. Only the last one for a peer matters; a queue for a
	// peer holds one, the newer replacing the older. Sending to a peer that is not
	// connected means dialling it.
	Messages []Message
	// Decision is set when the election is over.
	Decision *Decision
	// Newer is set when a notification held a configuration newer than the
	// committed one: adopt it, or not, and call Reconfigure. The vote that came
	// with it was not looked at; the next one is.
	Newer *quorum.Config
	// Deserted is set when a voter that elected this server is looking again
	// before the new epoch is established: ask CanLead whether to go on waiting.
	Deserted bool
	// Vouched is set when a fresh server has learned that nobody holds anything: it has
	// a vote from now on, and until the end of its process is not untrusted any more.
	Vouched bool
}

// A Message is a notification and the server it is for.
type Message struct {
	To           wire.SID
	Notification wire.Notification
}

// A Decision ends an election.
type Decision struct {
	// State is Leading, Following or Observing.
	State wire.ServerState
	Vote  Vote // for the leader
	Round int64
	Basis Basis
}

// A Basis says why an election could end, for logs.
type Basis int

// The bases.
const (
	// Unanimous: a quorum agrees, and every other voter has been heard in this
	// round or cannot be reached, so that no better vote can come.
	Unanimous Basis = iota + 1
	// Waited: a quorum agrees, and no better vote came for the time of
	// Options.FinalizeWait.
	Waited
	// Joined: a quorum follows a leader already.
	Joined
)

// String prints the basis as a phrase for logs.
func (b Basis) String() string {
	switch b {
	case Unanimous:
		return "all have spoken"
	case Waited:
		return "a quorum agrees"
	case Joined:
		return "the leader stands"
	}
	return "none"
}

// Take returns what has gathered since the last call.
func (m *Machine) Take() Output {
	out := m.output
	m.output = Output{}
	return out
}

// send puts a ballot of this server on its way.
func (m *Machine) send(to wire.SID, b ballot) {
	m.output.Messages = append(m.output.Messages, Message{To: to, Notification: wire.Notification{
		State:     b.state,
		Leader:    b.Leader,
		Zxid:      b.Zxid,
		Round:     b.round,
		PeerEpoch: b.PeerEpoch,
		Version:   wire.NotificationVersion,
		Config:    m.config,
	}})
}
