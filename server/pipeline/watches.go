package pipeline

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/watch"
	"github.com/zabra/zabra/wire"
)

// A watchSet is the watches of all clients with a lock for each shard. Whoever
// registers or removes holds the tree's lock shared and the shard's; the core
// triggers with the tree's lock exclusively, and needs no other.
type watchSet struct {
	*watch.Manager
	locks []shardLock
}

type shardLock struct {
	sync.Mutex
	_ [56]byte // one cache line each
}

// watchShards is how many registrations can run at the same time.
const watchShards = 64

func newWatchSet() *watchSet {
	m := watch.New(watchShards, rand.Uint64())
	return &watchSet{Manager: m, locks: make([]shardLock, m.Shards())}
}

// inShard runs f with the shard of path locked.
func (s *watchSet) inShard(path string, f func() wire.Code) wire.Code {
	lock := &s.locks[s.ShardOf(path)]
	lock.Lock()
	defer lock.Unlock()
	return f()
}

// forget removes everything a watcher holds.
func (s *watchSet) forget(id watch.WatcherID) {
	for i := range s.locks {
		s.locks[i].Lock()
		s.RemoveWatcherFrom(i, id)
		s.locks[i].Unlock()
	}
}

// watch registers a watch of the client. The caller holds the tree's lock.
func (c *Client) watch(path string, mode watch.Mode) {
	c.mu.watching = true
	w := c.core.watches
	w.inShard(path, func() wire.Code {
		w.Add(path, c.id, mode)
		return wire.OK
	})
}

func (c *Client) addWatch(b []byte, body []byte) ([]byte, wire.Code) {
	req, code := DecodeRequest(wire.OpAddWatch, body)
	if code != wire.OK {
		return b, code
	}
	r := req.Body.(*wire.AddWatchRequest)
	mode, _ := watch.ModeOf(r.Mode)
	c.watch(r.Path, mode)
	return wire.AppendInt(b, int32(wire.OK)), wire.OK
}

func (c *Client) watchType(b []byte, op wire.OpCode, body []byte) ([]byte, wire.Code) {
	req, code := DecodeRequest(op, body)
	if code != wire.OK {
		return b, code
	}
	r := req.Body.(*wire.WatchTypeRequest)
	w := c.core.watches
	return b, w.inShard(r.Path, func() wire.Code {
		if op == wire.OpCheckWatches {
			return w.Check(r.Path, c.id, watch.Type(r.Type))
		}
		return w.Remove(r.Path, c.id, watch.Type(r.Type))
	})
}

// answerSetWatches tells a client that came back what it missed, sets its other
// watches again, and then answers.
func (c *Client) answerSetWatches(xid wire.Xid, op wire.OpCode, body []byte, at time.Duration) {
	h := wire.ReplyHeader{Xid: xid, Zxid: c.core.tree.LastZxid()}
	req, code := DecodeRequest(op, body)
	if code == wire.OK {
		r := asSetWatches2(req.Body)
		if plant.In(plant.SetWatchesForgets) {
			r.RelativeZxid = h.Zxid
		}
		code = watch.CatchUp(r, zxids{c.core.tree}, c.missed, c.watch)
	}
	h.Err = code
	c.mu.out = wire.AppendReply(c.outbox(readBox), h, nil)
	c.sent(at)
}

func asSetWatches2(r wire.Record) *wire.SetWatches2Request {
	if old, ok := r.(*wire.SetWatchesRequest); ok {
		up := watch.Upgrade(old)
		return &up
	}
	return r.(*wire.SetWatches2Request)
}

// missed tells of an event that the client missed, if it may read the node: what
// happens to one that it may not read is kept from it here as it is by tell. That a
// node is gone anybody can find out.
func (c *Client) missed(ev wire.EventType, path string) {
	t := c.core.tree
	if n, ok := t.Find(path); ok && !c.allowed(t.ACL(n), wire.PermRead) {
		return
	}
	c.event(ev, wire.NoZxid, path)
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

func (c *Core) triggerAll(res *datatree.Result, zxid wire.Zxid) {
	for i := range res.Changes {
		c.trigger(&res.Changes[i], zxid)
	}
}

// trigger tells the watchers of a change: those of the node, and of the list of
// its parent's children if that changed too. The tree is locked.
func (c *Core) trigger(ch *datatree.Change, zxid wire.Zxid) {
	c.tell(ch.Type, ch.Path, ch.ACL, zxid)
	if ch.Type == wire.EventNodeDataChanged {
		return
	}
	if parent, _ := wire.SplitPath(ch.Path); parent != "" {
		c.tell(wire.EventNodeChildrenChanged, parent, ch.ParentACL, zxid)
	}
}

// tell queues an event with everybody who watches and may read the node.
func (c *Core) tell(ev wire.EventType, path string, acl []wire.ACL, zxid wire.Zxid) {
	c.watchers = c.watches.Trigger(ev, path, c.watchers[:0])
	for i, id := range c.watchers {
		if plant.In(plant.WatchDropped) && i > 0 {
			break
		}
		cl := c.clients.get(id)
		if cl == nil || !c.schemes.Allowed(acl, cl.IDs(), wire.PermRead) {
			continue
		}
		if cl.notify(ev, zxid, path) {
			c.dirty = append(c.dirty, cl)
		}
	}
	c.countTold(ev, len(c.watchers))
}

func (c *Core) countTold(ev wire.EventType, n int) {
	if n == 0 {
		return
	}
	m := c.metrics
	switch ev {
	case wire.EventNodeCreated:
		m.NodeCreatedWatches.Observe(0, int64(n))
	case wire.EventNodeDeleted:
		m.NodeDeletedWatches.Observe(0, int64(n))
	case wire.EventNodeDataChanged:
		m.NodeChangedWatches.Observe(0, int64(n))
	case wire.EventNodeChildrenChanged:
		m.NodeChildrenWatches.Observe(0, int64(n))
	}
}

// Watches runs f while no watch changes.
func (c *Core) Watches(f func(m *watch.Manager)) {
	c.Exclusive(func(*datatree.Tree) { f(c.watches.Manager) })
}
