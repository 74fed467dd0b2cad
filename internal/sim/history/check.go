package history

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/zabra/zabra/wire"
)

// A judge collects problems.
type judge struct {
	model    *model
	problems []Problem
}

func (j *judge) say(check, format string, args ...any) {
	j.problems = append(j.problems, Problem{check, fmt.Sprintf(format, args...)})
}

// Check judges clients by the committed transactions, which are in order and
// complete.
func Check(committed []wire.Txn, clients []*Log) []Problem {
	j := &judge{model: newModel()}
	asked := map[key]*Op{}
	for _, c := range clients {
		for _, o := range c.Ops {
			if o.IsWrite() {
				asked[key{o.Session, o.Xid}] = o
			}
		}
	}
	found := j.replay(committed, asked)
	j.answered(clients, found)
	j.realTime(clients)
	for _, c := range clients {
		j.client(c)
	}
	return j.problems
}

// A key names a request.
type key struct {
	session wire.SessionID
	xid     wire.Xid
}

// replay carries out what was committed and compares each transaction with what the
// request had to become at that place. It returns the zxid of each request.
func (j *judge) replay(committed []wire.Txn, asked map[key]*Op) map[key]wire.Zxid {
	found := map[key]wire.Zxid{}
	newest := map[wire.SessionID]wire.Xid{}
	for i := range committed {
		t := &committed[i]
		k := key{t.Header.Session, t.Header.Cxid}
		if o := asked[k]; o != nil && t.Header.Cxid != 0 {
			if z, twice := found[k]; twice {
				j.say("write", "%v of client %d was carried out twice, at %v and at %v", o.Op, o.Client, z, t.Header.Zxid)
			}
			found[k] = t.Header.Zxid
			if got := j.outcome(o, t); got != wire.SessionMoved && got != wire.SessionExpired {
				if k.xid < newest[k.session] {
					j.say("session", "request %d of client %d, a %v, was carried out at %v, behind request %d", k.xid, o.Client, o.Op, t.Header.Zxid, newest[k.session])
				}
				newest[k.session] = max(newest[k.session], k.xid)
			}
		}
		if err := j.model.apply(t); err != nil {
			check := "write"
			if t.Header.Op == wire.OpCloseSession {
				check = "ephemeral"
			}
			j.say(check, "transaction %v %v", t.Header.Zxid, err)
		}
	}
	for p, n := range j.model.nodes {
		if n.owner != 0 && !j.model.sessions[n.owner] {
			j.say("ephemeral", "%s belongs to session %v, which is not open", p, n.owner)
		}
	}
	return found
}

// outcome compares a transaction with what its request has to become here, and returns
// what it became.
func (j *judge) outcome(o *Op, t *wire.Txn) (got wire.Code) {
	switch b := t.Body.(type) {
	case *wire.ErrorTxn:
		got = b.Err
	case *wire.MultiTxn:
		got = multiError(t, b)
	}
	if got == wire.SessionMoved {
		return got // the leader's to decide
	}
	want := j.model.outcome(o)
	if got != want {
		j.say("write", "%v %s version %d of client %d became %v at %v, want %v",
			o.Op, o.Path, o.Version, o.Client, got, t.Header.Zxid, want)
	}
	if o.Answered && o.Err != got {
		j.say("write", "%v %s of client %d was answered %v, and became %v at %v", o.Op, o.Path, o.Client, o.Err, got, t.Header.Zxid)
	}
	if c, ok := t.Body.(*wire.CreateTxn); ok && o.Mode.Sequential() && j.model.nodes[c.Path] != nil {
		j.say("write", "the sequential node %s of client %d exists already at %v", c.Path, o.Client, t.Header.Zxid)
	}
	if s, ok := t.Body.(*wire.SetDataTxn); ok && o.Answered && o.Stat.Version != s.Version {
		j.say("write", "setData %s of client %d was answered version %d, and made version %d", o.Path, o.Client, o.Stat.Version, s.Version)
	}
	return got
}

