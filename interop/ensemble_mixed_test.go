package interop

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// Whatever is asked through whichever server, it is answered as everywhere else, and
// all show the same afterwards.
func TestMixedEnsembleServes(t *testing.T) {
	eachMix(t, func(t *testing.T, n *harness.Ensemble) {
		for _, s := range n.Servers {
			everyWrite(t, s)
			identities(t, s)
			tooFastForOne(t, s)
		}
		for i, s := range n.Servers {
			watches(t, s, n.Servers[(i+1)%len(n.Servers)])
			moves(t, s, n.Servers[(i+1)%len(n.Servers)])
			leavesBehind(t, s, n.Servers[(i+1)%len(n.Servers)], n.Leader(t))
		}
		expires(t, n)
		reaped(t, n)
	})
}

// own is a part of the tree for one server's test.
func own(s *harness.Server, what string) string { return fmt.Sprintf("/%s-%d", what, s.ID) }

// everyWrite sends one of each kind, and one of each that fails.
func everyWrite(t *testing.T, s *harness.Server) {
	t.Helper()
	p := newProber(t, s)
	at := own(s, "write")
	ops := func(ops ...raw.SubOp) raw.Body { return raw.Multi(ops...) }
	p.run([]row{
		{what: "create", op: raw.OpCreate, body: create(at), want: "0"},
		{what: "create2", op: raw.OpCreate2, body: create(at + "/a"), want: "0"},
		{what: "exists", op: raw.OpCreate, body: create(at + "/a"), want: "-110"},
		{what: "no parent", op: raw.OpCreate, body: create(at + "/none/x"), want: "-101"},
		{what: "path", op: raw.OpCreate, body: create("bad"), want: "-8"},
		{what: "sequence", op: raw.OpCreate, body: flags(at+"/s-", raw.PersistentSequential), want: "0 " + at + "/s-##########"},
		{what: "ephemeral", op: raw.OpCreate2, body: flags(at+"/e", raw.Ephemeral), want: "0"},
		{what: "ephemeral sequence", op: raw.OpCreate, body: flags(at+"/e-", raw.EphemeralSequential), want: "0"},
		{what: "below ephemeral", op: raw.OpCreate, body: create(at + "/e/x"), want: "-108"},
		{what: "container", op: raw.OpCreateContainer, body: flags(at+"/c", raw.Container), want: "0"},
		{what: "TTL", op: raw.OpCreateTTL, body: raw.CreateTTL(at+"/t", nil, raw.Open, raw.PersistentTTL, 1e9), want: "0"},
		{what: "bad TTL", op: raw.OpCreateTTL, body: raw.CreateTTL(at+"/t2", nil, raw.Open, raw.PersistentTTL, -1), want: "-8"},
		{what: "setData", op: raw.OpSetData, body: raw.SetData(at+"/a", []byte("x"), 0), want: "0"},
		{what: "bad version", op: raw.OpSetData, body: raw.SetData(at+"/a", []byte("y"), 0), want: "-103"},
		{what: "no node", op: raw.OpSetData, body: raw.SetData(at+"/none", nil, -1), want: "-101"},
		{what: "setACL", op: raw.OpSetACL, body: raw.SetACL(at+"/a", raw.Open, 0), want: "0"},
		{what: "bad ACL", op: raw.OpSetACL, body: raw.SetACL(at+"/a", []raw.ACL{{Perms: 31, Scheme: "no", ID: "x"}}, -1), want: "-114"},
		{what: "delete", op: raw.OpDelete, body: raw.PathInt(at+"/a", 1), want: "0"},
		{what: "not empty", op: raw.OpDelete, body: raw.PathInt(at, -1), want: "-111"},
		{what: "delete again", op: raw.OpDelete, body: raw.PathInt(at+"/a", -1), want: "-101"},
		{what: "multi", op: raw.OpMulti, want: "0", body: ops(
			raw.SubOp{Op: raw.OpCreate, Body: create(at + "/m")},
			raw.SubOp{Op: raw.OpCreate2, Body: flags(at+"/m/s-", raw.PersistentSequential)},
			raw.SubOp{Op: raw.OpSetData, Body: raw.SetData(at+"/m", []byte("m"), -1)},
			raw.SubOp{Op: raw.OpCheck, Body: raw.PathInt(at+"/m", 1)},
			raw.SubOp{Op: raw.OpCreate, Body: flags(at+"/m/e", raw.Ephemeral)},
			raw.SubOp{Op: raw.OpDelete, Body: raw.PathInt(at+"/m/e", -1)},
		)},
		{what: "failed multi", op: raw.OpMulti, want: "0 [(-1,0) 0 | (-1,-103) -103 | (-1,-2) -2] end(-1,-1)", body: ops(
			raw.SubOp{Op: raw.OpCreate, Body: create(at + "/f")},
			raw.SubOp{Op: raw.OpCheck, Body: raw.PathInt(at+"/m", 7)},
			raw.SubOp{Op: raw.OpDelete, Body: raw.PathInt(at+"/m", -1)},
		)},
		{what: "empty multi", op: raw.OpMulti, body: ops(), want: "0"},
		{what: "reconfig", op: raw.OpReconfig, body: raw.Body{}.Null().Null().Null().Long(-1), want: "-123"},
		{what: "sync", op: raw.OpSync, body: raw.Path(at), want: "0"},
		{what: "sync of nothing", op: raw.OpSync, body: raw.Path("/none"), want: "0"},
	})
	p.end()
	q := newProber(t, s)
	q.sync()
	q.want("-101", raw.OpExists, raw.Read(at+"/e", false)) // went with its session
	q.end()
}

