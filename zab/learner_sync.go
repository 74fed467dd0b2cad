package zab

import (
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// begin takes the first packet of the synchronisation.
func (l *Learner) begin(pkt *wire.QuorumPacket) error {
	if err := l.expect(pkt, awaiting, awaiting); err != nil {
		return err
	}
	l.first, l.phase = pkt.Type, catchingUp
	switch pkt.Type {
	case wire.PacketDiff:
		// The zxid in the packet says nothing about what we have.
		l.base = l.cfg.State.Last
		if l.cfg.State.Claim() == wire.NoZxid {
			return &ResyncError{pkt.Zxid, "the leader sent a DIFF to a server that has nothing to build on"}
		}
	case wire.PacketTrunc:
		if err := l.truncate(pkt.Zxid); err != nil {
			return err
		}
	case wire.PacketSnap:
		if pkt.Zxid < 0 || pkt.Zxid.Epoch() > l.epoch {
			return refuse(pkt, "a snapshot from no epoch that this leader can know")
		}
		l.phase, l.base = loading, pkt.Zxid
		z := pkt.Zxid
		l.out.extra.Snapshot = &z
	}
	l.last = l.base
	return nil
}

// truncate checks that the log can be cut where the leader says. The tree cannot be
// undone, so it must not hold anything of what is cut off.
func (l *Learner) truncate(keep wire.Zxid) error {
	s := l.cfg.State
	if s.Claim() == wire.NoZxid || keep > s.Last {
		return &ResyncError{keep, "the leader wants the log cut behind its end"}
	}
	if keep < s.Applied && !plant.In(plant.UncommittedInTree) {
		return &ResyncError{keep, "the leader wants the log cut before what is applied"}
	}
	if at, err := l.cfg.Log.Floor(keep); err != nil || at != keep {
		return &ResyncError{keep, "the log has no transaction where the leader wants it cut"}
	}
	l.base = keep
	return nil
}

// SnapshotRead says that the snapshot has been read, to its signature.
func (l *Learner) SnapshotRead() {
	if l.phase == loading {
		l.phase, l.heard = catchingUp, l.ticks
	}
}

// proposal takes a transaction into the history, before or after UPTODATE.
func (l *Learner) proposal(pkt *wire.QuorumPacket) error {
	if err := l.expect(pkt, catchingUp, following); err != nil {
		return err
	}
	if l.cfg.Observer && l.phase == following {
		return nil // observers are informed
	}
	txn, err := l.next(pkt, pkt.Data)
	if err != nil {
		return err
	}
	l.queue = append(l.queue, txn)
	if !l.cfg.Observer {
		l.log(txn)
	}
	return nil
}

// next checks that a transaction is the next one in the history.
func (l *Learner) next(pkt *wire.QuorumPacket, raw []byte) (Txn, error) {
	txn := Txn{pkt.Zxid, raw}
	if err := checkTxn(raw, pkt.Zxid); err != nil {
		return txn, malformed(pkt, err)
	}
	switch {
	case txn.Zxid.Epoch() > l.epoch:
		return txn, refuse(pkt, "it is of an epoch after the leader's")
	case l.phase == following && txn.Zxid.Epoch() != l.epoch:
		return txn, refuse(pkt, "it is of an epoch before the leader's")
	case l.repeats(txn.Zxid):
		l.repeat = txn.Zxid
		return txn, nil
	case txn.Zxid.Follows(l.last):
		l.last = txn.Zxid
		return txn, nil
	case l.phase < pledged && !plant.In(plant.DiffWithHole):
		return txn, &ResyncError{txn.Zxid, "the leader's history does not go on from " + l.last.String()}
	}
	if plant.In(plant.DiffWithHole) && txn.Zxid > l.last {
		l.last = txn.Zxid
		return txn, nil
	}
	return txn, refuse(pkt, "it does not follow "+l.last.String())
}

// repeats reports whether the snapshot that was received holds a transaction
// already. A snapshot is begun after it was decided what to send behind it.
func (l *Learner) repeats(z wire.Zxid) bool {
	return l.first == wire.PacketSnap && l.last == l.base && z <= l.base && z > l.repeat
}

// log writes a transaction: before NEWLEADER with all the others, later at once.
func (l *Learner) log(txn Txn) {
	if txn.Zxid <= l.base {
		return // the snapshot holds it
	}
	if l.phase >= pledged {
		l.out.append(txn)
		if l.phase == following && !l.cfg.Observer {
			l.out.vouchFor(txn.Zxid)
		}
		return
	}
	l.buffer = append(l.buffer, txn)
	l.size += len(txn.Raw)
	if l.size > l.cfg.MaxBuffer && l.first != wire.PacketSnap {
		// A longer part of the leader's history is a history too, so it may be
		// durable before the rest. A snapshot may be ahead of its zxid, though, and
		// is only a state together with what follows it.
		l.flush()
	}
}

// flush writes what there is of the history so far.
func (l *Learner) flush() {
	if !l.started {
		l.started = true
		switch l.first {
		case wire.PacketTrunc:
			if !plant.In(plant.TruncateSkipped) {
				l.out.write(Write{Op: WriteTruncate, Zxid: l.base})
			}
		case wire.PacketSnap:
			l.out.write(Write{Op: WriteSnapshot, Zxid: l.base})
			l.delivered = l.base
		}
		if l.first != wire.PacketDiff {
			l.persisted = min(l.persisted, l.base)
		}
	}
	if len(l.buffer) > 0 {
		l.out.write(Write{Op: WriteTxns, Txns: l.buffer})
	}
	l.buffer, l.size = nil, 0
}

// commit takes the leader's word that the oldest transaction which is not committed
// yet now is.
func (l *Learner) commit(pkt *wire.QuorumPacket) error {
	if err := l.expect(pkt, catchingUp, following); err != nil {
		return err
	}
	if l.phase == following && (l.cfg.Observer || plant.In(plant.AppliedBeforeCommit)) {
		return nil
	}
	if l.ncommitted == len(l.queue) || l.queue[l.ncommitted].Zxid != pkt.Zxid {
		return refuse(pkt, "it is not the oldest proposal that waits for its commit")
	}
	txn := l.queue[l.ncommitted]
	if pkt.Type == wire.PacketCommitAndActivate {
		var a wire.Activation
		d := wire.NewDecoder(pkt.Data)
		if a.DecodeFrom(&d); d.Err() != nil {
			return malformed(pkt, d.Err())
		}
		if err := l.change(pkt, txn, a.Leader); err != nil {
			return err
		}
	}
	if l.cfg.Observer {
		l.log(txn)
	}
	l.committedNext()
	return nil
}

func (l *Learner) committedNext() {
	l.committed = max(l.committed, l.queue[l.ncommitted].Zxid)
	if l.phase < pledged {
		// It goes to the log with the history, and to the tree from there.
		l.queue = l.queue[1:]
		return
	}
	l.ncommitted++
	l.deliver()
}

// inform is for observers what a proposal and its commit are for others.
func (l *Learner) inform(pkt *wire.QuorumPacket) error {
	if err := l.expect(pkt, catchingUp, following); err != nil {
		return err
	}
	if !l.cfg.Observer {
		return refuse(pkt, "this server is no observer")
	}
	raw := pkt.Data
	var a wire.Activation
	if pkt.Type == wire.PacketInformAndActivate {
		d := wire.NewDecoder(pkt.Data)
		if a.DecodeFrom(&d); d.Err() != nil {
			return malformed(pkt, d.Err())
		}
		raw = a.Raw
	}
	if l.ncommitted < len(l.queue) && l.queue[l.ncommitted].Zxid == pkt.Zxid {
		// It was proposed while we caught up.
		return l.informed(pkt, l.queue[l.ncommitted], a)
	}
	txn, err := l.next(pkt, raw)
	if err != nil {
		return err
	}
	clear(l.queue[l.ncommitted:]) // proposals that the leader has given up
	l.queue = append(l.queue[:l.ncommitted], txn)
	return l.informed(pkt, txn, a)
}

func (l *Learner) informed(pkt *wire.QuorumPacket, txn Txn, a wire.Activation) error {
	if pkt.Type == wire.PacketInformAndActivate {
		if err := l.change(pkt, txn, a.Leader); err != nil {
			return err
		}
	}
	l.log(txn)
	l.committedNext()
	return nil
}

// change notes a reconfiguration that is committed.
func (l *Learner) change(pkt *wire.QuorumPacket, txn Txn, leader wire.SID) error {
	next, err := configOf(txn.Raw)
	if err != nil {
		return malformed(pkt, err)
	}
	if l.phase < pledged {
		return nil // NEWLEADER brings it
	}
	l.changes = append(l.changes, Activation{Config: next, Zxid: txn.Zxid, Leader: leader})
	return nil
}

// newLeader makes the history durable, then the epoch that it belongs to, and then
// says so.
func (l *Learner) newLeader(pkt *wire.QuorumPacket) error {
	if err := l.expect(pkt, catchingUp, catchingUp); err != nil {
		return err
	}
	if pkt.Zxid != wire.MakeZxid(l.epoch, 0) {
		return refuse(pkt, "it is not the epoch that was promised")
	}
	if len(pkt.Data) > 0 {
		config, err := quorum.Parse(pkt.Data)
		if err != nil {
			return malformed(pkt, err)
		}
		l.config = config
	}
	epoch := Write{Op: WriteCurrentEpoch, Epoch: l.epoch}
	if plant.In(plant.EpochBeforeHistory) {
		l.out.write(epoch)
		l.flush()
	} else {
		l.flush()
		l.out.write(epoch)
	}
	if plant.In(plant.NewLeaderAckEarly) {
		l.out.Writes, l.out.deferred = nil, append(l.out.deferred, l.out.Writes...)
	}
	l.out.Then = append(l.out.Then, Vouch{kind: ack, zxid: pkt.Zxid, count: 1})
	l.pledge = l.out.last + 1
	l.committed = max(l.committed, l.base)
	l.history = l.committed
	l.phase, l.pledged = pledged, l.ticks
	return nil
}

// promoted reports whether this observer has taken over a history that makes it a voter,
// and waits in vain for the leader to be established: that may take its acknowledgement
// as one's, which an observer's is not. Apache ZooKeeper counts it, although its
// observers before 3.9.4 acknowledge what they have not logged.
func (l *Learner) promoted() bool {
	c := l.config
	return l.phase == pledged && l.cfg.Observer && l.ticks-l.pledged > 2 && !l.out.waitsFor(l.pledge) &&
		c.IsVoter(l.cfg.ID) && c.Version > l.cfg.Active.Committed.Version && wire.Zxid(c.Version) <= l.history
}

// upToDate says that the history is committed and the leader serves.
func (l *Learner) upToDate(pkt *wire.QuorumPacket) error {
	if err := l.expect(pkt, pledged, pledged); err != nil {
		return err
	}
	if l.out.waitsFor(l.pledge) {
		return refuse(pkt, "this server has not acknowledged NEWLEADER")
	}
	l.phase = following
	l.out.Then = append(l.out.Then, Vouch{kind: ack, zxid: wire.MakeZxid(l.epoch, 0), count: 1})
	l.out.extra.Serving, l.out.extra.Epoch = true, l.epoch
	l.dropUncommitted()
	for _, txn := range l.queue {
		if txn.Zxid > l.base && !l.cfg.Observer {
			l.out.vouchFor(txn.Zxid)
		}
	}
	l.out.Replay = Range{l.delivered, l.history}
	l.delivered = l.history
	l.adopt()
	l.deliver()
	return nil
}

// dropUncommitted forgets proposals that an observer was sent while it caught up:
// it has not logged them, and will be informed.
func (l *Learner) dropUncommitted() {
	if l.cfg.Observer {
		l.queue = l.queue[:l.ncommitted]
		if n := len(l.queue); n > 0 {
			l.last = max(l.base, l.queue[n-1].Zxid)
		} else {
			l.last = l.committed
		}
	}
}

// adopt puts the configuration of NEWLEADER into force. If it comes from the history,
// UPTODATE says that it is committed. If it is a proposal of this reign it is not in
// force before its COMMITANDACTIVATE, and to act on it would let two quorums exist
// that know nothing of each other.
func (l *Learner) adopt() {
	z := wire.Zxid(l.config.Version)
	proposed := z.Epoch() == l.epoch && z.Counter() > 0 && z > l.history
	if l.config.Version > l.cfg.Active.Committed.Version && !proposed {
		l.activate(Activation{Config: l.config, Zxid: wire.Zxid(l.config.Version), Leader: l.cfg.Leader})
	}
}

// waitsFor reports whether the writes of a Ready are not known to be durable.
func (o *output) waitsFor(id uint64) bool { return len(o.pending) > 0 && o.pending[0].id <= id }
