package zab

import (
	"fmt"
	"slices"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// versionFirstConfig proposes the configuration that an ensemble starts with under a
// version of its own, so that it prevails over partial ones that joiners bring.
func (l *Leader) versionFirstConfig() {
	if !l.cfg.Reconfig || l.active.Committed.Version != 0 || l.active.Pending() {
		return
	}
	first := l.active.Committed
	first.Version = int64(wire.MakeZxid(l.epoch, 0))
	l.active = &quorum.Active{Committed: l.active.Committed, Proposed: first}
}

// activateFirst puts a configuration into force that was proposed before this
// reign, or by versionFirstConfig. It reports whether this server still leads.
func (l *Leader) activateFirst() bool {
	next := l.active.Proposed
	l.active = &quorum.Active{Committed: next}
	z := wire.Zxid(next.Version)
	leader := l.designate(next, func(id wire.SID) bool { return l.hasSynced(id) })
	l.out.extra.Activated = &Activation{Config: next, Zxid: z, Leader: leader}
	if leader == l.cfg.ID {
		return true
	}
	// Learners know the configuration from NEWLEADER and cannot be told who is
	// designated, so an election has to find out.
	l.stop(&RoleChange{Leader: leader, Zxid: z})
	return false
}

// startReconfig makes everything from this proposal on need quorums of both
// configurations.
func (l *Leader) startReconfig(o *outstanding) error {
	next, err := configOf(o.txn.Raw)
	switch {
	case err != nil:
		return fmt.Errorf("zab: reconfiguration %v: %w", o.txn.Zxid, err)
	case l.active.Pending():
		return fmt.Errorf("zab: reconfiguration %v: another one is under way", o.txn.Zxid)
	case next.Version <= l.active.Committed.Version:
		return fmt.Errorf("zab: reconfiguration %v: version %x is not above %x", o.txn.Zxid, next.Version, l.active.Committed.Version)
	}
	o.config = &next
	l.active = &quorum.Active{Committed: l.active.Committed, Proposed: next}
	return nil
}

// activate puts a reconfiguration into force that has just been committed.
func (l *Leader) activate(o *outstanding) {
	o.leader = l.designate(*o.config, func(id wire.SID) bool { return l.has(id, o.txn.Zxid) })
	l.active = &quorum.Active{Committed: *o.config}
	l.reconfigs = append(l.reconfigs, *o)
	l.out.extra.Activated = &Activation{Config: *o.config, Zxid: o.txn.Zxid, Leader: o.leader}
	l.retired = o.leader != l.cfg.ID
}

// designate chooses who leads under a configuration: this server if it may and its
// address stays, else the voter with the longest log of those that have what is
// needed, of equal ones the one with the largest id.
func (l *Leader) designate(next quorum.Config, has func(wire.SID) bool) wire.SID {
	if l.stays(next) {
		return l.cfg.ID
	}
	best := (*peer)(nil)
	for _, p := range l.peers {
		if p.observer || !next.IsVoter(p.sid) || next.Weight(p.sid) == 0 || !has(p.sid) {
			continue
		}
		if best == nil || p.acked > best.acked || p.acked == best.acked && p.sid > best.sid {
			best = p
		}
	}
	if best == nil {
		return l.cfg.ID
	}
	return best.sid
}

// stays reports whether this server votes in a configuration and listens where it
// did.
func (l *Leader) stays(next quorum.Config) bool {
	now, ok := next.Server(l.cfg.ID)
	if !ok || now.Role != quorum.Participant {
		return false
	}
	before, ok := l.cfg.Active.Newest().Server(l.cfg.ID)
	if !ok {
		return true
	}
	return slices.EqualFunc(now.Addrs, before.Addrs, func(a, b quorum.PeerAddr) bool { return a.Quorum() == b.Quorum() })
}

// successor says why a leader without a quorum in contact ends: when another one is
// designated, that is how it should be.
func (l *Leader) successor() error {
	if !l.retired {
		return ErrLostQuorum
	}
	last := &l.reconfigs[len(l.reconfigs)-1]
	return &RoleChange{Leader: last.leader, Zxid: last.txn.Zxid}
}
