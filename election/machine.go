package election

import (
	"math"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// Times of ZooKeeper, in milliseconds.
const (
	DefaultMinInterval  = 200
	DefaultMaxInterval  = 60_000
	DefaultFinalizeWait = 200
)

// Options are what a Machine is made with. All times are in milliseconds; zero
// stands for the default.
type Options struct {
	// ID is this server's.
	ID wire.SID
	// MinInterval is the pause before votes are sent again for the first time;
	// it doubles with each repetition up to MaxInterval. Too short, peers are
	// flooded; too long, a lost message delays an election by as much.
	MinInterval, MaxInterval int64
	// FinalizeWait is how long an agreement of a quorum is kept open for a better
	// vote while not every voter has been heard.
	FinalizeWait int64
	// Reconfig is the key reconfigEnabled: whether configurations in
	// notifications are looked at.
	Reconfig bool
	// Number is a random number that no earlier life of this server had, at least 0.
	// Only what answers it is believed about who holds nothing.
	Number int64
	// Connections says that Reachable comes before everything that a new connection
	// brings, and that at most the first message of that is older than the connection,
	// as it is where ZooKeeper's servers repeat themselves. Votes of servers that know
	// no claims are believed only then.
	Connections bool
}

// Own is what a server knows of itself when it starts to look for a leader.
type Own struct {
	// LastLogged is the last zxid in the log, committed or not, and never that of
	// the tree: what was logged may be committed elsewhere (S1).
	LastLogged wire.Zxid
	// CurrentEpoch is the epoch whose history the log contains.
	CurrentEpoch wire.Epoch
	// Untrusted says that the log may have forgotten what it once held: it is
	// empty where nobody said so, or damaged. The server then has no vote and can
	// only follow a leader that others elected.
	Untrusted bool
	// Fresh says of an untrusted server that it is empty because it never held
	// anything, as far as it knows: it was started on an empty disk, and would vote if
	// the ensemble were new.
	Fresh bool
	// Unfit says that the server could not lead if it were elected: nobody would reach it.
	// It is no candidate, and votes for another one that has all that it has.
	Unfit bool
	// Observer is the server's role by configuration, until Reconfigure brings another
	// one. A participant that the configuration does not list as a voter follows without a
	// vote.
	Observer bool
}

// A Machine runs fast leader election for one server. It keeps no time and sends
// nothing: it is told what happens and when, in milliseconds of a clock that does
// not go back, and after each call Take returns what is to be done. It is not
// safe for concurrent use.
//
// A Machine lives as long as the server: between elections it answers those who
// look for a leader.
type Machine struct {
	opts   Options
	own    Own
	active quorum.Active
	config []byte // text of the committed configuration

	started bool
	state   wire.ServerState
	clock   int64  // the round
	current ballot // what ended the last election

	initial  Vote // what this server proposes before it hears anybody
	proposal Vote
	recv     map[wire.SID]ballot // of this round, own included
	out      map[wire.SID]ballot // of servers that follow or lead
	silent   map[wire.SID]bool   // voters that have no vote to cast or cannot be reached

	interval int64
	resendAt int64
	settleAt int64 // end of FinalizeWait, or never

	avoided     wire.SID          // a voter that is not elected before avoidUntil
	avoidUntil  int64             // never if there is none
	electors    map[wire.SID]bool // of this server, while it is about to lead
	established bool              // the epoch of the current leader stands

	asked   map[wire.SID]exchange // the last answer to each peer
	number  int64                 // in the claims of this server
	numbers map[wire.SID]int64    // in the last claims of others
	hollow  map[wire.SID]bool     // voters that hold nothing, and said so after they heard number
	asking  bool                  // all have said so once, and are asked again
	greeted map[wire.SID]bool     // peers that have said something on their present connection
	askers  map[wire.SID]bool     // peers to be told the outcome, which have no vote
	offered int64                 // version of the newest configuration handed out

	output Output
}

// never is a deadline that does not come.
const never = math.MaxInt64

// New returns a Machine that takes part in nothing before Start.
func New(opts Options) *Machine {
	orDefault := func(v *int64, def int64) {
		if *v <= 0 {
			*v = def
		}
	}
	orDefault(&opts.MinInterval, DefaultMinInterval)
	orDefault(&opts.MaxInterval, DefaultMaxInterval)
	orDefault(&opts.FinalizeWait, DefaultFinalizeWait)
	return &Machine{
		opts: opts, asked: map[wire.SID]exchange{}, number: opts.Number % maxNumber,
		numbers: map[wire.SID]int64{}, greeted: map[wire.SID]bool{}, avoidUntil: never,
	}
}

// Start begins a new election: at the start of the server, and whenever it has
// lost its leader or its followers.
func (m *Machine) Start(now int64, own Own, active quorum.Active) {
	m.started = true
	m.own = own
	m.setActive(active)
	m.offered = 0
	m.asking = false
	m.avoidUntil = never
	m.newNumber()
	m.nextRound(now)
}

// nextRound leaves what was said in this round behind.
func (m *Machine) nextRound(now int64) {
	m.clock++
	m.begin(now)
}

// begin starts to look for a leader with nothing heard yet.
func (m *Machine) begin(now int64) {
	m.state = wire.Looking
	m.initial = m.initialVote()
	m.recv = map[wire.SID]ballot{}
	m.out = map[wire.SID]ballot{}
	m.silent = map[wire.SID]bool{}
	m.askers = map[wire.SID]bool{}
	m.interval = m.opts.MinInterval
	m.resendAt = now + m.interval
	m.propose(m.initial)
	m.tryVouch(now)
	m.conclude(now)
}

func (m *Machine) initialVote() Vote {
	if m.own.Untrusted || m.own.Unfit || !m.votes() {
		return noVote
	}
	return m.candidacy()
}

// candidacy is a vote for this server.
func (m *Machine) candidacy() Vote {
	return Vote{Leader: m.opts.ID, Zxid: m.own.LastLogged, PeerEpoch: int64(m.own.CurrentEpoch)}
}

func (m *Machine) setActive(active quorum.Active) {
	m.active = active
	m.config = active.Committed.Text()
}

// Reconfigure tells of a change of the configurations in force. An election under
// way begins anew if the members changed.
func (m *Machine) Reconfigure(now int64, active quorum.Active) {
	before := m.active
	m.setActive(active)
	if !m.started || m.state != wire.Looking {
		return
	}
	if !before.Committed.SameMembers(active.Committed) || before.Pending() != active.Pending() ||
		active.Pending() && !before.Proposed.SameMembers(active.Proposed) {
		m.own.Observer = active.Committed.IsMember(m.opts.ID) && !active.IsVoter(m.opts.ID)
		m.nextRound(now)
	}
}

// Settle tells of a role that was not decided here: a reconfiguration names the
// next leader, and the servers take their roles without an election. zxid is that
// of the reconfiguration. It ends an election that is under way, and does nothing
// before the first Start.
func (m *Machine) Settle(state wire.ServerState, leader wire.SID, zxid wire.Zxid) {
	if !m.started {
		return
	}
	m.state = state
	vote := Vote{Leader: leader, Zxid: zxid, PeerEpoch: m.current.PeerEpoch}
	m.current = ballot{Vote: vote, round: m.clock, state: state, version: wire.NotificationVersion}
	m.leave()
}

// Synced tells that synchronisation under the leader of a new epoch has ended: for
// a learner after UPTODATE, for the leader when it begins to serve. From then on
// the vote that others are told bears that epoch, so that they find one epoch
// reported by a quorum (S22).
func (m *Machine) Synced(epoch wire.Epoch) {
	m.current.PeerEpoch = int64(epoch)
	m.established = true
}

// Tick tells the time. Nothing happens before the time of Deadline.
func (m *Machine) Tick(now int64) {
	if !m.looking() {
		return
	}
	if now >= m.avoidUntil {
		m.avoidUntil = never
		m.nextRound(now) // its votes are weighed anew
	}
	m.conclude(now)
	if m.looking() && now >= m.resendAt {
		m.interval = min(2*m.interval, max(m.opts.MaxInterval, m.opts.MinInterval))
		m.resendAt = now + m.interval
		m.announce()
	}
}

// Deadline is when to call Tick next, and false if there is nothing to wait for.
func (m *Machine) Deadline() (now int64, ok bool) {
	if !m.looking() {
		return 0, false
	}
	return min(m.resendAt, m.settleAt, m.avoidUntil), true
}

// Unreachable tells that no connection to a peer can be made: it was refused, or
// the peer is known to be dead. An election does not wait for such a voter. It
// holds until something is heard of the peer, or until the next Start.
func (m *Machine) Unreachable(now int64, peer wire.SID) {
	if !m.looking() || peer == m.opts.ID || !m.active.IsVoter(peer) {
		return
	}
	m.silent[peer] = true
	m.conclude(now)
}

// Avoid tells, behind Start, that a peer was elected, and did not answer when this server
// wanted to follow it: it may be heard without hearing anybody, and would be elected
// again. For d milliseconds this election looks for somebody else.
//
// That is safe as Unreachable is: whoever is elected has what a quorum has. It is over
// soon, because there may be no quorum without that peer.
func (m *Machine) Avoid(now int64, peer wire.SID, d int64) {
	if !m.looking() || peer == m.opts.ID {
		return
	}
	m.avoided, m.avoidUntil = peer, now+d
}

// avoids reports whether a candidate is not to be elected now.
func (m *Machine) avoids(candidate wire.SID) bool {
	return m.avoidUntil != never && candidate == m.avoided
}

// Reachable tells that a connection to a peer stands. While looking, the peer is
// told the vote; whatever was sent to it before may be lost.
func (m *Machine) Reachable(peer wire.SID) {
	delete(m.greeted, peer)
	if !m.looking() || !m.active.IsVoter(peer) || peer == m.opts.ID {
		return
	}
	delete(m.silent, peer)
	m.send(peer, m.word(peer))
}

func (m *Machine) looking() bool { return m.started && m.state == wire.Looking }

// State is what this server is doing.
func (m *Machine) State() wire.ServerState { return m.state }

// Round is the number of the election, under way or past.
func (m *Machine) Round() int64 { return m.clock }

// Vote is the proposal while looking, and then the vote that others are told.
func (m *Machine) Vote() Vote {
	if m.state == wire.Looking {
		return m.proposal
	}
	return m.current.Vote
}