// identities travel with what is passed on to the leader.
func identities(t *testing.T, s *harness.Server) {
	t.Helper()
	at := own(s, "auth")
	owner, other := newProber(t, s), newProber(t, s)
	owner.want("0", raw.OpAuth, raw.Auth("digest", []byte("ann:pw")))
	creator := []raw.ACL{{Perms: 31, Scheme: "auth", ID: ""}}
	owner.want("0", raw.OpCreate, raw.Create(at, nil, creator, raw.Persistent))
	other.want("-114", raw.OpCreate, raw.Create(at+"-x", nil, creator, raw.Persistent))
	other.want("-102", raw.OpSetData, raw.SetData(at, nil, -1))
	other.want("-102", raw.OpCreate, create(at+"/x"))
	other.want("0", raw.OpAuth, raw.Auth("digest", []byte("ann:pw")))
	other.want("0", raw.OpSetData, raw.SetData(at, []byte("by its owner"), 0))
	owner.end()
	other.end()
}

// tooFastForOne sends much without waiting: successes, failures, reads and syncs come
// back in the order they were sent.
func tooFastForOne(t *testing.T, s *harness.Server) {
	t.Helper()
	at := own(s, "burst")
	p := newProber(t, s)
	p.want("0", raw.OpCreate, create(at))
	const rounds = 100
	type sent struct {
		op   raw.Op
		want string
	}
	var all []sent
	send := func(op raw.Op, body raw.Body, want string) {
		p.xid++
		if err := p.conn.Send(p.xid, op, body); err != nil {
			t.Fatalf("%s: %v", name(s), err)
		}
		all = append(all, sent{op, want})
	}
	first := p.xid + 1
	for i := range rounds {
		path := fmt.Sprintf("%s/%d", at, i)
		send(raw.OpCreate, create(path), "0")
		send(raw.OpCreate, create(path), "-110")
		send(raw.OpExists, raw.Read(path, false), "0")
		send(raw.OpSetData, raw.SetData(path, nil, 9), "-103")
		if i%10 == 0 {
			send(raw.OpSync, raw.Path(path), "0")
			send(raw.OpDelete, raw.PathInt(path, 0), "0")
			send(raw.OpExists, raw.Read(path, false), "-101")
		}
	}
	for i, m := range all {
		if got := p.answer(m.op, first+int32(i)); !matches(got, m.want) {
			t.Fatalf("%s: answer %d, to %v: %s, want %s", name(s), i, m.op, got, m.want)
		}
	}
	p.end()
}

// watches set through one server hear of what is written through another.
func watches(t *testing.T, s, other *harness.Server) {
	t.Helper()
	at := own(s, "watch")
	w, p := newProber(t, s), newProber(t, other)
	p.want("0", raw.OpCreate, create(at))
	w.shows(at)
	w.want("0", raw.OpGetData, raw.Read(at, true))
	w.want("0", raw.OpGetChildren, raw.Read(at, true))
	w.want("-101", raw.OpExists, raw.Read(at+"/a", true))
	want := "NodeCreated @/a NodeChildrenChanged @ NodeDataChanged @"
	if s.Kind != harness.Apache38 { // there, of two kinds of watches on one node the later one replaces the other
		w.want("0", raw.OpAddWatch, raw.PathInt(at, 1)) // persistent recursive
		want += " NodeDeleted @/a"
	}
	events := strings.Fields(strings.ReplaceAll(want, "@", at))
	p.want("0", raw.OpCreate, create(at+"/a"))
	p.want("0", raw.OpSetData, raw.SetData(at, []byte("x"), -1))
	p.want("0", raw.OpDelete, raw.PathInt(at+"/a", -1))
	var got []string
	for range len(events) / 2 {
		k, err := w.conn.Recv()
		if err != nil {
			t.Fatalf("%s: events: %v, after %v", name(s), err, got)
		}
		got = append(got, strings.Fields(strings.TrimPrefix(masked.Event(k), "event "))[:2]...)
	}
	if !slices.Equal(got, events) {
		t.Errorf("%s: events of writes through %s: %v, want %v", name(s), name(other), got, events)
	}
	w.end()
	p.end()
}

