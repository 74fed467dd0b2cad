package pipeline

import (
	"slices"
	"sync"
	"time"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/watch"
	"github.com/zabra/zabra/wire"
)

// A clientTable numbers the connections. Numbers are small and used again, so
// that watches can keep them in four bytes. The table changes while the tree's
// lock is held shared, and is read by the core while it holds it exclusively,
// or by anybody under mu.
type clientTable struct {
	mu   sync.Mutex
	all  []*Client // by watch.WatcherID; nil where free
	free []watch.WatcherID
}

func (t *clientTable) add(c *Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.free); n > 0 {
		c.id = t.free[n-1]
		t.free = t.free[:n-1]
		t.all[c.id] = c
		return
	}
	c.id = watch.WatcherID(len(t.all))
	t.all = append(t.all, c)
}

func (t *clientTable) remove(c *Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[c.id] = nil
	t.free = append(t.free, c.id)
}

func (t *clientTable) get(id watch.WatcherID) *Client { return t.all[id] }

// list is the connections at this moment.
func (t *clientTable) list() []*Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*Client, 0, len(t.all)-len(t.free))
	for _, c := range t.all {
		if c != nil {
			list = append(list, c)
		}
	}
	return list
}

// NewClient takes up a connection whose peer is known as given. The caller
// feeds it with Connect and Handle and ends it with Gone.
func (c *Core) NewClient(s Socket, addr string, peer auth.Peer) *Client {
	cl := &Client{core: c, socket: s, addr: addr, peer: peer, stripe: c.metrics.Stripe()}
	ids := append([]wire.ID{peer.IP}, peer.X509...)
	cl.room.L = &cl.mu
	cl.ids.Store(&ids)
	cl.mu.stats.Established = c.opts.Clock.Wall()
	lock := c.lock.reader(0)
	lock.RLock()
	defer lock.RUnlock()
	c.clients.add(cl)
	return cl
}

// Gone ends a client whose connection is over, and which the caller closes: its
// watches vanish, its session lives on until it times out or is resumed.
func (c *Client) Gone() {
	core := c.core
	c.mu.Lock()
	c.end()
	watching := c.mu.watching
	c.mu.Unlock()
	lock := core.lock.reader(uint32(c.id))
	lock.RLock()
	if watching {
		core.watches.forget(c.id)
	}
	core.clients.remove(c)
	lock.RUnlock()
	core.inbox.put(message{call: func() { core.forget(c) }})
}

// Clients are the connections at this moment, those without a session included.
func (c *Core) Clients() []*Client { return c.clients.list() }

// SessionDump is the sessions by when they expire unless they are heard of.
type SessionDump struct {
	Deadline time.Time
	IDs      []wire.SessionID // ascending
}

// Sessions lists the sessions by expiry, soonest first; none once the core has
// stopped.
func (c *Core) Sessions() (dump []SessionDump) {
	c.Call(func() { dump = c.dump(c.tracker) })
	return dump
}

// LocalSessions lists those that only this server knows in the same way; ok is false
// where there are none.
func (c *Core) LocalSessions() (dump []SessionDump, ok bool) {
	c.Call(func() {
		if ok = c.local.Tracker != nil; ok {
			dump = c.dump(c.local.Tracker)
		}
	})
	return dump, ok
}

func (c *Core) dump(t *session.Tracker) (dump []SessionDump) {
	for ms, ids := range t.Buckets() {
		at := c.wall.Add(time.Duration(ms)*time.Millisecond - c.woke)
		dump = append(dump, SessionDump{at, slices.Clone(ids)})
	}
	return dump
}

// Stats is a copy of what is counted for the connection.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.stats
}

// ResetStats sets the connection's counts to zero.
func (c *Client) ResetStats() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.stats.reset()
}

// Queued is the number of requests that are not answered yet.
func (c *Client) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.queue.n
}

// Closing reports whether the client has sent the last request that is looked at.
func (c *Client) Closing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.last || c.mu.finish
}

// Finishing reports whether the connection ends once its outbox is empty.
func (c *Client) Finishing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.finish
}

// sessionOf is the session of a watcher, 0 if it has none any more. The tree is
// locked.
func (c *Core) sessionOf(id watch.WatcherID) wire.SessionID {
	if cl := c.clients.get(id); cl != nil {
		return cl.Session()
	}
	return 0
}

// WatchedPaths are the paths of the data watches by session, sorted.
func (c *Core) WatchedPaths() map[wire.SessionID][]string {
	paths := map[wire.SessionID][]string{}
	c.Watches(func(m *watch.Manager) {
		for id, list := range m.ByWatcher() {
			if s := c.sessionOf(id); s != 0 {
				paths[s] = list
			}
		}
	})
	return paths
}

// drainPoll is how often Drain looks.
const drainPoll = 2 * time.Millisecond

// Drain waits until every request has been answered and the answers are
// written, the client or the core is no more, or the time is up. No request may
// be handed in any more.
func (c *Client) Drain(limit time.Duration) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(drainPoll) {
		c.mu.Lock()
		idle := c.mu.dead || c.mu.queue.n == 0 && len(c.mu.out) == 0 && !c.mu.writing
		c.mu.Unlock()
		if idle {
			return
		}
		select {
		case <-c.core.stopped:
			return
		default:
		}
	}
}
