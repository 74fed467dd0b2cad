package interop

import (
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

func TestProbeWatches(t *testing.T) {
	set := func(path string) row {
		return row{what: "setData " + path, op: raw.OpSetData, body: raw.SetData(path, nil, -1), want: "0"}
	}
	add := func(path string) row {
		return row{what: "create " + path, op: raw.OpCreate, body: create(path), want: "0"}
	}
	del := func(path, want string) row {
		return row{what: "delete " + path, op: raw.OpDelete, body: raw.PathInt(path, -1), want: want}
	}
	watch := func(op raw.Op, path, want string) row {
		return row{what: "watch " + path, op: op, body: raw.Read(path, true), want: want}
	}
	addWatch := func(path string, mode int32) row {
		return row{what: "addWatch " + path, op: raw.OpAddWatch, body: raw.PathInt(path, mode), want: "0 0"}
	}
	remove := func(path string, typ int32, want string) row {
		return row{what: "removeWatches " + path, op: raw.OpRemoveWatches, body: raw.PathInt(path, typ), want: want}
	}
	groups := map[string][]row{
		"one delete event for three watches": {
			add("/p"), add("/p/n"),
			watch(raw.OpExists, "/p/n", "0"), watch(raw.OpGetData, "/p/n", "0"), watch(raw.OpGetChildren, "/p/n", "0"),
			del("/p/n", "NodeDeleted /p/n, 0"),
		},
		"delete event and the parent's child event": {
			add("/p"), add("/p/n"),
			watch(raw.OpGetData, "/p/n", "0"), watch(raw.OpGetChildren, "/p", "0"),
			del("/p/n", "NodeDeleted /p/n, NodeChildrenChanged /p, 0"),
		},
		"child watchers of the node hear of its end": {
			add("/p"), add("/p/n"), watch(raw.OpGetChildren2, "/p/n", "0"),
			del("/p/n", "NodeDeleted /p/n, 0"),
		},
		"exists waits for a missing node": {
			watch(raw.OpExists, "/none", "-101"),
			{what: "create", op: raw.OpCreate, body: create("/none"), want: "NodeCreated /none, 0 /none"},
			del("/none", "0"),
		},
		"failed reads leave no watch": {
			watch(raw.OpGetData, "/none", "-101"), watch(raw.OpGetChildren, "/none", "-101"),
			{what: "create", op: raw.OpCreate, body: create("/none"), want: "0 /none"},
			del("/none", "0"),
		},
		"persistent": {
			add("/p"), addWatch("/p", 0),
			{what: "child", op: raw.OpCreate, body: create("/p/a"), want: "NodeChildrenChanged /p, 0 /p/a"},
			set("/p/a"),
			{what: "child", op: raw.OpCreate, body: create("/p/b"), want: "NodeChildrenChanged /p, 0 /p/b"},
			{what: "grandchild", op: raw.OpCreate, body: create("/p/a/c"), want: "0 /p/a/c"},
			del("/p/b", "NodeChildrenChanged /p, 0"),
		},
		"recursive": {
			add("/p"), addWatch("/p", 1),
			{what: "child", op: raw.OpCreate, body: create("/p/a"), want: "NodeCreated /p/a, 0 /p/a"},
			{what: "grandchild", op: raw.OpCreate, body: create("/p/a/b"), want: "NodeCreated /p/a/b, 0 /p/a/b"},
			del("/p/a/b", "NodeDeleted /p/a/b, 0"),
			del("/p/a", "NodeDeleted /p/a, 0"),
			del("/p", "NodeDeleted /p, 0"),
			{what: "still there", op: raw.OpCreate, body: create("/p"), want: "NodeCreated /p, 0 /p"},
		},
		"recursive on the root, with a child watch": {
			addWatch("/", 1), watch(raw.OpGetChildren, "/", "0"),
			{what: "child", op: raw.OpCreate, body: create("/r"), want: "NodeCreated /r, NodeChildrenChanged /, 0 /r"},
			del("/r", "NodeDeleted /r, 0"),
		},
		"all modes, one frame": {
			add("/p"), addWatch("/p", 0), addWatch("/p", 1), watch(raw.OpGetData, "/p", "0"),
			del("/p", "NodeDeleted /p, 0"),
		},
		"removal is by mode": {
			add("/p"), remove("/p", 1, "-121"), remove("/p", 2, "-121"), remove("/p", 3, "-121"), remove("/p", 4, "-121"), remove("/p", 5, "-121"),
			addWatch("/p", 0), addWatch("/p", 1), watch(raw.OpExists, "/p", "0"), watch(raw.OpGetChildren, "/p", "0"),
			{what: "check", op: raw.OpCheckWatches, body: raw.PathInt("/p", 1), want: "0"},
			remove("/p", 1, "0"), remove("/p", 1, "-121"), remove("/p", 2, "0"), remove("/p", 2, "-121"),
			remove("/p", 4, "0"), remove("/p", 4, "-121"), remove("/p", 5, "0"), remove("/p", 3, "-121"),
			watch(raw.OpExists, "/p", "0"), addWatch("/p", 1), remove("/p", 3, "0"), remove("/p", 3, "-121"),
			{what: "check", op: raw.OpCheckWatches, body: raw.PathInt("/p", 3), want: "-121"},
			del("/p", "0"),
		},
		"setACL, check and sync are silent": {
			add("/p"), addWatch("/p", 0), addWatch("/p", 1),
			{what: "setACL", op: raw.OpSetACL, body: raw.SetACL("/p", raw.Open, -1), want: "0"},
			{what: "sync", op: raw.OpSync, body: raw.Path("/p"), want: "0 /p"},
			{what: "check", op: raw.OpMulti, body: raw.Multi(raw.SubOp{Op: raw.OpCheck, Body: raw.PathInt("/p", 0)}), want: "0 [(13,0)] end(-1,-1)"},
		},
		"a multi's events in its order": {
			add("/p"), addWatch("/p", 1),
			{what: "multi", op: raw.OpMulti, body: raw.Multi(
				raw.SubOp{Op: raw.OpCreate, Body: create("/p/x")},
				raw.SubOp{Op: raw.OpSetData, Body: raw.SetData("/p", nil, -1)},
				raw.SubOp{Op: raw.OpDelete, Body: raw.PathInt("/p/x", -1)},
			), want: "NodeCreated /p/x, NodeDataChanged /p, NodeDeleted /p/x, 0 [(1,0) /p/x | (5,0) {c=z m=z p=z ct=t mt=t v=1 cv=1 av=0 owner=0 len=0 kids=1} | (2,0)] end(-1,-1)"},
		},
		"events need READ, one-shots are spent": {
			{what: "create", op: raw.OpCreate, body: raw.Create("/p", nil, raw.Open, 0), want: "0"},
			watch(raw.OpGetData, "/p", "0"), addWatch("/p", 0),
			{what: "setACL", op: raw.OpSetACL, body: raw.SetACL("/p", []raw.ACL{{Perms: 30, Scheme: "world", ID: "anyone"}}, -1), want: "0"},
			set("/p"),
			{what: "child", op: raw.OpCreate, body: create("/p/x"), want: "0 /p/x"},
			{what: "setACL", op: raw.OpSetACL, body: raw.SetACL("/p", raw.Open, -1), want: "0"},
			{what: "child", op: raw.OpCreate, body: create("/p/y"), want: "NodeChildrenChanged /p, 0 /p/y"},
		},
	}
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		for name, rows := range groups {
			t.Run(name, func(t *testing.T) {
				p := newProber(t, s)
				p.run(rows)
				p.closeSession()
				wipe(t, s)
			})
		}
	})
}

