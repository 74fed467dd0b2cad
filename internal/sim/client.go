package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/zabra/zabra/internal/sim/history"
	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/internal/sim/vtime"
	"github.com/zabra/zabra/wire"
)

// A client does what applications do: it opens a session, writes values that nobody
// else writes, reads, watches, syncs, and moves to another server when its
// connection breaks. What it sees is written down in log.
type client struct {
	*cluster
	id   int
	name string
	host simnet.Host
	rng  *rand.Rand
	log  *history.Log

	session  wire.SessionID
	passwd   [wire.PasswdLen]byte
	lastSeen wire.Zxid
	end      *simnet.End
	in       []byte      // not read yet
	life     *vtime.Life // of the connection
	greeted  bool
	xid      wire.Xid
	waiting  []*history.Op // sent, not answered
	pings    []*history.Op // the same; their answers come whenever they like
	heard    time.Duration // when the last answer came
	contact  time.Duration // when the request was sent that was answered last
	data     map[string]bool
	missing  map[string]bool // exist watches on nodes that were not there
	child    map[string]bool
	good     map[string]bool  // persistent watches, for good
	below    map[string]bool  // recursive ones
	versions map[string]int32 // of nodes, as last seen
	values   int
	closing  bool
	idle     bool // asks for nothing but pings
	prepared bool // what all rely on is there
}

// registers are paths that are created once and never deleted.
var registers = []string{"/r0", "/r1", "/r2"}

func newClient(c *cluster, i int) *client {
	cl := &client{
		cluster: c, id: i, name: fmt.Sprintf("c%d", i), host: simnet.Host(len(c.servers) + 1 + i),
		rng: c.kernel.Rand(fmt.Sprintf("client %d", i)), log: &history.Log{Client: i},
		versions: map[string]int32{},
	}
	c.net.Up(cl.host)
	cl.forget()
	c.kernel.After(time.Duration(cl.rng.Int64N(int64(time.Second))), nil, cl.connect)
	return cl
}

func (c *client) say(what string, args ...int64) { c.kernel.Trace.Add(c.name, what, args...) }

// forget drops the session.
func (c *client) forget() {
	c.session, c.xid, c.closing = 0, 0, false
	c.data, c.missing, c.child = map[string]bool{}, map[string]bool{}, map[string]bool{}
	c.good, c.below = map[string]bool{}, map[string]bool{}
}

// connect tries one server after the other, at random.
func (c *client) connect() {
	s := c.servers[c.rng.IntN(len(c.servers))]
	c.life = new(vtime.Life)
	life := c.life
	c.net.Dial(c.host, s.host(), clientPort, life, func(e *simnet.End) {
		if e == nil {
			c.retry()
			return
		}
		c.end, c.greeted, c.heard = e, false, c.kernel.Now()
		c.contact = c.kernel.Now()
		e.OnMessage = func(m any) {
			if !life.Over() {
				c.receive(m.([]byte), life)
			}
		}
		e.OnClose = func() {
			if !life.Over() {
				c.lost()
			}
		}
		c.say("connects to %d", int64(s.id))
		e.Send(connectFrame(&wire.ConnectRequest{
			LastZxidSeen: c.lastSeen, Timeout: int32(c.opts.SessionTimeout.Milliseconds()), Session: c.session, Passwd: c.passwd[:],
		}))
		c.kernel.After(c.opts.SessionTimeout/3, life, c.watchdog)
	})
}

func (c *client) retry() {
	c.life.End()
	c.kernel.After(time.Duration(c.rng.Int64N(int64(c.opts.SessionTimeout/10))), nil, c.connect)
}

// lost ends the connection: what was not answered stays open.
func (c *client) lost() {
	c.end.Close()
	c.waiting, c.pings, c.in = nil, nil, nil
	if c.closing {
		c.forget()
	}
	c.retry()
}

// watchdog keeps the session alive, and gives a silent server up.
func (c *client) watchdog() {
	if c.kernel.Now()-c.heard > c.opts.SessionTimeout*2/3 {
		c.say("gives its server up")
		c.lost()
		return
	}
	if c.greeted && len(c.waiting) == 0 {
		c.ping()
	}
	c.kernel.After(c.opts.SessionTimeout/6, c.life, c.watchdog)
}

func (c *client) receive(b []byte, life *vtime.Life) {
	c.heard = c.kernel.Now()
	rest, err := frames(append(c.in, b...), func(f []byte) bool {
		c.read(f)
		return !life.Over()
	})
	if err != nil {
		c.fail("wire", "client %d cannot read a frame: %v", c.id, err)
	}
	if !life.Over() {
		c.in = rest
	}
}

