package sim

import (
	"errors"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// leading is the role of a server that was elected.
type leading struct {
	*server
	machine *zab.Leader
	at      zab.State
	conns   map[zab.Conn]*simnet.End
	next    zab.Conn

	established bool
	driving     bool
	prep        *pipeline.Preparer
	tracker     *session.Tracker
	owners      map[wire.SessionID]wire.SID // the server that a session speaks through
	due         []wire.SessionID
	syncs       map[uint64]func()
	lastSync    uint64
	ticked      int64 // when the last tick was, by the monotonic clock
	away        bool  // this process was not running before it
}

func newLeading(s *server, at zab.State) (*leading, error) {
	o := s.cluster.opts
	m, err := zab.NewLeader(zab.LeaderConfig{
		ID: s.id, State: at, Log: s.storage.log, Active: s.active, Reconfig: o.Reconfig,
		InitLimit: o.InitLimit, SyncLimit: o.SyncLimit, LastCounter: o.LastCounter,
	})
	return &leading{server: s, machine: m, at: at, conns: map[zab.Conn]*simnet.End{}}, err
}

func (r *leading) name() string { return "leading" }

func (r *leading) phase() string {
	switch {
	case r.established:
		return "broadcast"
	case r.machine.Epoch() == 0:
		return "discovery"
	}
	return "synchronisation"
}

// begin lets learners connect.
func (r *leading) begin() {
	r.net.Listen(r.host(), quorumPort, r.accept)
	r.drive()
}

func (r *leading) end() {
	r.net.Unlisten(r.host(), quorumPort)
	for c := zab.Conn(1); c <= r.next; c++ {
		if e := r.conns[c]; e != nil {
			e.Close()
		}
	}
}

func (r *leading) accept(e *simnet.End) {
	r.next++
	c := r.next
	r.conns[c] = e
	e.OnMessage = func(m any) { r.do(func() { r.receive(c, m) }) }
	e.OnClose = func() {
		r.do(func() {
			if r.role == r && r.conns[c] != nil {
				delete(r.conns, c)
				r.machine.Disconnected(c)
				r.drive()
			}
		})
	}
	r.do(func() {
		if r.role == r {
			r.machine.Connected(c)
			r.drive()
		}
	})
}

func (r *leading) receive(c zab.Conn, m any) {
	if r.role != r || r.conns[c] == nil {
		return
	}
	p, err := decode(m.([]byte))
	if err != nil {
		r.cluster.fail("wire", "server %d cannot read a packet: %v", r.id, err)
		return
	}
	r.machine.Receive(c, p)
	r.drive()
}

func (r *leading) tick() {
	r.machine.Tick()
	if r.established && !r.wasAway() {
		r.expire()
	}
	r.drive()
}

// wasAway reports whether this process did not run just now. What its clients and
// learners have sent meanwhile is there, but not read yet, so nobody is expired for
// silence before the next tick.
func (r *leading) wasAway() bool {
	now := r.millis()
	late := now-r.ticked > r.cluster.opts.TickTime.Milliseconds()
	r.away = !r.away && late && r.ticked != 0
	r.ticked = now
	return r.away
}

// deserted is called when somebody who elected this server looks for a leader again.
func (r *leading) deserted() {
	connected := map[wire.SID]bool{r.id: true}
	for _, f := range r.machine.Followers() {
		connected[f.SID] = true
	}
	if !r.established && !r.election.CanLead(func(id wire.SID) bool { return connected[id] }) {
		r.leave(r, zab.ErrNoElectors)
	}
}

// drive does what the machine wants until it wants nothing more.
func (r *leading) drive() {
	if r.driving {
		return
	}
	r.driving = true
	for r.role == r && r.up() {
		rd, ok := r.machine.Ready()
		if !ok {
			break
		}
		r.do1(&rd)
	}
	r.driving = false
}

// do1 does what one Ready says, in the order that package zab asks for.
func (r *leading) do1(rd *zab.LeaderReady) {
	for i := range rd.Send {
		m := &rd.Send[i]
		if m.Stream != nil {
			r.stream(m.To, m.Stream)
			continue
		}
		p := m.Packet()
		r.send(r.conns[m.To], &p)
	}
	r.persist(&rd.Ready)
	if !r.up() {
		return
	}
	r.deliver(&rd.Ready)
	if rd.Activated != nil {
		r.activate(rd.Activated)
	}
	if rd.Established {
		r.establish(rd.FirstZxid)
	}
	for i := range rd.Touches {
		r.tracker.Touch(rd.Touches[i].Session, rd.Touches[i].Timeout, r.millis())
	}
	for i := range rd.Revalidations {
		v := &rd.Revalidations[i]
		r.machine.Revalidated(v.From, v.Session, r.claim(v.Session, v.Timeout, v.SID))
	}
	for i := range rd.Requests {
		q := &rd.Requests[i]
		if q.Op == wire.OpSync {
			r.machine.SyncFor(q.From)
			continue
		}
		r.request(q.SID, &q.ForwardedRequest, q.Auth)
	}
	for _, id := range rd.Confirmed {
		r.syncs[id]()
		delete(r.syncs, id)
	}
	for _, c := range rd.Close {
		if e := r.conns[c.Conn]; e != nil {
			r.say("drops %d: "+c.Err.Error(), int64(e.Remote()))
			e.Close()
			delete(r.conns, c.Conn)
		}
	}
	if rd.Stop != nil {
		r.stopFor(rd.Stop)
	}
}

// persist hands writes to the disk, and sends what vouches for them when they are
// durable.
func (r *leading) persist(rd *zab.Ready) {
	for i := range rd.Writes {
		if rd.Writes[i].Op == zab.WriteCurrentEpoch {
			r.ledger.leads(r.id, rd.Writes[i].Epoch, r.at.Last)
		}
	}
	if len(rd.Writes) == 0 && len(rd.Then) == 0 {
		return
	}
	r.storage.submit(rd.Writes, nil, func() {
		if r.role != r {
			return
		}
		for i := range rd.Then {
			for p := range rd.Then[i].Packets() {
				r.ledger.promises(r.id, p.Zxid.Epoch())
				r.send(r.conns[rd.Then[i].To], &p)
			}
		}
		r.machine.Persisted(rd.ID)
		r.drive()
	})
}

// stream sends a learner the history that it lacks.
func (r *leading) stream(c zab.Conn, st *zab.Stream) {
	e := r.conns[c]
	if e == nil {
		return
	}
	rg := st.Range
	if st.First != 0 {
		p := wire.QuorumPacket{Type: st.First, Zxid: st.Zxid}
		var img image
		if st.First == wire.PacketSnap {
			img = r.snapshot()
			p.Zxid, rg.After = r.tree.LastZxid(), r.tree.LastZxid()
		}
		r.send(e, &p)
		if img != nil {
			e.Send(img)
		}
	}
	err := r.storage.between(rg, func(z wire.Zxid, raw []byte) {
		p := wire.QuorumPacket{Type: wire.PacketProposal, Zxid: z, Data: raw}
		if st.Inform {
			p.Type = wire.PacketInform
			r.send(e, &p)
			return
		}
		r.send(e, &p)
		r.send(e, &wire.QuorumPacket{Type: wire.PacketCommit, Zxid: z})
	})
	if err != nil {
		r.say("cannot read its log: " + err.Error())
		e.Close()
		delete(r.conns, c)
		r.machine.Disconnected(c)
	}
}

// establish begins to serve.
func (r *leading) establish(first wire.Zxid) {
	r.established = true
	r.say("is established, first %#x", int64(first))
	r.ledger.forms(r.id, first.Epoch())
	r.election.Synced(first.Epoch())
	r.prep = pipeline.NewPreparer(r.tree, everybody{}, pipeline.PrepareOptions{
		ReconfigEnabled: r.cluster.opts.Reconfig, Reconfigure: r.reconfigure,
	})
	r.prep.Reset(first - 1)
	r.tracker = session.NewTracker(r.cluster.opts.TickTime.Milliseconds())
	r.owners = map[wire.SessionID]wire.SID{}
	r.syncs = map[uint64]func(){}
	since := r.millis()
	if plant.In(plant.TouchLostOnNewLeader) {
		since -= r.cluster.opts.SessionTimeout.Milliseconds() * 9 / 10
	}
	for id, timeout := range r.tree.Sessions() {
		r.tracker.Add(id, timeout, since)
	}
	r.service.serve(r)
}

// applied follows what a committed transaction does to the sessions.
func (r *leading) applied(txn *wire.Txn) {
	r.prep.Applied(txn.Header.Zxid)
	switch txn.Header.Op {
	case wire.OpCreateSession:
		r.tracker.Add(txn.Header.Session, txn.Body.(*wire.CreateSessionTxn).Timeout, r.millis())
	case wire.OpCloseSession:
		r.tracker.Remove(txn.Header.Session)
		delete(r.owners, txn.Header.Session)
	}
}

// request turns a request, of a client of this server or of a learner's, into one
// transaction.
func (r *leading) request(from wire.SID, f *wire.ForwardedRequest, auth []wire.ID) {
	req, code := decodeForwarded(f)
	req.Session, req.Cxid, req.Op, req.Auth = f.Session, f.Cxid, f.Op, auth
	if f.Op == wire.OpCreateSession {
		r.owners[f.Session] = from
	}
	if owner, ok := r.owners[f.Session]; !ok {
		r.owners[f.Session] = from
	} else if owner != from && !plant.In(plant.SessionMovesUnchecked) {
		code = wire.SessionMoved
	}
	r.say("takes request %d of session %#x from %d, which is answered %d if not prepared", int64(f.Cxid), int64(f.Session), int64(from), int64(code))
	r.propose(req, code)
}

func (r *leading) propose(req *pipeline.Request, code wire.Code) {
	now := r.wall()
	prepare := func() (wire.Txn, error) { return r.prep.Prepare(req, now) }
	if code != wire.OK {
		prepare = func() (wire.Txn, error) { return r.prep.Refuse(req, code, now) }
	} else if req.Op == wire.OpCloseSession {
		r.tracker.Close(req.Session)
	}
	if !r.machine.Established() {
		return // it is about to stop, and the clients will be told by their connections
	}
	txn, err := prepare()
	if err == nil {
		err = r.machine.Propose(zab.Txn{Zxid: txn.Header.Zxid, Raw: txn.Raw})
	}
	switch {
	case err == nil:
		r.ledger.proposed(r.id, txn.Header.Zxid, txn.Raw, r.machine.Active())
		r.cluster.proposedAt(txn.Header.Zxid)
	case errors.Is(err, zab.ErrCounterSpent), errors.Is(err, pipeline.ErrZxidSpent):
	default:
		r.cluster.fail("driver", "server %d cannot propose: %v", r.id, err)
	}
}

// reconfigure judges a request to change the configuration.
func (r *leading) reconfigure(req *wire.ReconfigRequest, z wire.Zxid) (quorum.Config, error) {
	return r.machine.Active().Reconfigure(req, quorum.Reconfig{
		Enabled: true, StandaloneEnabled: true, Version: int64(z), Synced: r.machine.Synced,
	})
}

// decodeForwarded reads the body of a request that a learner passed on.
func decodeForwarded(f *wire.ForwardedRequest) (*pipeline.Request, wire.Code) {
	switch f.Op {
	case wire.OpCreateSession:
		d := wire.NewDecoder(f.Body)
		body := &wire.CreateSessionTxn{Timeout: d.Int()}
		if d.Err() != nil {
			return &pipeline.Request{}, wire.MarshallingError
		}
		return &pipeline.Request{Body: body}, wire.OK
	case wire.OpCloseSession:
		return &pipeline.Request{}, wire.OK
	}
	req, code := pipeline.DecodeRequest(f.Op, f.Body)
	if req == nil {
		req = &pipeline.Request{}
	}
	return req, code
}

// claim reports whether a session lives, and if so lets it speak through a server.
func (r *leading) claim(id wire.SessionID, timeout int32, through wire.SID) bool {
	if !r.tracker.Touch(id, timeout, r.millis()) {
		return false
	}
	r.owners[id] = through
	return true
}

// expire ends the sessions that nobody has heard of for too long.
func (r *leading) expire() {
	now := r.millis()
	if plant.In(plant.ExpiryByWallClock) {
		now = r.wall() - wallEpoch - r.clock.at.Milliseconds()
	}
	r.due = r.tracker.Due(now, r.due[:0])
	for _, id := range r.due {
		if r.tracker.Close(id) {
			r.say("expires session %#x", int64(id))
			r.propose(&pipeline.Request{Session: id, Op: wire.OpCloseSession}, wire.OK)
			if plant.In(plant.CloseSessionTwice) {
				r.propose(&pipeline.Request{Session: id, Op: wire.OpCloseSession}, wire.OK)
			}
		}
	}
}

// What the service asks its role for.

func (r *leading) forward(f *wire.ForwardedRequest) bool {
	r.tracker.Touch(f.Session, r.timeoutOf(f.Session), r.millis())
	r.request(r.id, f, nil)
	r.drive()
	return true
}

func (r *leading) timeoutOf(id wire.SessionID) int32 {
	t, _ := r.tracker.Timeout(id)
	return t
}

func (r *leading) sync(f *wire.ForwardedRequest, done func()) bool {
	r.lastSync++
	r.syncs[r.lastSync] = done
	r.machine.Sync(r.lastSync)
	r.drive()
	return true
}

func (r *leading) revalidate(id wire.SessionID, timeout int32) {
	r.service.revalidated(id, r.claim(id, timeout, r.id))
}

func (r *leading) touch(id wire.SessionID, timeout int32) { r.tracker.Touch(id, timeout, r.millis()) }
