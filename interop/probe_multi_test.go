package interop

import (
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

func TestProbeMulti(t *testing.T) {
	sub := func(op raw.Op, body raw.Body) raw.SubOp { return raw.SubOp{Op: op, Body: body} }
	multi := func(what, want string, ops ...raw.SubOp) row {
		return row{what: what, op: raw.OpMulti, body: raw.Multi(ops...), want: want}
	}
	const fresh = "{c=z m=z p=z ct=t mt=t v=0 cv=0 av=0 owner=0 len=0 kids=0}"
	rows := []row{
		multi("failure in the middle", "0 [(-1,0) 0 | (-1,-103) -103 | (-1,-2) -2] end(-1,-1)",
			sub(raw.OpCreate, create("/m")), sub(raw.OpCheck, raw.PathInt("/", 77)), sub(raw.OpDelete, raw.PathInt("/m", -1))),
		{what: "nothing of it happened", op: raw.OpExists, body: raw.Read("/m", false), want: "-101"},
		multi("failure first", "0 [(-1,-101) -101 | (-1,-2) -2] end(-1,-1)",
			sub(raw.OpDelete, raw.PathInt("/none", -1)), sub(raw.OpCreate, create("/m"))),
		multi("empty", "0 [] end(-1,-1)"),
		multi("every kind", "0 [(1,0) /m | (15,0) /m/2 "+fresh+" | (15,0) /m/c "+fresh+" | (15,0) /m/t "+fresh+
			" | (13,0) | (5,0) {c=z m=z p=z ct=t mt=t v=1 cv=0 av=0 owner=0 len=1 kids=0} | (2,0)] end(-1,-1)",
			sub(raw.OpCreate, create("/m")),
			sub(raw.OpCreate2, create("/m/2")),
			sub(raw.OpCreateContainer, flags("/m/c", 4)),
			sub(raw.OpCreateTTL, raw.CreateTTL("/m/t", nil, raw.Open, 5, 100000)),
			sub(raw.OpCheck, raw.PathInt("/m", 0)),
			sub(raw.OpSetData, raw.SetData("/m/2", []byte("x"), 0)),
			sub(raw.OpDelete, raw.PathInt("/m/2", 1))),
		multi("an op sees the ones before it", "0 [(1,0) /m/a | (5,0) {c=z m=z p=z ct=t mt=t v=1 cv=0 av=0 owner=0 len=0 kids=0} | (2,0)] end(-1,-1)",
			sub(raw.OpCreate, create("/m/a")), sub(raw.OpSetData, raw.SetData("/m/a", nil, 0)), sub(raw.OpDelete, raw.PathInt("/m/a", 1))),
		multi("bad path inside", "0 [(-1,-8) -8] end(-1,-1)", sub(raw.OpCreate, create("/m/"))),
		multi("check of a missing node", "0 [(-1,-101) -101] end(-1,-1)", sub(raw.OpCheck, raw.PathInt("/none", -1))),
		{what: "multiRead", op: raw.OpMultiRead, body: raw.Multi(
			sub(raw.OpGetChildren, raw.Read("/m", false)), sub(raw.OpGetData, raw.Read("/none", false)), sub(raw.OpGetData, raw.Read("/m/c", true))),
			want: "0 [(8,0) [c t] | (-1,-101) -101 | (4,0) null " + fresh + "] end(-1,-1)"},
		{what: "its watch flag means nothing", op: raw.OpDelete, body: raw.PathInt("/m/c", -1), want: "0"},
		{what: "multiRead, empty", op: raw.OpMultiRead, body: raw.Multi(), want: "0 [] end(-1,-1)"},
	}
	eachServer(t, nil, func(t *testing.T, s *harness.Server) { newProber(t, s).run(rows) })
}

// Which requests take a zxid: every write that was understood, also a failed
// one; no read.
func TestProbeZxids(t *testing.T) {
	failed := raw.Multi(raw.SubOp{Op: raw.OpCheck, Body: raw.PathInt("/", 77)})
	steps := []struct {
		what string
		op   raw.Op
		body raw.Body
		take int64
	}{
		{"create", raw.OpCreate, create("/z"), 1},
		{"create again", raw.OpCreate, create("/z"), 1},
		{"create, bad path", raw.OpCreate, create("z"), 1},
		{"create, bad acl", raw.OpCreate, raw.Create("/y", nil, nil, 0), 1},
		{"setData, no node", raw.OpSetData, raw.SetData("/none", nil, -1), 1},
		{"setData", raw.OpSetData, raw.SetData("/z", nil, -1), 1},
		{"setACL", raw.OpSetACL, raw.SetACL("/z", raw.Open, -1), 1},
		{"delete, no node", raw.OpDelete, raw.PathInt("/none", -1), 1},
		{"multi, failing", raw.OpMulti, failed, 1},
		{"multi, empty", raw.OpMulti, raw.Multi(), 1},
		{"reconfig, refused", raw.OpReconfig, raw.Body{}.Null().Null().Null().Long(-1), 1},
		{"multiRead", raw.OpMultiRead, raw.Multi(), 0},
		{"sync", raw.OpSync, raw.Path("/z"), 0},
		{"getData", raw.OpGetData, raw.Read("/z", true), 0},
		{"setWatches", raw.OpSetWatches, raw.SetWatches(0, []string{}, []string{}, []string{}), 0},
		{"addWatch", raw.OpAddWatch, raw.PathInt("/z", 0), 0},
		{"removeWatches", raw.OpRemoveWatches, raw.PathInt("/z", 4), 0},
		{"getData, undecodable", raw.OpGetData, raw.Body{0, 0}, 0},
		{"whoAmI", raw.OpWhoAmI, nil, 0},
	}
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		p := newProber(t, s)
		last := p.zxid()
		for _, st := range steps {
			p.xid++
			if err := p.conn.Send(p.xid, st.op, st.body); err != nil {
				t.Fatal(err)
			}
			k, err := p.conn.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if k.Zxid != last+st.take || p.zxid() != k.Zxid {
				t.Errorf("%s: %s: reply's zxid %#x, then %#x, before %#x; want %d taken", s.Kind, st.what, k.Zxid, p.zxid(), last, st.take)
			}
			last = k.Zxid
		}
	})
}

