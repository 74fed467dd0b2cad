package datatree

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A rig applies transactions one zxid after the other, with the values that a
// leader would put in.
type rig struct {
	t  *testing.T
	tr *Tree
}

func newRig(t *testing.T, o Options) *rig { return &rig{t, NewWith(o)} }

func (r *rig) apply(session wire.SessionID, op wire.OpCode, body wire.Record) Result {
	r.t.Helper()
	z := r.tr.LastZxid() + 1
	return apply(r.t, r.tr, wire.TxnHeader{Session: session, Zxid: z, Time: 1000 + int64(z), Op: op}, body)
}

func (r *rig) create(path, data string) Result {
	r.t.Helper()
	return r.apply(1, wire.OpCreate2, &wire.CreateTxn{Path: path, Data: []byte(data), ACL: open, ParentCversion: -1})
}

func (r *rig) ephemeral(s wire.SessionID, path string) Result {
	r.t.Helper()
	return r.apply(s, wire.OpCreate, &wire.CreateTxn{Path: path, ACL: open, Ephemeral: true, ParentCversion: -1})
}

func (r *rig) delete(path string) Result {
	r.t.Helper()
	return r.apply(1, wire.OpDelete, &wire.DeleteTxn{Path: path})
}

func (r *rig) set(path, data string) Result {
	r.t.Helper()
	n, _ := r.tr.Find(path)
	return r.apply(1, wire.OpSetData, &wire.SetDataTxn{Path: path, Data: []byte(data), Version: r.tr.Stored(n).Version + 1})
}

func (r *rig) stat(path string) wire.Stat {
	r.t.Helper()
	n, ok := r.tr.Find(path)
	if !ok {
		r.t.Fatalf("no %s", path)
	}
	return r.tr.Stat(n)
}

func (r *rig) data(path string) string {
	r.t.Helper()
	n, ok := r.tr.Find(path)
	if !ok {
		r.t.Fatalf("no %s", path)
	}
	return string(r.tr.Data(n))
}

func changes(r Result) string {
	var all []string
	for _, c := range r.Changes {
		all = append(all, fmt.Sprintf("%v(%s)", c.Type, c.Path))
	}
	return strings.Join(all, " ")
}

// TestStatRules follows the reference, 3.8.
func TestStatRules(t *testing.T) {
	r := newRig(t, Options{})
	r.create("/p", "")
	if got, want := r.stat("/p"), (wire.Stat{Czxid: 1, Mzxid: 1, Ctime: 1001, Mtime: 1001, Pzxid: 1}); got != want {
		t.Errorf("created: %+v", got)
	}
	if s := r.stat("/"); s.Cversion != 0 || s.NumChildren != 2 || s.Pzxid != 1 || s.Mzxid != 0 {
		t.Errorf("root: %+v", s)
	}
	r.create("/p/c", "x") // 2
	r.create("/p/d", "x") // 3
	r.delete("/p/c")      // 4
	if s := r.stat("/p"); s.Cversion != 3 || s.Pzxid != 4 || s.Mzxid != 1 || s.Mtime != 1001 || s.NumChildren != 1 {
		t.Errorf("after three changes of children: %+v", s)
	}
	res := r.set("/p/d", "hello") // 5
	if s := r.stat("/p/d"); s != res.Stat || s.Version != 1 || s.Mzxid != 5 || s.Mtime != 1005 || s.Ctime != 1003 || s.Pzxid != 3 || s.DataLength != 5 {
		t.Errorf("after setData: %+v", s)
	}
	if s := r.stat("/p"); s.Pzxid != 4 {
		t.Errorf("setData of a child moved its parent: %+v", s)
	}
	res = r.apply(1, wire.OpSetACL, &wire.SetACLTxn{Path: "/p/d", ACL: wire.WorldAnyone(1), Aversion: 1})
	if s := r.stat("/p/d"); s != res.Stat || s.Aversion != 1 || s.Mzxid != 5 || len(res.Changes) != 0 {
		t.Errorf("after setACL: %+v, %v", s, res.Changes)
	}
	n, _ := r.tr.Find("/p")
	if st := r.tr.Stored(n); st.Cversion != 2 {
		t.Errorf("next sequence number %d", st.Cversion)
	}
}

