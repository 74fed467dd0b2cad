package sim

import (
	"bytes"
	"slices"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/watch"
	"github.com/zabra/zabra/wire"
)

// An upstream is a role that serves: it knows the way of a write to the leader.
type upstream interface {
	// forward sends a write on its way; false if it cannot.
	forward(f *wire.ForwardedRequest) bool
	// sync calls done when the client may read what was committed before.
	sync(f *wire.ForwardedRequest, done func()) bool
	// revalidate asks whether a session lives; service.revalidated gets the answer.
	revalidate(id wire.SessionID, timeout int32)
	touch(id wire.SessionID, timeout int32)
	// applied is told of every transaction, before the clients are.
	applied(txn *wire.Txn)
}

// Messages between clients and servers. They stand for the frames of the client
// protocol, whose coding is tested elsewhere.
type (
	hello struct {
		session  wire.SessionID
		passwd   [wire.PasswdLen]byte
		timeout  int32
		lastSeen wire.Zxid
	}
	welcome struct {
		session wire.SessionID // 0 is a refusal
		passwd  [wire.PasswdLen]byte
		timeout int32
	}
	request struct {
		xid  wire.Xid
		op   wire.OpCode
		body []byte
	}
	reply struct {
		xid      wire.Xid
		zxid     wire.Zxid
		err      wire.Code
		path     string
		data     []byte
		stat     wire.Stat
		children []string
	}
	event struct {
		kind wire.EventType
		path string
	}
)

// A service is the client's side of a server: connections, sessions that speak
// through it, watches, and the order of answers.
type service struct {
	*server
	up      upstream // nil while the server does not serve
	ids     session.IDs
	clients []*clientConn
	watches *watch.Manager
	told    []watch.WatcherID
	lastID  watch.WatcherID
}

// A clientConn is one connection of a client.
type clientConn struct {
	end     *simnet.End
	id      watch.WatcherID
	session wire.SessionID
	timeout int32
	greeted *hello
	pending []*pending // requests in the order they came, not answered yet
}

// A pending request is answered when those before it are.
type pending struct {
	request
	write bool // waits for the commit, or for the leader's word
	sent  bool // to the leader
	ready *reply
}

func newService(s *server) *service {
	return &service{server: s, ids: session.NewIDs(s.id, s.wall()), watches: watch.New(1, 7)}
}

func (v *service) serve(up upstream) {
	v.up = up
	v.showConfig()
	v.cluster.nemesis.serves(v.server)
}

// stop drops all clients: the server no longer knows what is committed.
func (v *service) stop() {
	v.up = nil
	if plant.In(plant.MapOrder) {
		byID := map[watch.WatcherID]*clientConn{}
		for _, c := range v.clients {
			byID[c.id] = c
		}
		for _, c := range byID {
			c.end.Close()
		}
	}
	for _, c := range v.clients {
		c.end.Close()
	}
	v.clients = nil
	v.watches = watch.New(1, 7)
}

func (v *service) accept(e *simnet.End) {
	if v.up == nil {
		e.Close()
		return
	}
	v.lastID++
	c := &clientConn{end: e, id: v.lastID}
	v.clients = append(v.clients, c)
	e.OnMessage = func(m any) {
		v.do(func() {
			if !e.Closed() && v.up != nil {
				v.receive(c, m)
			}
		})
	}
	e.OnClose = func() { v.do(func() { v.forget(c) }) }
}

// drop ends a connection.
func (v *service) drop(c *clientConn) {
	c.end.Close()
	v.forget(c)
}

func (v *service) forget(c *clientConn) {
	for i, o := range v.clients {
		if o == c {
			v.clients = append(v.clients[:i:i], v.clients[i+1:]...)
			v.watches.RemoveWatcher(c.id)
			return
		}
	}
}

func (v *service) bySession(id wire.SessionID) *clientConn {
	for _, c := range v.clients {
		if c.session == id {
			return c
		}
	}
	return nil
}

func (v *service) receive(c *clientConn, m any) {
	switch m := m.(type) {
	case hello:
		v.greet(c, m)
	case request:
		if c.session == 0 {
			v.drop(c)
			return
		}
		v.up.touch(c.session, c.timeout)
		v.take(c, m)
	}
}

