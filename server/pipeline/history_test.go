package pipeline

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/zabra/zabra/wire"
)

// What the model test knows afterwards: the log, which is the order of everything,
// and what each connection has sent and received. From that every promise of the
// package comment can be checked by replaying one connection at a time.

// A truth is what the log says happened, by path.
type truth struct {
	sets   map[string][]changeAt // create, setData and delete of a node, by zxid
	events map[string][]changeAt // what a data watch is told of the node
	lists  map[string][]changeAt // what a child watch is told of the node
	writes map[wire.Zxid]wire.TxnHeader
	last   wire.Zxid
}

type changeAt struct {
	zxid wire.Zxid
	typ  wire.EventType
	data string
}

func newTruth(txns []wire.Txn) *truth {
	tr := &truth{
		sets: map[string][]changeAt{}, events: map[string][]changeAt{}, lists: map[string][]changeAt{},
		writes: map[wire.Zxid]wire.TxnHeader{},
	}
	for i := range txns {
		h := txns[i].Header
		tr.writes[h.Zxid], tr.last = h, h.Zxid
		switch b := txns[i].Body.(type) {
		case *wire.SetDataTxn:
			tr.add(b.Path, changeAt{h.Zxid, wire.EventNodeDataChanged, string(b.Data)})
		case *wire.CreateTxn:
			tr.add(b.Path, changeAt{h.Zxid, wire.EventNodeCreated, string(b.Data)})
		case *wire.DeleteTxn:
			tr.add(b.Path, changeAt{h.Zxid, wire.EventNodeDeleted, ""})
		case *wire.CloseSessionTxn:
			for _, path := range b.Paths {
				tr.add(path, changeAt{h.Zxid, wire.EventNodeDeleted, ""})
			}
		}
	}
	return tr
}

func (tr *truth) add(path string, c changeAt) {
	tr.sets[path] = append(tr.sets[path], c)
	tr.events[path] = append(tr.events[path], c)
	if c.typ != wire.EventNodeDataChanged {
		parent, _ := wire.SplitPath(path)
		tr.lists[parent] = append(tr.lists[parent], changeAt{zxid: c.zxid, typ: wire.EventNodeChildrenChanged})
	}
}

// at is the state of a node when the tree stood at z.
func at(changes []changeAt, z wire.Zxid) (changeAt, bool) {
	var last changeAt
	for _, c := range changes {
		if c.zxid > z {
			break
		}
		last = c
	}
	return last, last.zxid > 0 && last.typ != wire.EventNodeDeleted
}

// after is the first change behind z.
func after(changes []changeAt, z wire.Zxid) (changeAt, bool) {
	for _, c := range changes {
		if c.zxid > z {
			return c, true
		}
	}
	return changeAt{}, false
}

// A history is one connection.
type history struct {
	name    string
	session wire.SessionID
	sent    []call
	cut     bool // it was ended before everything was answered
	got     []byte
}

// An armed watch waits for the first change behind zxid.
type armed struct {
	zxid       wire.Zxid
	persistent bool
	changes    []changeAt
}

// judge replays a connection.
type judge struct {
	*truth
	h     *history
	data  map[string]*armed // by path
	child map[string]*armed
	next  int       // request to be answered next
	zxid  wire.Zxid // of the last reply
	own   wire.Zxid // of the last own write that was answered
}

func (tr *truth) check(h *history) error {
	j := &judge{truth: tr, h: h, data: map[string]*armed{}, child: map[string]*armed{}}
	for rest := h.got; ; {
		frame, after, _, err := NextFrame(rest, 1<<30)
		if err != nil {
			return err
		}
		if frame == nil {
			break
		}
		if err := j.frame(frame); err != nil {
			return fmt.Errorf("%s, behind %d of %d answers: %w", h.name, j.next, len(h.sent), err)
		}
		rest = after
	}
	if h.cut {
		return nil
	}
	if j.next != len(h.sent) {
		return fmt.Errorf("%s: %d of %d requests were answered", h.name, j.next, len(h.sent))
	}
	return j.told(tr.last)
}