func TestResultsAndChanges(t *testing.T) {
	r := newRig(t, Options{})
	closed := wire.WorldAnyone(wire.PermRead)
	res := r.apply(1, wire.OpCreate, &wire.CreateTxn{Path: "/a", ACL: closed, ParentCversion: 1})
	if changes(res) != "NodeCreated(/a)" || res.Path != "/a" || res.Stat.Czxid != 1 || res.Err != wire.OK {
		t.Errorf("create: %+v", res)
	}
	if c := res.Changes[0]; c.ACL[0].Perms != wire.PermRead || c.ParentACL[0].Perms != wire.PermAll {
		t.Errorf("create: %+v", c)
	}
	if res = r.set("/a", "x"); changes(res) != "NodeDataChanged(/a)" || res.Changes[0].ACL[0].Perms != wire.PermRead || res.Changes[0].ParentACL != nil {
		t.Errorf("set: %+v", res)
	}
	if res = r.delete("/a"); changes(res) != "NodeDeleted(/a)" || res.Changes[0].ACL[0].Perms != wire.PermRead || res.Changes[0].ParentACL[0].Perms != wire.PermAll {
		t.Errorf("delete: %+v", res)
	}
	if res = r.apply(1, wire.OpError, &wire.ErrorTxn{Err: wire.NoNode}); res.Err != wire.NoNode || len(res.Changes) != 0 || !res.Failed() {
		t.Errorf("error: %+v", res)
	}
	if r.tr.LastZxid() != 4 {
		t.Errorf("zxid %v", r.tr.LastZxid())
	}
	res = r.apply(1, wire.OpReconfig, &wire.SetDataTxn{Path: configPath, Data: []byte("server.1=…"), Version: -1})
	if changes(res) != "NodeDataChanged(/zookeeper/config)" || res.Stat.Version != -1 || res.Stat.Mzxid != 5 {
		t.Errorf("reconfig: %+v", res)
	}
}

// TestOddTransactions: nothing that can be decoded does harm.
func TestOddTransactions(t *testing.T) {
	r := newRig(t, Options{})
	r.create("/a", "")
	r.create("/a/b", "")
	sum, count := r.tr.Digest(), r.tr.NodeCount()
	for _, p := range []string{"", "/", "//", "a", "/a/", "/a//b", "/x/y", wire.NullString} {
		if res := r.create(p, ""); res.Err == wire.OK {
			t.Errorf("create %q", p)
		}
		if res := r.delete(p); res.Err == wire.OK {
			t.Errorf("delete %q", p)
		}
	}
	for p, want := range map[string]wire.Code{
		"/a": wire.NotEmpty, zookeeperPath: wire.BadArguments, quotaPath: wire.BadArguments, configPath: wire.BadArguments,
	} {
		if res := r.delete(p); res.Err != want {
			t.Errorf("delete %s: %v", p, res.Err)
		}
	}
	if res := r.create(zookeeperPath, "x"); res.Err != wire.NodeExists {
		t.Error(res.Err)
	}
	txn := wire.Txn{Header: wire.TxnHeader{Zxid: r.tr.LastZxid() + 1}}
	if res := r.tr.Apply(&txn); res.Err != wire.Unimplemented {
		t.Error("a transaction without a body")
	}
	bad := &wire.MultiTxn{Txns: []wire.SubTxn{
		{Op: wire.OpDelete, Data: (&wire.DeleteTxn{Path: "/a/b"}).AppendTo(nil)}, {Op: wire.OpCreate, Data: []byte{1}}}}
	if res := r.apply(1, wire.OpMulti, bad); res.Err != wire.MarshallingError || len(res.Changes) != 0 {
		t.Errorf("%+v", res)
	}
	if r.tr.NodeCount() != count || r.data(zookeeperPath) != "" {
		t.Error("something changed")
	}
	if r.tr.Digest() == sum {
		t.Error("creates count for the parent also when the child is there") // the reference, 6.3
	}
}

func sub(op wire.OpCode, body wire.Record) wire.SubTxn {
	return wire.SubTxn{Op: op, Data: body.AppendTo(nil)}
}

