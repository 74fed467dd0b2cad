package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A probe is one write and its answer, on a server with /a, /a/b, the
// ephemeral node /e and the container /c.
type probe struct {
	name string
	op   wire.OpCode
	body wire.Record
	want wire.Code
	path string // created, if it differs from the request's
}

func (pr *probe) run(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a", "/a/b")
	r.mustAsk(wire.OK, wire.OpCreate, createBody("/e", wire.ModeEphemeral))
	r.mustAsk(wire.OK, wire.OpCreateContainer, createBody("/c", wire.ModeContainer))
	code, path := r.ask(pr.op, pr.body)
	if code != pr.want {
		t.Errorf("%v %+v: %v, want %v", pr.op, pr.body, code, pr.want)
	}
	if pr.path != "" && path != pr.path {
		t.Errorf("%v %+v: created %q, want %q", pr.op, pr.body, path, pr.path)
	}
}

func runProbes(t *testing.T, probes []probe) {
	t.Helper()
	for _, pr := range probes {
		t.Run(pr.name, pr.run)
	}
}

// p probes a plain create.
func p(path string, want wire.Code) probe {
	return probe{fmt.Sprintf("%.20q", path), wire.OpCreate, createBody(path, wire.ModePersistent), want, ""}
}

func mode(op wire.OpCode, path string, m wire.CreateMode, want wire.Code, created string) probe {
	return probe{fmt.Sprintf("%v flags %d %q", op, m, path), op, createBody(path, m), want, created}
}

func TestCreatePaths(t *testing.T) {
	runProbes(t, []probe{
		p("/n", wire.OK), p("/a", wire.NodeExists), p("/nope/x", wire.NoNode),
		p("", wire.BadArguments), p("a", wire.BadArguments), p("/", wire.NodeExists), p("//", wire.BadArguments),
		p("/a/", wire.BadArguments), p("/a//b", wire.NoNode), p("/.", wire.BadArguments), p("/a/..", wire.BadArguments),
		p("//x", wire.BadArguments), p("/nope/..", wire.NoNode),
		p("/a/.b", wire.OK), p("/a/b..", wire.OK), p("/a/...", wire.OK), p("/é", wire.OK), p("/a/b c", wire.OK), p("/\ud7ff", wire.OK),
		p("/\x01", wire.BadArguments), p("/\x7f", wire.BadArguments), p("/\u009f", wire.BadArguments), p("/\ue000", wire.BadArguments),
		p("/\ufff0", wire.BadArguments), p("/😀", wire.BadArguments), p("/\xff\xfe", wire.BadArguments), p("/a\x00", wire.BadArguments),
		p(wire.NullString, wire.MarshallingError),
		p("/e/child", wire.NoChildrenForEphemerals), p("/e/", wire.BadArguments), p("/c/child", wire.OK),
		p("/zookeeper/x", wire.OK), p("/zookeeper/config/x", wire.NoAuth),
	})
}

