package pipeline

import (
	"math"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// learning is the role of a follower or an observer: it passes writes on to the
// leader, and applies what the leader says is committed.
type learning struct {
	*Core
	machine  *zab.Learner
	peers    Peers
	vault    Vault
	report   Report
	nextTick int64
	heardAt  int64 // when clients were last looked at for signs of life

	config     quorum.Config
	waiting    map[wire.SessionID][]*Request // passed on, oldest first
	resuming   map[wire.SessionID][]resuming // asked about
	syncs      map[uint64]*Request
	asked      uint64
	parcel     parcel
	shares     *shares        // of observers
	trusted    wire.Zxid      // what was decided when this server began to serve
	mismatched bool           // the tree was found to differ from the leader's
	received   *datatree.Tree // a snapshot that is not the state yet
	over       bool
}

// A resuming connection waits for the leader to say whether its session lives.
type resuming struct {
	cl *Client
	h  *handshake
}

// Learn makes the core a learner of the leader that an election has found. It must
// have no role.
func (c *Core) Learn(m *zab.Learner, peers Peers, v Vault, s Settings, report Report) *Learning {
	r := &learning{
		Core: c, machine: m, peers: peers, vault: v, config: s.Config, report: report,
		waiting: map[wire.SessionID][]*Request{}, resuming: map[wire.SessionID][]resuming{}, syncs: map[uint64]*Request{},
		shares: newShares(c.opts.Tick),
	}
	c.inbox.put(message{call: func() {
		r.nextTick = c.millis() + r.halfTick()
		c.assume(r)
		c.drive()
	}})
	return &Learning{r}
}

// A Learning takes what arrives for a learner. Its methods may be called by any
// goroutine, and do nothing once the role is over.
type Learning struct{ r *learning }

// Receive takes packets of the leader. It keeps them.
func (l *Learning) Receive(pkts []wire.QuorumPacket) {
	l.r.receive(l.r, len(pkts), func() {
		for i := range pkts {
			l.r.machine.Receive(&pkts[i])
		}
	})
}

// Snapshot takes the tree that was read behind a SNAP packet.
func (l *Learning) Snapshot(t *datatree.Tree) {
	l.r.later(func() {
		l.r.received = t
		l.r.machine.SnapshotRead()
	})
}

// Progress tells that a part of a snapshot has arrived.
func (l *Learning) Progress() { l.r.later(l.r.machine.Progress) }

// Mismatch tells that the tree is not to be built on.
func (l *Learning) Mismatch(z wire.Zxid) { l.r.later(func() { l.r.machine.Mismatch(z) }) }

// Disconnected tells that the connection to the leader is gone.
func (l *Learning) Disconnected(why error) { l.r.later(func() { l.r.stop(why) }) }

func (r *learning) later(f func()) { r.during(r, f) }

func (r *learning) decides() bool { return false }

// tick tells the machine the time, and which clients were heard of.
func (r *learning) tick(now int64) {
	if now < r.nextTick {
		return
	}
	for id, cl := range r.owners {
		if cl.heard(now) >= r.heardAt && !r.local.has(id) {
			r.machine.Touch(id, cl.Timeout())
		}
	}
	r.heardAt = now
	r.metrics.LearnerQueueSize.Observe(0, r.outstanding.Load())
	for ; now >= r.nextTick; r.nextTick += r.halfTick() {
		r.machine.Tick()
	}
}

func (r *learning) submit(req *Request) {
	f := wire.ForwardedRequest{Session: req.Session, Cxid: req.Cxid, Op: req.Op, Body: req.Raw}
	auth := req.Auth
	if b, ok := req.Body.(*wire.CreateSessionTxn); ok {
		f.Body, auth = wire.AppendInt(nil, b.Timeout), nil
	}
	if req.Op == wire.OpSync && (plant.In(plant.SyncAnsweredLocally) || req.Barrier && plant.In(plant.BarrierSkipped)) {
		r.inflight.push(proposal{req: req, at: r.Now()})
		return
	}
	if req.Op == wire.OpSync {
		r.asked++
		if r.machine.Forward(f, auth, r.asked) {
			r.syncs[r.asked] = req
			return
		}
	} else if r.machine.Forward(f, auth, 0) {
		r.waiting[req.Session] = append(r.waiting[req.Session], req)
		return
	}
	r.concluded(req)
	if cl := req.client(); cl != nil {
		cl.Kill(ErrNoLeader)
	}
}

func (r *learning) resume(cl *Client, h *handshake) {
	if !r.machine.Revalidate(h.renew, h.timeout) {
		close(h.done)
		cl.Kill(ErrNoLeader)
		return
	}
	r.resuming[h.renew] = append(r.resuming[h.renew], resuming{cl, h})
}

// revalidated answers the connection that has waited longest for a session.
func (r *learning) revalidated(v wire.Revalidated) {
	list := r.resuming[v.Session]
	if len(list) == 0 {
		return
	}
	w := list[0]
	if r.resuming[v.Session] = list[1:]; len(list) == 1 {
		delete(r.resuming, v.Session)
	}
	if !v.Valid {
		w.cl.refuseSession(w.h)
		return
	}
	w.cl.since = r.machine.Last()
	r.adopt(w.cl, w.h)
}

func (r *learning) applied(h wire.TxnHeader, body wire.Record, digest *wire.TxnDigest) {
	r.verify(h.Zxid, digest)
	r.propagated(&h)
	if b, ok := body.(*wire.CreateSessionTxn); ok {
		r.machine.Touch(h.Session, b.Timeout)
	}
}

// verify compares the tree with the leader's, if the transaction says what that is: all
// of an Apache ZooKeeper leader's do, and some of ours (leading.attest). What came before this server serves is not compared:
// a snapshot may hold effects of transactions that follow it.
func (r *learning) verify(z wire.Zxid, digest *wire.TxnDigest) {
	if digest == nil || z <= r.trusted || uint64(digest.Digest) == r.tree.Digest() {
		return
	}
	r.metrics.DigestMismatches.Inc(0)
	if !r.mismatched {
		r.mismatched = true
		r.report.Mismatch(z, uint64(digest.Digest), r.tree.Digest())
	}
}

func (r *learning) flush() {
	for !r.over {
		rd, ok := r.machine.Ready()
		if !ok {
			return
		}
		r.work(&rd)
	}
}

// work does what one Ready says.
func (r *learning) work(rd *zab.LearnerReady) {
	r.send(rd)
	r.persist(&rd.Ready)
	if err := r.replay(r.vault, rd.Replay); err != nil {
		r.inbox.put(message{err: err})
		r.stop(err)
		return
	}
	synced := rd.Synced
	for i := range rd.Deliver {
		synced = r.synced(synced, rd.Deliver[i].Zxid)
		if err := r.deliver(&rd.Deliver[i]); err != nil {
			r.stop(err)
			return
		}
	}
	r.synced(synced, math.MaxInt64)
	if rd.Serving {
		if rd.Activated != nil {
			r.config = rd.Activated.Config
		}
		r.renew()
		r.trusted = r.decided
		r.showConfig(r.config)
		r.unsettled = false
		r.serve()
		r.report.Serving(rd.Epoch)
	}
	for _, v := range rd.Revalidated {
		r.revalidated(v)
	}
	for _, id := range rd.Moved {
		if old := r.owners[id]; old != nil {
			old.Kill(ErrDisplaced)
			delete(r.owners, id)
		}
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

// send queues what goes to the leader, and to the observers of this server.
func (r *learning) send(rd *zab.LearnerReady) {
	for i := range rd.Send {
		m := &rd.Send[i]
		if m.Stream != nil {
			r.parcel.send(r.peers)
			r.stream(r.peers, r.vault, m.To, m.Stream)
			continue
		}
		r.parcel.add(m.To, m.Packet())
	}
	r.parcel.send(r.peers)
}

// synced lets syncs be answered between the transactions that came before and those
// that came behind them, of which next is the first. It returns those that come later.
func (r *learning) synced(list []zab.Synced, next wire.Zxid) []zab.Synced {
	for len(list) > 0 && list[0].Zxid < next {
		r.inflight.push(proposal{req: r.syncs[list[0].ID], at: r.Now()})
		delete(r.syncs, list[0].ID)
		list = list[1:]
	}
	return list
}

// deliver lets a committed transaction be applied, and answered if it is that of a
// request that came here.
func (r *learning) deliver(t *zab.Txn) error {
	txn, err := wire.DecodeTxn(t.Raw)
	if err != nil {
		return err
	}
	r.inflight.push(proposal{zxid: t.Zxid, txn: txn, req: r.own(&txn.Header), at: r.Now()})
	r.decided = t.Zxid
	return nil
}

// own is the request that a transaction answers, nil if it came to another server.
func (r *learning) own(h *wire.TxnHeader) *Request {
	list := r.waiting[h.Session]
	if len(list) == 0 || !list[0].answeredBy(h) {
		return nil
	}
	if r.waiting[h.Session] = list[1:]; len(list) == 1 {
		delete(r.waiting, h.Session)
	}
	return list[0]
}

// answeredBy reports whether a transaction is that of the request. Equal numbers are not
// enough: there are clients that number their requests anew on each connection, and
// what such a client has asked of another server may be decided after it came here.
func (r *Request) answeredBy(h *wire.TxnHeader) bool {
	if r.Cxid != h.Cxid || h.Op != r.Op && h.Op != wire.OpError {
		return false
	}
	cl := r.client()
	return cl == nil || h.Zxid > cl.since
}

func (r *learning) persist(rd *zab.Ready) {
	r.perform(r, rd, pledge{r.vault, r.peers, &r.parcel, r.machine.Persisted, r.install})
}

// install makes the snapshot received the tree. Nobody is served from it before it
// is durable.
func (r *learning) install() *datatree.Tree {
	t := r.received
	r.received = nil
	r.lock.Lock()
	r.tree = t
	r.lock.Unlock()
	r.unsettled = true
	return t
}

func (r *learning) stop(why error) {
	if r.over {
		return
	}
	r.over = true
	for _, list := range r.waiting {
		for _, req := range list {
			r.concluded(req)
		}
	}
	for _, req := range r.syncs {
		r.concluded(req)
	}
	for _, list := range r.resuming {
		for _, w := range list {
			close(w.h.done)
		}
	}
	r.resign()
	r.report.Ended(why)
}
