package faulttest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/internal/sim/history"
	"github.com/zabra/zabra/wire"
)

const (
	sessionTimeout = 4 * time.Second
	// A client gives a silent server up early enough to keep its session elsewhere.
	answerTimeout = 1500 * time.Millisecond
)

// registers are paths that are created first and never deleted.
var registers = func() (paths []string) {
	for i := range 8 {
		paths = append(paths, fmt.Sprintf("/r%d", i))
	}
	return paths
}()

// A client does what applications do: it opens a session, writes values that nobody
// else writes, reads, watches, syncs, and moves to another server when its connection
// breaks. Its goroutine writes down what it sees in log.
type client struct {
	*load
	id    int
	home  *server       // the only one it uses, nil for any
	reads bool          // registers, and nothing else
	wait  time.Duration // for an answer
	rng   *rand.Rand
	log   *history.Log

	conn     *rawclient.Conn
	at       *server
	session  wire.SessionID
	passwd   []byte
	lastSeen wire.Zxid
	xid      wire.Xid
	data     map[string]bool
	missing  map[string]bool // exist watches on nodes that were not there
	child    map[string]bool
	values   int
	sent     []*history.Op // in the batch under way

	mu        sync.Mutex
	abandoned []wire.SessionID // whose connection was dropped for good
	refused   []refusal
}

// A refusal is when a client learnt that its session had ended.
type refusal struct {
	session wire.SessionID
	at      time.Duration
}

// furnish creates what all rely on.
func (c *client) furnish() error {
	c.wait = longPatience // nothing is broken yet, but the machine may be busy
	if err := c.connect(c.e.servers[0]); err != nil {
		return err
	}
	for _, path := range append([]string{"/q", "/m"}, registers...) {
		c.ask(&history.Op{Op: wire.OpCreate, Path: path}, &wire.CreateRequest{Path: path, ACL: open})
	}
	if err := c.answers(); err != nil {
		return err
	}
	return c.close()
}

// forget drops the session.
func (c *client) forget() {
	c.session, c.passwd, c.xid = 0, nil, 0
	c.data, c.missing, c.child = map[string]bool{}, map[string]bool{}, map[string]bool{}
}

// run goes from one connection to the next until the load ends.
func (c *client) run() {
	for !c.stopped() {
		at := c.home
		if at == nil {
			at = c.e.servers[c.rng.IntN(len(c.e.servers))]
		}
		if err := c.visit(at); err != nil {
			c.sleep(50 * time.Millisecond)
			continue
		}
		c.work()
	}
	if c.session != 0 { // it was between two connections
		c.abandoned = append(c.abandoned, c.session)
	}
}

var errShunned = errors.New("the server is shunned")

// visit connects to a server unless it is shunned.
func (c *client) visit(at *server) error {
	if at.shunned.Load() && !c.reads {
		return errShunned
	}
	return c.connect(at)
}

func (c *client) sleep(d time.Duration) {
	select {
	case <-c.stop:
	case <-time.After(d):
	}
}

// connect opens a session, or resumes it, and then sets the watches again.
func (c *client) connect(at *server) error {
	nc, err := c.e.clients.Dial(at.addr(clientPort), c.wait/4)
	if err != nil {
		return err
	}
	_ = nc.SetDeadline(time.Now().Add(c.wait))
	conn, err := rawclient.NewConn(nc, rawclient.Options{
		Timeout: sessionTimeout, Session: c.session, Passwd: c.passwd, LastZxidSeen: c.lastSeen, LastXid: c.xid,
		OnEvent: c.told,
	})
	if err != nil {
		_ = nc.Close()
		if errors.Is(err, rawclient.ErrRefused) && c.session != 0 {
			c.mu.Lock()
			c.refused = append(c.refused, refusal{c.session, c.now()})
			c.mu.Unlock()
			c.forget()
		}
		return err
	}
	c.conn, c.at = conn, at
	if c.session == 0 {
		c.session, c.passwd = conn.Session, conn.Passwd
		c.log.Items = append(c.log.Items, history.Item{Opened: c.session})
		return nil
	}
	c.log.Items = append(c.log.Items, history.Item{Resumed: true})
	c.ask(&history.Op{Op: wire.OpSetWatches2}, &wire.SetWatches2Request{
		RelativeZxid: c.lastSeen, Data: sorted(c.data), Exist: sorted(c.missing), Child: sorted(c.child),
		Persistent: []string{}, PersistentRecursive: []string{},
	})
	return c.answers()
}