func (j *judge) frame(f []byte) error {
	d := wire.NewDecoder(f)
	var h wire.ReplyHeader
	h.DecodeFrom(&d)
	if h.Xid == wire.XidNotification {
		var ev wire.WatcherEvent
		ev.DecodeFrom(&d)
		return j.event(h.Zxid, &ev)
	}
	if h.Zxid < j.zxid {
		return fmt.Errorf("a reply at %v behind one at %v", h.Zxid, j.zxid)
	}
	j.zxid = h.Zxid
	if err := j.told(h.Zxid); err != nil {
		return err
	}
	if h.Xid == wire.XidPing {
		for i := j.next; i < len(j.h.sent); i++ {
			if j.h.sent[i].op == wire.OpPing {
				j.h.sent = slices.Delete(slices.Clone(j.h.sent), i, i+1)
				return nil
			}
		}
		return fmt.Errorf("a ping too many")
	}
	for j.next < len(j.h.sent) && j.h.sent[j.next].op == wire.OpPing && j.h.sent[j.next].xid != h.Xid {
		return fmt.Errorf("reply %d to what came behind a ping that was not answered", h.Xid)
	}
	if j.next == len(j.h.sent) || j.h.sent[j.next].xid != h.Xid {
		return fmt.Errorf("reply %d is not the one due", h.Xid)
	}
	c := j.h.sent[j.next]
	j.next++
	return j.reply(c, h, d.Rest())
}

// told wants every event up to z to have been delivered: a reply at z shows them.
func (j *judge) told(z wire.Zxid) error {
	for kind, watches := range map[string]map[string]*armed{"data": j.data, "child": j.child} {
		for path, a := range watches {
			if c, ok := after(a.changes, a.zxid); ok && c.zxid <= z {
				return fmt.Errorf("a reply at %v, but no event of the change of %s at %v (%s watch set at %v)", z, path, c.zxid, kind, a.zxid)
			}
		}
	}
	return nil
}

func (j *judge) event(z wire.Zxid, ev *wire.WatcherEvent) error {
	watches := j.data
	if ev.Type == wire.EventNodeChildrenChanged {
		watches = j.child
	}
	a := watches[ev.Path]
	if a == nil {
		return fmt.Errorf("event %v of %s at %v, which nobody watches", ev.Type, ev.Path, z)
	}
	c, ok := after(a.changes, a.zxid)
	if !ok || c.zxid != z || c.typ != ev.Type {
		return fmt.Errorf("event %v of %s at %v, but the watch set at %v waits for %v at %v", ev.Type, ev.Path, z, a.zxid, c.typ, c.zxid)
	}
	if a.persistent {
		a.zxid = z
	} else {
		delete(watches, ev.Path)
	}
	return nil
}

func (j *judge) reply(c call, h wire.ReplyHeader, body []byte) error {
	switch r := c.body.(type) {
	case *wire.PathWatchRequest:
		return j.read(c.op, r, h, body)
	case *wire.AddWatchRequest:
		j.arm(j.data, j.events, r.Path, h.Zxid, true)
		return nil
	case *wire.PathRequest: // sync
		return nil
	}
	w, ok := j.writes[h.Zxid]
	if !ok || w.Session != j.h.session || w.Cxid != c.xid {
		return fmt.Errorf("write %d is answered at %v, where the log has %+v", c.xid, h.Zxid, w)
	}
	j.own = h.Zxid
	return nil
}

func (j *judge) arm(watches map[string]*armed, changes map[string][]changeAt, path string, z wire.Zxid, persistent bool) {
	if a := watches[path]; a != nil {
		a.persistent = a.persistent || persistent
		return
	}
	watches[path] = &armed{zxid: z, changes: changes[path], persistent: persistent}
}

// read wants exactly what the tree held at the reply's zxid, everything this client
// wrote before, and nothing it wrote later.
func (j *judge) read(op wire.OpCode, r *wire.PathWatchRequest, h wire.ReplyHeader, body []byte) error {
	if h.Zxid < j.own {
		return fmt.Errorf("a read at %v behind an own write at %v", h.Zxid, j.own)
	}
	for _, c := range j.h.sent[j.next:] {
		for z, w := range j.writes {
			if w.Session == j.h.session && w.Cxid == c.xid && isWrite(c.op) && z <= h.Zxid {
				return fmt.Errorf("a read at %v sees the own write that came behind it, at %v", h.Zxid, z)
			}
		}
		if isWrite(c.op) {
			break
		}
	}
	if op == wire.OpGetChildren {
		j.arm(j.child, j.lists, r.Path, h.Zxid, false)
		return nil
	}
	now, exists := at(j.sets[r.Path], h.Zxid)
	if exists != (h.Err == wire.OK) {
		return fmt.Errorf("%v %s at %v: %v, but the node exists: %v", op, r.Path, h.Zxid, h.Err, exists)
	}
	if r.Watch && (exists || op == wire.OpExists) {
		j.arm(j.data, j.events, r.Path, h.Zxid, false)
	}
	if op != wire.OpGetData || !exists {
		return nil
	}
	n := binary.BigEndian.Uint32(body)
	if got := string(body[4 : 4+n]); got != now.data {
		return fmt.Errorf("getData %s at %v: %q, want %q", r.Path, h.Zxid, got, now.data)
	}
	return nil
}

func isWrite(op wire.OpCode) bool {
	return op == wire.OpSetData || op == wire.OpCreate || op == wire.OpDelete
}
