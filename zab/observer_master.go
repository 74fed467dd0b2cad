package zab

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/zabra/zabra/wire"
)

// An ObserverMaster is what a follower is to observers that learn from it instead of
// from the leader (observerMasterPort): it brings them up to date from its own log,
// informs them of what it has delivered itself, and passes on what they ask of the
// leader. It is a part of its Learner, and its methods are called as the Learner's are;
// what it wants is in the Learner's Ready.
//
// Observers see the leader's side of the protocol. There is nothing to wait for in it:
// the follower's epoch is established, and what it sends is committed.
type ObserverMaster struct {
	l     *Learner
	peers []*peer
	conns map[Conn]*peer // peers by connection
	// speaks is the connection that a session was last known to speak through; 0 is
	// this server. The leader cannot tell: for it all of them speak through this
	// server.
	speaks    map[wire.SessionID]Conn
	reconfigs []activated
}

// An activated is a reconfiguration that was delivered since this server serves.
type activated struct {
	txn    Txn
	leader wire.SID
}

// Master is the learner's service to observers.
func (l *Learner) Master() *ObserverMaster { return &l.master }

// Connected takes a new connection. It is closed at once unless this server is a
// follower that serves.
func (m *ObserverMaster) Connected(c Conn) {
	if m.l.phase != following || m.l.cfg.Observer {
		m.l.out.extra.Close = append(m.l.out.extra.Close, Close{c, ErrNotFollowing})
		return
	}
	p := &peer{conn: c, sid: -1, heard: m.l.ticks, observer: true}
	m.peers, m.conns[c] = append(m.peers, p), p
}

// Disconnected says that a connection is gone.
func (m *ObserverMaster) Disconnected(c Conn) {
	if at := slices.Index(m.peers, m.conns[c]); at >= 0 {
		m.peers = append(m.peers[:at:at], m.peers[at+1:]...)
		delete(m.conns, c)
	}
	m.admit()
}

func (m *ObserverMaster) drop(c Conn, err error) {
	m.l.out.extra.Close = append(m.l.out.extra.Close, Close{c, err})
	m.Disconnected(c)
}

func (m *ObserverMaster) peer(c Conn) *peer { return m.conns[c] }

// Progress says that an observer gets on with what it was sent; see Leader.Progress.
func (m *ObserverMaster) Progress(c Conn) {
	if p := m.peer(c); p != nil {
		p.progress(m.l.ticks)
	}
}

// Backlog says how many bytes wait to be sent on a connection.
func (m *ObserverMaster) Backlog(c Conn, bytes int64) {
	if p := m.peer(c); p != nil && bytes > m.l.cfg.MaxBacklog {
		m.drop(c, &SlowError{p.sid, "too much waits to be sent to it"})
	}
}

// Followers lists the observers, in the order in which they connected.
func (m *ObserverMaster) Followers() (v []Follower) {
	for _, p := range m.peers {
		if p.stage >= told {
			v = append(v, Follower{Conn: p.conn, SID: p.sid, Observer: true, UpToDate: p.stage == live, Sent: p.sent})
		}
	}
	return v
}

// Receive takes a packet from an observer. The machine keeps what the packet refers
// to. One that should not have come closes the connection, and does no other harm.
func (m *ObserverMaster) Receive(c Conn, pkt *wire.QuorumPacket) {
	p := m.peer(c)
	if p == nil {
		return
	}
	p.spoke(m.l.ticks)
	if err := m.handle(p, pkt); err != nil {
		m.drop(c, err)
	}
}

func (m *ObserverMaster) handle(p *peer, pkt *wire.QuorumPacket) error {
	switch pkt.Type {
	case wire.PacketObserverInfo:
		return m.observerInfo(p, pkt)
	case wire.PacketAckEpoch:
		return m.ackEpoch(p, pkt)
	case wire.PacketAck:
		return m.ack(p, pkt)
	case wire.PacketPing:
		return m.pong(p, pkt)
	case wire.PacketRequest:
		return m.request(p, pkt)
	case wire.PacketRevalidate:
		return m.revalidate(p, pkt)
	case wire.PacketFollowerInfo:
		return refuse(pkt, "only observers are served here, and voters by the leader")
	}
	if fromLeader(pkt.Type) {
		return refuse(pkt, "only a leader sends it")
	}
	return nil // a newer server may know more types
}

func (m *ObserverMaster) observerInfo(p *peer, pkt *wire.QuorumPacket) error {
	if p.stage != connected {
		return refuse(pkt, "came twice")
	}
	info, err := checkInfo(pkt, m.l.cfg.ID, m.l.cfg.Active.Committed.Version)
	if err != nil {
		return err
	}
	if pkt.Zxid.Epoch() > m.l.epoch {
		return &AheadError{info.SID, "has promised a later epoch than this follower's"}
	}
	for _, old := range m.peers {
		if old.sid == info.SID && old.stage >= told {
			m.drop(old.conn, &ReplacedError{info.SID})
			break
		}
	}
	p.sid, p.accepted, p.stage, p.heard = info.SID, pkt.Zxid.Epoch(), told, m.l.ticks
	// The epoch is durable since this server acknowledged NEWLEADER.
	m.l.out.Then = append(m.l.out.Then, Vouch{
		To: p.conn, kind: leaderInfo, zxid: wire.MakeZxid(m.l.epoch, 0), value: wire.ProtocolVersion,
	})
	return nil
}