func TestMulti(t *testing.T) {
	r := newRig(t, Options{})
	ok := &wire.MultiTxn{Txns: []wire.SubTxn{
		sub(wire.OpCreate, &wire.CreateTxn{Path: "/m", ACL: open, ParentCversion: 1}),
		sub(wire.OpCheck, &wire.CheckVersionTxn{Path: "/m", Version: 1}),
		sub(wire.OpSetData, &wire.SetDataTxn{Path: "/m", Data: []byte("x"), Version: 1}),
		sub(wire.OpCreateContainer, &wire.CreateContainerTxn{Path: "/m/c", ACL: open, ParentCversion: 1}),
		sub(wire.OpDelete, &wire.DeleteTxn{Path: "/m/c"}),
	}}
	res := r.apply(1, wire.OpMulti, ok)
	if got, want := changes(res), "NodeCreated(/m) NodeDataChanged(/m) NodeCreated(/m/c) NodeDeleted(/m/c)"; got != want {
		t.Errorf("changes %s", got)
	}
	if len(res.Sub) != 5 || res.Failed() || res.Sub[0].Stat.Version != 0 || res.Sub[2].Stat.Version != 1 || res.Sub[3].Path != "/m/c" || res.Sub[3].Op != wire.OpCreateContainer {
		t.Errorf("%+v", res.Sub)
	}
	if s := r.stat("/m"); s.Czxid != 1 || s.Mzxid != 1 || s.Pzxid != 1 || s.Cversion != 2 {
		t.Errorf("%+v", s)
	}
	failed := &wire.MultiTxn{Txns: []wire.SubTxn{
		sub(wire.OpDelete, &wire.DeleteTxn{Path: "/m"}),
		sub(wire.OpError, &wire.ErrorTxn{Err: wire.BadVersion}),
		sub(wire.OpError, &wire.ErrorTxn{Err: wire.RuntimeInconsistency}),
		sub(wire.OpDelete, &wire.DeleteTxn{Path: "/m"}),
	}}
	res = r.apply(1, wire.OpMulti, failed)
	var codes []wire.Code
	for _, s := range res.Sub {
		codes = append(codes, s.Err)
	}
	if !slices.Equal(codes, []wire.Code{0, -103, -2, -2}) || res.Err != wire.OK || !res.Failed() || len(res.Changes) != 0 {
		t.Errorf("%+v", res)
	}
	if r.stat("/m").Czxid != 1 || r.tr.LastZxid() != 2 {
		t.Error("a failed multi was applied")
	}
	if res = r.apply(1, wire.OpMulti, &wire.MultiTxn{}); res.Failed() || len(res.Sub) != 0 || r.tr.LastZxid() != 3 {
		t.Errorf("empty multi: %+v", res)
	}
}

func TestCloseSession(t *testing.T) {
	r := newRig(t, Options{})
	r.apply(7, wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: 5000})
	r.apply(8, wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: 6000})
	for _, p := range []string{"/e5", "/e1", "/e3", "/e4", "/e2"} {
		r.ephemeral(7, p)
	}
	r.ephemeral(8, "/other")
	if got := r.tr.Ephemerals(7); !slices.Equal(got, []string{"/e1", "/e2", "/e3", "/e4", "/e5"}) {
		t.Error(got)
	}
	if r.stat("/e1").EphemeralOwner != 7 {
		t.Error("owner")
	}
	res := r.apply(7, wire.OpCloseSession, &wire.CloseSessionTxn{Paths: []string{"/e3", "/gone", "/e2"}})
	if got, want := changes(res), "NodeDeleted(/e3) NodeDeleted(/e2) NodeDeleted(/e1) NodeDeleted(/e4) NodeDeleted(/e5)"; got != want {
		t.Errorf("changes %s", got)
	}
	if _, ok := r.tr.SessionTimeout(7); ok || r.tr.SessionCount() != 1 || r.tr.EphemeralCount() != 1 {
		t.Error("the session is still there")
	}
	if ms, ok := r.tr.SessionTimeout(8); !ok || ms != 6000 {
		t.Error("another session is not")
	}
}

