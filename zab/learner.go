package zab

import (
	"fmt"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// A LearnerConfig is what a server knows when it has found a leader.
type LearnerConfig struct {
	ID     wire.SID
	Leader wire.SID
	// Observer is for a server that votes in no configuration in force
	// (quorum.Active.IsVoter). One that is in none at all is a follower; it does
	// not count.
	Observer bool
	State    State
	Log      History
	Active   quorum.Active
	// InitLimit and SyncLimit are in tickTimes, at least 1.
	InitLimit, SyncLimit int
	// MaxBuffer is how many bytes of a DIFF are held before a part of them is
	// written; default 16 MiB.
	MaxBuffer int
	// MaxBacklog is how many bytes may wait for an observer of this server; default
	// 32 MiB. Throttle makes observers wait while others are brought up to date.
	MaxBacklog int64
	Throttle   Throttle
}

// A LearnerReady is what a Learner wants done.
type LearnerReady struct {
	Ready
	// Snapshot asks for the stream that follows on the connection. When it has been
	// read to its signature, the driver calls SnapshotRead; it keeps the snapshot
	// aside until WriteSnapshot makes it the state.
	Snapshot *wire.Zxid
	// Serving is set once: from this Ready on, after its Replay, the server
	// serves clients, in epoch Epoch.
	Serving bool
	Epoch   wire.Epoch
	// Synced are the sync requests that may be answered when Deliver has been
	// applied. What has a larger zxid than one of them should be answered after it,
	// for it may be what the same client wrote next.
	Synced []Synced
	// Revalidated are answers of the leader about sessions.
	Revalidated []wire.Revalidated
	// Activated is the configuration in force from now on, nil if it did not
	// change.
	Activated *Activation
	// Moved are sessions that speak through an observer of this server from now on: if
	// a connection of this server has one of them, it has it no longer.
	Moved []wire.SessionID
	// Close ends connections of observers: packets that were sent to them before need
	// not arrive.
	Close []Close
	// Stop says why the learner follows no longer. It wants nothing after that,
	// but this Ready still counts.
	Stop error
}

// Synced is the answer to a sync request, and what was committed when it came.
type Synced struct {
	ID   uint64
	Zxid wire.Zxid
}

// The phases of a learner.
type learnerPhase uint8

const (
	registering learnerPhase = iota // waits for LEADERINFO
	awaiting                        // waits for DIFF, TRUNC or SNAP
	loading                         // reads a snapshot
	catchingUp                      // takes over history, until NEWLEADER
	pledged                         // makes it durable, and waits for UPTODATE
	following
	learnerStopped
)

func (p learnerPhase) String() string {
	return [...]string{"registering", "awaiting history", "loading a snapshot", "catching up", "pledged", "following", "stopped"}[p]
}

// A Learner is the other side of ZAB, a follower's or an observer's, on one
// connection to one leader. Its methods are called by one goroutine; after any number of
// them the driver calls Ready until there is nothing more, and does what it says.
type Learner struct {
	cfg   LearnerConfig
	phase learnerPhase
	epoch wire.Epoch
	ticks int // half tickTimes
	heard int
	out   learnerOutput

	first   wire.PacketType // DIFF, TRUNC or SNAP
	base    wire.Zxid       // where the history of the leader goes on
	last    wire.Zxid       // of the last proposal, or base
	repeat  wire.Zxid       // of the last proposal that a snapshot holds already
	started bool            // a part of the history is on its way to the log
	buffer  []Txn           // to be written at NEWLEADER
	size    int             // bytes in buffer
	config  quorum.Config   // of NEWLEADER
	pledged int             // when NEWLEADER came
	pledge  uint64          // the Ready whose writes the ACK of NEWLEADER stands behind
	history wire.Zxid       // what was committed of it when NEWLEADER came; all that is in the log

	// queue holds what is proposed and not committed, or not delivered; the first
	// ncommitted of it are committed.
	queue      []Txn
	ncommitted int
	committed  wire.Zxid
	persisted  wire.Zxid
	delivered  wire.Zxid
	changes    []Activation // committed and not delivered

	touches []wire.Touch
	touchAt map[wire.SessionID]int // in touches
	syncs   []syncAsk
	answers []syncAnswer              // that wait for what was committed before
	asked   map[wire.SessionID][]Conn // REVALIDATEs under way, by whom: 0 is this server
	master  ObserverMaster
}

// learnerOutput is what the next LearnerReady is made from.
type learnerOutput struct {
	output
	extra LearnerReady
}

// NewLearner starts to learn; the connection has just been made.
func NewLearner(cfg LearnerConfig) *Learner {
	if cfg.MaxBuffer == 0 {
		cfg.MaxBuffer = 16 << 20
	}
	if cfg.MaxBacklog == 0 {
		cfg.MaxBacklog = 32 << 20
	}
	l := &Learner{cfg: cfg, touchAt: map[wire.SessionID]int{}, asked: map[wire.SessionID][]Conn{}}
	l.master = ObserverMaster{l: l, conns: map[Conn]*peer{}, speaks: map[wire.SessionID]Conn{}}
	l.persisted, l.delivered = cfg.State.Last, cfg.State.Applied
	info := wire.LearnerInfo{SID: cfg.ID, Protocol: wire.ProtocolVersion, ConfigVersion: cfg.Active.Committed.Version}
	kind := followerInfo
	if cfg.Observer {
		kind = observerInfo
	}
	l.out.send(Message{kind: kind, zxid: wire.MakeZxid(cfg.State.AcceptedEpoch, 0), data: info.AppendTo(nil)})
	return l
}

// Epoch is that of the leader, 0 until it is known.
func (l *Learner) Epoch() wire.Epoch { return l.epoch }

// Last is the zxid of the last transaction that the leader is known to have proposed.
func (l *Learner) Last() wire.Zxid { return l.last }

// Following reports whether the server serves.
func (l *Learner) Following() bool { return l.phase == following }

// Ready returns what is to be done, and false if there is nothing.
func (l *Learner) Ready() (LearnerReady, bool) {
	if !l.out.changed() {
		return LearnerReady{}, false
	}
	r := l.out.extra
	l.out.extra = LearnerReady{}
	r.Ready = l.out.take()
	return r, true
}

func (o *learnerOutput) changed() bool {
	x := &o.extra
	return !o.empty() || x.Snapshot != nil || x.Serving || len(x.Synced) > 0 || len(x.Revalidated) > 0 ||
		x.Activated != nil || len(x.Moved) > 0 || len(x.Close) > 0 || x.Stop != nil
}

// Persisted says that the writes of a Ready, and all before it, are durable.
func (l *Learner) Persisted(id uint64) {
	p, any := l.out.kept(id)
	if !any || l.phase == learnerStopped {
		return
	}
	l.persisted = max(l.persisted, p.zxid)
	l.deliver()
}

// Tick is called twice in every tickTime.
func (l *Learner) Tick() {
	l.ticks++
	limit := l.cfg.InitLimit
	if l.phase == following { // until then it may be the leader who waits for others
		limit = l.cfg.SyncLimit
	}
	if l.phase != learnerStopped && l.ticks-l.heard > 2*limit {
		l.stop(&TimeoutError{"a word from the leader", limit})
	}
	if l.promoted() {
		l.stop(&RoleChange{Leader: l.cfg.Leader, Zxid: wire.Zxid(l.config.Version)})
	}
	l.master.tick()
}

// Progress says that a part of a snapshot has arrived.
func (l *Learner) Progress() { l.heard = l.ticks }

// Mismatch says that the tree differs from the leader's: the digest of the
// transaction at z is not that of the tree after it.
func (l *Learner) Mismatch(z wire.Zxid) {
	l.stop(&ResyncError{z, "the tree's digest is not the leader's"})
}

func (l *Learner) stop(err error) {
	if l.phase != learnerStopped {
		l.phase = learnerStopped
		l.out.extra.Stop = err
		l.master.stop(err)
	}
}

// Receive takes a packet from the leader. The machine keeps what it refers to.
func (l *Learner) Receive(pkt *wire.QuorumPacket) {
	if l.phase == learnerStopped {
		return
	}
	l.heard = l.ticks
	if err := l.handle(pkt); err != nil {
		l.stop(err)
	}
}

func (l *Learner) handle(pkt *wire.QuorumPacket) error {
	switch pkt.Type {
	case wire.PacketLeaderInfo:
		return l.leaderInfo(pkt)
	case wire.PacketDiff, wire.PacketTrunc, wire.PacketSnap:
		return l.begin(pkt)
	case wire.PacketProposal:
		return l.proposal(pkt)
	case wire.PacketCommit, wire.PacketCommitAndActivate:
		return l.commit(pkt)
	case wire.PacketInform, wire.PacketInformAndActivate:
		return l.inform(pkt)
	case wire.PacketNewLeader:
		return l.newLeader(pkt)
	case wire.PacketUpToDate:
		return l.upToDate(pkt)
	case wire.PacketPing:
		return l.ping(pkt)
	case wire.PacketSync:
		return l.synced(pkt)
	case wire.PacketRevalidate:
		return l.revalidated(pkt)
	case wire.PacketRequest, wire.PacketAck, wire.PacketFollowerInfo, wire.PacketObserverInfo, wire.PacketAckEpoch:
		return refuse(pkt, "only a learner sends it")
	}
	if l.phase == awaiting {
		return refuse(pkt, "neither DIFF nor TRUNC nor SNAP")
	}
	return nil // a newer server may know more types
}

// expect refuses a packet outside of some phases.
func (l *Learner) expect(pkt *wire.QuorumPacket, from, to learnerPhase) error {
	if l.phase < from || l.phase > to {
		return refuse(pkt, fmt.Sprintf("out of turn: this server is %v", l.phase))
	}
	return nil
}

// leaderInfo promises the leader's epoch, unless a later one is promised already.
func (l *Learner) leaderInfo(pkt *wire.QuorumPacket) error {
	version, err := wire.DecodePacketInt(pkt.Data)
	epoch := pkt.Zxid.Epoch()
	s := &l.cfg.State
	switch {
	case err != nil:
		return malformed(pkt, err)
	case version < wire.ProtocolVersion:
		return refuse(pkt, "the leader speaks a protocol from before ZooKeeper 3.4")
	case pkt.Zxid.Counter() != 0:
		return refuse(pkt, "the zxid of an epoch has no counter")
	case epoch < s.AcceptedEpoch, epoch < s.CurrentEpoch:
		return &AheadError{l.cfg.ID, fmt.Sprintf("has promised epoch %d and cannot follow server %d, which leads epoch %d", s.AcceptedEpoch, l.cfg.Leader, epoch)}
	}
	if err := l.expect(pkt, registering, registering); err != nil {
		return err
	}
	v := Vouch{kind: ackEpoch, zxid: s.Last, value: int32(s.CurrentEpoch)}
	if epoch > s.AcceptedEpoch {
		l.out.epoch(Write{Op: WriteAcceptedEpoch, Epoch: epoch})
		s.AcceptedEpoch = epoch
	} else {
		v.value = -1
	}
	switch {
	case s.ForceSnapshot:
		v.zxid, v.value = 0, -1
	case s.Untrusted:
		v.zxid = wire.NoZxid
	}
	l.out.Then = append(l.out.Then, v)
	l.epoch, l.phase = epoch, awaiting
	return nil
}