func TestCreateFlags(t *testing.T) {
	runProbes(t, []probe{
		mode(wire.OpCreate, "/a/", wire.ModePersistentSequential, wire.OK, "/a/0000000001"),
		mode(wire.OpCreate, "/", wire.ModePersistentSequential, wire.OK, "/0000000003"),
		mode(wire.OpCreate, "/n-", wire.ModeEphemeralSequential, wire.OK, "/n-0000000003"),
		mode(wire.OpCreate2, "/n", wire.ModePersistentSequential, wire.OK, "/n0000000003"),
		mode(wire.OpCreate, "/e/x", wire.ModePersistentSequential, wire.NoChildrenForEphemerals, ""),
		mode(wire.OpCreate, "/n", wire.ModeContainer, wire.OK, "/n"),
		mode(wire.OpCreate, "/n", wire.ModePersistentTTL, wire.BadArguments, ""),
		mode(wire.OpCreate, "/n", wire.ModePersistentSequentialTTL, wire.BadArguments, ""),
		mode(wire.OpCreate, "/n", 7, wire.BadArguments, ""),
		mode(wire.OpCreate, "/n", -1, wire.BadArguments, ""),
		mode(wire.OpCreate2, "/n", wire.ModePersistentTTL, wire.BadArguments, ""),
		mode(wire.OpCreateContainer, "/n", wire.ModeContainer, wire.OK, "/n"),
		{"ttl 0", wire.OpCreateTTL, ttlBody("/n", wire.ModePersistentTTL, 0), wire.BadArguments, ""},
		{"ttl -1", wire.OpCreateTTL, ttlBody("/n", wire.ModePersistentTTL, -1), wire.BadArguments, ""},
		{"ttl 1", wire.OpCreateTTL, ttlBody("/n", wire.ModePersistentTTL, 1), wire.OK, "/n"},
		{"ttl max", wire.OpCreateTTL, ttlBody("/n", wire.ModePersistentTTL, wire.MaxTTL), wire.OK, "/n"},
		{"ttl beyond max", wire.OpCreateTTL, ttlBody("/n", wire.ModePersistentTTL, wire.MaxTTL+1), wire.BadArguments, ""},
		{"ttl sequential", wire.OpCreateTTL, ttlBody("/n", wire.ModePersistentSequentialTTL, 5), wire.OK, "/n0000000003"},
		{"ttl flags 9", wire.OpCreateTTL, ttlBody("/n", 9, 5), wire.BadArguments, ""},
	})
}

func TestCreateACLs(t *testing.T) {
	one := func(scheme, id string) []wire.ACL {
		return []wire.ACL{{Perms: 31, ID: wire.ID{Scheme: scheme, ID: id}}}
	}
	for name, acl := range map[string][]wire.ACL{
		"null": nil, "empty": {}, "world:foo": one("world", "foo"), "auth without ids": one("auth", ""), "digest x": one("digest", "x"),
		"digest a:b:c": one("digest", "a:b:c"), "short ip": one("ip", "1.2.3"), "ip /33": one("ip", "1.2.3.4/33"), "super": one("super", "x"),
		"null scheme": one(wire.NullString, "x"), "unknown scheme": one("magic", "x"),
	} {
		pr := probe{name, wire.OpCreate, &wire.CreateRequest{Path: "/n", ACL: acl}, wire.InvalidACL, ""}
		t.Run(name, pr.run)
		// The list is looked at before the parent, and after the shape of the path.
		pr.body = &wire.CreateRequest{Path: "/nope/x", ACL: acl}
		t.Run(name+" no parent", pr.run)
		pr.body, pr.want = &wire.CreateRequest{Path: "n", ACL: acl}, wire.BadArguments
		t.Run(name+" bad path", pr.run)
		pr = probe{name, wire.OpSetACL, setACLBody("/nope", -1, acl), wire.InvalidACL, ""}
		t.Run("setACL "+name, pr.run)
	}
	pr := probe{"", wire.OpCreate, &wire.CreateRequest{Path: "/n", ACL: one("world", wire.NullString)}, wire.MarshallingError, ""}
	t.Run("world with null id", pr.run)
}

func TestACLsAreStoredExpanded(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	me := wire.ID{Scheme: "digest", ID: "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="}
	r.ids = append(r.ids, me)
	acl := []wire.ACL{{Perms: 0xffff, ID: wire.ID{Scheme: "auth"}}, {Perms: 0, ID: wire.ID{Scheme: "world", ID: "anyone"}}, {Perms: 0, ID: wire.ID{Scheme: "world", ID: "anyone"}}}
	r.mustAsk(wire.OK, wire.OpCreate, &wire.CreateRequest{Path: "/n", ACL: acl})
	n, _ := r.tree.Find("/n")
	if got, want := fmt.Sprint(r.tree.ACL(n)), fmt.Sprint([]wire.ACL{{Perms: 0xffff, ID: me}, acl[1]}); got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
}