func (m *model) outcome(o *Op) wire.Code {
	switch {
	case o.Op == wire.OpCloseSession:
		return wire.OK
	case !m.sessions[o.Session]:
		return wire.SessionExpired
	case o.Op == wire.OpMulti:
		return m.expectMulti(o.Multi, o.Session, o.Client)
	}
	code, _ := m.expect(o.Op, o.Path, o.Version, o.Mode, o.Client)
	return code
}

func multiError(t *wire.Txn, b *wire.MultiTxn) wire.Code {
	for _, sub := range b.Txns {
		if sub.Op != wire.OpError {
			continue
		}
		s, err := wire.DecodeSubTxn(t.Header, sub)
		if err != nil {
			return wire.MarshallingError
		}
		if e := s.Body.(*wire.ErrorTxn).Err; e != wire.OK && e != wire.RuntimeInconsistency {
			return e
		}
	}
	return wire.OK
}

// answered checks that every answered write is the transaction it was answered with.
func (j *judge) answered(clients []*Log, found map[key]wire.Zxid) {
	for _, c := range clients {
		for _, o := range c.Ops {
			if !o.IsWrite() || !o.Answered {
				continue
			}
			if z, ok := found[key{o.Session, o.Xid}]; !ok {
				j.say("write", "%v %s of client %d was answered at %v and is not there", o.Op, o.Path, c.Client, o.Zxid)
			} else if z != o.Zxid {
				j.say("write", "%v %s of client %d was answered at %v and is at %v", o.Op, o.Path, c.Client, o.Zxid, z)
			}
		}
	}
}

// realTime checks that answers and questions agree with the order of transactions.
func (j *judge) realTime(clients []*Log) {
	var writes, syncs []*Op
	for _, c := range clients {
		for _, o := range c.Ops {
			switch {
			case !o.Answered:
			case o.IsWrite():
				writes = append(writes, o)
			case o.Op == wire.OpSync:
				syncs = append(syncs, o)
			}
		}
	}
	slices.SortFunc(writes, func(a, b *Op) int { return cmp.Compare(a.Zxid, b.Zxid) })
	earliest := time.Duration(math.MaxInt64) // end of any later transaction's request
	for i := len(writes) - 1; i >= 0; i-- {
		if o := writes[i]; earliest < o.Call {
			j.say("order", "%v %s of client %d at %v was asked for at %v, after a later transaction was answered at %v",
				o.Op, o.Path, o.Client, o.Zxid, o.Call, earliest)
		} else {
			earliest = min(earliest, o.Return)
		}
	}
	slices.SortFunc(writes, func(a, b *Op) int { return cmp.Compare(a.Return, b.Return) })
	newest := make([]wire.Zxid, len(writes)+1)
	for i, o := range writes {
		newest[i+1] = max(newest[i], o.Zxid)
	}
	for _, s := range syncs {
		n := sort.Search(len(writes), func(i int) bool { return writes[i].Return >= s.Call })
		if s.Err == wire.OK && s.Zxid < newest[n] {
			j.say("sync", "a sync of client %d was answered at %v, and %v had been answered before it was asked for", s.Client, s.Zxid, newest[n])
		}
	}
}

// A watching is what a client watches, each path as of a zxid.
type watching struct {
	data, child map[string]wire.Zxid
	missing     map[string]bool // of data: there was no node when it was watched
	staying     staying
}

func newWatching() watching {
	return watching{map[string]wire.Zxid{}, map[string]wire.Zxid{}, map[string]bool{}, newStaying()}
}

// client checks what one client saw, in its order.
func (j *judge) client(c *Log) {
	w := newWatching()
	var last wire.Zxid
	var xid wire.Xid
	var session wire.SessionID
	resumed := false
	for _, it := range c.Items {
		switch {
		case it.Opened != 0:
			w = newWatching()
			session, xid, resumed = it.Opened, 0, false
		case it.Resumed:
			resumed = true
		case it.Event != nil:
			j.event(c, &w, it.Event, resumed)
		default:
			o := it.Answer
			if o.Op != wire.OpPing { // those are answered whenever they like
				if o.Session != session || o.Xid <= xid {
					j.say("session", "client %d got the answer to request %d of session %v behind that to request %d of session %v", c.Client, o.Xid, o.Session, xid, session)
				}
				xid = o.Xid
			}
			if o.Zxid < last {
				j.say("session", "client %d saw %v after %v", c.Client, o.Zxid, last)
			}
			last = max(last, o.Zxid)
			if resumed && o.Op != wire.OpSetWatches2 {
				j.say("watch", "client %d got an answer before its watches were set again", c.Client)
			}
			resumed = false
			if o.Op == wire.OpSetWatches2 {
				j.setAgain(&w, o.Zxid)
				w.staying.setAgain(o.Zxid)
			}
			j.missedByStaying(c, &w.staying, o)
			j.missed(c, &w, o)
			j.read(c, o)
			w.add(o)
		}
	}
}

