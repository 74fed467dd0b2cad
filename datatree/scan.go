package datatree

import (
	"cmp"
	"slices"

	"github.com/zabra/zabra/wire"
)

// marks says what changed since the last checkpoint.
type marks struct {
	used     bitmap // slots that hold a node
	dirty    bitmap
	sessions map[wire.SessionID]struct{}
	active   []*walk
	scan     *Scan // the incremental scan under way
}

// touch announces that a slot is about to change, be filled or be emptied.
func (t *Tree) touch(slot uint32) {
	t.marks.dirty.set(slot)
	for i := len(t.marks.active) - 1; i >= 0; i-- {
		switch w := t.marks.active[i]; {
		case w.over:
			t.marks.active = slices.Delete(t.marks.active, i, i+1)
		case w.pending.has(slot):
			w.visit(&w.saved, slot)
		}
	}
}

func (t *Tree) touchSession(id wire.SessionID) {
	if t.marks.sessions == nil {
		t.marks.sessions = make(map[wire.SessionID]struct{})
	}
	t.marks.sessions[id] = struct{}{}
}

// A walk visits a set of slots as they were when it began, in steps between
// which the tree may change: a slot that is about to change is visited just
// before, into saved. A node is always visited after its parent if both are in
// the set.
type walk struct {
	t       *Tree
	pending bitmap // not visited yet
	word    int    // words of pending below it are empty
	saved   batch
	out     batch
	chain   []uint32
	put     func(b *batch, slot uint32)
	over    bool
}

// A batch is what visits produced.
type batch struct {
	buf  []byte
	ends []span
	recs []Record
}

// A span is a record in a batch's buffer.
type span struct {
	key, value, end int
	removed         bool
}

func (b *batch) reset() { b.buf, b.ends = b.buf[:0], b.ends[:0] }

func (t *Tree) startWalk(set bitmap, put func(*batch, uint32)) *walk {
	w := &walk{t: t, pending: set, put: put}
	t.marks.active = append(slices.DeleteFunc(t.marks.active, func(w *walk) bool { return w.over }), w)
	return w
}

// stop ends the walk. Several may end at the same time, each in a Step of its own: so
// the next change takes it from the tree's list, which nobody reads meanwhile.
func (w *walk) stop() {
	w.over, w.pending, w.saved = true, nil, batch{}
}

// visit visits the slot and before it those of its ancestors that are pending.
func (w *walk) visit(b *batch, slot uint32) {
	w.chain = w.chain[:0]
	for w.pending.has(slot) {
		w.pending.clear(slot)
		w.chain = append(w.chain, slot)
		if !w.t.inUse(slot) {
			break
		}
		slot = w.t.nodes.at(slot).parent
	}
	for i := len(w.chain) - 1; i >= 0; i-- {
		w.put(b, w.chain[i])
	}
}

// wordCost is what looking at an empty word of the bitmap counts in bytes.
const wordCost = 1

// step visits slots until about max bytes have been produced. It returns nil
// when nothing is left.
func (w *walk) step(max int) *batch {
	if len(w.saved.buf) > 0 {
		w.out, w.saved = w.saved, w.out
		w.saved.reset()
		return &w.out
	}
	w.out.reset()
	for looked := 0; w.word < len(w.pending); {
		if w.pending[w.word] == 0 {
			w.word++
			looked += wordCost
			continue
		}
		w.visit(&w.out, w.pending.lowest(w.word))
		if len(w.out.buf)+looked >= max {
			break
		}
	}
	if len(w.out.buf) == 0 {
		return nil
	}
	return &w.out
}

// A Scan delivers the records of a checkpoint as of the moment it began.
//
// Step may run while others read the tree, but neither at the same time as
// Apply nor as another Step of this scan.
type Scan struct {
	t        *Tree
	walk     *walk
	taken    bitmap // what an incremental scan took from the marks
	sessions []sessionRecord
	meta     meta
	full     bool
	complete bool
	ended    bool
}

type sessionRecord struct {
	id wire.SessionID
	session
}

