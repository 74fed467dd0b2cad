package watch

import "math"

// nothing ends a list and is neither a path nor an entry.
const nothing = 1<<32 - 1

// maxSlots bounds the paths and the entries of a shard: a path's number shares a
// word with the modes.
const maxSlots = 1<<modeShift - 1

const (
	modeShift = 28
	pathMask  = 1<<modeShift - 1
)

// A shard holds the watches of the paths that hash to it. Entries are what a
// watcher holds on a path; each lies in the list of its path, in order of
// arrival, and in the list of its watcher. Lists are threaded through the
// entries by number, so that the garbage collector sees two pointers and not a
// million.
type shard struct {
	seed     uint64
	paths    []pathSlot
	entries  []entry
	text     []byte               // the bytes of all paths
	dead     int                  // bytes of text that no path uses
	freePath uint32               // first unused path slot, or nothing
	freeEnt  uint32               // first unused entry, or nothing
	byText   index                // paths by their text
	byPair   index                // entries by path and watcher
	owners   map[WatcherID]uint32 // first entry of each watcher's list
	counts   counts
}

// counts are kept up to date by every change.
type counts struct {
	data, child int // entries in each table
	recursive   int // entries with Recursive
}

// unused is the offset of a path slot that holds no path.
const unused = math.MaxUint64

// A pathSlot is a path that somebody watches; an unused one chains along first.
type pathSlot struct {
	offset      uint64 // into text
	length      uint32
	hash        uint32
	first, last uint32 // entries
}

// An entry is what one watcher holds on one path; an unused one chains along
// pathNext.
type entry struct {
	watcher            WatcherID
	pathModes          uint32 // number of the path, modes above
	pathPrev, pathNext uint32
	ownPrev, ownNext   uint32
}

func (e *entry) path() uint32    { return e.pathModes & pathMask }
func (e *entry) modes() Mode     { return Mode(e.pathModes >> modeShift) }
func (e *entry) setModes(m Mode) { e.pathModes = e.pathModes&pathMask | uint32(m)<<modeShift }

func newShard(seed uint64) *shard {
	return &shard{seed: seed, freePath: nothing, freeEnt: nothing, owners: make(map[WatcherID]uint32)}
}

func (s *shard) live() int { return s.byPair.used }

// textOf aliases the shard's text: valid until the next change.
func (s *shard) textOf(p uint32) []byte {
	slot := &s.paths[p]
	return s.text[slot.offset : slot.offset+uint64(slot.length)]
}

func (s *shard) pathHash(p uint32) uint32 { return s.paths[p].hash }

func (s *shard) entryHash(e uint32) uint32 {
	return hashPair(s.seed, s.entries[e].path(), s.entries[e].watcher)
}

// lookup finds the path, or nothing.
func (s *shard) lookup(path string, hash uint32) uint32 {
	cell, ok := s.byText.find(hash, func(p uint32) bool {
		return s.paths[p].hash == hash && string(s.textOf(p)) == path
	})
	if !ok {
		return nothing
	}
	return s.byText.cells[cell] - 1
}

// held finds what the watcher holds on the path, or nothing.
func (s *shard) held(p uint32, w WatcherID) uint32 {
	cell, ok := s.pairCell(p, w)
	if !ok {
		return nothing
	}
	return s.byPair.cells[cell] - 1
}

func (s *shard) pairCell(p uint32, w WatcherID) (int, bool) {
	return s.byPair.find(hashPair(s.seed, p, w), func(e uint32) bool {
		return s.entries[e].path() == p && s.entries[e].watcher == w
	})
}

// add adds modes to what the watcher holds on the path. It returns false if
// the shard is full.
func (s *shard) add(path string, hash uint32, w WatcherID, m Mode) bool {
	p := s.lookup(path, hash)
	if p == nothing {
		if p = s.newPath(path, hash); p == nothing {
			return false
		}
	}
	e := s.held(p, w)
	if e == nothing {
		if e = s.newEntry(p, w); e == nothing {
			s.dropIfUnused(p)
			return false
		}
	}
	s.change(e, s.entries[e].modes()|m)
	return true
}

// change gives an entry other modes and removes it when none are left.
func (s *shard) change(e uint32, m Mode) {
	old := s.entries[e].modes()
	s.count(old, -1)
	s.count(m, +1)
	s.entries[e].setModes(m)
	if m == 0 {
		s.removeEntry(e)
	}
}

func (s *shard) count(m Mode, by int) {
	if m&inData != 0 {
		s.counts.data += by
	}
	if m&inChild != 0 {
		s.counts.child += by
	}
	if m&Recursive != 0 {
		s.counts.recursive += by
	}
}

func (s *shard) newPath(path string, hash uint32) uint32 {
	p := s.freePath
	if p != nothing {
		s.freePath = s.paths[p].first
	} else if len(s.paths) == maxSlots {
		return nothing
	} else {
		p = uint32(len(s.paths))
		s.paths = append(s.paths, pathSlot{})
	}
	s.paths[p] = pathSlot{
		offset: uint64(len(s.text)), length: uint32(len(path)), hash: hash,
		first: nothing, last: nothing,
	}
	s.text = append(s.text, path...)
	s.byText.insert(p, hash, s.pathHash)
	return p
}