// The replies of auth and sasl carry zxid 0.
func TestProbeAuthZxid(t *testing.T) {
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		p := newProber(t, s)
		for _, r := range []row{
			{op: raw.OpAuth, body: raw.Auth("digest", []byte("a:b"))},
			{op: raw.OpSASL, body: raw.Body{}.Bytes([]byte{})},
		} {
			if err := p.conn.Send(raw.XidAuth, r.op, r.body); err != nil {
				t.Fatal(err)
			}
			if k, err := p.conn.Recv(); err != nil || k.Xid != raw.XidAuth || k.Zxid != 0 || k.Err != 0 {
				t.Errorf("%v: got %+v, %v, want xid -4, zxid 0, err 0", r.op, k, err)
			}
		}
	})
}

func TestProbeQuota(t *testing.T) {
	limits := func(text string) raw.Body {
		return raw.Create("/zookeeper/quota/q/zookeeper_limits", []byte(text), raw.Open, 0)
	}
	statsRow := func(want string) row {
		return row{what: "stats", op: raw.OpGetData, body: raw.Read("/zookeeper/quota/q/zookeeper_stats", true),
			want: `0 "` + want + `" {c=z m=z p=z ct=t mt=t v=0 cv=0 av=0 owner=0 len=` + sprintf("%d", len(want)) + ` kids=0}`}
	}
	sub := func(path string) raw.SubOp { return raw.SubOp{Op: raw.OpCreate, Body: create(path)} }
	rows := []row{
		{what: "q", op: raw.OpCreate, body: raw.Create("/q", []byte("12"), raw.Open, 0), want: "0"},
		{what: "a child", op: raw.OpCreate, body: create("/q/a"), want: "0"},
		{what: "quota node", op: raw.OpCreate, body: create("/zookeeper/quota/q"), want: "0"},
		{what: "limits", op: raw.OpCreate, body: limits("count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=4"), want: "0"},
		{what: "stats node", op: raw.OpCreate, body: raw.Create("/zookeeper/quota/q/zookeeper_stats", []byte("count=0,bytes=0"), raw.Open, 0), want: "0"},
		statsRow("count=2,bytes=2"),
		{what: "third", op: raw.OpCreate, body: create("/q/b"), want: "0"},
		{what: "fourth", op: raw.OpCreate, body: create("/q/c"), want: "0"},
		{what: "fifth", op: raw.OpCreate, body: create("/q/d"), want: "-125"},
		statsRow("count=4,bytes=2"),
		{what: "room for one", op: raw.OpDelete, body: raw.PathInt("/q/c", -1), want: "0"},
		{what: "two in one multi", op: raw.OpMulti, body: raw.Multi(sub("/q/c"), sub("/q/d")), want: "0 [(1,0) /q/c | (1,0) /q/d] end(-1,-1)"},
		statsRow("count=5,bytes=2"),
		{what: "bytes are free", op: raw.OpSetData, body: raw.SetData("/q", []byte("12345"), -1), want: "0"},
		statsRow("count=5,bytes=5"),
		{what: "no quota", op: raw.OpDelete, body: raw.PathInt("/zookeeper/quota/q/zookeeper_limits", -1), want: "0"},
		{what: "sixth", op: raw.OpCreate, body: create("/q/e"), want: "0"},
	}
	// Not through a follower: a quota is judged by what the leader has applied, which may
	// be a moment behind what the follower's client has been told.
	eachAlone(t, harness.Config{"enforceQuota": "true"}, func(t *testing.T, s *harness.Server) { newProber(t, s).run(rows) })
}
