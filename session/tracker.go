package session

import (
	"iter"
	"math"
	"slices"

	"github.com/zabra/zabra/wire"
)

// A Tracker knows every session and the tick at which it is due. It is not safe
// for concurrent use. All times are milliseconds of one clock.
type Tracker struct {
	tick    int64
	index   map[wire.SessionID]int32 // into slots
	slots   []slot
	free    int32           // first unused slot, or none
	buckets map[int64]int32 // deadline -> first slot of its list, or none
	queue   deadlines       // the keys of buckets
	due     int64           // every bucket up to this one has been handed out
}

// none ends a list of slots.
const none = -1

// A slot holds one session. Those in a bucket form a doubly linked list, the
// unused ones a list along next.
type slot struct {
	id         wire.SessionID
	deadline   int64
	timeout    int32
	prev, next int32
	state      state
}

type state uint8

const (
	waiting state = iota // in the bucket of its deadline
	handed               // Due handed it out; in no bucket
	closing              // Close was called; in no bucket
)

// NewTracker returns an empty tracker whose buckets are tick milliseconds wide;
// tick is at least 1.
func NewTracker(tick int64) *Tracker {
	return &Tracker{
		tick:    max(tick, 1),
		index:   make(map[wire.SessionID]int32),
		free:    none,
		buckets: make(map[int64]int32),
		due:     math.MinInt64,
	}
}

// Deadline is the tick at which a session is due that was last heard of at now.
func (t *Tracker) Deadline(now int64, timeoutMillis int32) int64 {
	return ((now+int64(timeoutMillis))/t.tick + 1) * t.tick
}

// Add starts to track a session as heard of now. A session that is tracked
// already is touched instead, unless it is closing, and takes the new timeout;
// Add then returns false.
func (t *Tracker) Add(id wire.SessionID, timeoutMillis int32, now int64) bool {
	if i, ok := t.index[id]; ok {
		t.slots[i].timeout = timeoutMillis
		t.Touch(id, timeoutMillis, now)
		return false
	}
	i := t.alloc()
	t.index[id] = i
	t.slots[i] = slot{id: id, timeout: timeoutMillis, state: handed}
	t.enqueue(i, max(t.Deadline(now, timeoutMillis), t.due+t.tick))
	return true
}

// Touch notes that the session was heard of at the given time, which may lie in
// the past, and moves it to the bucket of its new deadline. The timeout is that
// of the connection that heard it. It returns false, and changes nothing, if the
// session is unknown or closing, or if even so its bucket has come already: then
// it is for the caller to close it.
func (t *Tracker) Touch(id wire.SessionID, timeoutMillis int32, heard int64) bool {
	i, ok := t.index[id]
	if !ok || t.slots[i].state == closing {
		return false
	}
	deadline := t.Deadline(heard, timeoutMillis)
	if deadline <= t.due {
		return false
	}
	if s := &t.slots[i]; s.state == waiting {
		if s.deadline == deadline {
			return true
		}
		t.dequeue(i)
	}
	t.enqueue(i, deadline)
	return true
}

// Close marks the session as closing: it is never due again and Touch refuses
// it, until Remove. It returns false if the session is unknown or closing.
func (t *Tracker) Close(id wire.SessionID) bool {
	i, ok := t.index[id]
	if !ok || t.slots[i].state == closing {
		return false
	}
	if t.slots[i].state == waiting {
		t.dequeue(i)
	}
	t.slots[i].state = closing
	return true
}

// Remove forgets the session. It returns false if it is not tracked.
func (t *Tracker) Remove(id wire.SessionID) bool {
	i, ok := t.index[id]
	if !ok {
		return false
	}
	if t.slots[i].state == waiting {
		t.dequeue(i)
	}
	delete(t.index, id)
	t.slots[i] = slot{next: t.free}
	t.free = i
	return true
}