// TestKinds covers containers and TTL nodes, the reference's 3.6.
func TestKinds(t *testing.T) {
	r := newRig(t, Options{ExtendedTypes: true})
	container := func(p string) {
		r.apply(1, wire.OpCreateContainer, &wire.CreateContainerTxn{Path: p, ACL: open, ParentCversion: -1})
	}
	container("/used")   // time 1001
	container("/unused") // 1002
	container("/full")   // 1003
	r.create("/used/x", "")
	r.create("/full/x", "")
	r.delete("/used/x")
	r.apply(1, wire.OpCreateTTL, &wire.CreateTTLTxn{Path: "/ttl", ACL: open, ParentCversion: -1, TTL: 500}) // 1007
	for _, p := range []string{"/used", "/ttl"} {
		if r.stat(p).EphemeralOwner != 0 {
			t.Errorf("%s shows its owner", p)
		}
	}
	tests := []struct {
		now, unused int64
		want        string
	}{
		{1400, 0, "/used"}, {1507, 0, "/used"}, {1508, 0, "/ttl /used"}, {1400, 398, "/used"}, {1400, 397, "/unused /used"},
	}
	for _, tt := range tests {
		if got := strings.Join(r.tr.Reapable(tt.now, tt.unused), " "); got != tt.want {
			t.Errorf("at %d, %d: %s, want %s", tt.now, tt.unused, got, tt.want)
		}
	}
	r.set("/ttl", "longer") // 1008
	if got := r.tr.Reapable(1508, 0); len(got) != 1 {
		t.Errorf("setData does not extend a TTL: %v", got)
	}
	r.create("/ttl/child", "")
	if got := r.tr.Reapable(9999, 0); slices.Contains(got, "/ttl") {
		t.Error("a TTL node with a child")
	}
	if r.tr.EphemeralCount() != 0 {
		t.Error("counted as ephemeral")
	}
	owner := func(o Options, owner int64) kind { return NewWith(o).kind(owner) }
	ttl := wire.TTLOwner | 500
	if owner(Options{}, ttl) != ephemeral || owner(Options{ExtendedTypes: true}, ttl) != ttlNode {
		t.Error("the flag for extended types")
	}
	old := int64(-1<<63 | 500)
	if owner(Options{ExtendedTypes: true}, old) != ephemeral || owner(Options{ExtendedTypes: true, Emulate353: true}, old) != ttlNode {
		t.Error("the flag for 3.5.3")
	}
}

func TestDigestLog(t *testing.T) {
	r := newRig(t, Options{})
	want := map[wire.Zxid]uint64{}
	for range 128*1030 + 5 {
		r.tr.Apply(&wire.Txn{Header: wire.TxnHeader{Zxid: r.tr.LastZxid() + 1},
			Body: &wire.SetDataTxn{Path: "/", Data: []byte{1}, Version: 1}})
		want[r.tr.LastZxid()] = r.tr.Digest()
	}
	log := r.tr.Digests()
	if len(log) != 1024 || log[0].Zxid != 7*128 || log[1023].Zxid != 1030*128 {
		t.Fatalf("%d, from %v to %v", len(log), log[0].Zxid, log[len(log)-1].Zxid)
	}
	for _, d := range log {
		if d.Digest != want[d.Zxid] {
			t.Fatalf("%v: %#x", d.Zxid, d.Digest)
		}
	}
}

// TestDeepAndWide: depth costs no stack, width no time.
func TestDeepAndWide(t *testing.T) {
	r := newRig(t, Options{})
	path := ""
	for range 3000 {
		path += "/d"
		r.create(path, "")
	}
	n, _ := r.tr.Find("/d")
	if got := r.tr.Descendants(n); got != 2999 {
		t.Errorf("%d below", got)
	}
	deep, ok := r.tr.Find(path)
	if !ok || r.tr.Path(deep) != path {
		t.Error("the deepest node")
	}
	r.create("/w", "")
	for i := range 50_000 {
		r.tr.Apply(&wire.Txn{Header: wire.TxnHeader{Zxid: r.tr.LastZxid() + 1},
			Body: &wire.CreateTxn{Path: fmt.Sprintf("/w/%d", i), ACL: open, ParentCversion: -1}})
	}
	for i := range 50_000 {
		if i != 777 {
			r.tr.Apply(&wire.Txn{Header: wire.TxnHeader{Zxid: r.tr.LastZxid() + 1}, Body: &wire.DeleteTxn{Path: fmt.Sprintf("/w/%d", i)}})
		}
	}
	w, _ := r.tr.Find("/w")
	if got := slices.Collect(r.tr.Children(w)); len(got) != 1 || got[0] != "777" {
		t.Errorf("%d children", len(got))
	}
	checkInside(t, r.tr)
	loaded := drain(r.tr.Scan(true)).load(t)
	if loaded.Digest() != r.tr.Digest() {
		t.Error("the loaded tree differs")
	}
}