func TestDeleteSetAndCheck(t *testing.T) {
	del := func(path string, version int32, want wire.Code) probe {
		return probe{fmt.Sprintf("delete %q", path), wire.OpDelete, versioned(path, version), want, ""}
	}
	set := func(path string, version int32, want wire.Code) probe {
		return probe{fmt.Sprintf("setData %q", path), wire.OpSetData, setBody(path, version), want, ""}
	}
	setACL := func(path string, version int32, want wire.Code) probe {
		return probe{fmt.Sprintf("setACL %q", path), wire.OpSetACL, setACLBody(path, version, open), want, ""}
	}
	runProbes(t, []probe{
		del("/a/b", 0, wire.OK), del("/a/b", -1, wire.OK), del("/e", 0, wire.OK), del("/c", -1, wire.OK),
		del("/", -1, wire.BadArguments), del("/zookeeper", -1, wire.BadArguments), del("/zookeeper/quota", -1, wire.BadArguments),
		del("/zookeeper/config", -1, wire.BadArguments), del("bad", -1, wire.BadArguments), del("", -1, wire.BadArguments),
		del("/a\x00", -1, wire.BadArguments), del(wire.NullString, -1, wire.MarshallingError),
		del("/missing", -1, wire.NoNode), del("/missing/x", -1, wire.NoNode), del("/a/", -1, wire.NoNode), del("//", -1, wire.NoNode),
		del("/a", -1, wire.NotEmpty), del("/a", 3, wire.BadVersion), del("/a/b", 1, wire.BadVersion),
		set("/a", 0, wire.OK), set("/a", -1, wire.OK), set("/", -1, wire.OK), set("/a", 1, wire.BadVersion), set("/a", -2, wire.BadVersion),
		set("s", -1, wire.BadArguments), set("/a/", -1, wire.BadArguments), set("", -1, wire.BadArguments),
		set(wire.NullString, -1, wire.BadArguments), set("/missing", 3, wire.NoNode), set("/zookeeper/config", 9, wire.NoAuth),
		setACL("/a", 0, wire.OK), setACL("/a", -1, wire.OK), setACL("/", -1, wire.OK), setACL("/a", 1, wire.BadVersion),
		setACL("/a/", -1, wire.BadArguments), setACL(wire.NullString, -1, wire.BadArguments), setACL("/missing", -1, wire.NoNode),
		setACL("/zookeeper/config", 9, wire.NoAuth),
	})
}

// Permission is asked of the parent, before the node is looked for.
func TestPermissionBeforeExistence(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mustAsk(wire.OK, wire.OpCreate, &wire.CreateRequest{Path: "/shut", ACL: nobody})
	r.mustAsk(wire.NoAuth, wire.OpDelete, versioned("/shut/missing", -1))
	r.mustAsk(wire.NoAuth, wire.OpCreate, createBody("/shut/..", wire.ModePersistent))
	r.mustAsk(wire.OK, wire.OpDelete, versioned("/shut", -1)) // its own list does not matter
}

// The order of the other checks: what is wrong first decides.
func TestOrderOfChecks(t *testing.T) {
	noTypes := newRig(t, PrepareOptions{})
	noTypes.p.opts.ExtendedTypes = false
	r := newRig(t, PrepareOptions{})
	r.mk("/a")
	r.mustAsk(wire.OK, wire.OpCreate, createBody("/e", wire.ModeEphemeral))
	gone := newRig(t, PrepareOptions{})
	gone.mk("/a")
	gone.session = 99
	for _, tt := range []struct {
		name string
		r    *rig
		op   wire.OpCode
		body wire.Record
		want wire.Code
	}{
		{"TTL types off before range of ttl", noTypes, wire.OpCreateTTL, ttlBody("/n", wire.ModePersistentTTL, 0), wire.Unimplemented},
		{"TTL types off, create with TTL flags", noTypes, wire.OpCreate, createBody("/n", wire.ModePersistentTTL), wire.Unimplemented},
		{"unknown flags before TTL types", noTypes, wire.OpCreateTTL, ttlBody("/n", 9, 0), wire.BadArguments},
		{"flags before session", gone, wire.OpCreate, createBody("/n", 9), wire.BadArguments},
		{"ttl before session", gone, wire.OpCreateTTL, ttlBody("/n", wire.ModePersistentTTL, 0), wire.BadArguments},
		{"session before path of create", gone, wire.OpCreate, createBody("n", 0), wire.SessionExpired},
		{"session before null path of create", gone, wire.OpCreate, createBody(wire.NullString, 0), wire.SessionExpired},
		{"session before path of delete", gone, wire.OpDelete, versioned("/", -1), wire.SessionExpired},
		{"session before path of setData", gone, wire.OpSetData, setBody("s", -1), wire.SessionExpired},
		{"session before path of setACL", gone, wire.OpSetACL, setACLBody("s", -1, nil), wire.SessionExpired},
		{"path before list of setACL", r, wire.OpSetACL, setACLBody("s", -1, nil), wire.BadArguments},
		{"list before node of setACL", r, wire.OpSetACL, setACLBody("/none", -1, nil), wire.InvalidACL},
		{"parent before characters", r, wire.OpCreate, createBody("/none/\x01", 0), wire.NoNode},
		{"characters before existence and kind of parent", r, wire.OpCreate, createBody("/e/\x01", 0), wire.BadArguments},
		{"existence before kind of parent", r, wire.OpCreate, createBody("/e", wire.ModeEphemeral), wire.NodeExists},
		{"version before children", r, wire.OpDelete, versioned("/zookeeper/x", 3), wire.NoNode},
	} {
		if code, _ := tt.r.ask(tt.op, tt.body); code != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, code, tt.want)
		}
	}
}

