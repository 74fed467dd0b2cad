package zab

import (
	"fmt"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// An outstanding transaction is proposed, and not yet both committed and in our own
// log; or it is a reconfiguration, which is kept for learners that come later.
type outstanding struct {
	txn    Txn
	active *quorum.Active // whose quorums it needs
	// Of a reconfiguration:
	config *quorum.Config
	leader wire.SID // known when it is committed
}

// Propose broadcasts a transaction, which must have the zxid after Last. A second
// reconfiguration while one is under way is refused, as is everything while the
// leader does not serve.
func (l *Leader) Propose(txn Txn) error {
	if !l.Established() {
		return ErrNotServing
	}
	if l.proposed.Counter() >= l.cfg.LastCounter && !plant.In(plant.ZxidWraps) {
		return ErrCounterSpent
	}
	if txn.Zxid != l.proposed+1 {
		return &OrderError{txn.Zxid, l.proposed + 1}
	}
	if err := checkTxn(txn.Raw, txn.Zxid); err != nil {
		return fmt.Errorf("zab: proposal %v: %w", txn.Zxid, err)
	}
	o := outstanding{txn: txn}
	if opOf(txn.Raw) == wire.OpReconfig {
		if err := l.startReconfig(&o); err != nil {
			return err
		}
	}
	o.active = l.active
	l.broadcast(o)
	return nil
}

func (l *Leader) broadcast(o outstanding) {
	z := o.txn.Zxid
	l.proposed = z
	l.proposals = append(l.proposals, o)
	for _, p := range l.peers {
		if p.stage != live {
			continue
		}
		p.sent = z
		if !p.observer {
			p.behind.expect(z, l.ticks)
			l.sendProposal(p, &o)
		}
	}
	l.out.append(o.txn)
	l.disk.expect(z, l.ticks)
	l.quorum.expect(z, l.ticks)
	if plant.In(plant.OwnAckUncounted) || plant.In(plant.CommitBySingleAck) {
		l.advance()
	}
}

// advance commits, in order, what has its quorums.
func (l *Leader) advance() {
	for i := range l.proposals {
		o := &l.proposals[i]
		if o.txn.Zxid <= l.committed {
			continue
		}
		if l.phase != broadcasting || l.retired || !o.active.HasQuorum(func(id wire.SID) bool { return l.has(id, o.txn.Zxid) }) {
			break
		}
		if plant.In(plant.CommitOutOfOrder) && i+1 < len(l.proposals) {
			o = &l.proposals[i+1]
		}
		l.commit(o)
	}
	l.deliver()
	l.confirm()
	if l.phase == broadcasting && l.proposed.Counter() >= l.cfg.LastCounter && l.committed == l.proposed && !plant.In(plant.ZxidWraps) {
		l.stop(ErrCounterSpent)
	}
}

// has reports whether a transaction, and so all before it, is in a server's log.
func (l *Leader) has(id wire.SID, z wire.Zxid) bool {
	if plant.In(plant.CommitBySingleAck) {
		return true
	}
	if id == l.cfg.ID {
		return l.persisted >= z || plant.In(plant.OwnAckUncounted)
	}
	return l.anyPeer(id, func(p *peer) bool { return p.stage >= synced && p.acked >= z })
}

// commit tells the learners that a transaction is decided.
func (l *Leader) commit(o *outstanding) {
	l.answerBefore(o.txn.Zxid)
	l.committed = o.txn.Zxid
	l.quorum.caughtUp(l.committed, l.ticks)
	if o.config != nil {
		l.activate(o)
	}
	for _, p := range l.peers {
		switch {
		case p.stage != live:
		case p.observer:
			l.sendInform(p, o)
		default:
			l.sendCommit(p, o)
		}
	}
}

// deliver hands over what is committed and in our own log: the tree is never ahead
// of the log that it would be rebuilt from.
func (l *Leader) deliver() {
	n := 0
	for n < len(l.proposals) && l.proposals[n].txn.Zxid <= min(l.committed, l.persisted) {
		l.out.deliver(l.proposals[n].txn)
		l.delivered = l.proposals[n].txn.Zxid
		n++
	}
	clear(l.proposals[:n])
	l.proposals = l.proposals[n:]
}

func (l *Leader) sendProposal(p *peer, o *outstanding) {
	l.out.send(Message{To: p.conn, kind: proposal, zxid: o.txn.Zxid, data: o.txn.Raw})
}

func (l *Leader) sendCommit(p *peer, o *outstanding) {
	if o.config == nil {
		l.out.send(Message{To: p.conn, kind: commit, zxid: o.txn.Zxid})
		return
	}
	a := wire.Activation{Leader: o.leader}
	l.out.send(Message{To: p.conn, kind: commitAndActivate, zxid: o.txn.Zxid, data: a.AppendTo(nil)})
}

func (l *Leader) sendInform(p *peer, o *outstanding) {
	if o.config == nil {
		l.out.send(Message{To: p.conn, kind: inform, zxid: o.txn.Zxid, data: o.txn.Raw})
		return
	}
	a := wire.Activation{Leader: o.leader, Raw: o.txn.Raw}
	l.out.send(Message{To: p.conn, kind: informAndActivate, zxid: o.txn.Zxid, data: a.AppendTo(nil)})
}
