package zab

import (
	"errors"
	"fmt"
	"math"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// A LeaderConfig is what a server knows when it has won an election.
type LeaderConfig struct {
	ID     wire.SID
	State  State
	Log    History
	Active quorum.Active
	// Reconfig gives the first configuration of an ensemble a version, as
	// ZooKeeper does with reconfigEnabled.
	Reconfig bool
	// InitLimit and SyncLimit are in tickTimes, at least 1.
	InitLimit, SyncLimit int
	// PreferSnapshot, if there is one, says that a learner whose log ends at a zxid is
	// brought up to date faster by a snapshot than by all that followed.
	PreferSnapshot func(after wire.Zxid) bool
	// MaxBacklog is how many bytes may wait for a slow learner; default 64 MiB.
	MaxBacklog int64
	// Throttle makes observers wait while others are brought up to date.
	Throttle Throttle
	// LastCounter is the last counter that an epoch uses; default, and most, is
	// wire.MaxCounter-1. Smaller in tests.
	LastCounter uint32
}

// A LeaderReady is what a Leader wants done.
type LeaderReady struct {
	Ready
	// Close ends connections: packets that were sent to them before need not arrive.
	Close []Close
	// Established is set once: from this Ready on, after its Replay, the leader
	// serves, and proposes from FirstZxid on.
	Established bool
	FirstZxid   wire.Zxid
	// Requests came from learners. Each must become exactly one transaction, or, if
	// it is a sync, one call of SyncFor, in this order.
	Requests []Request
	// Touches came from learners: the sessions live.
	Touches []wire.Touch
	// Revalidations are to be answered with Revalidated.
	Revalidations []Revalidation
	// Confirmed are the Reads and Syncs that may be answered when Deliver has been
	// applied.
	Confirmed []uint64
	// Activated is the configuration in force from now on, nil if it did not
	// change.
	Activated *Activation
	// Stop says why the leader leads no longer. It wants nothing after that, but
	// this Ready still counts.
	Stop error
}

// A Close ends a connection.
type Close struct {
	Conn Conn
	Err  error
}

// A Request is a request that came to a learner.
type Request struct {
	From Conn
	SID  wire.SID
	wire.ForwardedRequest
	Auth []wire.ID // the client's identities, for which the learner vouches
}

// A Revalidation asks whether a session lives; if it does, it speaks through that
// learner from now on.
type Revalidation struct {
	From Conn
	SID  wire.SID
	wire.Revalidation
}

// An Activation is a configuration that is in force.
type Activation struct {
	Config quorum.Config
	Zxid   wire.Zxid
	// Leader is who shall lead under it.
	Leader wire.SID
}

// The phases of a leader.
type leaderPhase uint8

const (
	discovering   leaderPhase = iota // W1: waits for the epochs that a quorum has promised
	electing                         // W2: waits for a quorum to promise the new epoch
	synchronising                    // W3: waits for a quorum to have the initial history
	broadcasting
	leaderStopped
)

func (p leaderPhase) String() string {
	return [...]string{
		"a quorum to connect", "a quorum to promise the new epoch",
		"a quorum to take over the history", "nothing", "nothing",
	}[p]
}

// A Leader is the leader's side of ZAB, from the end of the election to the end of
// its reign. Its methods are called by one goroutine; after any number of them the
// driver calls Ready until there is nothing more, and does what it says.
type Leader struct {
	cfg    LeaderConfig
	active *quorum.Active // replaced, never changed: proposals remember theirs
	phase  leaderPhase
	epoch  wire.Epoch
	ticks  int // half tickTimes
	since  int // when the phase began
	peers  []*peer
	conns  map[Conn]*peer     // peers by connection
	told   map[wire.SID]*peer // and those that have said who they are: one for each
	out    leaderOutput

	promised bool              // acceptedEpoch is durable
	promises map[wire.SID]bool // of others; they hold when a connection is gone, and are made only once
	synced   bool              // currentEpoch is durable: our own ACK of NEWLEADER

	initial   wire.Zxid // end of the initial history
	proposed  wire.Zxid
	committed wire.Zxid
	persisted wire.Zxid // of our own log
	delivered wire.Zxid
	// proposals are those that are not committed, or not in our log yet, and
	// therefore not delivered.
	proposals []outstanding
	reconfigs []outstanding // committed ones
	retired   bool          // another one is designated: nothing more is committed
	disk      lag           // of our own log
	quorum    lag           // of what is committed

	sweep uint64 // of PINGs, counted
	reads []ask
	syncs []ask
	// learners' syncs: their answers stand at their place among the COMMITs
	forwarded []ask
}

// leaderOutput is what the next LeaderReady is made from.
type leaderOutput struct {
	output
	extra LeaderReady
}

// NewLeader starts to lead. It fails if the server may not.
func NewLeader(cfg LeaderConfig) (*Leader, error) {
	if cfg.State.Claim() == wire.NoZxid {
		return nil, errors.New("zab: a server that may have forgotten what it acknowledged cannot lead")
	}
	if !cfg.Active.IsVoter(cfg.ID) {
		return nil, fmt.Errorf("zab: server %d is no voter and cannot lead", cfg.ID)
	}
	if cfg.MaxBacklog == 0 {
		cfg.MaxBacklog = 64 << 20
	}
	if cfg.LastCounter == 0 {
		cfg.LastCounter = wire.MaxCounter - 1
	}
	l := &Leader{
		cfg: cfg, active: &cfg.Active, conns: map[Conn]*peer{}, told: map[wire.SID]*peer{},
		promises: map[wire.SID]bool{},
	}
	l.initial, l.persisted = cfg.State.Last, cfg.State.Last
	l.committed, l.delivered = cfg.State.Applied, cfg.State.Applied
	l.tryEpoch()
	return l, nil
}

// Epoch is the epoch of this reign, 0 until it is decided.
func (l *Leader) Epoch() wire.Epoch { return l.epoch }

// Established reports whether proposals are taken.
func (l *Leader) Established() bool { return l.phase == broadcasting && !l.retired }

// Active is the configurations in force.
func (l *Leader) Active() quorum.Active { return *l.active }

// Last is the zxid of the last proposal, epoch<<32 before the first.
func (l *Leader) Last() wire.Zxid { return l.proposed }

// Committed is the zxid of the last transaction that a quorum has.
func (l *Leader) Committed() wire.Zxid { return l.committed }

// Ready returns what is to be done, and false if there is nothing.
func (l *Leader) Ready() (LeaderReady, bool) {
	l.startSweep()
	if !l.out.changed() {
		return LeaderReady{}, false
	}
	r := l.out.extra
	l.out.extra = LeaderReady{}
	l.out.room.requests = max(l.out.room.requests/2, min(len(r.Requests), maxRoom))
	r.Ready = l.out.take()
	return r, true
}

func (o *leaderOutput) changed() bool {
	x := &o.extra
	return !o.empty() || len(x.Close) > 0 || x.Established || len(x.Requests) > 0 || len(x.Touches) > 0 ||
		len(x.Revalidations) > 0 || len(x.Confirmed) > 0 || x.Activated != nil || x.Stop != nil
}

// Persisted says that the writes of a Ready, and all before it, are durable.
func (l *Leader) Persisted(id uint64) {
	p, any := l.out.kept(id)
	if !any || l.phase == leaderStopped {
		return
	}
	if p.accepted {
		l.promised = true
		l.tryPromised()
	}
	if p.current {
		l.synced = true
		l.tryEstablish()
	}
	if p.zxid > l.persisted {
		l.persisted = p.zxid
		l.disk.caughtUp(l.persisted, l.ticks)
		l.advance()
	}
}

// Resign ends the reign. The driver does so when it cannot go on, or when those who
// elected this server look for another leader before it is established (S18; package
// election tells), and may do so when a
// voter that has promised a later epoch (an AheadError) cannot follow before there is
// a new one.
func (l *Leader) Resign(why error) { l.stop(why) }

func (l *Leader) stop(err error) {
	if l.phase == leaderStopped {
		return
	}
	l.phase = leaderStopped
	l.out.extra.Stop = err
	for _, p := range l.peers {
		l.out.extra.Close = append(l.out.extra.Close, Close{p.conn, err})
	}
	l.peers = nil
	clear(l.conns)
	clear(l.told)
}

func (l *Leader) enter(p leaderPhase) { l.phase, l.since = p, l.ticks }

// tryEpoch decides on the epoch when a quorum has told what it promised (W1).
func (l *Leader) tryEpoch() {
	if l.phase != discovering || !l.active.HasQuorum(l.hasTold) {
		return
	}
	epoch := l.cfg.State.AcceptedEpoch
	for _, p := range l.peers {
		epoch = max(epoch, p.accepted)
	}
	if epoch == math.MaxInt32 {
		l.stop(errors.New("zab: there is no epoch left to lead in"))
		return
	}
	if !plant.In(plant.EpochNotRaised) || epoch == 0 {
		epoch++
	}
	l.epoch = epoch
	l.enter(electing)
	l.versionFirstConfig()
	l.out.epoch(Write{Op: WriteAcceptedEpoch, Epoch: epoch})
	for _, p := range l.peers {
		if p.stage == told {
			l.offerEpoch(p)
		}
	}
}

// epoch writes acceptedEpoch, before whatever vouches for it.
func (o *output) epoch(w Write) {
	o.write(w)
	if plant.In(plant.EpochAfterReply) {
		n := len(o.Writes) - 1
		o.Writes, o.deferred = o.Writes[:n], append(o.deferred, o.Writes[n])
	}
}

func (l *Leader) hasTold(id wire.SID) bool {
	return id == l.cfg.ID || l.told[id] != nil && l.mayPromise(l.told[id])
}

// mayPromise reports whether the promise of a server counts. One that connects as an
// observer may not know yet that it is a voter by the configuration under way, which it
// learns when it is synchronised; its promise is worth the same.
func (l *Leader) mayPromise(p *peer) bool {
	return !p.observer || !l.active.Committed.IsVoter(p.sid) || observersPromise()
}

// offerEpoch sends LEADERINFO, which says that the epoch is promised here.
func (l *Leader) offerEpoch(p *peer) {
	p.heard = l.ticks
	l.out.Then = append(l.out.Then, Vouch{
		To: p.conn, kind: leaderInfo, zxid: wire.MakeZxid(l.epoch, 0), value: wire.ProtocolVersion,
	})
}

// tryPromised begins the synchronisation when a quorum has promised the epoch (W2).
func (l *Leader) tryPromised() {
	if l.phase != electing || !l.active.HasQuorum(l.hasPromised) {
		return
	}
	l.enter(synchronising)
	l.out.write(Write{Op: WriteCurrentEpoch, Epoch: l.epoch})
	for _, p := range l.peers {
		if p.stage == promised {
			l.synchronise(p)
		}
	}
}

func (l *Leader) hasPromised(id wire.SID) bool {
	if id == l.cfg.ID {
		return l.promised
	}
	return l.promises[id]
}

// tryEstablish ends the synchronisation when a quorum has the initial history (W3):
// that history is now committed.
func (l *Leader) tryEstablish() {
	if l.phase != synchronising || !l.active.HasQuorum(l.hasSynced) {
		return
	}
	l.enter(broadcasting)
	l.proposed = wire.MakeZxid(l.epoch, 0)
	l.committed = max(l.committed, l.initial)
	l.out.Replay = Range{l.delivered, l.initial}
	l.delivered = l.committed
	l.out.extra.Established, l.out.extra.FirstZxid = true, l.proposed+1
	if l.active.Pending() && !l.activateFirst() {
		return
	}
	for _, p := range l.peers {
		if p.stage == synced {
			l.release(p)
		}
	}
}

func (l *Leader) hasSynced(id wire.SID) bool {
	if id == l.cfg.ID {
		return l.synced
	}
	return l.anyPeer(id, func(p *peer) bool { return p.stage >= synced })
}