// wipe deletes everything but /zookeeper.
func wipe(t *testing.T, s *harness.Server) {
	t.Helper()
	p := newProber(t, s)
	p.deleteBelow("/")
	p.closeSession()
}

func (p *prober) deleteBelow(path string) {
	p.t.Helper()
	p.xid++
	if err := p.conn.Send(p.xid, raw.OpGetChildren, raw.Read(path, false)); err != nil {
		p.t.Fatal(err)
	}
	k, err := p.conn.Recv()
	if err != nil || k.Err != 0 {
		p.t.Fatalf("getChildren %s: %d, %v", path, k.Err, err)
	}
	for _, name := range raw.NewReader(k.Body).Strs() {
		child := path + "/" + name
		if path == "/" {
			child = "/" + name
		}
		if child == "/zookeeper" {
			continue
		}
		p.deleteBelow(child)
		if got := p.do(raw.OpDelete, raw.PathInt(child, -1)); got != "0" {
			p.t.Fatalf("delete %s: %s", child, got)
		}
	}
}

// What setWatches makes up for fires before its reply, with zxid -1, in the
// order of its lists.
func TestProbeSetWatches(t *testing.T) {
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		p := newProber(t, s)
		p.run([]row{
			{what: "setup", op: raw.OpCreate, body: create("/sw"), want: "0"},
			{what: "setup", op: raw.OpCreate, body: create("/sw/kid"), want: "0"},
		})
		both := []string{"/sw", "/none"}
		const missed = "NodeDataChanged /sw, NodeDeleted /none, NodeCreated /sw, NodeChildrenChanged /sw, NodeDeleted /none, 0"
		if got := p.setWatches(raw.OpSetWatches, raw.SetWatches(0, both, both, both)); got != missed {
			t.Errorf("old zxid: got %s, want %s", got, missed)
		}
		p.run([]row{ // only exist /none was armed
			{what: "data", op: raw.OpMulti, body: raw.Multi(raw.SubOp{Op: raw.OpDelete, Body: raw.PathInt("/sw/kid", -1)}), want: "0 [(2,0)] end(-1,-1)"},
			{what: "create", op: raw.OpCreate, body: create("/none"), want: "NodeCreated /none, 0 /none"},
			{what: "delete", op: raw.OpDelete, body: raw.PathInt("/none", -1), want: "0"},
		})
		now := p.zxid()
		one := []string{"/sw"}
		if got := p.setWatches(raw.OpSetWatches2, raw.SetWatches(now, one, []string{"/sw/e"}, one, []string{"/pp"}, []string{"/rr"})); got != "0" {
			t.Errorf("current zxid: got %s, want 0", got)
		}
		p.run([]row{
			{what: "child", op: raw.OpCreate, body: create("/sw/e"), want: "NodeCreated /sw/e, NodeChildrenChanged /sw, 0 /sw/e"},
			{what: "child again", op: raw.OpCreate, body: create("/sw/f"), want: "0 /sw/f"},
			{what: "persistent", op: raw.OpCreate, body: create("/pp"), want: "NodeCreated /pp, 0 /pp"},
			{what: "persistent", op: raw.OpCreate, body: create("/pp/x"), want: "NodeChildrenChanged /pp, 0 /pp/x"},
			{what: "recursive", op: raw.OpCreate, body: create("/rr"), want: "NodeCreated /rr, 0 /rr"},
			{what: "recursive", op: raw.OpCreate, body: create("/rr/x"), want: "NodeCreated /rr/x, 0 /rr/x"},
			{what: "data", op: raw.OpDelete, body: raw.PathInt("/sw", -1), want: "-111"},
		})
	})
}

