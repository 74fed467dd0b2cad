package zab

import (
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// An ask waits for two things: that a quorum shows, after the ask, that it still
// follows this leader; and that a zxid is committed.
//
// The first is shown by answers to PINGs that were sent after the ask. A server
// answers only while it follows, and who follows has promised no later epoch; a
// later leader needs promises from a quorum; so none had been established, and
// nothing was committed elsewhere, when the ask came.
//
// An ACK of what was proposed after the ask shows the same, so a commit confirms the
// syncs before it: none has to hold up what its session wrote behind it.
type ask struct {
	conn  Conn      // the learner whose sync this is; 0 for our own
	id    uint64    // of our own
	zxid  wire.Zxid // to be committed, or delivered here if it is our own
	sweep uint64    // of the PINGs that count; 0 until they are sent
}

// Sync asks for the moment when everything that was proposed before is delivered
// here and it is certain that nobody else led then. Confirmed tells when, by id.
//
// It tells so no later than anything proposed after the call is delivered.
func (l *Leader) Sync(id uint64) { l.syncs = append(l.syncs, ask{id: id, zxid: l.proposed}) }

// SyncFor takes a learner's sync, at its turn among the Requests. The learner is
// answered behind the COMMITs of all that was proposed before, and ahead of the
// COMMIT of anything later: Apache ZooKeeper's learners match answers to requests by
// their order.
func (l *Leader) SyncFor(c Conn) {
	l.forwarded = append(l.forwarded, ask{conn: c, zxid: l.proposed})
}

// Read asks for the moment when everything that was committed before, by anybody, is
// delivered here: a read answered after it is linearizable. Confirmed tells when, by
// id. What is asked before one Ready shares one round of packets.
func (l *Leader) Read(id uint64) { l.reads = append(l.reads, ask{id: id, zxid: l.committed}) }

// startSweep sends PINGs for the asks that have none yet.
func (l *Leader) startSweep() {
	if l.phase != broadcasting || !waiting(l.reads) && !waiting(l.syncs) && !waiting(l.forwarded) {
		return
	}
	l.sweepPings(maxPings)
	l.confirm()
}

// waiting reports whether an ask has no PINGs yet. New ones are at the end.
func waiting(asks []ask) bool { return len(asks) > 0 && asks[len(asks)-1].sweep == 0 }

// sweepPings sends a PING to everybody who was sent NEWLEADER and has left fewer
// than limit unanswered.
func (l *Leader) sweepPings(limit int) {
	l.sweep++
	for _, p := range l.peers {
		if p.stage < syncing || len(p.pings) >= limit {
			continue
		}
		l.out.send(Message{To: p.conn, kind: ping, zxid: l.proposed})
		if p.stage == live { // before UPTODATE nobody answers
			p.pings = append(p.pings, l.sweep)
		}
	}
	number(l.reads, l.sweep)
	number(l.syncs, l.sweep)
	number(l.forwarded, l.sweep)
}

func number(asks []ask, sweep uint64) {
	for i := len(asks) - 1; i >= 0 && asks[i].sweep == 0; i-- {
		asks[i].sweep = sweep
	}
}

// confirm answers the asks that have what they wait for.
func (l *Leader) confirm() {
	if l.phase != broadcasting {
		return
	}
	l.reads = l.answer(l.reads, false)
	l.syncs = l.answer(l.syncs, true)
	l.forwarded = l.answer(l.forwarded, true)
}

// answerBefore answers the learners whose syncs were asked before a transaction was
// proposed that is about to be committed.
func (l *Leader) answerBefore(z wire.Zxid) {
	n := 0
	for ; n < len(l.forwarded) && l.forwarded[n].zxid < z; n++ {
		l.answerLearner(l.forwarded[n].conn)
	}
	l.forwarded = l.forwarded[n:]
}

func (l *Leader) answerLearner(c Conn) {
	if l.peer(c) != nil {
		l.out.send(Message{To: c, kind: syncReply})
	}
}

// answer answers asks in their order; zxids and sweeps grow, so the first one that
// has to wait is followed by none that need not. A sync's zxid was proposed when it
// was asked, so that a later one shows who follows; a read's was not.
func (l *Leader) answer(asks []ask, syncs bool) []ask {
	n := 0
	for ; n < len(asks) && l.isAnswered(&asks[n], syncs); n++ {
		if a := &asks[n]; a.conn == 0 {
			l.out.extra.Confirmed = append(l.out.extra.Confirmed, a.id)
		} else {
			l.answerLearner(a.conn)
		}
	}
	return asks[n:]
}

func (l *Leader) isAnswered(a *ask, sync bool) bool {
	// Before the first proposal of the epoch the zxid to wait for is epoch<<32.
	first := wire.MakeZxid(l.epoch, 0)
	if a.zxid > max(l.committed, first) {
		return false
	}
	if a.conn == 0 && a.zxid.Counter() > 0 && a.zxid > l.delivered {
		return false
	}
	if plant.In(plant.DeposedLeaderSyncs) || sync && l.committed > max(a.zxid, first) {
		return true
	}
	return a.sweep != 0 && l.active.HasQuorum(func(id wire.SID) bool {
		return id == l.cfg.ID || l.anyPeer(id, func(p *peer) bool { return p.stage == live && p.sweep >= a.sweep })
	})
}

// PendingSyncs counts the Syncs, and the sync requests of learners, that are not
// answered yet.
func (l *Leader) PendingSyncs() int { return len(l.syncs) }