// Scan begins a scan. An incremental one (full false) delivers what changed
// since the last incremental scan that ended with Done, all of it if there was
// none and the tree was not made by a Loader; only one may be under way, a
// second is a bug of the caller and panics. A full one delivers everything and
// leaves the marks of what changed alone; there may be several.
//
// Every scan ends with Done or Cancel; until then each change costs the tree
// the memory of the record before it.
func (t *Tree) Scan(full bool) *Scan {
	s := &Scan{t: t, full: full}
	s.meta = meta{t.lastZxid, t.digest.sum, uint64(t.count)}
	if full {
		s.walk = t.startWalk(slices.Clone(t.marks.used), t.putRecord)
		s.sessions = t.allSessions()
		return s
	}
	if t.marks.scan != nil {
		panic("datatree: a second incremental scan")
	}
	t.marks.scan = s
	s.taken = t.marks.dirty
	t.marks.dirty = make(bitmap, len(s.taken))
	s.walk = t.startWalk(slices.Clone(s.taken), t.putRecord)
	for id := range t.marks.sessions {
		s.sessions = append(s.sessions, sessionRecord{id, t.owners.sessions[id]})
	}
	slices.SortFunc(s.sessions, func(a, b sessionRecord) int { return cmp.Compare(a.id, b.id) })
	t.marks.sessions = nil
	return s
}

func (t *Tree) allSessions() []sessionRecord {
	all := make([]sessionRecord, 0, t.owners.open)
	for id := range t.Sessions() {
		all = append(all, sessionRecord{id, t.owners.sessions[id]})
	}
	return all
}

// putRecord adds a slot's checkpoint record to the batch.
func (t *Tree) putRecord(b *batch, slot uint32) {
	s := span{key: len(b.buf)}
	b.buf = appendNodeKey(b.buf, slot)
	s.value = len(b.buf)
	if t.inUse(slot) {
		b.buf = t.appendNode(b.buf, slot)
	} else {
		s.removed = true
	}
	s.end = len(b.buf)
	b.ends = append(b.ends, s)
}

// Zxid is the last transaction that the scan contains.
func (s *Scan) Zxid() wire.Zxid { return s.meta.zxid }

// Step returns the next records, of about maxBytes together but at least one,
// and nil after the last. Records of changed nodes that had to be put aside
// come all at once. The last record says what the whole checkpoint contains:
// without it, or with parts of another checkpoint, the records are worthless,
// so all of a scan's must take effect together. The slices are valid until the
// next Step.
func (s *Scan) Step(maxBytes int) []Record {
	if s.complete || s.ended {
		return nil
	}
	if b := s.walk.step(maxBytes); b != nil {
		return b.records()
	}
	s.complete = true
	s.walk.stop()
	return s.lastRecords()
}

func (b *batch) records() []Record {
	b.recs = b.recs[:0]
	for _, s := range b.ends {
		r := Record{Key: b.buf[s.key:s.value:s.value]}
		if !s.removed {
			r.Value = b.buf[s.value:s.end:s.end]
		}
		b.recs = append(b.recs, r)
	}
	return b.recs
}

func (s *Scan) lastRecords() []Record {
	recs := make([]Record, 0, len(s.sessions)+1)
	for _, e := range s.sessions {
		r := Record{Key: appendSessionKey(nil, e.id)}
		if e.open {
			r.Value = wire.AppendInt(nil, e.timeout)
		}
		recs = append(recs, r)
	}
	return append(recs, Record{[]byte{metaKey}, s.meta.appendTo(nil)})
}

// Done ends a scan whose records are safe. If Step has not delivered all of
// them it is the same as Cancel.
func (s *Scan) Done() {
	if !s.complete {
		s.Cancel()
		return
	}
	s.end()
}

// Cancel ends a scan whose records are not to be used, or that could not be
// stored: what it took from the marks will be in the next one. After Done it
// does nothing.
func (s *Scan) Cancel() {
	if s.ended {
		return
	}
	if !s.full {
		s.t.marks.dirty.add(s.taken)
		for _, e := range s.sessions {
			s.t.touchSession(e.id)
		}
	}
	s.end()
}

func (s *Scan) end() {
	s.ended = true
	s.walk.stop()
	s.walk, s.taken = nil, nil
	if s.t.marks.scan == s {
		s.t.marks.scan = nil
	}
}