func (m *ObserverMaster) ackEpoch(p *peer, pkt *wire.QuorumPacket) error {
	current, err := wire.DecodePacketInt(pkt.Data)
	switch {
	case err != nil:
		return malformed(pkt, err)
	case p.stage != told:
		return refuse(pkt, "out of turn")
	case pkt.Zxid.Epoch() > m.l.epoch || wire.Epoch(current) > m.l.epoch:
		return &AheadError{p.sid, "has seen a later epoch than this follower's"}
	}
	p.stage, p.zxid, p.counts, p.heard = promised, pkt.Zxid, current >= 0, m.l.ticks
	m.synchronise(p)
	return nil
}

// synchronise sends an observer all that is delivered here, and NEWLEADER; unless it
// has to wait.
func (m *ObserverMaster) synchronise(p *peer) {
	l := m.l
	if m.ahead(p) {
		return
	}
	stream := m.plan(p)
	if l.cfg.Throttle.full(m.peers, stream.First) {
		return
	}
	p.stage, p.sent, p.heard, p.first = syncing, l.delivered, l.ticks, stream.First
	l.out.send(Message{To: p.conn, Stream: &stream})
	l.out.send(Message{To: p.conn, kind: newLeader, zxid: wire.MakeZxid(l.epoch, 0), data: l.cfg.Active.Committed.Text()})
}

// ahead reports whether an observer has more of this epoch than was delivered here.
// Observers have nothing that is not committed, so it arrives here too.
func (m *ObserverMaster) ahead(p *peer) bool {
	return p.zxid > m.l.delivered && p.zxid.Epoch() == m.l.epoch && p.zxid.Counter() > 0
}

func (m *ObserverMaster) plan(p *peer) Stream {
	h := horizon{epoch: m.l.epoch, initial: m.initial(), end: m.l.delivered, proposed: m.l.delivered}
	return p.plan(m.l.cfg.Log, h)
}

// initial is the end of the epoch's initial history, or NoZxid if the log begins
// behind it.
func (m *ObserverMaster) initial() wire.Zxid {
	at, err := m.l.cfg.Log.Floor(wire.MakeZxid(m.l.epoch, 0))
	if err != nil {
		return wire.NoZxid
	}
	return at
}

// admit synchronises the observers that have waited, as far as there is room.
func (m *ObserverMaster) admit() {
	for _, p := range m.peers {
		if p.stage == promised {
			m.synchronise(p)
		}
	}
}

func (m *ObserverMaster) ack(p *peer, pkt *wire.QuorumPacket) error {
	switch {
	case p.stage < syncing:
		return refuse(pkt, "out of turn")
	case p.stage == syncing && pkt.Zxid == wire.MakeZxid(m.l.epoch, 0):
		m.release(p)
		m.admit()
	}
	return nil
}

// release sends UPTODATE, and everything that was delivered meanwhile.
func (m *ObserverMaster) release(p *peer) {
	l := m.l
	p.stage, p.heard = live, l.ticks
	l.out.send(Message{To: p.conn, kind: upToDate, zxid: wire.NoZxid})
	for i := range m.reconfigs {
		if a := &m.reconfigs[i]; a.txn.Zxid > p.sent {
			m.streamTo(p, a.txn.Zxid-1)
			m.activate(p, a)
		}
	}
	m.streamTo(p, l.delivered)
}

func (m *ObserverMaster) streamTo(p *peer, to wire.Zxid) {
	r := Range{p.sent, to}
	// The zxid before the first of an epoch is that of no transaction.
	if r.Empty() || to.Counter() == 0 {
		return
	}
	m.l.out.send(Message{To: p.conn, Stream: &Stream{Range: r, Inform: true}})
	p.sent = to
}

func (m *ObserverMaster) activate(p *peer, a *activated) {
	act := wire.Activation{Leader: a.leader, Raw: a.txn.Raw}
	m.l.out.send(Message{To: p.conn, kind: informAndActivate, zxid: a.txn.Zxid, data: act.AppendTo(nil)})
	p.sent = a.txn.Zxid
}

// delivered tells the observers of a transaction that was just delivered here; change
// is set if it is a reconfiguration.
func (m *ObserverMaster) delivered(t Txn, change *Activation) {
	if opOf(t.Raw) == wire.OpCloseSession {
		delete(m.speaks, sessionOf(t.Raw))
	}
	a := activated{txn: t}
	if change != nil {
		a.leader = change.Leader
		m.reconfigs = append(m.reconfigs, a)
	}
	for _, p := range m.peers {
		switch {
		case p.stage == promised:
			m.synchronise(p)
		case p.stage != live:
		case change != nil:
			m.activate(p, &a)
		default:
			m.l.out.send(Message{To: p.conn, kind: inform, zxid: t.Zxid, data: t.Raw})
			p.sent = t.Zxid
		}
	}
}

