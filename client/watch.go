package client

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/zabra/zabra/wire"
)

// An EventType says what an Event is about.
type EventType int32

// The events.
const (
	EventCreated         = EventType(wire.EventNodeCreated)
	EventDeleted         = EventType(wire.EventNodeDeleted)
	EventDataChanged     = EventType(wire.EventNodeDataChanged)
	EventChildrenChanged = EventType(wire.EventNodeChildrenChanged)
	// EventGap says that events may be missing here: the connection was lost for a
	// while, or nobody took the events. Whoever keeps a picture of the nodes reads
	// them anew. Only persistent watches get it.
	EventGap EventType = 0
)

// String is the event's name in ZooKeeper's documentation, or gap.
func (t EventType) String() string {
	if t == EventGap {
		return "gap"
	}
	return wire.EventType(t).String()
}

// An Event says that something happened to the node at Path.
type Event struct {
	Type EventType
	Path string
	// Zxid is that of the change; servers before 3.9 do not tell it: -1.
	Zxid Zxid
}

// A watchKind is a table in which a server keeps watches.
type watchKind int

const (
	dataWatch       watchKind = iota // on a node that is there
	existWatch                       // on a node that is not
	childWatch                       // on a node's children
	persistentWatch                  // on both, for good
	recursiveWatch                   // on all nodes below, too
	watchKinds
)

// A Watch is a channel of events.
type Watch struct {
	// C gets the events. It is closed behind the only event of a one-shot watch, by
	// Close, and when the Client is closed.
	C <-chan Event

	client *Client
	kind   watchKind // that was asked for
	in     watchKind // the table that it is in, under the lock of those
	asked  bool      // the answer to its request is to come, under that lock too
	path   string    // the server's
	queue  *queue[Event]
	gap    bool // the last that was put is a gap for want of room
}

// Path is what is watched.
func (w *Watch) Path() string { return w.client.outside(w.path) }

// Close ends the watch, here and on the server. Events that wait in C may still be
// read.
func (w *Watch) Close() { w.client.unwatch(w) }

// put gives an event to the reader.
func (w *Watch) put(e Event) {
	if w.queue.put(e) {
		w.gap = false
		return
	}
	if !w.gap {
		w.queue.replace(Event{Type: EventGap, Path: w.Path(), Zxid: e.Zxid})
		w.gap = true
	}
}

// watchTable holds the watches that servers keep for this client, by kind and path.
// They are set again at every connection.
type watchTable struct {
	mu    sync.Mutex
	paths [watchKinds]map[string][]*Watch
	asked [watchKinds]map[string]int // one-shot watches whose requests were not answered yet
}

// ask notes a one-shot watch that a request is to leave.
func (t *watchTable) ask(w *Watch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked[w.kind] == nil {
		t.asked[w.kind] = map[string]int{}
	}
	t.asked[w.kind][w.path]++
	w.asked = true
}

// answered is the end of ask: by an answer, or since nobody waits for it.
func (t *watchTable) answered(w *Watch) {
	if !w.asked {
		return
	}
	w.asked = false
	if t.asked[w.kind][w.path]--; t.asked[w.kind][w.path] == 0 {
		delete(t.asked[w.kind], w.path)
	}
}

// wanted reports whether anybody relies on what the server keeps for a watch: it has
// one watch for all of a kind and path, and no other for nodes that are there than for
// those that are not.
func (t *watchTable) wanted(w *Watch) bool {
	kinds := []watchKind{w.in}
	if w.in < persistentWatch {
		// Servers before 3.9 would take these for the same.
		kinds = append(kinds, persistentWatch, recursiveWatch)
	}
	if w.in == dataWatch || w.in == existWatch {
		kinds = append(kinds, dataWatch, existWatch)
	}
	return slices.ContainsFunc(kinds, func(k watchKind) bool { return len(t.paths[k][w.path]) > 0 || t.asked[k][w.path] > 0 })
}

// add takes a watch into the table of a kind, unless it was closed before the answer to
// its request came.
func (t *watchTable) add(w *Watch, kind watchKind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered(w)
	if w.queue.closed() {
		return
	}
	w.in = kind
	if t.paths[kind] == nil {
		t.paths[kind] = map[string][]*Watch{}
	}
	t.paths[kind][w.path] = append(t.paths[kind][w.path], w)
}

