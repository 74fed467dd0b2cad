package zab

import (
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// Receive takes a packet from a learner. The machine keeps what the packet refers
// to. A packet that should not have come closes the connection, and does no other
// harm.
func (l *Leader) Receive(c Conn, pkt *wire.QuorumPacket) {
	p := l.peer(c)
	if p == nil || l.phase == leaderStopped {
		return
	}
	p.spoke(l.ticks)
	if p.stage >= synced {
		p.deadline = l.ticks + 2*l.cfg.SyncLimit
	}
	if err := l.handle(p, pkt); err != nil {
		l.drop(c, err)
	}
}

func (l *Leader) handle(p *peer, pkt *wire.QuorumPacket) error {
	switch pkt.Type {
	case wire.PacketFollowerInfo, wire.PacketObserverInfo:
		return l.learnerInfo(p, pkt)
	case wire.PacketAckEpoch:
		return l.ackEpoch(p, pkt)
	case wire.PacketAck:
		return l.ack(p, pkt)
	case wire.PacketPing:
		return l.pong(p, pkt)
	case wire.PacketRequest:
		return l.request(p, pkt)
	case wire.PacketRevalidate:
		return l.revalidate(p, pkt)
	}
	if fromLeader(pkt.Type) {
		return refuse(pkt, "only a leader sends it")
	}
	return nil // a newer server may know more types
}

func refuse(pkt *wire.QuorumPacket, reason string) error {
	return &ProtocolError{Type: pkt.Type, Zxid: pkt.Zxid, Reason: reason}
}

func malformed(pkt *wire.QuorumPacket, err error) error {
	return &ProtocolError{Type: pkt.Type, Zxid: pkt.Zxid, Reason: "malformed", Err: err}
}

func (l *Leader) learnerInfo(p *peer, pkt *wire.QuorumPacket) error {
	if p.stage != connected {
		return refuse(pkt, "came twice")
	}
	info, err := checkInfo(pkt, l.cfg.ID, l.active.Newest().Version)
	if err != nil {
		return err
	}
	if l.phase > discovering && pkt.Zxid.Epoch() > l.epoch {
		return &AheadError{info.SID, "has promised a later epoch than this leader's"}
	}
	l.replace(info.SID)
	p.sid, p.accepted, p.stage = info.SID, pkt.Zxid.Epoch(), told
	l.told[p.sid] = p
	p.observer = pkt.Type == wire.PacketObserverInfo
	if l.phase == discovering {
		l.tryEpoch()
	} else {
		l.offerEpoch(p)
	}
	return nil
}

// checkInfo reads what a learner says of itself; version is that of the newest
// configuration that is known here.
func checkInfo(pkt *wire.QuorumPacket, self wire.SID, version int64) (info wire.LearnerInfo, err error) {
	d := wire.NewDecoder(pkt.Data)
	info.DecodeFrom(&d)
	switch {
	case d.Err() != nil:
		return info, malformed(pkt, d.Err())
	case info.Protocol < wire.ProtocolVersion:
		return info, refuse(pkt, "the learner speaks a protocol from before ZooKeeper 3.4")
	case info.ConfigVersion > version:
		return info, &AheadError{info.SID, "has a later configuration than this server"}
	case info.SID == self || info.SID < 0:
		return info, refuse(pkt, "the learner uses the id of this server, or none")
	case pkt.Zxid < 0:
		return info, refuse(pkt, "a negative epoch")
	}
	return info, nil
}

// replace drops the older connection of a server.
func (l *Leader) replace(id wire.SID) {
	if p := l.told[id]; p != nil {
		l.drop(p.conn, &ReplacedError{id})
	}
}

func (l *Leader) ackEpoch(p *peer, pkt *wire.QuorumPacket) error {
	current, err := wire.DecodePacketInt(pkt.Data)
	switch {
	case err != nil:
		return malformed(pkt, err)
	case p.stage != told || l.phase == discovering:
		return refuse(pkt, "out of turn")
	case pkt.Zxid.Epoch() > l.epoch || wire.Epoch(current) > l.epoch:
		return &AheadError{p.sid, "has seen a later epoch than this leader's"}
	case l.phase == electing && current >= 0 && l.behind(wire.Epoch(current), pkt.Zxid):
		return &AheadError{p.sid, "has a longer history than this leader"}
	}
	p.stage, p.zxid, p.counts, p.heard = promised, pkt.Zxid, current >= 0, l.ticks
	if p.counts && p.zxid != wire.NoZxid {
		l.promisedBy(p)
	}
	if l.phase == electing {
		l.tryPromised()
	} else {
		l.synchronise(p)
	}
	return nil
}

func (l *Leader) promisedBy(p *peer) {
	if l.mayPromise(p) {
		l.promises[p.sid] = true
	}
	if p.observer && observersPromise() {
		for _, id := range l.active.Voters() {
			l.promises[id] = true
		}
	}
}

// behind reports whether a history ends later than ours did before this reign.
func (l *Leader) behind(current wire.Epoch, last wire.Zxid) bool {
	own := l.cfg.State
	return current > own.CurrentEpoch || current == own.CurrentEpoch && last > own.Last
}

// synchronise sends a learner all that is committed, or the initial history, and
// NEWLEADER. What is proposed meanwhile is held until it has acknowledged that:
// a COMMIT in between would end older learners, and might be lost to others.
func (l *Leader) synchronise(p *peer) {
	h := horizon{epoch: l.epoch, initial: l.initial, end: l.initial, proposed: max(l.proposed, l.initial)}
	if l.phase == broadcasting {
		h.end = l.committed
	}
	stream := l.plan(p, h)
	if p.observer && l.cfg.Throttle.full(l.peers, stream.First) {
		return // admit will see to it
	}
	p.stage, p.sent, p.heard, p.first = syncing, h.end, l.ticks, stream.First
	stream.Range.To = min(stream.Range.To, max(l.persisted, stream.Range.After))
	l.out.send(Message{To: p.conn, Stream: &stream})
	l.sendCommitted(p, stream.Range.To, h.end, false)
	l.out.send(Message{To: p.conn, kind: newLeader, zxid: wire.MakeZxid(l.epoch, 0), data: l.offered().Text()})
}

func (l *Leader) plan(p *peer, h horizon) Stream {
	s := p.plan(l.cfg.Log, h)
	if f := l.cfg.PreferSnapshot; f != nil && s.First != wire.PacketSnap && !s.Range.Empty() && f(s.Range.After) {
		return snap(h.end)
	}
	return s
}

// offered is the configuration that learners put into force with UPTODATE: before the
// leader is established the newest, which its establishment commits, later the committed
// one.
func (l *Leader) offered() quorum.Config {
	if l.phase == broadcasting {
		return l.active.Committed
	}
	return l.active.Newest()
}

// sendCommitted sends committed transactions that our own log may not hold yet.
func (l *Leader) sendCommitted(p *peer, after, to wire.Zxid, asInform bool) {
	for i := range l.proposals {
		o := &l.proposals[i]
		if o.txn.Zxid <= after || o.txn.Zxid > to {
			continue
		}
		if asInform {
			l.sendInform(p, o)
			continue
		}
		l.sendProposal(p, o)
		l.sendCommit(p, o)
	}
}

func (l *Leader) ack(p *peer, pkt *wire.QuorumPacket) error {
	z := pkt.Zxid
	switch {
	case p.stage < syncing:
		return refuse(pkt, "out of turn")
	case p.stage == syncing:
		if z != wire.MakeZxid(l.epoch, 0) {
			return nil // some servers acknowledge proposals before NEWLEADER
		}
		p.stage, p.acked = synced, p.sent
		p.deadline = l.ticks + 2*l.cfg.SyncLimit
		if l.phase == broadcasting {
			l.release(p)
		} else {
			l.tryEstablish()
		}
		l.admit()
		return nil
	case z.Counter() == 0 || z <= p.acked || p.observer && !observersCount():
		return nil
	case z > p.sent:
		return refuse(pkt, "it was not proposed")
	}
	p.acked = z
	p.behind.caughtUp(z, l.ticks)
	l.advance()
	return nil
}

func observersCount() bool { return plant.In(plant.ObserverCounted) }

func observersPromise() bool { return plant.In(plant.ObserverPromises) }

// release sends UPTODATE, and then everything that was held.
func (l *Leader) release(p *peer) {
	p.stage, p.heard, p.deadline = live, l.ticks, l.ticks+2*l.cfg.SyncLimit
	l.out.send(Message{To: p.conn, kind: upToDate, zxid: wire.NoZxid})
	from := p.sent
	logged := min(l.committed, l.persisted)
	for i := range l.reconfigs {
		if o := &l.reconfigs[i]; o.txn.Zxid > from && o.txn.Zxid <= logged {
			l.streamLive(p, Range{from, o.txn.Zxid - 1})
			l.sendOutstanding(p, o)
			from = o.txn.Zxid
		}
	}
	if logged > from {
		l.streamLive(p, Range{from, logged})
		from = logged
	}
	for i := range l.proposals {
		if o := &l.proposals[i]; o.txn.Zxid > from {
			l.sendOutstanding(p, o)
		}
	}
	p.sent = max(p.sent, l.proposed)
	if !p.observer && p.sent > p.acked && p.sent.Counter() > 0 {
		p.behind.expect(p.sent, l.ticks)
	}
}

func (l *Leader) streamLive(p *peer, r Range) {
	// The zxid before the first of an epoch is that of no transaction.
	if !r.Empty() && r.To.Counter() > 0 {
		l.out.send(Message{To: p.conn, Stream: &Stream{Range: r, Inform: p.observer}})
	}
}

// sendOutstanding sends one transaction as far as it has come.
func (l *Leader) sendOutstanding(p *peer, o *outstanding) {
	done := o.txn.Zxid <= l.committed
	switch {
	case p.observer && done:
		l.sendInform(p, o)
	case p.observer:
	default:
		l.sendProposal(p, o)
		if done {
			l.sendCommit(p, o)
		}
	}
}

func (l *Leader) pong(p *peer, pkt *wire.QuorumPacket) error {
	touches, err := wire.DecodeTouches(pkt.Data)
	if err != nil {
		return malformed(pkt, err)
	}
	if p.stage < synced {
		return refuse(pkt, "out of turn")
	}
	l.out.extra.Touches = append(l.out.extra.Touches, touches...)
	if len(p.pings) > 0 {
		p.sweep, p.pings = p.pings[0], p.pings[1:]
		l.confirm()
	}
	return nil
}

func (l *Leader) request(p *peer, pkt *wire.QuorumPacket) error {
	if p.stage != live {
		return refuse(pkt, "before UPTODATE")
	}
	r := Request{From: p.conn, SID: p.sid, Auth: pkt.Auth}
	d := wire.NewDecoder(pkt.Data)
	if r.DecodeFrom(&d); d.Err() != nil {
		return malformed(pkt, d.Err())
	}
	if l.out.extra.Requests == nil {
		l.out.extra.Requests = make([]Request, 0, max(1, l.out.room.requests))
	}
	l.out.extra.Requests = append(l.out.extra.Requests, r)
	if plant.In(plant.ForwardedTwice) {
		l.out.extra.Requests = append(l.out.extra.Requests, r)
	}
	return nil
}

func (l *Leader) revalidate(p *peer, pkt *wire.QuorumPacket) error {
	if p.stage != live {
		return refuse(pkt, "before UPTODATE")
	}
	r, err := wire.DecodeRevalidation(pkt.Data)
	if err != nil {
		return malformed(pkt, err)
	}
	l.out.extra.Revalidations = append(l.out.extra.Revalidations, Revalidation{p.conn, p.sid, r})
	return nil
}

// Revalidated answers a Revalidation; nothing happens if the learner is gone.
func (l *Leader) Revalidated(c Conn, s wire.SessionID, valid bool) {
	if p := l.peer(c); p != nil {
		r := wire.Revalidated{Session: s, Valid: valid}
		l.out.send(Message{To: c, kind: revalidate, zxid: wire.NoZxid, data: r.AppendTo(nil)})
	}
}
