package floor

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/zabra/zabra/wire"
)

// A tree is all that the server knows.
type tree struct {
	sync.RWMutex
	zxid  wire.Zxid
	nodes map[string]*node
}

type node struct {
	data     []byte
	stat     wire.Stat
	children map[string]struct{}
	watches  map[*conn]bool // true: persistent
}

func newTree() *tree {
	return &tree{nodes: map[string]*node{"/": {children: map[string]struct{}{}}}}
}

func (t *tree) create(path string, data []byte, owner wire.SessionID) wire.Code {
	t.zxid++
	parent, name := wire.SplitPath(path)
	p := t.nodes[parent]
	switch {
	case !wire.ValidPath(path):
		return wire.BadArguments
	case p == nil:
		return wire.NoNode
	case t.nodes[path] != nil:
		return wire.NodeExists
	}
	n := &node{data: data}
	n.stat.Czxid, n.stat.Mzxid, n.stat.Pzxid = t.zxid, t.zxid, t.zxid
	n.stat.DataLength = int32(len(data))
	n.stat.EphemeralOwner = int64(owner)
	t.nodes[path] = n
	if p.children == nil {
		p.children = map[string]struct{}{}
	}
	p.children[name] = struct{}{}
	p.stat.NumChildren++
	return wire.OK
}

func (t *tree) delete(path string) wire.Code {
	t.zxid++
	n := t.nodes[path]
	switch {
	case n == nil:
		return wire.NoNode
	case len(n.children) > 0:
		return wire.NotEmpty
	}
	delete(t.nodes, path)
	parent, name := wire.SplitPath(path)
	if p := t.nodes[parent]; p != nil {
		delete(p.children, name)
		p.stat.NumChildren--
	}
	t.notify(n, wire.EventNodeDeleted, path)
	return wire.OK
}

func (t *tree) set(path string, data []byte) (wire.Stat, wire.Code) {
	t.zxid++
	n := t.nodes[path]
	if n == nil {
		return wire.Stat{}, wire.NoNode
	}
	n.data = data
	n.stat.Mzxid = t.zxid
	n.stat.Version++
	n.stat.DataLength = int32(len(data))
	t.notify(n, wire.EventNodeDataChanged, path)
	return n.stat, wire.OK
}

func (t *tree) notify(n *node, typ wire.EventType, path string) {
	for c, persistent := range n.watches {
		c.event(typ, t.zxid, path)
		if !persistent {
			delete(n.watches, c)
		}
	}
}

func (n *node) watch(c *conn, persistent bool) {
	if n.watches == nil {
		n.watches = map[*conn]bool{}
	}
	n.watches[c] = n.watches[c] || persistent
}

// forget removes the watches of a connection, and the ephemeral nodes of its
// session if that has ended.
func (t *tree) forget(c *conn, ended bool) {
	t.Lock()
	defer t.Unlock()
	for _, path := range c.ephemerals {
		if n := t.nodes[path]; ended && n != nil && n.stat.EphemeralOwner == int64(c.session) {
			t.delete(path)
		}
	}
	for _, path := range c.watched {
		if n := t.nodes[path]; n != nil {
			delete(n.watches, c)
		}
	}
}

func (n *node) names() []string {
	names := slices.Sorted(maps.Keys(n.children))
	if names == nil {
		names = []string{}
	}
	return names
}

func clone(p []byte) []byte {
	if p == nil {
		return nil
	}
	return append(make([]byte, 0, len(p)), p...)
}

func keep(s string) string { return strings.Clone(s) }