// event checks that somebody waited for it.
func (j *judge) event(c *Log, w *watching, e *Event, resumed bool) {
	_, data := w.data[e.Path]
	_, child := w.child[e.Path]
	ok := data
	switch e.Type {
	case wire.EventNodeChildrenChanged:
		ok = child
		delete(w.child, e.Path)
	case wire.EventNodeDeleted:
		ok = data || child
		delete(w.data, e.Path)
		delete(w.child, e.Path)
	default:
		delete(w.data, e.Path)
	}
	ok = j.toldStaying(c, &w.staying, e) || ok || e.Path == configPath && w.staying.any()
	if !ok && !resumed {
		j.say("watch", "client %d got %v %s and did not watch it", c.Client, e.Type, e.Path)
	}
}

// setAgain forgives what the protocol cannot tell: a node that was waited for, and
// came and went while the client was away.
func (j *judge) setAgain(w *watching, z wire.Zxid) {
	for p, missing := range w.missing {
		if _, ok := w.data[p]; ok && missing && !j.model.at(p, z).exists {
			w.data[p] = z
		}
	}
}

// missed checks that no watched node changed up to what an answer shows.
func (j *judge) missed(c *Log, w *watching, o *Op) {
	for p, since := range w.data {
		if z := j.model.changedBetween(p, since, o.Zxid, false); z != 0 {
			j.say("watch", "client %d got an answer at %v and no event for %s, which it watches since %v and which changed at %v", c.Client, o.Zxid, p, since, z)
			delete(w.data, p)
		}
	}
	for p, since := range w.child {
		if z := j.model.changedBetween(p, since, o.Zxid, true); z != 0 {
			j.say("watch", "client %d got an answer at %v and no event for the children of %s, which it watches since %v and which changed at %v", c.Client, o.Zxid, p, since, z)
			delete(w.child, p)
		}
	}
}

func (w *watching) add(o *Op) {
	if o.Op == wire.OpAddWatch && o.Err == wire.OK {
		w.staying.add(o)
	}
	if !o.Watch || o.Err != wire.OK && !(o.Op == wire.OpExists && o.Err == wire.NoNode) {
		return
	}
	set := w.data
	if o.Op == wire.OpGetChildren2 {
		set = w.child
	}
	if _, ok := set[o.Path]; !ok {
		set[o.Path] = o.Zxid
		if o.Op != wire.OpGetChildren2 {
			w.missing[o.Path] = o.Err == wire.NoNode
		}
	}
}

// read checks that an answer shows the tree as it was.
func (j *judge) read(c *Log, o *Op) {
	if o.Op != wire.OpGetData && o.Op != wire.OpExists {
		return
	}
	m := j.model.at(o.Path, o.Zxid)
	if m.exists && !mine(m.reader, c.Client) {
		if o.Err != wire.NoAuth {
			j.say("read", "client %d asked for %s at %v, which it may not read, and got %v", c.Client, o.Path, o.Zxid, o.Err)
		}
		return
	}
	switch {
	case m.exists != (o.Err == wire.OK):
		j.say("read", "client %d asked for %s at %v and got %v; there was a node: %v", c.Client, o.Path, o.Zxid, o.Err, m.exists)
	case !m.exists:
	case o.Stat.Version != m.version || o.Stat.Mzxid != m.mzxid || o.Op == wire.OpGetData && !bytes.Equal(o.Value, m.data):
		j.say("read", "client %d read %q, version %d, from %s at %v; there was %q, version %d", c.Client, o.Value, o.Stat.Version, o.Path, o.Zxid, m.data, m.version)
	}
}