// refused notes that a request has left no watch.
func (t *watchTable) refused(w *Watch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered(w)
}

// remove forgets a watch, and reports whether it was the last for which the server keeps
// what it keeps.
func (t *watchTable) remove(w *Watch) (last bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered(w)
	list := t.paths[w.in][w.path]
	i := slices.Index(list, w)
	if i < 0 {
		return false
	}
	if list = slices.Delete(list, i, i+1); len(list) > 0 {
		t.paths[w.in][w.path] = list
		return false
	}
	delete(t.paths[w.in], w.path)
	return !t.wanted(w)
}

// spends says which one-shot watches an event uses up.
func spends(t wire.EventType) []watchKind {
	switch t {
	case wire.EventNodeCreated, wire.EventNodeDataChanged:
		return []watchKind{dataWatch, existWatch}
	case wire.EventNodeChildrenChanged:
		return []watchKind{childWatch}
	case wire.EventNodeDeleted:
		return []watchKind{dataWatch, existWatch, childWatch}
	}
	return nil
}

// dispatch gives an event of a server's to those who watch its path.
func (t *watchTable) dispatch(typ wire.EventType, path string, e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, kind := range spends(typ) {
		for _, w := range t.paths[kind][path] {
			w.put(e)
			w.queue.close()
		}
		delete(t.paths[kind], path)
	}
	for _, w := range t.paths[persistentWatch][path] {
		w.put(e)
	}
	if len(t.paths[recursiveWatch]) == 0 || typ == wire.EventNodeChildrenChanged {
		return
	}
	for at := path; at != ""; {
		for _, w := range t.paths[recursiveWatch][at] {
			w.put(e)
		}
		if at == "/" {
			return
		}
		at, _ = wire.SplitPath(at)
	}
}

// gaps tells persistent watches that events may be missing.
func (t *watchTable) gaps() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, kind := range []watchKind{persistentWatch, recursiveWatch} {
		for _, list := range t.paths[kind] {
			for _, w := range list {
				w.put(Event{Type: EventGap, Path: w.Path(), Zxid: wire.NoZxid})
			}
		}
	}
}

func (t *watchTable) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for kind := range t.paths {
		for _, list := range t.paths[kind] {
			for _, w := range list {
				w.queue.close()
			}
		}
		t.paths[kind] = nil
	}
}

// emptySetWatches has no null vector, which servers refuse.
func emptySetWatches(last Zxid) wire.SetWatches2Request {
	none := []string{}
	return wire.SetWatches2Request{RelativeZxid: last, Data: none, Exist: none, Child: none, Persistent: none, PersistentRecursive: none}
}

// maxSetWatches is about how many bytes of paths go into one setWatches2, far below
// what a server takes.
const maxSetWatches = 128 << 10

// requests appends the frames that set all watches at a new connection: what changed
// since the client saw last is told for one-shot watches.
func (t *watchTable) requests(b []byte, last Zxid) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	req, size := emptySetWatches(last), 0
	flush := func() {
		if size == 0 {
			return
		}
		b = appendRequest(b, wire.XidSetWatches, wire.OpSetWatches2, &req)
		req, size = emptySetWatches(last), 0
	}
	for kind := range t.paths {
		for path := range t.paths[kind] {
			list := [watchKinds]*[]string{&req.Data, &req.Exist, &req.Child, &req.Persistent, &req.PersistentRecursive}[kind]
			*list = append(*list, path)
			if size += len(path) + 4; size >= maxSetWatches {
				flush()
			}
		}
	}
	flush()
	return b
}

// appendRequest appends a whole frame.
func appendRequest(b []byte, xid wire.Xid, op wire.OpCode, body wire.Record) []byte {
	b, mark := wire.BeginFrame(b)
	h := wire.RequestHeader{Xid: xid, Op: op}
	b = h.AppendTo(b)
	if body != nil {
		b = body.AppendTo(b)
	}
	return wire.EndFrame(b, mark)
}

