package zab

import (
	"slices"

	"github.com/zabra/zabra/wire"
)

// The stages of a connection to a learner.
type stage uint8

const (
	connected stage = iota // said nothing yet
	told                   // sent FOLLOWERINFO or OBSERVERINFO
	promised               // sent ACKEPOCH
	syncing                // was sent history and NEWLEADER
	synced                 // acknowledged NEWLEADER
	live                   // was sent UPTODATE
)

// A peer is a leader's view of one connection.
type peer struct {
	conn     Conn
	sid      wire.SID
	observer bool
	stage    stage
	accepted wire.Epoch // of FOLLOWERINFO
	counts   bool       // it promised the epoch only now
	zxid     wire.Zxid  // of ACKEPOCH
	sent     wire.Zxid  // it was sent everything up to here
	acked    wire.Zxid  // and this is in its log
	heard    int        // when its time began to run: see spoke and progress
	deadline int        // it counts as in contact until then
	behind   lag
	first    wire.PacketType // what its history began with
	pings    []uint64        // sweeps it has not answered yet
	sweep    uint64          // the last one that it answered
}

// maxPings bounds the PINGs that one learner may leave unanswered; beyond it only
// one each tick is sent, until it is dropped for its silence.
const maxPings = 64

// anyPeer reports whether a voting learner's connection satisfies ok.
func (l *Leader) anyPeer(id wire.SID, ok func(*peer) bool) bool {
	if observersCount() && slices.ContainsFunc(l.peers, func(p *peer) bool { return p.observer && p.stage >= told && ok(p) }) {
		return true
	}
	p := l.told[id]
	return p != nil && !p.observer && ok(p)
}

func (l *Leader) peer(c Conn) *peer { return l.conns[c] }

// Synced reports whether a server follows this leader with its history, and is in
// contact. Of a reconfiguration, a quorum of the new voters must: those who are
// connected as observers could not acknowledge it.
func (l *Leader) Synced(id wire.SID) bool {
	if id == l.cfg.ID {
		return true
	}
	p := l.told[id]
	return p != nil && !p.observer && p.stage >= synced && l.ticks <= p.deadline
}

// A Follower says how a learner is doing.
type Follower struct {
	Conn     Conn
	SID      wire.SID
	Observer bool
	UpToDate bool      // serves
	Sent     wire.Zxid // history sent to it
	Acked    wire.Zxid // and in its log, if it votes
}

// Followers lists the learners, in the order in which they connected.
func (l *Leader) Followers() []Follower {
	var v []Follower
	for _, p := range l.peers {
		if p.stage >= told {
			v = append(v, Follower{p.conn, p.sid, p.observer, p.stage == live, p.sent, p.acked})
		}
	}
	return v
}

// Connected takes a new connection.
func (l *Leader) Connected(c Conn) {
	if l.phase == leaderStopped {
		l.out.extra.Close = append(l.out.extra.Close, Close{c, ErrNotServing})
		return
	}
	grace := 2 * (l.cfg.InitLimit + l.cfg.SyncLimit)
	p := &peer{conn: c, sid: -1, heard: l.ticks, deadline: l.ticks + grace}
	l.peers, l.conns[c] = append(l.peers, p), p
}

// Disconnected says that a connection is gone.
func (l *Leader) Disconnected(c Conn) {
	if p := l.conns[c]; p != nil {
		l.forget(p)
	}
	if l.retired && !l.hasVoters() {
		l.stop(l.successor())
		return
	}
	l.admit()
}

func (l *Leader) forget(p *peer) {
	at := slices.Index(l.peers, p)
	l.peers = append(l.peers[:at:at], l.peers[at+1:]...)
	delete(l.conns, p.conn)
	if l.told[p.sid] == p {
		delete(l.told, p.sid)
	}
}

// hasVoters reports whether a learner is left that votes.
func (l *Leader) hasVoters() bool {
	return slices.ContainsFunc(l.peers, func(p *peer) bool { return p.stage == live && l.active.IsVoter(p.sid) })
}

// drop ends a connection.
func (l *Leader) drop(c Conn, err error) {
	l.out.extra.Close = append(l.out.extra.Close, Close{c, err})
	l.Disconnected(c)
}

// Progress says that a learner takes what it was sent, and has not got all of it that
// comes before what it is to answer, NEWLEADER or a PING: it is not silent. When it has
// got that, it has InitLimit for the first, and SyncLimit for the second.
func (l *Leader) Progress(c Conn) {
	if p := l.peer(c); p != nil {
		p.progress(l.ticks)
	}
}

func (p *peer) progress(now int) {
	if p.stage >= syncing {
		p.heard = now
	}
}

// spoke notes that a learner has said something. Before it has acknowledged NEWLEADER
// words are not enough: whoever says other things would keep its history, and its place
// in the Throttle, for ever. So each stage up to that has its time from its beginning.
func (p *peer) spoke(now int) {
	if p.stage >= synced {
		p.heard = now
	}
}

// plan is how the learner is brought up to date. One that says "0, do not count me" asks
// for a snapshot.
func (p *peer) plan(log History, h horizon) Stream {
	if p.zxid == 0 && !p.counts {
		return snap(h.end)
	}
	return planSync(log, p.zxid, h)
}

// Backlog says how many bytes wait to be sent on a connection.
func (l *Leader) Backlog(c Conn, bytes int64) {
	if p := l.peer(c); p != nil && bytes > l.cfg.MaxBacklog {
		l.drop(c, &SlowError{p.sid, "too much waits to be sent to it"})
	}
}

// A lag measures for how long somebody has not caught up with where we were.
type lag struct {
	zxid  wire.Zxid // to be reached; 0 if there is nothing
	since int
	last  wire.Zxid // to be reached after that
}

// expect is called with each position that is to be reached.
func (g *lag) expect(z wire.Zxid, now int) {
	g.last = z
	if g.zxid == 0 {
		g.zxid, g.since = z, now
	}
}

// caughtUp is called with each position that has been reached.
func (g *lag) caughtUp(z wire.Zxid, now int) {
	switch {
	case z >= g.last:
		g.zxid = 0
	case z >= g.zxid:
		g.zxid, g.since = g.last, now
	}
}

func (g *lag) longerThan(limit, now int) bool { return g.zxid != 0 && now-g.since > limit }
