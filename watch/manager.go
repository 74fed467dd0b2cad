package watch

import (
	"math/bits"

	"github.com/zabra/zabra/wire"
)

// MaxShards is the largest number of shards.
const MaxShards = 1 << 10

// A Manager holds all watches of a server, in shards by path. It does not lock:
// see the package comment for what the caller must hold.
type Manager struct {
	seed     uint64
	rootHash uint64
	shards   []*shard
	above    []place // scratch of Trigger
}

// A place is a path in its shard.
type place struct {
	shard *shard
	path  uint32
}

// New returns an empty manager with at least the given number of shards: the next
// power of two, at most MaxShards. seed keeps clients from choosing paths that
// fall on one shard or chain; a server draws it at random, a test fixes it.
func New(shards int, seed uint64) *Manager {
	n := min(max(shards, 1), MaxShards)
	m := &Manager{seed: seed, rootHash: hashPath(seed, "/")}
	m.shards = make([]*shard, 1<<bits.Len(uint(n-1)))
	for i := range m.shards {
		m.shards[i] = newShard(seed)
	}
	return m
}

// Shards is the number of shards.
func (m *Manager) Shards() int { return len(m.shards) }

// ShardOf returns the shard of a path, 0 to Shards()-1. It reads nothing that
// changes.
func (m *Manager) ShardOf(path string) int { return m.shardOf(hashPath(m.seed, path)) }

func (m *Manager) shardOf(hash uint64) int { return int(hash>>32) & (len(m.shards) - 1) }

// Add adds modes to what the watcher holds on the path, which need not exist or
// be valid. It touches only the shard of the path, and copies the path if it is
// new. It returns false only if the shard is full, at 2^28 watches.
func (m *Manager) Add(path string, w WatcherID, modes Mode) bool {
	if modes == 0 {
		return true
	}
	hash := hashPath(m.seed, path)
	return m.shards[m.shardOf(hash)].add(path, uint32(hash), w, modes)
}

// Check says whether the watcher holds a mode of the type on exactly this path:
// OK, NoWatcher, or MarshallingError for an unknown type. It touches only the
// shard of the path.
func (m *Manager) Check(path string, w WatcherID, t Type) wire.Code {
	_, _, code := m.match(path, w, t)
	return code
}

// Remove removes the modes of the type that the watcher holds on exactly this
// path, with the codes of Check. It touches only the shard of the path.
func (m *Manager) Remove(path string, w WatcherID, t Type) wire.Code {
	s, e, code := m.match(path, w, t)
	if code != wire.OK {
		return code
	}
	modes, _ := t.modes()
	s.change(e, s.entries[e].modes()&^modes)
	s.shrink()
	return wire.OK
}

func (m *Manager) match(path string, w WatcherID, t Type) (*shard, uint32, wire.Code) {
	modes, ok := t.modes()
	if !ok {
		return nil, nothing, wire.MarshallingError
	}
	hash := hashPath(m.seed, path)
	s := m.shards[m.shardOf(hash)]
	p := s.lookup(path, uint32(hash))
	if p == nothing {
		return nil, nothing, wire.NoWatcher
	}
	e := s.held(p, w)
	if e == nothing || s.entries[e].modes()&modes == 0 {
		return nil, nothing, wire.NoWatcher
	}
	return s, e, wire.OK
}

// RemoveWatcher removes all that a watcher holds, at a cost proportional to that.
// It touches every shard.
func (m *Manager) RemoveWatcher(w WatcherID) {
	for _, s := range m.shards {
		s.removeOwner(w)
	}
}

// RemoveWatcherFrom removes all that a watcher holds in one shard and touches
// only that.
func (m *Manager) RemoveWatcherFrom(shard int, w WatcherID) { m.shards[shard].removeOwner(w) }