func (c *Client) newWatch(kind watchKind, full string) *Watch {
	limit := 0
	if kind >= persistentWatch {
		limit = c.opts.MaxQueuedEvents
	}
	q := newQueue[Event](limit)
	return &Watch{C: q.out, client: c, kind: kind, in: kind, path: full, queue: q}
}

// set notes a watch that the server now keeps, by the answer to the request that
// asked for it. Whoever reads calls it before it reads on, so no event can be earlier.
func (w *Watch) set(op wire.OpCode, code wire.Code) {
	switch {
	case code == wire.OK:
		w.client.watches.add(w, w.kind)
	case op == wire.OpExists && code == wire.NoNode:
		w.client.watches.add(w, existWatch)
	default:
		w.client.watches.refused(w)
	}
}

// AddWatch watches the node at path for good, whether it is there or not; recursive
// watches all nodes below it too, and tells their creation and end instead of changed
// children. The watch is set when AddWatch returns, and goes on until it is closed.
// Needs a server of 3.6 or later.
func (c *Client) AddWatch(ctx context.Context, path string, recursive bool) (*Watch, error) {
	full, err := c.inside(wire.OpAddWatch, path)
	if err != nil {
		return nil, err
	}
	kind, mode := persistentWatch, wire.WatchPersistent
	if recursive {
		kind, mode = recursiveWatch, wire.WatchPersistentRecursive
	}
	req := wire.AddWatchRequest{Path: full, Mode: mode}
	k := c.newCall(wire.OpAddWatch, path)
	k.frame = req.AppendTo(k.frame)
	k.again = true
	w := c.newWatch(kind, full)
	k.before = func() { c.watches.add(w, kind) }
	if err := c.just(ctx, k); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// watchTypes are what removeWatches calls the kinds. A server keeps watches for nodes
// that are there and that are not in one table.
var watchTypes = [watchKinds]int32{dataWatch: 2, existWatch: 2, childWatch: 1, persistentWatch: 4, recursiveWatch: 5}

// unwatch forgets a watch, and has the server forget it if nobody else here relies on
// it. That request goes without anybody waiting for it: servers before 3.9 do not know
// the types of persistent ones, and what the server does not know any more was told.
func (c *Client) unwatch(w *Watch) {
	w.queue.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	// Under the lock that orders requests: a watch that is asked for later is set later.
	if !c.watches.remove(w) || c.link == nil {
		return
	}
	req := wire.WatchTypeRequest{Path: w.path, Type: watchTypes[w.in]}
	k := c.newCall(wire.OpRemoveWatches, w.path)
	k.frame = req.AppendTo(k.frame)
	k.hidden = true
	c.postLocked(c.link, k)
}

// inside is the server's name of a path of the caller's.
func (c *Client) inside(op wire.OpCode, path string) (string, error) {
	if !wire.ValidPath(path) {
		return "", &Error{Op: op.String(), Path: path, Err: &PathError{}}
	}
	return c.prefix(path), nil
}

func (c *Client) prefix(path string) string {
	switch {
	case c.chroot == "":
		return path
	case path == "/":
		return c.chroot
	}
	return c.chroot + path
}

// rootOf is what an error says below which a path is.
func (c *Client) rootOf(path string) string {
	if path == "" {
		return ""
	}
	return c.chroot
}

// place is the server's name of a node to be made. A sequential one below the root has
// the root's path, to which the server adds digits.
func (c *Client) place(path string) string {
	if path == "/" {
		return c.chroot + "/"
	}
	return c.prefix(path)
}

// outside is the caller's name of a path of the server's.
func (c *Client) outside(full string) string {
	if rest := strings.TrimPrefix(full, c.chroot); rest != "" {
		return rest
	}
	return "/"
}

// A PathError says that a path cannot be one. It is an ErrBadArguments.
type PathError struct{}

// Error says what a path is.
func (*PathError) Error() string {
	return "this is no path: want / or names that each follow a /, without control characters, and neither . nor .. alone"
}

// Is makes it an ErrBadArguments.
func (*PathError) Is(target error) bool { return target == ErrBadArguments }

// String is for logs.
func (e Event) String() string { return fmt.Sprintf("%v %s", e.Type, e.Path) }
