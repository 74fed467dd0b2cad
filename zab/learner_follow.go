package zab

import (
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// deliver hands over what is committed and in our own log.
func (l *Learner) deliver() {
	if l.phase != following {
		return
	}
	if plant.In(plant.AppliedBeforeCommit) {
		l.ncommitted = len(l.queue)
	}
	for l.ncommitted > 0 && l.queue[0].Zxid <= l.persisted {
		txn := l.queue[0]
		l.queue[0] = Txn{}
		l.queue, l.ncommitted = l.queue[1:], l.ncommitted-1
		l.answerSyncs() // those before it
		change := l.changeAt(txn.Zxid)
		if txn.Zxid > l.delivered {
			l.out.deliver(txn)
			l.delivered = txn.Zxid
			l.master.delivered(txn, change)
		}
		if change != nil && !l.activate(*change) {
			return
		}
	}
	l.answerSyncs()
}

// changeAt takes the reconfiguration with a zxid, the next of all there are, or nil.
func (l *Learner) changeAt(z wire.Zxid) *Activation {
	if len(l.changes) == 0 || l.changes[0].Zxid != z {
		return nil
	}
	change := l.changes[0]
	l.changes = l.changes[1:]
	return &change
}

// activate puts a configuration into force. It reports whether this server goes on
// following its leader.
func (l *Learner) activate(a Activation) bool {
	l.out.extra.Activated = &a
	l.cfg.Active = quorum.Active{Committed: a.Config}
	if a.Leader == l.cfg.Leader && l.role(a.Config) == l.cfg.Observer {
		return true
	}
	l.stop(&RoleChange{Leader: a.Leader, Zxid: a.Zxid})
	return false
}

// role reports whether a configuration makes this server an observer. One that is no
// member goes on as a follower that does not count.
func (l *Learner) role(c quorum.Config) (observer bool) {
	s, ok := c.Server(l.cfg.ID)
	return ok && s.Role == quorum.Observer
}

// Touch notes that a client session was heard from; the leader learns of it with the
// next PING. ZooKeeper's learners do so, too, for every session that is created
// anywhere, when they apply its createSession.
func (l *Learner) Touch(s wire.SessionID, timeout int32) {
	if plant.In(plant.TouchesNotForwarded) {
		return
	}
	t := wire.Touch{Session: s, Timeout: timeout}
	if i, ok := l.touchAt[s]; ok {
		l.touches[i] = t
		return
	}
	l.touchAt[s] = len(l.touches)
	l.touches = append(l.touches, t)
}

// ping answers with the sessions heard from. Before UPTODATE there is no answer: the
// leader may take whatever comes first for the ACK of NEWLEADER.
func (l *Learner) ping(pkt *wire.QuorumPacket) error {
	if l.phase != following {
		return nil
	}
	n := min(len(l.touches), maxTouches)
	l.out.send(Message{kind: ping, zxid: pkt.Zxid, data: wire.AppendTouches(nil, l.touches[:n])})
	l.touches = l.touches[:copy(l.touches, l.touches[n:])]
	clear(l.touchAt)
	for i := range l.touches {
		l.touchAt[l.touches[i].Session] = i
	}
	return nil
}

// maxTouches bounds the sessions in one answer, at 12 bytes each: a leader does not take a
// packet with more data than twice jute.maxbuffer, by default 2 MB. The others are in the
// next answer.
const maxTouches = 64 << 10

// Forward passes a request on to the leader. It returns false, and does nothing, when
// the server does not follow, or the session speaks through one of its observers by
// now. The id is that of a sync, for Synced.
func (l *Learner) Forward(r wire.ForwardedRequest, auth []wire.ID, id uint64) bool {
	if l.phase != following || r.Op != wire.OpCreateSession && l.master.hasMoved(r.Session) {
		return false
	}
	l.forward(0, r, auth, id)
	return true
}

func (l *Learner) forward(from Conn, r wire.ForwardedRequest, auth []wire.ID, id uint64) {
	l.out.send(Message{kind: request, zxid: wire.NoZxid, data: r.AppendTo(nil), auth: &auth})
	if r.Op == wire.OpSync {
		l.syncs = append(l.syncs, syncAsk{from, id})
	}
}

// A syncAsk is a sync that the leader has not answered: of an observer, or with
// connection 0 of this server, under its id.
type syncAsk struct {
	from Conn
	id   uint64
}

// A syncAnswer is one that it has answered, when everything up to zxid was committed.
type syncAnswer struct {
	syncAsk
	zxid wire.Zxid
}

// synced takes the answer to the oldest sync. Everything committed before it has
// arrived before it.
func (l *Learner) synced(pkt *wire.QuorumPacket) error {
	if l.phase != following || len(l.syncs) == 0 {
		return refuse(pkt, "nobody asked")
	}
	l.answers = append(l.answers, syncAnswer{l.syncs[0], l.committed})
	l.syncs = l.syncs[1:]
	l.answerSyncs()
	return nil
}

func (l *Learner) answerSyncs() {
	for len(l.answers) > 0 && l.answers[0].zxid <= l.delivered {
		a := l.answers[0]
		l.answers = l.answers[1:]
		if a.from != 0 {
			l.master.synced(a.from)
			continue
		}
		l.out.extra.Synced = append(l.out.extra.Synced, Synced{a.id, a.zxid})
	}
}

// Revalidate asks the leader whether a session lives, for a client that wants to go
// on with it here. It returns false when the server does not follow.
func (l *Learner) Revalidate(s wire.SessionID, timeout int32) bool {
	if l.phase != following {
		return false
	}
	l.askFor(0, wire.Revalidation{Session: s, Timeout: timeout})
	return true
}

func (l *Learner) askFor(from Conn, r wire.Revalidation) {
	l.asked[r.Session] = append(l.asked[r.Session], from)
	l.out.send(Message{kind: revalidate, zxid: wire.NoZxid, data: wire.AppendRevalidation(nil, r)})
}

func (l *Learner) revalidated(pkt *wire.QuorumPacket) error {
	var r wire.Revalidated
	d := wire.NewDecoder(pkt.Data)
	if r.DecodeFrom(&d); d.Err() != nil {
		return malformed(pkt, d.Err())
	}
	from := l.asked[r.Session]
	if len(from) == 0 {
		return nil // of a question that was asked before this connection
	}
	if l.asked[r.Session] = from[1:]; len(from) == 1 {
		delete(l.asked, r.Session)
	}
	l.master.revalidated(from[0], r)
	return nil
}
