package watch

import (
	"iter"
	"maps"
	"slices"
)

// Counts are the entries of the two tables. Persistent counts in both.
type Counts struct {
	Data, Child int
}

// Total is ZooKeeper's watch_count.
func (c Counts) Total() int { return c.Data + c.Child }

// CountsOf returns the entries of one shard and touches only that.
func (m *Manager) CountsOf(shard int) Counts {
	c := m.shards[shard].counts
	return Counts{Data: c.data, Child: c.child}
}

// Counts returns the entries of all shards.
func (m *Manager) Counts() Counts {
	var sum Counts
	for i := range m.shards {
		c := m.CountsOf(i)
		sum.Data += c.Data
		sum.Child += c.Child
	}
	return sum
}

// A Summary is what the four-letter word wchs tells, of the data table alone.
type Summary struct {
	Watchers int // connections that watch anything
	Paths    int // paths that are watched
	Watches  int // pairs of the two
}

// Summary walks all shards.
func (m *Manager) Summary() Summary {
	sum := Summary{Watches: m.Counts().Data}
	watchers := make(map[WatcherID]struct{})
	for _, s := range m.shards {
		for p := range s.usedPaths() {
			watched := false
			for w := range s.dataWatchers(p) {
				watchers[w] = struct{}{}
				watched = true
			}
			if watched {
				sum.Paths++
			}
		}
	}
	sum.Watchers = len(watchers)
	return sum
}

// ByPath yields every path of the data table in ascending order, with its
// watchers in ascending order: the four-letter word wchp. It walks all shards
// and copies the paths first; the slice is reused for the next path.
func (m *Manager) ByPath() iter.Seq2[string, []WatcherID] {
	return func(yield func(string, []WatcherID) bool) {
		var watchers []WatcherID
		for _, v := range m.sortedPaths() {
			watchers = slices.AppendSeq(watchers[:0], v.at.shard.dataWatchers(v.at.path))
			slices.Sort(watchers)
			if len(watchers) > 0 && !yield(v.text, watchers) {
				return
			}
		}
	}
}

// ByWatcher yields every watcher of the data table in ascending order, with its
// paths in ascending order: the four-letter word wchc. It walks all shards and
// copies what it yields first.
func (m *Manager) ByWatcher() iter.Seq2[WatcherID, []string] {
	return func(yield func(WatcherID, []string) bool) {
		paths := make(map[WatcherID][]string)
		for _, v := range m.sortedPaths() {
			for w := range v.at.shard.dataWatchers(v.at.path) {
				paths[w] = append(paths[w], v.text)
			}
		}
		for _, w := range slices.Sorted(maps.Keys(paths)) {
			if !yield(w, paths[w]) {
				return
			}
		}
	}
}

type namedPlace struct {
	text string
	at   place
}

func (m *Manager) sortedPaths() []namedPlace {
	var all []namedPlace
	for _, s := range m.shards {
		for p := range s.usedPaths() {
			all = append(all, namedPlace{string(s.textOf(p)), place{s, p}})
		}
	}
	slices.SortFunc(all, func(a, b namedPlace) int {
		switch {
		case a.text < b.text:
			return -1
		case a.text > b.text:
			return 1
		}
		return 0
	})
	return all
}

func (s *shard) usedPaths() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for p := range s.paths {
			if s.paths[p].offset != unused && !yield(uint32(p)) {
				return
			}
		}
	}
}

func (s *shard) dataWatchers(p uint32) iter.Seq[WatcherID] {
	return func(yield func(WatcherID) bool) {
		for e := s.paths[p].first; e != nothing; e = s.entries[e].pathNext {
			if s.entries[e].modes()&inData != 0 && !yield(s.entries[e].watcher) {
				return
			}
		}
	}
}