func TestReconfig(t *testing.T) {
	body := &wire.ReconfigRequest{Joining: wire.NullString, Leaving: wire.NullString, NewMembers: "x", CurConfigID: -1}
	off := newRig(t, PrepareOptions{})
	off.ids = append(off.ids, wire.ID{Scheme: "super"})
	off.mustAsk(wire.ReconfigDisabled, wire.OpReconfig, body)
	off.session = 99
	off.mustAsk(wire.ReconfigDisabled, wire.OpReconfig, body)
	on := newRig(t, PrepareOptions{ReconfigEnabled: true})
	on.mustAsk(wire.Unimplemented, wire.OpReconfig, body)
	on.session = 99
	on.mustAsk(wire.SessionExpired, wire.OpReconfig, body)
}

func TestSequenceNumbers(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/q")
	seq := func(want string) {
		t.Helper()
		if got := r.mustAsk(wire.OK, wire.OpCreate, createBody("/q/n-", wire.ModePersistentSequential)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	seq("/q/n-0000000000")
	r.mk("/q/plain")
	r.mustAsk(wire.OK, wire.OpDelete, versioned("/q/plain", -1))
	seq("/q/n-0000000002")
	r.mustAsk(wire.NodeExists, wire.OpCreate, createBody("/q/n-0000000002", wire.ModePersistent))
	r.mustAsk(wire.InvalidACL, wire.OpCreate, &wire.CreateRequest{Path: "/q/n-", Flags: 2})
	seq("/q/n-0000000003")
	if _, codes := r.multi(
		wire.MultiOp{Op: wire.OpCreate, Body: createBody("/q/n-", wire.ModePersistentSequential)},
		wire.MultiOp{Op: wire.OpCreate2, Body: createBody("/q/m", wire.ModePersistent)},
		wire.MultiOp{Op: wire.OpCreate, Body: createBody("/q/n-", wire.ModePersistentSequential)}); len(codes) != 3 {
		t.Fatalf("multi: %v", codes)
	}
	if !r.exists("/q/n-0000000004") || !r.exists("/q/n-0000000006") {
		t.Error("creates of a multi do not count one by one")
	}
	seq("/q/n-0000000007")
}

func TestSequentialName(t *testing.T) {
	for n, want := range map[int32]string{
		0: "/0000000000", 7: "/0000000007", 1234567890: "/1234567890", 2147483647: "/2147483647",
		-1: "/-000000001", -2147483648: "/-2147483648",
	} {
		if got := sequentialName("/", n); got != want || got != fmt.Sprintf("/%010d", n) {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// At the top of its range the counter stops, whether or not the creates are
// applied one at a time.
func TestSequenceCounterStopsAtTheTop(t *testing.T) {
	for _, lag := range []int{1, 3} {
		r := newRig(t, PrepareOptions{})
		r.mk("/q")
		n, _ := r.tree.Find("/q")
		txn := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: r.p.LastZxid() + 1, Op: wire.OpCreate},
			&wire.CreateTxn{Path: "/q/x", ACL: open, ParentCversion: 2147483646})
		r.tree.Apply(&txn)
		r.p.Reset(r.tree.LastZxid())
		var names []string
		for range 3 {
			req, _ := r.request(wire.OpCreate, createBody(fmt.Sprintf("/q/%d-", len(names)), wire.ModePersistentSequential))
			path, _ := pathAndACL(r.prepare(req).Body)
			names = append(names, path)
			if len(r.pending) == lag {
				r.apply(lag)
			}
		}
		if want := "/q/0-2147483646 /q/1-2147483647 /q/2-2147483647"; strings.Join(names, " ") != want {
			t.Errorf("lag %d: %v, want %s", lag, names, want)
		}
		if c := r.tree.Stored(n).Cversion; c != 2147483647 {
			t.Errorf("lag %d: stored %d", lag, c)
		}
	}
}

func TestVersionsWrap(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a")
	txn := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: r.p.LastZxid() + 1, Op: wire.OpSetData}, &wire.SetDataTxn{Path: "/a", Version: 2147483647})
	r.tree.Apply(&txn)
	r.p.Reset(r.tree.LastZxid())
	r.mustAsk(wire.OK, wire.OpSetData, setBody("/a", 2147483647))
	if v := r.stat("/a").Version; v != -2147483648 {
		t.Errorf("version %d", v)
	}
}

func TestStoredOwners(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mustAsk(wire.OK, wire.OpCreate, createBody("/e", wire.ModeEphemeral))
	r.mustAsk(wire.OK, wire.OpCreateContainer, createBody("/c", wire.ModeContainer))
	r.mustAsk(wire.OK, wire.OpCreateTTL, ttlBody("/t", wire.ModePersistentTTL, 1234))
	r.mustAsk(wire.OK, wire.OpCreate, createBody("/p", wire.ModeContainer)) // the opcode decides
	for path, want := range map[string]int64{"/e": int64(testSession), "/c": wire.ContainerOwner, "/t": wire.TTLOwner | 1234, "/p": 0} {
		n, _ := r.tree.Find(path)
		if got := r.tree.Stored(n).Owner; got != want {
			t.Errorf("%s: owner %x, want %x", path, uint64(got), uint64(want))
		}
	}
}

// Each kind of version counts its own writes, under way or applied.
func TestVersionsCount(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a")
	for v := range int32(3) {
		if code := r.inFlight(wire.OpSetACL, setACLBody("/a", v, open)); code != wire.OK {
			t.Errorf("setACL at version %d: %v", v, code)
		}
		if code := r.inFlight(wire.OpSetData, setBody("/a", v)); code != wire.OK {
			t.Errorf("setData at version %d: %v", v, code)
		}
	}
	r.apply(len(r.pending))
	r.mustAsk(wire.BadVersion, wire.OpSetACL, setACLBody("/a", 2, open))
	if s := r.stat("/a"); s.Version != 3 || s.Aversion != 3 {
		t.Errorf("stat %+v", s)
	}
}

// Null data and empty data are both stored, as what they are.
func TestNullDataIsNotEmptyData(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	for i, data := range [][]byte{nil, {}, {0}} {
		made, set := fmt.Sprintf("/made%d", i), fmt.Sprintf("/set%d", i)
		r.mustAsk(wire.OK, wire.OpCreate, &wire.CreateRequest{Path: made, Data: data, ACL: open})
		r.mk(set)
		r.mustAsk(wire.OK, wire.OpSetData, &wire.SetDataRequest{Path: set, Data: data, Version: -1})
		for _, path := range []string{made, set} {
			n, _ := r.tree.Find(path)
			if got := r.tree.Data(n); (got == nil) != (data == nil) || string(got) != string(data) {
				t.Errorf("%s: stored %#v, want %#v", path, got, data)
			}
		}
	}
}
