package datatree

import "github.com/zabra/zabra/wire"

// A KeyRange is the records whose keys begin with the byte Kind and hold a number
// from First to Last.
type KeyRange struct {
	Kind        byte
	First, Last uint64
}

// Refresh marks the nodes or sessions that are in the range as changed, so that
// the next incremental scan delivers all of them: what a store needs to write a
// part of its checkpoint anew. Looking for sessions takes a step for each number
// in the range, and for nodes one for each 64.
func (t *Tree) Refresh(r KeyRange) {
	switch r.Kind {
	case nodeKey:
		t.marks.dirty.addRange(t.marks.used, r.First, r.Last)
	case sessionKey:
		for id := r.First; id-r.First <= r.Last-r.First; id++ {
			if t.owners.sessions[wire.SessionID(id)].open {
				t.touchSession(wire.SessionID(id))
			}
		}
	}
}
