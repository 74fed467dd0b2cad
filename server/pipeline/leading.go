package pipeline

import (
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// leading is the role of an ensemble's leader: it prepares the requests of all, and
// applies what a quorum has logged.
type leading struct {
	*Core
	machine  *zab.Leader
	peers    Peers
	vault    Vault
	report   Report
	nextTick int64 // of the machine, milliseconds
	timing   *leaderClock

	settings Settings
	speaks   map[wire.SessionID]wire.SID // the server that a session speaks through
	asked    uint64                      // the syncs so far
	shares   *shares
	parcel   parcel
	over     bool
}

// A Report is what a role tells the server, on the core's goroutine; it must not
// wait.
type Report struct {
	// Proposed: this leader proposes a transaction. Nobody need be told: it may be nil.
	Proposed func(t zab.Txn)
	// Serving: from now on clients are served, in this epoch.
	Serving func(e wire.Epoch)
	// Activated: another configuration is in force.
	Activated func(a *zab.Activation)
	// Mismatch: behind transaction z the tree is not what the leader says it is.
	Mismatch func(z wire.Zxid, leaders, own uint64)
	// Ended: the role is over. What was handed to the log is on its way still.
	Ended func(why error)
}

// Lead makes the core the leader that an election has made of this server. It must
// have no role. The connections of learners are told to the Leader that is returned.
func (c *Core) Lead(m *zab.Leader, peers Peers, v Vault, s Settings, report Report) *Leadership {
	r := &leading{
		Core: c, machine: m, peers: peers, vault: v, settings: s, report: report,
		speaks: map[wire.SessionID]wire.SID{}, shares: newShares(c.opts.Tick),
	}
	c.inbox.put(message{call: func() {
		r.nextTick = c.millis() + r.halfTick()
		r.timing = newLeaderClock(c.metrics)
		c.assume(r)
		c.drive()
	}})
	return &Leadership{r}
}

// A Leadership takes what arrives for a leader. Its methods may be called by any
// goroutine, and do nothing once the role is over.
type Leadership struct{ r *leading }

// Connected tells of a new connection of a learner.
func (l *Leadership) Connected(conn zab.Conn) {
	l.r.shares.open(conn)
	l.r.later(func() { l.r.machine.Connected(conn) })
}

// Disconnected tells that a connection is gone.
func (l *Leadership) Disconnected(conn zab.Conn) {
	l.r.shares.close(conn)
	l.r.later(func() {
		l.r.timing.gone(conn)
		l.r.machine.Disconnected(conn)
	})
}

// Receive takes packets that came by a connection. It keeps them. While the learner has
// too much under way it waits, until ended is closed at the latest.
func (l *Leadership) Receive(conn zab.Conn, pkts []wire.QuorumPacket, ended <-chan struct{}) {
	s := l.r.shares.at(conn)
	requests, others := weigh(pkts)
	s.take(requests+others, ended)
	l.r.receive(l.r, len(pkts), func() {
		defer s.end(others)
		l.r.timing.received(conn, pkts, l.r.Now())
		for i := range pkts {
			if i+1 < len(pkts) && implied(&pkts[i], &pkts[i+1]) {
				continue
			}
			l.r.machine.Receive(conn, &pkts[i])
		}
	})
}

// implied reports whether a packet says nothing that the next one does not say too: an
// ACK of a transaction is one of all before it. Those that arrive together cost the
// machine one look at what has a quorum.
func implied(p, next *wire.QuorumPacket) bool {
	return p.Type == wire.PacketAck && next.Type == wire.PacketAck && p.Zxid.Counter() > 0 &&
		p.Zxid.Epoch() == next.Zxid.Epoch() && p.Zxid < next.Zxid
}

// Progress tells that a learner gets on with what it was sent: see zab.Leader.Progress.
func (l *Leadership) Progress(conn zab.Conn) {
	l.r.later(func() { l.r.machine.Progress(conn) })
}

// Backlog tells how many bytes wait to be sent on a connection.
func (l *Leadership) Backlog(conn zab.Conn, bytes int64) {
	l.r.later(func() { l.r.machine.Backlog(conn, bytes) })
}

// Resign ends the role.
func (l *Leadership) Resign(why error) { l.r.later(func() { l.r.machine.Resign(why) }) }

// Followers says how the learners are doing.
func (l *Leadership) Followers() (v []zab.Follower) {
	l.r.Call(func() {
		if l.r.role == role(l.r) {
			v = l.r.machine.Followers()
		}
	})
	return v
}

func (r *leading) later(f func()) { r.during(r, f) }

func (r *leading) decides() bool { return r.machine.Established() }

func (r *leading) tick(now int64) {
	for ; now >= r.nextTick; r.nextTick += r.halfTick() {
		r.machine.Tick()
	}
}

func (r *leading) submit(req *Request) {
	through := r.opts.ServerID
	if req.Origin == nil {
		through = noServer
	}
	r.request(req, through, wire.OK)
}

// request makes a request, which came through a server, into one transaction.
func (r *leading) request(req *Request, through wire.SID, code wire.Code) {
	switch {
	case !r.machine.Established():
		r.concluded(req)
		return
	case req.Op == wire.OpSync:
		r.asked++
		r.machine.Sync(r.asked)
		r.inflight.push(proposal{req: req, sync: r.asked, at: r.Now()})
		return
	}
	global := req.Op == wire.OpCreateSession || !req.Local && r.global(req.Session)
	req.Local = req.Local || !global && r.elsewhere(req.Session)
	if global && req.Session != 0 && through != noServer {
		if owner, ok := r.speaks[req.Session]; !ok || req.Op == wire.OpCreateSession {
			r.speaks[req.Session] = through
		} else if owner != through && !plant.In(plant.SessionMovesUnchecked) {
			code = wire.SessionMoved
		}
	}
	p, ok := r.prepareAs(req, code)
	if !ok {
		return
	}
	r.attest(&p.txn)
	t := zab.Txn{Zxid: p.zxid, Raw: p.txn.Raw}
	if err := r.machine.Propose(t); err != nil {
		r.spent(req, err)
		return
	}
	if r.report.Proposed != nil {
		r.report.Proposed(t)
	}
	r.timing.proposed(&p)
	r.inflight.push(p)
}

// noServer is where requests of the leader itself come from, which concern any
// session.
const noServer wire.SID = -1

func (r *leading) resume(cl *Client, h *handshake) {
	switch {
	case !r.machine.Established(): // others decide by now what becomes of the session
		close(h.done)
		cl.Kill(ErrNoLeader)
	case r.claim(h.renew, h.timeout, r.opts.ServerID):
		r.adopt(cl, h)
	default:
		cl.refuseSession(h)
	}
}

// global reports whether all servers know a session, or are about to.
func (r *leading) global(id wire.SessionID) bool { return r.sessionKnown(id) || r.prep.Opening(id) }

// elsewhere reports whether a session that is not global may be local to another
// server: the leader cannot know. One with this server's own number would be known here.
func (r *leading) elsewhere(id wire.SessionID) bool {
	return id != 0 && r.opts.LocalSessions && session.ServerOf(id) != byte(r.opts.ServerID)
}

// claim reports whether a session lives, or is being upgraded, and if so lets it speak
// through a server.
func (r *leading) claim(id wire.SessionID, timeout int32, through wire.SID) bool {
	if !r.machine.Established() || !r.tracker.Touch(id, timeout, r.millis()) && !r.prep.Opening(id) {
		return false
	}
	r.speaks[id] = through
	return true
}

func (r *leading) applied(h wire.TxnHeader, body wire.Record, _ *wire.TxnDigest) {
	r.sessionTracked(h, body)
	r.timing.committed(h.Zxid, r.clock)
	r.propagated(&h)
	if h.Op == wire.OpCloseSession {
		delete(r.speaks, h.Session)
	}
}

func (r *leading) flush() {
	for !r.over {
		rd, ok := r.machine.Ready()
		if !ok {
			return
		}
		r.work(&rd)
	}
}

// work does what one Ready says.
func (r *leading) work(rd *zab.LeaderReady) {
	r.send(rd)
	r.persist(&rd.Ready)
	if err := r.replay(r.vault, rd.Replay); err != nil {
		r.fail(err)
		return
	}
	if n := len(rd.Deliver); n > 0 {
		r.decided = rd.Deliver[n-1].Zxid
	}
	if rd.Activated != nil {
		r.settings.Config = rd.Activated.Config // which establish shows
	}
	if rd.Established {
		r.establish(rd.FirstZxid)
	}
	for i := range rd.Touches {
		r.tracker.Touch(rd.Touches[i].Session, rd.Touches[i].Timeout, r.millis())
	}
	for i := range rd.Requests {
		r.forwarded(&rd.Requests[i])
	}
	// A learner sends the requests of a session behind the answer, so what came with the
	// question was asked before it: when the session was the learner's already, and the
	// client has been elsewhere since, those requests are not to pass for new ones.
	for i := range rd.Revalidations {
		r.revalidate(&rd.Revalidations[i])
	}
	if n := len(rd.Confirmed); n > 0 {
		r.confirmed = rd.Confirmed[n-1]
	}
	if rd.Activated != nil {
		r.report.Activated(rd.Activated)
	}
	for _, c := range rd.Close {
		r.peers.Close(c.Conn, c.Err)
	}
	if rd.Stop != nil {
		r.stop(rd.Stop)
	}
}

// send queues what goes to the learners.
func (r *leading) send(rd *zab.LeaderReady) {
	for i := range rd.Send {
		m := &rd.Send[i]
		if m.Stream != nil {
			r.parcel.send(r.peers)
			r.stream(r.peers, r.vault, m.To, m.Stream)
		} else {
			pkt := m.Packet()
			if pkt.Type == wire.PacketSync {
				r.shares.at(m.To).end(syncWeight)
			}
			r.parcel.add(m.To, pkt)
		}
	}
	r.parcel.send(r.peers)
}

// revalidate gives a session to the learner that asks for it, if it lives.
func (r *leading) revalidate(v *zab.Revalidation) {
	if !r.machine.Established() {
		return // as in resume: the learner's connection is about to end
	}
	valid := r.claim(v.Session, v.Timeout, v.SID)
	if old := r.owners[v.Session]; valid && old != nil {
		old.Kill(ErrDisplaced)
		delete(r.owners, v.Session)
	}
	r.machine.Revalidated(v.From, v.Session, valid)
}

// forwarded takes a request of another server.
func (r *leading) forwarded(q *zab.Request) {
	s := r.shares.at(q.From)
	if q.Op == wire.OpSync {
		r.machine.SyncFor(q.From)
		s.end(weightOf(q) - syncWeight)
		return
	}
	req, code := decodeForwarded(&q.ForwardedRequest)
	req.Auth, req.share, req.weight = q.Auth, s, weightOf(q)
	r.outstanding.Add(1)
	r.request(req, q.SID, code)
}

func (r *leading) persist(rd *zab.Ready) {
	r.perform(r, rd, pledge{r.vault, r.peers, &r.parcel, r.machine.Persisted, nil})
}

// establish begins to serve.
func (r *leading) establish(first wire.Zxid) {
	r.renew()
	r.prep.Reset(first - 1)
	r.prep.opts.Reconfigure = r.reconfigure
	r.showConfig(r.settings.Config)
	r.unsettled = false
	r.serve()
	r.report.Serving(first.Epoch())
}

// reconfigure judges a request to change the configuration.
func (r *leading) reconfigure(req *wire.ReconfigRequest, z wire.Zxid) (quorum.Config, error) {
	return r.machine.Active().Reconfigure(req, quorum.Reconfig{
		Enabled: true, StandaloneEnabled: r.settings.StandaloneEnabled, Version: int64(z), Synced: r.machine.Synced,
	})
}

func (r *leading) stop(why error) {
	if r.over {
		return
	}
	r.over = true
	r.resign()
	r.report.Ended(why)
}

// fail ends the role for an error of this server's own.
func (r *leading) fail(err error) {
	r.inbox.put(message{err: err})
	r.stop(err)
}

// decodeForwarded reads a request that a learner passed on. Whatever it is, it
// becomes one transaction.
func decodeForwarded(f *wire.ForwardedRequest) (*Request, wire.Code) {
	var req *Request
	code := wire.OK
	switch f.Op {
	case wire.OpCreateSession:
		d := wire.NewDecoder(f.Body)
		req = &Request{Body: &wire.CreateSessionTxn{Timeout: d.Int()}}
		if d.Err() != nil {
			code = wire.MarshallingError
		}
	case wire.OpCloseSession:
		req = &Request{}
	default:
		if req, code = DecodeRequest(f.Op, f.Body); code != wire.OK {
			req = &Request{}
		}
	}
	req.Session, req.Cxid, req.Op = f.Session, f.Cxid, f.Op
	return req, code
}