// read takes one frame.
func (c *client) read(frame []byte) {
	d := wire.NewDecoder(frame)
	if !c.greeted {
		var w wire.ConnectResponse
		if w.DecodeFrom(&d); d.Err() == nil {
			c.welcomed(&w)
		}
	} else {
		var h wire.ReplyHeader
		h.DecodeFrom(&d)
		if h.Xid == wire.XidNotification {
			var e wire.WatcherEvent
			if e.DecodeFrom(&d); d.Err() == nil {
				c.told(&e)
			}
		} else {
			c.answered(&h, &d)
		}
	}
	if d.Err() != nil {
		c.fail("wire", "client %d cannot read an answer: %v", c.id, d.Err())
	}
}

func (c *client) welcomed(w *wire.ConnectResponse) {
	if w.Session == 0 {
		c.say("has lost its session %#x", int64(c.session))
		c.forget()
		c.lost()
		return
	}
	c.greeted = true
	fresh := c.session == 0
	if fresh {
		c.session, c.passwd = w.Session, [wire.PasswdLen]byte(w.Passwd)
		c.say("opens session %#x", int64(c.session))
		c.log.Items = append(c.log.Items, history.Item{Opened: w.Session})
	}
	c.authenticate()
	if !fresh {
		c.say("resumes session %#x", int64(c.session))
		c.log.Items = append(c.log.Items, history.Item{Resumed: true})
		c.setWatches()
	}
	c.prepare()
	c.kernel.After(0, c.life, c.work)
}

// authenticate tells who this is. The first client may do everything.
func (c *client) authenticate() {
	who := c.credentials()
	if c.id == 0 {
		who = superUser
	}
	r := wire.AuthRequest{Scheme: "digest", Auth: []byte(who)}
	c.send(&history.Op{Op: wire.OpAuth, Xid: wire.XidAuth}, r.AppendTo(nil))
}

func (c *client) credentials() string { return fmt.Sprintf("u%d:secret", c.id) }

// prepare lets the first client create what all rely on.
func (c *client) prepare() {
	if c.id != 0 || c.prepared {
		return
	}
	for _, path := range append([]string{"/q", "/m"}, registers...) {
		c.ask(&history.Op{Op: wire.OpCreate, Path: path}, &wire.CreateRequest{Path: path, ACL: open})
	}
}

// setWatches sets the watches again over a new connection.
func (c *client) setWatches() {
	sorted := func(m map[string]bool) []string {
		paths := []string{}
		for p := range m {
			paths = append(paths, p)
		}
		slices.Sort(paths)
		return paths
	}
	r := &wire.SetWatches2Request{
		RelativeZxid: c.lastSeen, Data: sorted(c.data), Exist: sorted(c.missing), Child: sorted(c.child),
		Persistent: sorted(c.good), PersistentRecursive: sorted(c.below),
	}
	if len(c.good)+len(c.below) > 0 {
		c.grid.did("watch for good set again")
	}
	c.ask(&history.Op{Op: wire.OpSetWatches2}, r)
}

// ask sends a request.
func (c *client) ask(o *history.Op, body wire.Record) {
	var b []byte
	if o.Multi != nil {
		b = wire.AppendMulti(nil, o.Multi)
	} else if body != nil {
		b = body.AppendTo(nil)
	}
	c.xid++
	o.Xid = c.xid
	c.log.Ops = append(c.log.Ops, o)
	c.send(o, b)
}

func (c *client) send(o *history.Op, body []byte) {
	o.Client, o.Session, o.Call = c.id, c.session, c.kernel.Now()
	c.waiting = append(c.waiting, o)
	c.say("asks %d: "+o.Op.String()+" "+o.Path, int64(o.Xid))
	c.end.Send(requestFrame(o.Xid, o.Op, body))
}

// ping shows that this client lives.
func (c *client) ping() {
	o := &history.Op{Op: wire.OpPing, Xid: wire.XidPing, Client: c.id, Session: c.session, Call: c.kernel.Now()}
	c.log.Ops = append(c.log.Ops, o)
	c.pings = append(c.pings, o)
	c.end.Send(requestFrame(o.Xid, o.Op, nil))
}