// What became of a node that the session may not read is kept from it, also when it
// comes back. The peer keeps it only from those who stay.
func TestProbeSetWatchesOfHiddenNodes(t *testing.T) {
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		p := newProber(t, s)
		secret := []raw.ACL{{Perms: 30, Scheme: "world", ID: "anyone"}}
		p.run([]row{
			{what: "setup", op: raw.OpCreate, body: create("/hid"), want: "0"},
			{what: "a watch", op: raw.OpGetData, body: raw.Read("/hid", true), want: "0"},
			{what: "hide it", op: raw.OpSetACL, body: raw.SetACL("/hid", secret, -1), want: "0"},
			{what: "no event of a change", op: raw.OpSetData, body: raw.SetData("/hid", nil, -1), want: "0"},
		})
		want := "0"
		if s.Kind == harness.Apache {
			want = "NodeDataChanged /hid, NodeCreated /hid, NodeChildrenChanged /hid, 0"
		}
		one := []string{"/hid"}
		if got := p.setWatches(raw.OpSetWatches, raw.SetWatches(0, one, one, one)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		for typ := int32(1); typ <= 3; typ++ { // consumed, as by an event that is not told
			if got := p.do(raw.OpCheckWatches, raw.PathInt("/hid", typ)); got != "-121" {
				t.Errorf("watch of type %d: %s", typ, got)
			}
		}
	})
}