// greet opens a session or resumes one.
func (v *service) greet(c *clientConn, h hello) {
	c.greeted, c.timeout = &h, h.timeout
	switch {
	case h.lastSeen > v.tree.LastZxid() && !plant.In(plant.OlderServerAccepted):
		v.drop(c) // the client has seen what this server has not
	case h.session == 0:
		id := v.ids.Next()
		c.greeted.session = id
		f := wire.ForwardedRequest{Session: id, Op: wire.OpCreateSession, Body: wire.AppendInt(nil, h.timeout)}
		if !v.up.forward(&f) {
			v.drop(c)
		}
	case !session.ValidPassword(h.session, h.passwd[:]):
		c.end.Send(welcome{})
		v.drop(c)
	default:
		v.up.revalidate(h.session, h.timeout)
	}
}

// revalidated takes the leader's answer about a session.
func (v *service) revalidated(id wire.SessionID, alive bool) {
	for _, c := range v.clients {
		if c.greeted == nil || c.session != 0 || c.greeted.session != id {
			continue
		}
		if !alive {
			c.end.Send(welcome{})
			v.drop(c)
			return
		}
		if old := v.bySession(id); old != nil {
			v.drop(old)
		}
		v.welcome(c, id)
		return
	}
}

func (v *service) welcome(c *clientConn, id wire.SessionID) {
	c.session = id
	c.end.Send(welcome{session: id, passwd: session.Password(id), timeout: c.timeout})
}

// take queues a request, sends a write on its way, and answers what can be answered.
func (v *service) take(c *clientConn, q request) {
	p := &pending{request: q}
	switch pipeline.Info(q.op).Class {
	case pipeline.ClassWrite:
		p.write = true
		c.pending = append(c.pending, p)
		if !v.flow(c) {
			v.drop(c)
			return
		}
	default:
		if plant.In(plant.ReadBeforeOwnWrite) {
			c.end.Send(v.read(c, &q))
			return
		}
		c.pending = append(c.pending, p)
	}
	v.advance(c)
}

// flow sends writes on their way. One behind a sync stays here until that is
// answered: it could be committed before, and its session would then see the answer
// to the sync bear a later zxid than the answer to the write.
func (v *service) flow(c *clientConn) bool {
	for _, p := range slices.Clone(c.pending) { // what is sent may be answered at once
		if p.write && !p.sent {
			p.sent = true
			if !v.sendOn(c, p) {
				return false
			}
		}
		if p.op == wire.OpSync && p.ready == nil {
			return true
		}
	}
	return true
}

func (v *service) sendOn(c *clientConn, p *pending) bool {
	f := wire.ForwardedRequest{Session: c.session, Cxid: p.xid, Op: p.op, Body: p.body}
	if p.op != wire.OpSync {
		return v.up.forward(&f)
	}
	return v.up.sync(&f, func() {
		p.ready = &reply{xid: p.xid, zxid: v.tree.LastZxid()}
		v.advance(c)
		if !c.end.Closed() && v.up != nil && !v.flow(c) {
			v.drop(c)
		}
	})
}

// advance answers the requests at the head of the queue, as far as that goes. A read
// behind a write waits for it, and is answered before the next write is applied.
func (v *service) advance(c *clientConn) {
	for len(c.pending) > 0 {
		p := c.pending[0]
		switch {
		case p.ready != nil:
			c.end.Send(*p.ready)
		case !p.write:
			c.end.Send(v.read(c, &p.request))
		default:
			return
		}
		c.pending = c.pending[1:]
	}
}

// applied tells watchers and the client about a transaction that the tree now shows.
func (v *service) applied(txn *wire.Txn, res *datatree.Result) {
	if !plant.In(plant.EventAfterData) {
		v.trigger(res)
	}
	h := &txn.Header
	switch h.Op {
	case wire.OpCreateSession:
		v.opened(h.Session)
	default:
		v.answer(h, txn, res)
	}
	if h.Op == wire.OpCloseSession {
		if c := v.bySession(h.Session); c != nil {
			v.drop(c)
		}
	}
	if plant.In(plant.EventAfterData) {
		v.trigger(res)
	}
}

func (v *service) opened(id wire.SessionID) {
	for _, c := range v.clients {
		if c.session == 0 && c.greeted != nil && c.greeted.session == id {
			v.welcome(c, id)
			return
		}
	}
}

