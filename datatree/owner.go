package datatree

import (
	"iter"
	"maps"
	"slices"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// A kind says what a stored owner means.
type kind int

const (
	persistent kind = iota
	ephemeral
	container
	ttlNode
)

const (
	ttlReserved = 0x00ff_ff00_0000_0000 // must be 0 in a TTL node's owner
	old353Mask  = 1<<60 - 1
)

func (t *Tree) kind(owner int64) kind {
	switch {
	case owner == 0:
		return persistent
	case owner == wire.ContainerOwner:
		return container
	case t.ttl(owner) >= 0:
		return ttlNode
	}
	return ephemeral
}

// ttl returns the time to live in milliseconds that an owner stands for, -1
// for one that is none.
func (t *Tree) ttl(owner int64) int64 {
	if !t.opts.ExtendedTypes || owner >= 0 || owner == wire.ContainerOwner {
		return -1
	}
	if owner&wire.TTLOwner == wire.TTLOwner && owner&ttlReserved == 0 {
		return owner & wire.MaxTTL
	}
	if t.opts.Emulate353 {
		return owner & old353Mask
	}
	return -1
}

// A members is a list of the nodes with one owner, through ext.ownNext.
type members struct {
	first uint32
	count int32
}

// A session is one client's session with its ephemeral nodes. It is also kept
// for a session that is gone but, during a replay, still owns nodes.
type session struct {
	members
	timeout int32 // milliseconds
	open    bool
}

type owners struct {
	sessions   map[wire.SessionID]session
	open       int
	containers members
	ttls       members
}

func (o *owners) init() { o.sessions = make(map[wire.SessionID]session) }

// own adds a node to its owner's list. The node has an extension.
func (t *Tree) own(slot uint32) {
	owner := t.exts.at(t.nodes.at(slot).ext).owner
	t.changeMembers(owner, func(m *members) {
		e := t.exts.at(t.nodes.at(slot).ext)
		e.ownNext, e.ownPrev = m.first, 0
		if m.first != 0 {
			t.exts.at(t.nodes.at(m.first).ext).ownPrev = slot
		}
		m.first = slot
		m.count++
	})
	if t.kind(owner) == ephemeral {
		t.ephemerals++
	}
}

// disown takes a node from its owner's list.
func (t *Tree) disown(n *node) {
	if n.ext == 0 || t.exts.at(n.ext).owner == 0 {
		return
	}
	e := t.exts.at(n.ext)
	t.changeMembers(e.owner, func(m *members) {
		if e.ownPrev != 0 {
			t.exts.at(t.nodes.at(e.ownPrev).ext).ownNext = e.ownNext
		} else {
			m.first = e.ownNext
		}
		if e.ownNext != 0 {
			t.exts.at(t.nodes.at(e.ownNext).ext).ownPrev = e.ownPrev
		}
		m.count--
	})
	if t.kind(e.owner) == ephemeral {
		t.ephemerals--
	}
}

func (t *Tree) changeMembers(owner int64, change func(*members)) {
	switch t.kind(owner) {
	case container:
		change(&t.owners.containers)
	case ttlNode:
		change(&t.owners.ttls)
	case ephemeral:
		id := wire.SessionID(owner)
		s := t.owners.sessions[id]
		change(&s.members)
		t.putSession(id, s)
	}
}

func (t *Tree) putSession(id wire.SessionID, s session) {
	if !s.open && s.count == 0 {
		delete(t.owners.sessions, id)
	} else {
		t.owners.sessions[id] = s
	}
}

func (t *Tree) openSession(id wire.SessionID, timeout int32) {
	t.touchSession(id)
	s := t.owners.sessions[id]
	if !s.open {
		t.owners.open++
	}
	s.open, s.timeout = true, timeout
	t.owners.sessions[id] = s
}

func (t *Tree) closeSession(id wire.SessionID) {
	s, ok := t.owners.sessions[id]
	if !ok || !s.open {
		return
	}
	t.touchSession(id)
	s.open, s.timeout = false, 0
	t.owners.open--
	t.putSession(id, s)
}

// each yields the slots of a list.
func (t *Tree) each(m members) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for s := m.first; s != 0; {
			next := t.exts.at(t.nodes.at(s).ext).ownNext
			if !yield(s) {
				return
			}
			s = next
		}
	}
}

// Ephemerals returns the paths of the session's ephemeral nodes, sorted.
func (t *Tree) Ephemerals(id wire.SessionID) []string {
	m := t.owners.sessions[id].members
	if m.count == 0 {
		return nil
	}
	paths := make([]string, 0, m.count)
	for s := range t.each(m) {
		paths = append(paths, t.Path(Node(s)))
	}
	slices.Sort(paths)
	return paths
}

// EphemeralOwners yields the sessions that own ephemeral nodes, ascending,
// each with how many. Some may not be open, see the package comment.
func (t *Tree) EphemeralOwners() iter.Seq2[wire.SessionID, int] {
	return func(yield func(wire.SessionID, int) bool) {
		for _, id := range slices.Sorted(maps.Keys(t.owners.sessions)) {
			if n := t.owners.sessions[id].count; n > 0 && !yield(id, int(n)) {
				return
			}
		}
	}
}

// SessionTimeout returns the timeout of an open session in milliseconds.
func (t *Tree) SessionTimeout(id wire.SessionID) (ms int32, ok bool) {
	s := t.owners.sessions[id]
	return s.timeout, s.open
}

// TTLCount is the number of nodes with a time to live.
func (t *Tree) TTLCount() int { return int(t.owners.ttls.count) }

// SessionCount is the number of open sessions.
func (t *Tree) SessionCount() int { return t.owners.open }

// Sessions yields the open sessions and their timeouts in milliseconds,
// ascending.
func (t *Tree) Sessions() iter.Seq2[wire.SessionID, int32] {
	return func(yield func(wire.SessionID, int32) bool) {
		for _, id := range slices.Sorted(maps.Keys(t.owners.sessions)) {
			if s := t.owners.sessions[id]; s.open && !yield(id, s.timeout) {
				return
			}
		}
	}
}

// Reapable returns the paths, sorted, of childless containers that once had a
// child, and of childless TTL nodes whose data was set longer than their time
// to live before nowMs. With neverUsedMs above 0 also of containers that never
// had a child and were made longer ago than that.
func (t *Tree) Reapable(nowMs, neverUsedMs int64) []string {
	var paths []string
	for s := range t.each(t.owners.containers) {
		e := t.exts.at(t.nodes.at(s).ext)
		unused := neverUsedMs > 0 && nowMs-e.mtime > neverUsedMs
		if e.kids == 0 && (e.cversion > 0 || unused) {
			paths = append(paths, t.Path(Node(s)))
		}
	}
	for s := range t.each(t.owners.ttls) {
		e := t.exts.at(t.nodes.at(s).ext)
		if ttl := t.ttl(e.owner); e.kids == 0 && ttl > 0 && (nowMs-e.mtime > ttl || plant.In(plant.TTLIgnored)) {
			paths = append(paths, t.Path(Node(s)))
		}
	}
	slices.Sort(paths)
	return paths
}