// setWatches sends the request with xid -8, as the C client does, and checks
// that its events carry no zxid.
func (p *prober) setWatches(op raw.Op, body raw.Body) string {
	p.t.Helper()
	if err := p.conn.Send(-8, op, body); err != nil {
		p.t.Fatal(err)
	}
	out := ""
	for {
		k, err := p.conn.Recv()
		if err != nil {
			p.t.Fatal(err)
		}
		if k.Xid == raw.XidEvent {
			if k.Zxid != -1 {
				p.t.Errorf("%s: event of setWatches with zxid %#x, want -1", p.s.Kind, k.Zxid)
			}
			out += trimZxid(masked.Event(k))[len("event "):] + ", "
			continue
		}
		if k.Xid != -8 {
			p.t.Errorf("%s: reply to setWatches with xid %d, want -8", p.s.Kind, k.Xid)
		}
		return out + p.short(op, k)
	}
}

// The event of a change carries the change's own zxid.
func TestProbeEventZxid(t *testing.T) {
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		p, q := newProber(t, s), newProber(t, s)
		p.run([]row{{what: "watch", op: raw.OpExists, body: raw.Read("/z", true), want: "-101"}})
		q.run([]row{{what: "create", op: raw.OpCreate, body: create("/z"), want: "0"}})
		want := q.zxid()
		k, err := p.conn.Recv()
		if err != nil || k.Xid != raw.XidEvent || k.Zxid != want || k.Err != 0 {
			t.Errorf("got %+v, %v, want an event with zxid %#x", k, err, want)
		}
	})
}

// The end of a session is one transaction whatever it owned.
func TestProbeSessionEnd(t *testing.T) {
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		p, q := newProber(t, s), newProber(t, s)
		q.run([]row{
			{what: "e1", op: raw.OpCreate, body: flags("/e1", 1), want: "0"},
			{what: "e2", op: raw.OpCreate, body: flags("/e2", 1), want: "0"},
		})
		p.run([]row{
			{what: "watch", op: raw.OpGetData, body: raw.Read("/e1", true), want: "0"},
			{what: "watch", op: raw.OpGetChildren, body: raw.Read("/", true), want: "0"},
		})
		before := p.zxid()
		q.closeSession()
		got := p.do(raw.OpGetChildren, raw.Read("/", false))
		for _, want := range []string{
			"NodeDeleted /e1, NodeChildrenChanged /, 0 [zookeeper]",
			"NodeChildrenChanged /, NodeDeleted /e1, 0 [zookeeper]", // the order of ephemerals is open
		} {
			if got == want {
				got = ""
			}
		}
		if got != "" {
			t.Errorf("got %s, want the events of /e1 and / and no ephemeral", got)
		}
		if after := p.zxid(); after != before+1 {
			t.Errorf("zxid %#x after %#x, want one transaction", after, before)
		}
	})
}