func sorted(m map[string]bool) []string {
	paths := []string{}
	for p := range m {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// work asks for things until the connection breaks or the load ends.
func (c *client) work() {
	for !c.stopped() {
		c.sleep(time.Duration(c.rng.Int64N(int64(c.think))))
		for range 1 + c.rng.IntN(3) {
			c.doSomething()
		}
		if c.answers() != nil {
			return
		}
		if !c.tame.Load() && !c.quiet.Load() && c.home == nil && c.partsWith() {
			return
		}
		if c.at.shunned.Load() && !c.reads {
			c.drop()
			return
		}
	}
	_ = c.close()
}

// partsWith ends the session, leaves it to its fate, or takes it to another server,
// sometimes. It reports whether the connection is over.
func (c *client) partsWith() bool {
	switch c.rng.IntN(600) {
	case 0:
		_ = c.close()
	case 1:
		c.mu.Lock()
		c.abandoned = append(c.abandoned, c.session)
		c.mu.Unlock()
		c.drop()
		c.forget()
	case 2, 3, 4:
		c.drop()
	default:
		return false
	}
	return true
}

// close ends the session. If there is no connection, or no answer, it is as good as
// abandoned.
func (c *client) close() error {
	session, err := c.session, net.ErrClosed
	if c.conn != nil {
		c.ask(&history.Op{Op: wire.OpCloseSession}, nil)
		err = c.answers()
	}
	if err != nil {
		c.mu.Lock()
		c.abandoned = append(c.abandoned, session)
		c.mu.Unlock()
	}
	c.drop()
	c.forget()
	return err
}

func (c *client) drop() {
	if c.conn != nil {
		_ = c.conn.Abandon()
		c.conn = nil
	}
}

// ask adds a request to the batch under way.
func (c *client) ask(o *history.Op, body wire.Record) {
	c.xid++
	o.Client, o.Session, o.Xid, o.Call = c.id, c.session, c.xid, c.now()
	if o.Multi != nil {
		c.conn.SendFunc(o.Op, func(b []byte) []byte { return wire.AppendMulti(b, o.Multi) })
	} else {
		c.conn.Send(o.Op, body)
	}
	c.log.Ops = append(c.log.Ops, o)
	c.sent = append(c.sent, o)
}

// answers sends the batch and takes the answers. After an error the connection is
// gone, and what was not answered stays open.
func (c *client) answers() (err error) {
	batch := c.sent
	c.sent = nil
	_ = c.conn.SetDeadline(time.Now().Add(c.wait))
	if err = c.conn.Flush(); err == nil {
		for _, o := range batch {
			if err = c.answer(o); err != nil {
				break
			}
		}
	}
	if err != nil {
		c.drop()
	}
	return err
}

func (c *client) answer(o *history.Op) error {
	h, body, err := c.conn.Recv()
	if err != nil {
		return err
	}
	if h.Err == wire.OK {
		if err := decode(o, body); err != nil {
			return err
		}
	}
	o.Answered, o.Return, o.Zxid = true, c.now(), h.Zxid
	if h.Err != wire.OK {
		o.Err = h.Err
	}
	c.lastSeen = max(c.lastSeen, h.Zxid)
	c.log.Items = append(c.log.Items, history.Item{Answer: o})
	if o.Watch {
		c.watched(o)
	}
	if o.IsWrite() && o.Err == wire.OK {
		c.load.mu.Lock()
		c.writes = append(c.writes, write{o.Call, o.Return, c.at})
		c.load.mu.Unlock()
	}
	return nil
}

func (c *client) watched(o *history.Op) {
	switch {
	case o.Op == wire.OpGetChildren2 && o.Err == wire.OK:
		c.child[o.Path] = true
	case o.Op == wire.OpGetChildren2:
	case o.Err == wire.OK && !c.missing[o.Path]:
		c.data[o.Path] = true
	case o.Op == wire.OpExists && o.Err == wire.NoNode && !c.data[o.Path]:
		c.missing[o.Path] = true
	}
}

// told is called while the client takes answers.
func (c *client) told(e rawclient.Event) {
	if e.Path == "" {
		return // about the session
	}
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
