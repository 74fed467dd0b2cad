package watch

import (
	"strings"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// Trigger appends to dst the watchers to be told of an event on the path, each
// once, in the order that the package comment gives, and uses up the one-shot
// modes that the event meets. It touches many shards.
func (m *Manager) Trigger(ev wire.EventType, path string, dst []WatcherID) []WatcherID {
	hash := hashPath(m.seed, path)
	s := m.shards[m.shardOf(hash)]
	p := s.lookup(path, uint32(hash))
	own := place{s, p}
	switch ev {
	case wire.EventNodeChildrenChanged:
		return own.consume(Child, own.collect(inChild, dst))
	case wire.EventNodeCreated, wire.EventNodeDataChanged:
		dst = own.collect(inData, dst)
		dst = m.collectAbove(own, path, dst)
		return own.consume(Data, dst)
	case wire.EventNodeDeleted:
		dst = own.collect(inData, dst)
		dst = m.collectAbove(own, path, dst)
		dst = own.collectChildOnly(m.above, dst)
		return own.consume(Data|Child, dst)
	}
	return dst
}

// collect appends the watchers that hold any of the modes here.
func (at place) collect(modes Mode, dst []WatcherID) []WatcherID {
	if at.path == nothing {
		return dst
	}
	for e := at.shard.paths[at.path].first; e != nothing; e = at.shard.entries[e].pathNext {
		if at.shard.entries[e].modes()&modes != 0 {
			dst = append(dst, at.shard.entries[e].watcher)
		}
	}
	return dst
}

// collectAbove appends the recursive watchers of the path's ancestors, from the
// root down, but for those that hold a data mode on the path itself. It leaves in
// m.above the places it found some.
func (m *Manager) collectAbove(own place, path string, dst []WatcherID) []WatcherID {
	m.above = m.above[:0]
	if len(path) < 2 {
		return dst
	}
	dst = m.collectAncestor(own, "/", m.rootHash, dst)
	hash := hashComponent(m.seed, m.seed, "")
	for from := 1; ; {
		i := strings.IndexByte(path[from:], '/')
		if i < 0 {
			return dst
		}
		hash = hashComponent(m.seed, hash, path[from:from+i])
		dst = m.collectAncestor(own, path[:from+i], hash, dst)
		from += i + 1
	}
}

func (m *Manager) collectAncestor(own place, path string, hash uint64, dst []WatcherID) []WatcherID {
	s := m.shards[m.shardOf(hash)]
	if s.counts.recursive == 0 {
		return dst
	}
	at := place{s, s.lookup(path, uint32(hash))}
	if at.path == nothing {
		return dst
	}
	for e := s.paths[at.path].first; e != nothing; e = s.entries[e].pathNext {
		w := s.entries[e].watcher
		if s.entries[e].modes()&Recursive != 0 && !own.holds(w, inData) && !anyHolds(m.above, w) {
			dst = append(dst, w)
		}
	}
	m.above = append(m.above, at)
	return dst
}

// collectChildOnly appends the watchers of the child table that the data table
// did not name.
func (at place) collectChildOnly(above []place, dst []WatcherID) []WatcherID {
	if at.path == nothing {
		return dst
	}
	s := at.shard
	for e := s.paths[at.path].first; e != nothing; e = s.entries[e].pathNext {
		modes, w := s.entries[e].modes(), s.entries[e].watcher
		if modes&inChild != 0 && modes&inData == 0 && !anyHolds(above, w) {
			dst = append(dst, w)
		}
	}
	return dst
}

// anyHolds reports whether the watcher is a recursive one of any of the places.
func anyHolds(places []place, w WatcherID) bool {
	for _, at := range places {
		if at.holds(w, Recursive) {
			return true
		}
	}
	return false
}

func (at place) holds(w WatcherID, modes Mode) bool {
	if at.path == nothing {
		return false
	}
	e := at.shard.held(at.path, w)
	return e != nothing && at.shard.entries[e].modes()&modes != 0
}

// consume takes the one-shot modes away from all who hold them here. It passes
// dst through.
func (at place) consume(modes Mode, dst []WatcherID) []WatcherID {
	if at.path == nothing {
		return dst
	}
	if plant.In(plant.PersistentUsedUp) {
		modes |= Persistent
	}
	s := at.shard
	for e := s.paths[at.path].first; e != nothing; {
		next := s.entries[e].pathNext
		if held := s.entries[e].modes(); held&modes != 0 {
			s.change(e, held&^modes)
		}
		e = next
	}
	s.shrink()
	return dst
}
