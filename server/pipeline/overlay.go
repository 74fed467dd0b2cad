package pipeline

import (
	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
)

// An overlay holds what transactions that are proposed but not applied yet
// change about the committed tree, so that the next request is judged against
// the state it will find. An entry carries the zxid that last changed it and
// goes when that transaction has been applied: the tree shows the same then.
type overlay struct {
	nodes    map[string]*nodeChange
	spare    []*nodeChange // to be used again
	sessions map[wire.SessionID]sessionChange

	// touches says, oldest first, which entry each transaction changed. Those
	// before head are released. Touches are numbered; touches[0] is base.
	touches []touch
	head    int
	base    uint64

	undo     []undoEntry // of the multi under way, newest last
	undoFrom int         // len(touches) when it began
	undoing  bool        // a multi is under way
}

// A nodeState is what preparation must know of a node.
type nodeState struct {
	exists    bool
	ephemeral bool // owned by a session
	version   int32
	cversion  int32 // children ever created, as the tree stores it
	aversion  int32
	children  int32
	dataLen   int32
	at        datatree.Node // where the tree has it; 0 if it is not there yet, or not known
	owner     int64         // as stored, with the markers of containers and TTL nodes
	acl       []wire.ACL
}

type nodeChange struct {
	nodeState
	zxid wire.Zxid // the last transaction that changed it
}

// A sessionPhase is what the proposed transactions do to a session.
type sessionPhase uint8

const (
	sessionUnchanged sessionPhase = iota // as the tree has it
	sessionOpening
	sessionClosing
)

type sessionChange struct {
	phase sessionPhase
	zxid  wire.Zxid // the last transaction that changed it
	last  uint64    // number + 1 of its newest ephemeral's touch, 0 for none
}

// A touch says that a transaction changed a node, or a session when session is
// not 0; path is then the ephemeral node the session got, if it got one. A node's
// entry goes with the last of its touches, so node is good as long as the touch.
type touch struct {
	zxid    wire.Zxid
	path    string
	node    *nodeChange
	session wire.SessionID
	prev    uint64 // the session's touch before, as in sessionChange.last
}

// An undoEntry is what stood in the overlay before a multi changed it.
type undoEntry struct {
	path       string
	session    wire.SessionID
	node       nodeChange
	sessionWas sessionChange
	had        bool
}

// keepTouches bounds the memory that an overlay keeps while nothing is under
// way.
const keepTouches = 1024

func newOverlay() overlay {
	return overlay{nodes: map[string]*nodeChange{}, sessions: map[wire.SessionID]sessionChange{}}
}

// put records the state that transaction z gives to a node. path is kept.
func (o *overlay) put(z wire.Zxid, path string, s nodeState) {
	c, had := o.nodes[path]
	if !had {
		c = o.add(path)
	}
	if o.undoing {
		o.undo = append(o.undo, undoEntry{path: path, node: *c, had: had})
	}
	if c.zxid != z {
		o.touches = append(o.touches, touch{zxid: z, path: path, node: c})
	}
	*c = nodeChange{s, z}
}

// add makes an entry, which no transaction has changed yet.
func (o *overlay) add(path string) *nodeChange {
	var c *nodeChange
	if n := len(o.spare); n > 0 {
		c, o.spare = o.spare[n-1], o.spare[:n-1]
	} else {
		c = new(nodeChange)
	}
	o.nodes[path] = c
	return c
}

// remove takes a node's entry away.
func (o *overlay) remove(path string, c *nodeChange) {
	delete(o.nodes, path)
	*c = nodeChange{}
	o.spare = append(o.spare, c)
}

// putSession records that transaction z opens or closes a session.
func (o *overlay) putSession(z wire.Zxid, s wire.SessionID, phase sessionPhase) {
	c := o.sessions[s]
	o.changeSession(s, sessionChange{phase: phase, zxid: z, last: c.last})
	o.touches = append(o.touches, touch{zxid: z, session: s})
}

// putEphemeral records that transaction z gives an ephemeral node to a session.
// path is kept.
func (o *overlay) putEphemeral(z wire.Zxid, s wire.SessionID, path string) {
	c := o.sessions[s]
	number := o.base + uint64(len(o.touches))
	o.changeSession(s, sessionChange{phase: c.phase, zxid: z, last: number + 1})
	o.touches = append(o.touches, touch{zxid: z, session: s, path: path, prev: c.last})
}

func (o *overlay) changeSession(s wire.SessionID, c sessionChange) {
	if o.undoing {
		old, had := o.sessions[s]
		o.undo = append(o.undo, undoEntry{session: s, sessionWas: old, had: had})
	}
	o.sessions[s] = c
}

// ephemerals appends to paths the nodes under way that session s still owns;
// one that was created twice may appear twice. The chain of touches ends where
// they are released.
func (o *overlay) ephemerals(paths []string, s wire.SessionID) []string {
	for last := o.sessions[s].last; last > o.base; {
		t := &o.touches[last-1-o.base]
		if o.owns(s, t.path) {
			paths = append(paths, t.path)
		}
		last = t.prev
	}
	return paths
}

func (o *overlay) owns(s wire.SessionID, path string) bool {
	c := o.nodes[path]
	return c != nil && c.ephemeral && c.owner == int64(s)
}

// begin makes the changes from here on a multi's, which rollback takes back and
// end makes final.
func (o *overlay) begin() {
	o.undoing, o.undoFrom = true, len(o.touches)
}

func (o *overlay) end() {
	clear(o.undo)
	o.undoing, o.undo = false, o.undo[:0]
}

func (o *overlay) rollback() {
	for i := len(o.undo) - 1; i >= 0; i-- {
		o.undo[i].restore(o)
	}
	clear(o.touches[o.undoFrom:])
	o.touches = o.touches[:o.undoFrom]
	o.end()
}

func (u *undoEntry) restore(o *overlay) {
	switch {
	case u.session != 0 && u.had:
		o.sessions[u.session] = u.sessionWas
	case u.session != 0:
		delete(o.sessions, u.session)
	case u.had:
		*o.nodes[u.path] = u.node
	default:
		o.remove(u.path, o.nodes[u.path])
	}
}

// release forgets what transactions up to z changed: they are applied.
func (o *overlay) release(z wire.Zxid) {
	for o.head < len(o.touches) && o.touches[o.head].zxid <= z {
		t := &o.touches[o.head]
		o.drop(t, z)
		*t = touch{}
		o.head++
	}
	switch {
	case o.head == len(o.touches):
		o.touches, o.head = o.touches[:0], 0
	case o.head > len(o.touches)/2:
		o.compact()
	}
}

func (o *overlay) drop(t *touch, z wire.Zxid) {
	if t.session != 0 {
		if o.sessions[t.session].zxid <= z {
			delete(o.sessions, t.session)
		}
		return
	}
	if t.node.zxid <= z {
		o.remove(t.path, t.node)
	}
}

// rest gives back what a burst made the overlay grow to, if nothing is under way: Go's
// maps do not shrink. Under load that is so many times in a second, and what was given
// back would have to be made again; so it is done now and then.
func (o *overlay) rest() {
	if len(o.touches) == 0 && cap(o.touches) > keepTouches {
		*o = newOverlay()
	}
}

// compact moves the live touches to the front.
func (o *overlay) compact() {
	n := copy(o.touches, o.touches[o.head:])
	clear(o.touches[n:])
	o.touches = o.touches[:n]
	o.base += uint64(o.head)
	o.head = 0
}