// take is the request that is answered with this header, nil if it is not its turn.
func (c *client) take(h *wire.ReplyHeader) *history.Op {
	queue := &c.waiting
	if h.Xid == wire.XidPing {
		queue = &c.pings
	}
	if len(*queue) == 0 || (*queue)[0].Xid != h.Xid {
		c.fail("session", "client %d got an answer to request %d out of turn", c.id, h.Xid)
		return nil
	}
	o := (*queue)[0]
	*queue = (*queue)[1:]
	return o
}

func (c *client) answered(h *wire.ReplyHeader, d *wire.Decoder) {
	c.say("is answered %d at %#x: "+h.Err.Error(), int64(h.Xid), int64(h.Zxid))
	o := c.take(h)
	if o == nil {
		return
	}
	o.Answered, o.Return, o.Err, o.Zxid = true, c.kernel.Now(), h.Err, h.Zxid
	if h.Err == wire.OK {
		readAnswer(o, d)
	}
	c.contact = o.Call
	if o.Op == wire.OpAuth {
		if h.Err != wire.OK {
			c.fail("session", "client %d is not let in: %v", c.id, h.Err)
		}
		return
	}
	c.lastSeen = max(c.lastSeen, h.Zxid)
	c.log.Items = append(c.log.Items, history.Item{Answer: o})
	if o.Watch || o.Op == wire.OpAddWatch {
		c.watched(o)
	}
	c.count(o)
	c.prepared = c.prepared || o.Op == wire.OpCreate && o.Path == registers[len(registers)-1]
	if o.Op == wire.OpCloseSession {
		c.forget()
		c.lost()
	}
}

// count notes what happened for the first time, and versions.
func (c *client) count(o *history.Op) {
	reads := o.Op == wire.OpGetData || o.Op == wire.OpExists
	switch {
	case reads && o.Err == wire.NoAuth:
		c.grid.did("read refused")
	case reads && o.Err == wire.OK && strings.HasPrefix(o.Path, "/p"):
		c.grid.did("read of a secret")
	case o.Op == wire.OpMulti && o.Multi[0].Op == wire.OpCheck && o.Err == wire.OK:
		c.grid.did("multi behind a check")
	case o.Op == wire.OpMulti && o.Multi[0].Op == wire.OpCheck && o.Err == wire.BadVersion:
		c.grid.did("multi refused by a check")
	}
	if o.Op == wire.OpGetData && o.Err == wire.OK && c.opts.Linearizable {
		c.grid.did("linearizable read")
	}
	if o.Err == wire.OK && (o.Op == wire.OpGetData || o.Op == wire.OpSetData) {
		c.versions[o.Path] = o.Stat.Version
	}
	if o.Op == wire.OpReconfig && o.Err == wire.OK {
		c.left(o)
		if o.Deed != "" {
			c.grid.did(o.Deed)
		}
	}
}

func (c *client) watched(o *history.Op) {
	switch {
	case o.Op == wire.OpAddWatch && o.Err != wire.OK:
	case o.Op == wire.OpAddWatch && o.AddMode == wire.WatchPersistent:
		c.good[o.Path] = true
		c.grid.did("persistent watch")
	case o.Op == wire.OpAddWatch:
		c.below[o.Path] = true
		c.grid.did("recursive watch")
	case o.Op == wire.OpGetChildren2 && o.Err == wire.OK:
		c.child[o.Path] = true
	case o.Err == wire.OK && !c.missing[o.Path]:
		c.data[o.Path] = true
	case o.Op == wire.OpExists && o.Err == wire.NoNode && !c.data[o.Path]:
		c.missing[o.Path] = true
	}
}

func (c *client) told(e *wire.WatcherEvent) {
	c.say("is told of " + e.Type.String() + " " + e.Path)
	c.log.Items = append(c.log.Items, history.Item{Event: &history.Event{Type: e.Type, Path: e.Path}})
	switch e.Type {
	case wire.EventNodeChildrenChanged:
		delete(c.child, e.Path)
	case wire.EventNodeDeleted:
		delete(c.child, e.Path)
		fallthrough
	default:
		delete(c.data, e.Path)
		delete(c.missing, e.Path)
	}
}

// work asks for something, and goes on after a while.
func (c *client) work() {
	pause := time.Duration(c.rng.Int64N(int64(c.opts.Think)))
	c.kernel.After(pause, c.life, c.work)
	if c.idle || c.closing || len(c.waiting) >= c.opts.Pipeline {
		return
	}
	life := c.life
	for range 1 + c.rng.IntN(3) {
		if !life.Over() {
			c.doSomething()
		}
	}
}
