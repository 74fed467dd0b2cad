package history

import (
	"math"
	"strings"

	"github.com/zabra/zabra/wire"
)

// Watches that stay: persistent ones, of a node and the list of its children, and
// recursive ones, of everything below a node but the lists. Each change is told once,
// in the order of transactions, however many of a client's watches it concerns. What
// happens between two connections is not told.
type staying struct {
	persistent, recursive map[string]wire.Zxid // since when
	next                  int                  // the first change not accounted for
	told                  map[int]bool         // behind next, of one transaction
}

func newStaying() staying {
	return staying{map[string]wire.Zxid{}, map[string]wire.Zxid{}, 0, map[int]bool{}}
}

func (s *staying) any() bool { return len(s.persistent)+len(s.recursive) > 0 }

func (s *staying) add(o *Op) {
	set := s.persistent
	if o.AddMode == wire.WatchPersistentRecursive {
		set = s.recursive
	}
	if _, ok := set[o.Path]; !ok {
		set[o.Path] = o.Zxid
	}
}

// setAgain begins anew behind a reconnection.
func (s *staying) setAgain(z wire.Zxid) {
	for p := range s.persistent {
		s.persistent[p] = z
	}
	for p := range s.recursive {
		s.recursive[p] = z
	}
	clear(s.told)
}

// concerns reports whether a client with these watches is told of a change.
func (s *staying) concerns(c *change, client int) bool {
	if !mine(c.reader, client) {
		return false
	}
	if since, ok := s.persistent[c.path]; ok && since < c.zxid {
		return true
	}
	if c.kind == wire.EventNodeChildrenChanged {
		return false
	}
	for p, since := range s.recursive {
		if since < c.zxid && (p == "/" || c.path == p || strings.HasPrefix(c.path, p+"/")) {
			return true
		}
	}
	return false
}

// first is the first change from next on that the client is to be told of and was not;
// -1 if there is none up to a zxid.
func (s *staying) first(changes []change, client int, to wire.Zxid) int {
	for i := s.next; i < len(changes) && changes[i].zxid <= to; i++ {
		if !s.told[i] && s.concerns(&changes[i], client) {
			return i
		}
	}
	return -1
}

// toldStaying takes an event, and reports whether it is that of a watch that stays. The
// changes of one transaction may be told in any order.
func (j *judge) toldStaying(l *Log, s *staying, e *Event) bool {
	if !s.any() {
		return false
	}
	i := s.first(j.model.changes, l.Client, math.MaxInt64)
	if i < 0 {
		return false
	}
	for z := j.model.changes[i].zxid; i < len(j.model.changes) && j.model.changes[i].zxid == z; i++ {
		c := &j.model.changes[i]
		if c.kind == e.Type && c.path == e.Path && !s.told[i] && s.concerns(c, l.Client) {
			s.told[i] = true
			return true
		}
	}
	return false
}

// missedByStaying checks that everything was told that an answer shows.
func (j *judge) missedByStaying(l *Log, s *staying, o *Op) {
	if s.any() {
		if i := s.first(j.model.changes, l.Client, o.Zxid); i >= 0 {
			c := &j.model.changes[i]
			j.say("watch", "client %d got an answer at %v and no event %v %s of %v, which it watches for good", l.Client, o.Zxid, c.kind, c.path, c.zxid)
		}
	}
	for ; s.next < len(j.model.changes) && j.model.changes[s.next].zxid <= o.Zxid; s.next++ {
		delete(s.told, s.next)
	}
}