// SetTimeout changes the timeout kept with a session, in milliseconds. Its
// deadline stays until the next Touch.
func (t *Tracker) SetTimeout(id wire.SessionID, timeoutMillis int32) bool {
	i, ok := t.index[id]
	if ok {
		t.slots[i].timeout = timeoutMillis
	}
	return ok
}

// Timeout returns the timeout kept with a session, in milliseconds.
func (t *Tracker) Timeout(id wire.SessionID) (timeoutMillis int32, ok bool) {
	i, ok := t.index[id]
	if !ok {
		return 0, false
	}
	return t.slots[i].timeout, true
}

// Alive reports whether the session is tracked and not closing.
func (t *Tracker) Alive(id wire.SessionID) bool {
	i, ok := t.index[id]
	return ok && t.slots[i].state != closing
}

// Due takes the sessions whose bucket has come (deadline <= now) out of their
// buckets and appends them to dst, in order of deadline and id. Each stays
// tracked, but will not be due again until Touch puts it into a later bucket;
// the caller must Touch, Close or Remove every one of them.
func (t *Tracker) Due(now int64, dst []wire.SessionID) []wire.SessionID {
	for len(t.queue) > 0 && t.queue[0] <= now {
		deadline := t.queue.pop()
		from := len(dst)
		for i := t.buckets[deadline]; i != none; i = t.slots[i].next {
			t.slots[i].state = handed
			dst = append(dst, t.slots[i].id)
		}
		delete(t.buckets, deadline)
		slices.Sort(dst[from:])
	}
	t.due = max(t.due, now/t.tick*t.tick)
	return dst
}

// Next returns the earliest deadline of a session that waits, and false if none
// does.
func (t *Tracker) Next() (deadline int64, ok bool) {
	for len(t.queue) > 0 {
		if t.buckets[t.queue[0]] != none {
			return t.queue[0], true
		}
		delete(t.buckets, t.queue.pop())
	}
	return 0, false
}

// Len is the number of sessions tracked, closing ones included.
func (t *Tracker) Len() int { return len(t.index) }

// Buckets yields every bucket that holds sessions, by deadline, with the ids in
// ascending order. The slice is reused for the next bucket.
func (t *Tracker) Buckets() iter.Seq2[int64, []wire.SessionID] {
	return func(yield func(int64, []wire.SessionID) bool) {
		var ids []wire.SessionID
		for _, deadline := range slices.Sorted(slices.Values(t.queue)) {
			ids = ids[:0]
			for i := t.buckets[deadline]; i != none; i = t.slots[i].next {
				ids = append(ids, t.slots[i].id)
			}
			slices.Sort(ids)
			if len(ids) > 0 && !yield(deadline, ids) {
				return
			}
		}
	}
}

// All yields every session tracked with its timeout, in ascending order of id.
func (t *Tracker) All() iter.Seq2[wire.SessionID, int32] {
	return func(yield func(wire.SessionID, int32) bool) {
		ids := make([]wire.SessionID, 0, len(t.index))
		for id := range t.index {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			if !yield(id, t.slots[t.index[id]].timeout) {
				return
			}
		}
	}
}

func (t *Tracker) alloc() int32 {
	if t.free == none {
		t.slots = append(t.slots, slot{})
		return int32(len(t.slots) - 1)
	}
	i := t.free
	t.free = t.slots[i].next
	return i
}

func (t *Tracker) enqueue(i int32, deadline int64) {
	head, ok := t.buckets[deadline]
	if !ok {
		head = none
		t.queue.push(deadline)
	}
	s := &t.slots[i]
	s.state, s.deadline, s.prev, s.next = waiting, deadline, none, head
	if head != none {
		t.slots[head].prev = i
	}
	t.buckets[deadline] = i
}

// dequeue leaves an empty bucket in place: its deadline is still queued.
func (t *Tracker) dequeue(i int32) {
	s := &t.slots[i]
	if s.next != none {
		t.slots[s.next].prev = s.prev
	}
	if s.prev != none {
		t.slots[s.prev].next = s.next
	} else {
		t.buckets[s.deadline] = s.next
	}
	s.state = handed
}