// tick is called twice in every tickTime.
func (m *ObserverMaster) tick() {
	for i := 0; i < len(m.peers); {
		p := m.peers[i]
		if err := m.tooSlow(p); err != nil {
			m.drop(p.conn, err)
			continue
		}
		if p.stage >= syncing {
			m.l.out.send(Message{To: p.conn, kind: ping, zxid: max(m.l.delivered, wire.MakeZxid(m.l.epoch, 0))})
		}
		i++
	}
}

func (m *ObserverMaster) tooSlow(p *peer) error {
	limit := m.l.cfg.InitLimit
	if p.stage == live {
		limit = m.l.cfg.SyncLimit
	}
	switch {
	case m.l.ticks-p.heard <= 2*limit:
		return nil
	case p.stage == promised && m.ahead(p):
		return &AheadError{p.sid, fmt.Sprintf("has transactions that this server has waited for in vain, %d ticks", limit)}
	case p.stage == promised:
		return &BusyError{p.sid}
	}
	return &TimeoutError{"a word from the observer", limit}
}

func (m *ObserverMaster) pong(p *peer, pkt *wire.QuorumPacket) error {
	touches, err := wire.DecodeTouches(pkt.Data)
	if err != nil {
		return malformed(pkt, err)
	}
	if p.stage != live {
		return refuse(pkt, "out of turn")
	}
	for _, t := range touches {
		m.l.Touch(t.Session, t.Timeout)
	}
	return nil
}

// request passes an observer's request on. The leader makes one transaction of it,
// which comes back to the observer as everything else does.
func (m *ObserverMaster) request(p *peer, pkt *wire.QuorumPacket) error {
	if p.stage != live {
		return refuse(pkt, "before UPTODATE")
	}
	var r wire.ForwardedRequest
	d := wire.NewDecoder(pkt.Data)
	if r.DecodeFrom(&d); d.Err() != nil {
		return malformed(pkt, d.Err())
	}
	if r.Op == wire.OpCreateSession {
		m.speaks[r.Session] = p.conn
	} else if owner, ok := m.speaks[r.Session]; ok && owner != p.conn && r.Op != wire.OpSync {
		return &MovedError{p.sid, r.Session}
	}
	m.l.forward(p.conn, r, pkt.Auth, 0)
	return nil
}

func (m *ObserverMaster) revalidate(p *peer, pkt *wire.QuorumPacket) error {
	if p.stage != live {
		return refuse(pkt, "before UPTODATE")
	}
	r, err := wire.DecodeRevalidation(pkt.Data)
	if err != nil {
		return malformed(pkt, err)
	}
	m.l.askFor(p.conn, r)
	return nil
}

// revalidated takes the leader's answer about a session that a connection has asked
// for, 0 for this server. If the session lives it speaks through that connection from
// now on.
func (m *ObserverMaster) revalidated(c Conn, r wire.Revalidated) {
	if r.Valid {
		m.speaks[r.Session] = c
	}
	if c == 0 {
		m.l.out.extra.Revalidated = append(m.l.out.extra.Revalidated, r)
		return
	}
	if r.Valid {
		m.l.out.extra.Moved = append(m.l.out.extra.Moved, r.Session)
	}
	if m.peer(c) != nil {
		m.l.out.send(Message{To: c, kind: revalidate, zxid: wire.NoZxid, data: r.AppendTo(nil)})
	}
}

// synced answers an observer's sync; everything delivered before stands before it.
func (m *ObserverMaster) synced(c Conn) {
	if m.peer(c) != nil {
		m.l.out.send(Message{To: c, kind: syncReply})
	}
}

// hasMoved reports whether a session speaks through an observer, not through a client
// of this server.
func (m *ObserverMaster) hasMoved(s wire.SessionID) bool { return m.speaks[s] != 0 }

// stop closes all connections.
func (m *ObserverMaster) stop(err error) {
	for _, p := range m.peers {
		m.l.out.extra.Close = append(m.l.out.extra.Close, Close{p.conn, err})
	}
	m.peers = nil
	clear(m.conns)
}

// fromLeader reports whether only a leader sends packets of a type.
func fromLeader(t wire.PacketType) bool {
	switch t {
	case wire.PacketProposal, wire.PacketCommit, wire.PacketSync, wire.PacketInform, wire.PacketCommitAndActivate,
		wire.PacketNewLeader, wire.PacketUpToDate, wire.PacketDiff, wire.PacketTrunc, wire.PacketSnap,
		wire.PacketLeaderInfo, wire.PacketInformAndActivate:
		return true
	}
	return false
}

// sessionOf is the session of a transaction that checkTxn accepted.
func sessionOf(raw []byte) wire.SessionID { return wire.SessionID(binary.BigEndian.Uint64(raw)) }