// leavesBehind takes a session to another server while its old connection stays open.
// For a write it is closed without an answer, while a server that does not lead, and so
// does not know yet, still answers reads and pings there. Apache's leader closes it with
// the next request, Zabra's at once.
func leavesBehind(t *testing.T, s, other, leader *harness.Server) {
	t.Helper()
	at := own(s, "left")
	p := newProber(t, s)
	p.want("0", raw.OpCreate, flags(at, raw.Ephemeral))
	q := &prober{t: t, s: other, sess: p.sess, xid: p.xid + 1000} // answers are told apart by their xids
	if why := q.resume(); why != "" {
		t.Fatalf("session from %s: %s", name(s), why)
	}
	q.sync()
	q.want("0", raw.OpSetData, raw.SetData(at, []byte("there"), 0))
	if s != leader {
		p.want("0", raw.OpExists, raw.Read(at, false))
		if !p.ping() {
			t.Errorf("%s does not answer a ping of a session that has moved to %s", name(s), name(other))
		}
	}
	if s != leader || s.Kind != harness.Zabra {
		if err := p.conn.Send(p.xid+1, raw.OpSetData, raw.SetData(at, []byte("behind"), -1)); err != nil {
			t.Fatal(err)
		}
	}
	wantClosed(t, p.conn, "through "+name(s)+", which the session has left for "+name(other))
	q.want("0", raw.OpSetData, raw.SetData(at, []byte("and goes on"), 1))
	q.end()
}

// moves takes a session to another server and back; its ephemeral node stays, and
// goes with it in the end.
func moves(t *testing.T, s, other *harness.Server) {
	t.Helper()
	at := own(s, "moved")
	p := newProber(t, s)
	p.want("0", raw.OpCreate, flags(at, raw.Ephemeral))
	p = p.move(other)
	p.shows(at)
	p.want("0", raw.OpSetData, raw.SetData(at, []byte("there"), 0))
	p = p.move(s)
	p.want("0", raw.OpSetData, raw.SetData(at, []byte("and back"), 1))
	wrong := *p
	wrong.sess.Password = make([]byte, raw.PasswordLen)
	wrong.s = other
	if why := wrong.resume(); !strings.Contains(why, "session 0x0") {
		t.Errorf("%s: with a wrong password: %q", name(other), why)
	}
	p.end()
	for _, at2 := range []*harness.Server{s, other} {
		q := newProber(t, at2)
		q.sync()
		q.want("-101", raw.OpExists, raw.Read(at, false))
		q.end()
	}
	if why := p.resume(); !strings.Contains(why, "session 0x0") {
		t.Errorf("%s: resuming a closed session: %q", name(s), why)
	}
}

// expires lets one session of each server fall silent, and keeps one alive by pings.
func expires(t *testing.T, n *harness.Ensemble) {
	t.Helper()
	var alive []*prober
	var pinging sync.WaitGroup
	stop := make(chan struct{})
	stopped := sync.OnceFunc(func() { close(stop); pinging.Wait() })
	defer stopped()
	for _, s := range n.Servers {
		silent, pings := shortSession(t, s), shortSession(t, s)
		pings.want("0", raw.OpCreate, flags(own(s, "alive"), raw.Ephemeral))
		pinging.Go(func() { pings.staysAlive(stop) })
		silent.want("0", raw.OpCreate, flags(own(s, "silent"), raw.Ephemeral))
		alive = append(alive, pings)
	}
	for _, s := range n.Servers {
		p := newProber(t, s)
		for _, o := range n.Servers {
			p.sees(own(o, "silent"), "-101")
			p.want("0", raw.OpExists, raw.Read(own(o, "alive"), false))
		}
		p.end()
	}
	stopped()
	for _, p := range alive {
		p.end()
	}
}

// staysAlive pings until it is told to stop.
func (p *prober) staysAlive(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(200 * time.Millisecond):
		}
		if !p.ping() {
			p.t.Errorf("%s: a session that pings has ended", name(p.s))
			return
		}
	}
}

// reaped waits until the leader has removed a container and a TTL node of each server.
func reaped(t *testing.T, n *harness.Ensemble) {
	t.Helper()
	for _, s := range n.Servers {
		p := newProber(t, s)
		at := own(s, "reap")
		p.want("0", raw.OpCreateContainer, flags(at, raw.Container))
		p.want("0", raw.OpCreate, create(at+"/x"))
		p.want("0", raw.OpDelete, raw.PathInt(at+"/x", -1))
		p.want("0", raw.OpCreateTTL, raw.CreateTTL(at+"-ttl", nil, raw.Open, raw.PersistentTTL, 1))
		p.end()
	}
	for _, s := range n.Servers {
		p := newProber(t, s)
		p.sees(own(s, "reap"), "-101")
		p.sees(own(s, "reap")+"-ttl", "-101")
		p.end()
	}
}