// answer answers the oldest write of a client that waits for this transaction.
func (v *service) answer(h *wire.TxnHeader, txn *wire.Txn, res *datatree.Result) {
	c := v.bySession(h.Session)
	if c == nil || h.Cxid == 0 && h.Op == wire.OpCloseSession {
		return
	}
	for _, p := range c.pending {
		if !p.write || p.xid != h.Cxid || p.op == wire.OpSync || p.ready != nil {
			continue
		}
		if res.Err == wire.SessionMoved {
			v.drop(c)
			return
		}
		p.ready = &reply{xid: p.xid, zxid: h.Zxid, err: res.Err, path: res.Path, stat: res.Stat}
		if txn.Header.Op == wire.OpMulti {
			p.ready.err = multiCode(res)
		}
		v.advance(c)
		return
	}
}

// multiCode is the first error of a multi, as a client library reports it.
func multiCode(res *datatree.Result) wire.Code {
	for i := range res.Sub {
		if err := res.Sub[i].Err; err != wire.OK && err != wire.RuntimeInconsistency {
			return err
		}
	}
	return wire.OK
}

// trigger queues the events of a change.
func (v *service) trigger(res *datatree.Result) {
	for i := range res.Changes {
		ch := &res.Changes[i]
		v.tell(ch.Type, ch.Path)
		if ch.Type == wire.EventNodeDataChanged {
			continue
		}
		if parent, _ := wire.SplitPath(ch.Path); parent != "" {
			v.tell(wire.EventNodeChildrenChanged, parent)
		}
	}
}

func (v *service) tell(ev wire.EventType, path string) {
	v.told = v.watches.Trigger(ev, path, v.told[:0])
	for i, id := range v.told {
		if plant.In(plant.WatchDropped) && i > 0 {
			return
		}
		for _, c := range v.clients {
			if c.id == id {
				c.end.Send(event{ev, string(append([]byte(nil), path...))})
			}
		}
	}
}

// read answers a request that changes nothing.
func (v *service) read(c *clientConn, q *request) reply {
	out := reply{xid: q.xid, zxid: v.tree.LastZxid()}
	switch q.op {
	case wire.OpGetData, wire.OpExists, wire.OpGetChildren2:
		var r wire.PathWatchRequest
		if out.err = pipeline.DecodeRead(q.op, q.body, &r); out.err == wire.OK {
			v.look(c, q.op, &r, &out)
		}
	case wire.OpSetWatches2:
		req, code := pipeline.DecodeRequest(q.op, q.body)
		if out.err = code; code == wire.OK {
			v.setWatches(c, req.Body.(*wire.SetWatches2Request), &out)
		}
	case wire.OpPing:
	default:
		out.err = wire.Unimplemented
	}
	return out
}

func (v *service) look(c *clientConn, op wire.OpCode, r *wire.PathWatchRequest, out *reply) {
	n, ok := v.tree.Find(r.Path)
	mode := watch.Data
	if op == wire.OpGetChildren2 {
		mode = watch.Child
	}
	if r.Watch && (ok || op == wire.OpExists) {
		set := func() { v.watches.Add(r.Path, c.id, mode) }
		if plant.In(plant.WatchAfterRead) {
			v.kernel.After(msec(50), v.life, set)
		} else {
			set()
		}
	}
	if !ok {
		out.err = wire.NoNode
		return
	}
	out.stat = v.tree.Stat(n)
	switch op {
	case wire.OpGetData:
		out.data = bytes.Clone(v.tree.Data(n))
	case wire.OpGetChildren2:
		for name := range v.tree.Children(n) {
			out.children = append(out.children, string(append([]byte(nil), name...)))
		}
	}
}

func (v *service) setWatches(c *clientConn, r *wire.SetWatches2Request, out *reply) {
	if plant.In(plant.SetWatchesForgets) {
		r.RelativeZxid = v.tree.LastZxid()
	}
	out.err = watch.CatchUp(r, zxids{v.tree},
		func(ev wire.EventType, path string) {
			c.end.Send(event{ev, string(append([]byte(nil), path...))})
		},
		func(path string, m watch.Mode) { v.watches.Add(path, c.id, m) })
}

// zxids shows the tree to watch.CatchUp.
type zxids struct{ tree *datatree.Tree }

func (z zxids) Zxids(path string) (mzxid, pzxid wire.Zxid, ok bool) {
	n, ok := z.tree.Find(path)
	if !ok {
		return 0, 0, false
	}
	stat := z.tree.Stat(n)
	return stat.Mzxid, stat.Pzxid, true
}