func (s *shard) dropIfUnused(p uint32) {
	slot := &s.paths[p]
	if slot.first != nothing {
		return
	}
	cell, _ := s.byText.find(slot.hash, func(q uint32) bool { return q == p })
	s.byText.remove(cell, s.pathHash)
	s.dead += int(slot.length)
	*slot = pathSlot{offset: unused, first: s.freePath}
	s.freePath = p
}

func (s *shard) newEntry(p uint32, w WatcherID) uint32 {
	e := s.freeEnt
	if e != nothing {
		s.freeEnt = s.entries[e].pathNext
	} else if len(s.entries) == maxSlots {
		return nothing
	} else {
		e = uint32(len(s.entries))
		s.entries = append(s.entries, entry{})
	}
	s.entries[e] = entry{watcher: w, pathModes: p}
	s.linkPath(e, p)
	s.linkOwner(e, w)
	s.byPair.insert(e, s.entryHash(e), s.entryHash)
	return e
}

func (s *shard) removeEntry(e uint32) {
	p, w := s.entries[e].path(), s.entries[e].watcher
	cell, _ := s.pairCell(p, w)
	s.byPair.remove(cell, s.entryHash)
	s.unlinkPath(e, p)
	s.unlinkOwner(e, w)
	s.entries[e] = entry{pathNext: s.freeEnt}
	s.freeEnt = e
	s.dropIfUnused(p)
}

func (s *shard) linkPath(e, p uint32) {
	slot := &s.paths[p]
	s.entries[e].pathPrev, s.entries[e].pathNext = slot.last, nothing
	if slot.last == nothing {
		slot.first = e
	} else {
		s.entries[slot.last].pathNext = e
	}
	slot.last = e
}

func (s *shard) unlinkPath(e, p uint32) {
	slot, prev, next := &s.paths[p], s.entries[e].pathPrev, s.entries[e].pathNext
	if prev == nothing {
		slot.first = next
	} else {
		s.entries[prev].pathNext = next
	}
	if next == nothing {
		slot.last = prev
	} else {
		s.entries[next].pathPrev = prev
	}
}

func (s *shard) linkOwner(e uint32, w WatcherID) {
	head, ok := s.owners[w]
	if !ok {
		head = nothing
	} else {
		s.entries[head].ownPrev = e
	}
	s.entries[e].ownPrev, s.entries[e].ownNext = nothing, head
	s.owners[w] = e
}

func (s *shard) unlinkOwner(e uint32, w WatcherID) {
	prev, next := s.entries[e].ownPrev, s.entries[e].ownNext
	if next != nothing {
		s.entries[next].ownPrev = prev
	}
	switch {
	case prev != nothing:
		s.entries[prev].ownNext = next
	case next != nothing:
		s.owners[w] = next
	default:
		delete(s.owners, w)
	}
}

// removeOwner removes all that a watcher holds here.
func (s *shard) removeOwner(w WatcherID) {
	e, ok := s.owners[w]
	if !ok {
		return
	}
	for e != nothing {
		next := s.entries[e].ownNext
		s.change(e, 0)
		e = next
	}
	s.shrink()
}

// What is not worth a rebuild.
const (
	smallShard = 1 << 10  // entries
	smallText  = 16 << 10 // dead bytes
	smallEmpty = 1 << 6   // entries of a shard that is empty now
)

// shrink gives memory back where most of it is unused. Its cost is proportional
// to what is left, and more than that was removed since the last time.
func (s *shard) shrink() {
	switch {
	case s.live() == 0 && len(s.entries) > smallEmpty:
		*s = *newShard(s.seed)
	case len(s.entries) > smallShard && 4*s.live() < len(s.entries):
		s.rebuild()
	case s.dead > smallText && 2*s.dead > len(s.text):
		s.compactText()
	}
}

func (s *shard) rebuild() {
	fresh := newShard(s.seed)
	fresh.entries = make([]entry, 0, s.live())
	fresh.paths = make([]pathSlot, 0, s.byText.used)
	fresh.text = make([]byte, 0, len(s.text)-s.dead)
	for p := range s.paths {
		if s.paths[p].offset == unused {
			continue
		}
		text := string(s.textOf(uint32(p)))
		for e := s.paths[p].first; e != nothing; e = s.entries[e].pathNext {
			fresh.add(text, s.paths[p].hash, s.entries[e].watcher, s.entries[e].modes())
		}
	}
	*s = *fresh
}

func (s *shard) compactText() {
	text := make([]byte, 0, 3*(len(s.text)-s.dead)/2)
	for p := range s.paths {
		if s.paths[p].offset != unused {
			offset := uint64(len(text))
			text = append(text, s.textOf(uint32(p))...)
			s.paths[p].offset = offset
		}
	}
	s.text, s.dead = text, 0
}
