package interop

import (
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// Each test below is one group of appendix A's probes, in its own part of the
// tree, so that the groups do not depend on each other.

func create(path string) raw.Body { return raw.Create(path, nil, raw.Open, raw.Persistent) }

func flags(path string, f int32) raw.Body { return raw.Create(path, nil, raw.Open, f) }

func TestProbeTypes(t *testing.T) {
	var rows []row
	for _, op := range []raw.Op{0, 10, 13, 55, 23, 99, 108, -1, 1000, -2147483648} {
		rows = append(rows, row{what: "invalid type", op: op, want: "-6 close"})
	}
	rows = append(rows,
		row{what: "check at top level with a body", op: raw.OpCheck, body: raw.PathInt("/", -1), want: "-6 close"},
		row{
			what: "createSession", op: raw.OpCreateSession, body: raw.Body{}.Int(5000),
			want:  "xid=0 instead of 3", // a second ConnectResponse: version 0 where the xid would be
			zabra: "-6 close", why: "a client has its session from the handshake",
		},
	)
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		p := newProber(t, s)
		p.xid = 0
		for _, r := range rows {
			p.xid = 2
			if r.op == raw.OpCreateSession && s.Kind == harness.Apache {
				continue // what follows on that connection is not worth pinning down
			}
			if got := p.unknown(r.op, r.body); got != r.wanted(s.Kind) {
				t.Errorf("%s %d: got %s, want %s", r.what, r.op, got, r.wanted(s.Kind))
			}
		}
	})
}

// unknown sends a request that must be refused and wants zxid -1 in the answer.
func (p *prober) unknown(op raw.Op, body raw.Body) string {
	p.t.Helper()
	p.xid++
	if err := p.conn.Send(p.xid, op, body); err != nil {
		p.t.Fatal(err)
	}
	k, err := p.conn.Recv()
	if err != nil {
		p.t.Fatalf("%s: type %d: %v", p.s.Kind, op, err)
	}
	if k.Zxid != -1 || k.Xid != p.xid || len(k.Body) != 0 {
		p.t.Errorf("%s: type %d: got %+v, want xid %d, zxid -1, no body", p.s.Kind, op, k, p.xid)
	}
	got := p.short(op, k)
	if p.closed() {
		got += " close"
	}
	p.conn.Close()
	p.open()
	return trimZxid(got)
}

func TestProbeUndecodable(t *testing.T) {
	two := raw.Body{0, 0}
	huge := raw.Body{}.Int(0x7fffffff)
	negative := raw.Body{}.Int(-7)
	multi := raw.Body{}.Int(1).Bool(false).Int(-1)
	rows := []row{
		{what: "getData 00 00", op: raw.OpGetData, body: two, want: "-5"},
		{what: "exists, long string", op: raw.OpExists, body: huge, want: "-5"},
		{what: "exists, no watch byte", op: raw.OpExists, body: raw.Path("/"), want: "-5"},
		{what: "setWatches, null vectors", op: raw.OpSetWatches, body: raw.SetWatches(0, nil, nil, nil), want: "-5"},
		{what: "setWatches, huge count", op: raw.OpSetWatches, body: append(raw.Body{}.Long(0), huge...), want: "-5"},
		{what: "setWatches2, null vectors", op: raw.OpSetWatches2, body: raw.SetWatches(0, nil, nil, nil, nil, nil), want: "-5"},
		{what: "create 00 00", op: raw.OpCreate, body: two, want: "-5"},
		{what: "create, no flags", op: raw.OpCreate, body: create("/u1")[:20], want: "-5"},
		{what: "create2 empty", op: raw.OpCreate2, want: "-5"},
		{what: "createTTL without ttl", op: raw.OpCreateTTL, body: create("/u2"), want: "-5"},
		{what: "delete without version", op: raw.OpDelete, body: raw.Path("/u3"), want: "-5"},
		{what: "setData 00 00", op: raw.OpSetData, body: two, want: "-5"},
		{what: "setACL 00 00", op: raw.OpSetACL, body: two, want: "-5"},
		{what: "getACL empty", op: raw.OpGetACL, want: "-5"},
		{what: "sync empty", op: raw.OpSync, want: "-5"},
		{what: "getChildren, negative length", op: raw.OpGetChildren, body: negative, want: "-5"},
		{what: "getChildren2 empty", op: raw.OpGetChildren2, want: "-5"},
		{what: "getEphemerals empty", op: raw.OpGetEphemerals, want: "-5"},
		{what: "getAllChildrenNumber empty", op: raw.OpGetAllChildrenNumber, want: "-5"},
		{what: "addWatch empty", op: raw.OpAddWatch, want: "-5"},
		{what: "addWatch mode 5", op: raw.OpAddWatch, body: raw.PathInt("/", 5), want: "-5"},
		{what: "removeWatches type 9", op: raw.OpRemoveWatches, body: raw.PathInt("/", 9), want: "-5"},
		{what: "checkWatches type 0", op: raw.OpCheckWatches, body: raw.PathInt("/", 0), want: "-5"},
		{what: "multi empty body", op: raw.OpMulti, want: "-5"},
		{what: "multi, cut op", op: raw.OpMulti, body: multi, want: "-5"},
		{what: "multi with getData", op: raw.OpMulti, body: raw.Multi(raw.SubOp{Op: raw.OpGetData, Body: raw.Read("/", false)}), want: "-5"},
		{what: "multi with type 99", op: raw.OpMulti, body: raw.Multi(raw.SubOp{Op: 99}), want: "-5"},
		{what: "multi with flags 9", op: raw.OpMulti, body: raw.Multi(raw.SubOp{Op: raw.OpCreate, Body: flags("/u4", 9)}), want: "-5"},
		{what: "multiRead with create", op: raw.OpMultiRead, body: raw.Multi(raw.SubOp{Op: raw.OpCreate, Body: create("/u5")}), want: "-5"},
		{what: "multiRead with exists", op: raw.OpMultiRead, body: raw.Multi(raw.SubOp{Op: raw.OpExists, Body: raw.Read("/", false)}), want: "-5"},
		{what: "nothing was created", op: raw.OpGetChildren, body: raw.Read("/", false), want: "0 [zookeeper]"},
		{what: "bytes behind a record", op: raw.OpExists, body: append(raw.Read("/", false), 1, 2, 3), want: "0"},
	}
	eachServer(t, nil, func(t *testing.T, s *harness.Server) { newProber(t, s).run(rows) })
}

func TestProbePaths(t *testing.T) {
	rows := []row{
		{what: "first create", op: raw.OpCreate, body: create("/a"), want: "0 /a"},
		{what: "again", op: raw.OpCreate, body: create("/a"), want: "-110"},
		{what: "no parent", op: raw.OpCreate, body: create("/nope/x"), want: "-101"},
		{what: "the root", op: raw.OpCreate, body: create("/"), want: "-110"},
		{what: "empty component", op: raw.OpCreate, body: create("/a//b"), want: "-101"},
		{what: "sequence number as a name", op: raw.OpCreate, body: flags("/a/", 2), want: "0 /a/##########"},
		{what: "sequence number under the root", op: raw.OpCreate, body: flags("/", 2), want: "0 /##########"},
		{what: "null path", op: raw.OpCreate, body: raw.Body{}.Null().Null().ACLs(raw.Open).Int(0), want: "-5"},
		{what: "setData relative", op: raw.OpSetData, body: raw.SetData("s", nil, -1), want: "-8"},
		{what: "setData trailing slash", op: raw.OpSetData, body: raw.SetData("/a/", nil, -1), want: "-8"},
		{what: "setData empty path", op: raw.OpSetData, body: raw.SetData("", nil, -1), want: "-8"},
		{what: "setACL relative", op: raw.OpSetACL, body: raw.SetACL("s", raw.Open, -1), want: "-8"},
		{what: "config is read-only", op: raw.OpSetData, body: raw.SetData("/zookeeper/config", nil, -1), want: "-102"},
		{what: "the root can be written", op: raw.OpSetData, body: raw.SetData("/", []byte("r"), -1), want: "0"},
		{what: "getData of the empty path", op: raw.OpGetData, body: raw.Read("", false), want: "0"},
		{what: "exists of the empty path", op: raw.OpExists, body: raw.Read("", false), want: "0"},
		{what: "exists with NUL", op: raw.OpExists, body: raw.Read("/a\x00b", false), want: "-8"},
		{what: "getData with NUL", op: raw.OpGetData, body: raw.Read("/a\x00b", false), want: "-101"},
		{what: "getData relative", op: raw.OpGetData, body: raw.Read("a", false), want: "-101"},
		{what: "getData invalid UTF-8", op: raw.OpGetData, body: raw.Read("/\xff", false), want: "-101"},
	}
	for _, p := range []string{"", "a", "//", "/a/", "/.", "/a/..", "/a/./b", "/a/b\x00"} {
		want := "-8"
		if p == "/a/./b" {
			want = "-101" // the parent is looked up first
		}
		rows = append(rows, row{what: "create " + p, op: raw.OpCreate, body: create(p), want: want})
	}
	for _, p := range []string{"/a/.b", "/a/b..", "/a/...", "/é", "/a/b c", "/a/\ud7ff", "/a/\ufffc"[:3] + "ok", "/a/\uf900", "/a/\uffef", "/a/\u00a0"} {
		rows = append(rows, row{what: "create " + p, op: raw.OpCreate, body: create(p), want: "0"})
	}
	for _, p := range []string{"/\x01", "/\x1f", "/\x7f", "/\u009f", "/\ue000", "/\uf8ff", "/\ufff0", "/\uffff", "/\U0001F600", "/\xff\xfe", "/\xed\xa0\x80"} {
		rows = append(rows, row{what: "create illegal character", op: raw.OpCreate, body: create(p), want: "-8"})
	}
	eachServer(t, nil, func(t *testing.T, s *harness.Server) { newProber(t, s).run(rows) })
}

func TestProbeCreateModes(t *testing.T) {
	ttl := func(path string, f int32, ms int64) raw.Body { return raw.CreateTTL(path, nil, raw.Open, f, ms) }
	const most = 1<<40 - 1
	rows := []row{
		{what: "flags 4 with create", op: raw.OpCreate, body: flags("/m4", 4), want: "0"},
		{what: "… is a plain node", op: raw.OpExists, body: raw.Read("/m4", false), want: "0"},
		{what: "flags 5", op: raw.OpCreate, body: flags("/m5", 5), want: "-8"},
		{what: "flags 6", op: raw.OpCreate2, body: flags("/m6", 6), want: "-8"},
		{what: "flags 7", op: raw.OpCreate, body: flags("/m7", 7), want: "-8"},
		{what: "flags -1", op: raw.OpCreate, body: flags("/m8", -1), want: "-8"},
		{what: "ttl 0", op: raw.OpCreateTTL, body: ttl("/t0", 5, 0), want: "-8"},
		{what: "ttl -1", op: raw.OpCreateTTL, body: ttl("/t1", 5, -1), want: "-8"},
		{what: "ttl most", op: raw.OpCreateTTL, body: ttl("/t2", 5, most), want: "0 /t2 {c=z m=z p=z ct=t mt=t v=0 cv=0 av=0 owner=0 len=0 kids=0}"},
		{what: "ttl beyond", op: raw.OpCreateTTL, body: ttl("/t3", 5, most+1), want: "-8"},
		{what: "ttl sequential", op: raw.OpCreateTTL, body: ttl("/t4-", 6, 1000), want: "0"},
		{
			what: "createTTL with flags 0 and a ttl", op: raw.OpCreateTTL, body: ttl("/t5", 0, 1000), want: "-8",
		},
		{what: "container", op: raw.OpCreateContainer, body: flags("/c", 4), want: "0 /c {c=z m=z p=z ct=t mt=t v=0 cv=0 av=0 owner=0 len=0 kids=0}"},
		{what: "child of a container", op: raw.OpCreate, body: create("/c/x"), want: "0"},
		{what: "ephemeral child of a container", op: raw.OpCreate, body: flags("/c/e", 1), want: "0"},
		{
			what: "container with flags 0", op: raw.OpCreateContainer, body: flags("/c0", 0), want: "0",
			zabra: "-8", why: "the opcode and the flags must agree about what is stored",
		},
		{what: "ephemeral", op: raw.OpCreate2, body: flags("/e", 1), want: "0 /e {c=z m=z p=z ct=t mt=t v=0 cv=0 av=0 owner=s len=0 kids=0}"},
		{what: "child of an ephemeral", op: raw.OpCreate, body: create("/e/x"), want: "-108"},
		{what: "ephemeral sequential", op: raw.OpCreate, body: flags("/es-", 3), want: "0 /es-##########"},
		{what: "ephemerals by prefix", op: raw.OpGetEphemerals, body: raw.Path("/e"), want: "0 [/e /es-##########]"},
		{what: "all ephemerals, null", op: raw.OpGetEphemerals, body: raw.Body{}.Null(), want: "0 [/c/e /e /es-##########]"},
		{what: "all ephemerals, root", op: raw.OpGetEphemerals, body: raw.Path("/"), want: "0 [/c/e /e /es-##########]"},
		{what: "all ephemerals, blank", op: raw.OpGetEphemerals, body: raw.Path(" "), want: "0 [/c/e /e /es-##########]"},
		{what: "no such ephemerals", op: raw.OpGetEphemerals, body: raw.Path("/zz"), want: "0 []"},
		{
			what: "deleteContainer", op: raw.OpDeleteContainer, body: raw.Path("/m4"), want: "0",
			zabra: "-6 close", why: "it deletes without an ACL check and is the server's own request",
		},
		{what: "null data", op: raw.OpCreate, body: create("/null"), want: "0"},
		{what: "null stays null", op: raw.OpGetData, body: raw.Read("/null", false), want: "0 null {c=z m=z p=z ct=t mt=t v=0 cv=0 av=0 owner=0 len=0 kids=0}"},
		{what: "empty data", op: raw.OpSetData, body: raw.SetData("/null", []byte{}, 0), want: "0"},
		{what: "empty stays empty", op: raw.OpGetData, body: raw.Read("/null", false), want: `0 "" {c=z m=z p=z ct=t mt=t v=1 cv=0 av=0 owner=0 len=0 kids=0}`},
	}
	eachServer(t, nil, func(t *testing.T, s *harness.Server) { newProber(t, s).run(rows) })
}

// The reference lets a TTL create with a flag that is no TTL into its log and
// cannot apply it, so that row is for Zabra alone.
func TestProbeCreateTTLFlags(t *testing.T) {
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		if s.Kind == harness.Apache {
			return
		}
		newProber(t, s).run([]row{
			{what: "flags 0, ttl -1", op: raw.OpCreateTTL, body: raw.CreateTTL("/x", nil, raw.Open, 0, -1), want: "-8"},
			{what: "flags 4, ttl -1", op: raw.OpCreateTTL, body: raw.CreateTTL("/x", nil, raw.Open, 4, -1), want: "-8"},
			{what: "flags 1, ttl -1", op: raw.OpCreateTTL, body: raw.CreateTTL("/x", nil, raw.Open, 1, -1), want: "-8"},
			{what: "nothing there", op: raw.OpExists, body: raw.Read("/x", false), want: "-101"},
		})
	})
}

func TestProbeACLs(t *testing.T) {
	one := func(scheme, id string) []raw.ACL { return []raw.ACL{{Perms: 31, Scheme: scheme, ID: id}} }
	var rows []row
	bad := map[string][]raw.ACL{
		"null": nil, "empty": {}, "world:foo": one("world", "foo"), "auth without ids": one("auth", ""),
		"digest x": one("digest", "x"), "digest a:b:c": one("digest", "a:b:c"), "digest a:": one("digest", "a:"),
		"ip 1.2.3": one("ip", "1.2.3"), "ip /33": one("ip", "1.2.3.4/33"), "ip empty": one("ip", ""),
		"x509": one("x509", "CN=a"), "sasl": one("sasl", "bob"), "super": one("super", "super:x"), "unknown": one("foo", "bar"),
	}
	for what, acl := range bad {
		rows = append(rows,
			row{what: "create, acl " + what, op: raw.OpCreate, body: raw.Create("/bad", nil, acl, 0), want: "-114"},
			row{what: "setACL, acl " + what, op: raw.OpSetACL, body: raw.SetACL("/", acl, -1), want: "-114"})
	}
	good := map[string][]raw.ACL{
		"digest": one("digest", "a:b"), "digest :x": one("digest", ":x"), "ip": one("ip", "127.0.0.1"),
		"ip bits": one("ip", "10.0.0.0/8"), "ip6": one("ip", "::1"), "ip6 bits": one("ip", "fe80::/10"),
	}
	for what, acl := range good {
		rows = append(rows, row{what: "acl " + what, op: raw.OpCreate, body: raw.Create("/ok-", nil, acl, 2), want: "0"})
	}
	nullScheme := raw.Body{}.Str("/bad").Null().Int(1).Int(31).Null().Str("anyone").Int(0)
	nullWorld := raw.Body{}.Str("/bad").Null().Int(1).Int(31).Str("world").Null().Int(0)
	twice := []raw.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}, {Perms: 31, Scheme: "world", ID: "anyone"}, {Perms: 1, Scheme: "ip", ID: "127.0.0.1"}}
	odd := []raw.ACL{{Perms: 0, Scheme: "world", ID: "anyone"}, {Perms: 0xffff, Scheme: "ip", ID: "127.0.0.1"}}
	rows = append(rows,
		row{what: "null scheme", op: raw.OpCreate, body: nullScheme, want: "-114"},
		row{what: "world with null id", op: raw.OpCreate, body: nullWorld, want: "-5"},
		row{what: "bad acl before the parent lookup", op: raw.OpCreate, body: raw.Create("/no/parent", nil, nil, 0), want: "-114"},
		row{what: "odd perms", op: raw.OpCreate, body: raw.Create("/odd", nil, odd, 0), want: "0"},
		row{what: "odd perms are stored", op: raw.OpGetACL, body: raw.Path("/odd"), want: "0 acl[0:world:anyone 65535:ip:127.0.0.1] {c=z m=z p=z ct=t mt=t v=0 cv=0 av=0 owner=0 len=0 kids=0}"},
		row{what: "duplicates", op: raw.OpCreate, body: raw.Create("/twice", nil, twice, 0), want: "0"},
		row{what: "duplicates are dropped", op: raw.OpGetACL, body: raw.Path("/twice"), want: "0 acl[1:ip:127.0.0.1 31:world:anyone] {c=z m=z p=z ct=t mt=t v=0 cv=0 av=0 owner=0 len=0 kids=0}"},
		row{what: "setACL", op: raw.OpSetACL, body: raw.SetACL("/twice", []raw.ACL{{Perms: 16, Scheme: "world", ID: "anyone"}}, 0), want: "0 {c=z m=z p=z ct=t mt=t v=0 cv=0 av=1 owner=0 len=0 kids=0}"},
		row{what: "setACL, old version", op: raw.OpSetACL, body: raw.SetACL("/twice", raw.Open, 0), want: "-103"},
		row{what: "no READ: getData", op: raw.OpGetData, body: raw.Read("/twice", false), want: "-102"},
		row{what: "no READ: exists", op: raw.OpExists, body: raw.Read("/twice", true), want: "-102"},
		row{what: "no READ: getChildren", op: raw.OpGetChildren, body: raw.Read("/twice", false), want: "-102"},
		row{what: "no READ: getAllChildrenNumber", op: raw.OpGetAllChildrenNumber, body: raw.Path("/twice"), want: "-102"},
		row{what: "ADMIN: getACL", op: raw.OpGetACL, body: raw.Path("/twice"), want: "0"},
		row{what: "no WRITE: setData", op: raw.OpSetData, body: raw.SetData("/twice", nil, -1), want: "-102"},
		row{what: "no CREATE: create", op: raw.OpCreate, body: create("/twice/x"), want: "-102"},
		row{what: "no DELETE: delete a missing child", op: raw.OpDelete, body: raw.PathInt("/twice/x", -1), want: "-102"},
	)
	eachServer(t, nil, func(t *testing.T, s *harness.Server) { newProber(t, s).run(rows) })
}

func TestProbeAuth(t *testing.T) {
	ip := "ip:127.0.0.1"
	bob := "digest:bob"
	hash := "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="
	acl := []raw.ACL{{Perms: 31, Scheme: "digest", ID: hash}}
	rows := []row{
		{what: "whoAmI at the start", op: raw.OpWhoAmI, want: "0 [" + ip + "]"},
		{what: "digest without colon", op: raw.OpAuth, body: raw.Auth("digest", []byte("text")), want: "0"},
		{what: "whoAmI", op: raw.OpWhoAmI, want: "0 [digest:text " + ip + "]"},
		{what: "digest null", op: raw.OpAuth, body: raw.Auth("digest", nil), want: "-115 close"},
		{what: "unknown scheme", op: raw.OpAuth, body: raw.Auth("foo", []byte("x")), want: "-115 close"},
		{what: "ip", op: raw.OpAuth, body: raw.Auth("ip", nil), want: "0"},
		{what: "world", op: raw.OpAuth, body: raw.Auth("world", []byte("anyone")), want: "-115 close"},
		{what: "sasl", op: raw.OpAuth, body: raw.Auth("sasl", []byte("x")), want: "-115 close"},
		{what: "bob's node", op: raw.OpCreate, body: raw.Create("/bob", []byte("1"), acl, 0), want: "0"},
		{what: "… is his alone", op: raw.OpGetData, body: raw.Read("/bob", false), want: "-102"},
		{what: "… getACL too", op: raw.OpGetACL, body: raw.Path("/bob"), want: "-102"},
		{what: "digest bob", op: raw.OpAuth, body: raw.Auth("digest", []byte("bob:secret")), want: "0"},
		{what: "whoAmI, bob", op: raw.OpWhoAmI, want: "0 [" + bob + " " + ip + "]"},
		{what: "now readable", op: raw.OpGetData, body: raw.Read("/bob", false), want: "0"},
		{what: "the admin sees the hash", op: raw.OpGetACL, body: raw.Path("/bob"), want: "0 acl[31:digest:" + hash + "] {c=z m=z p=z ct=t mt=t v=0 cv=0 av=0 owner=0 len=1 kids=0}"},
		{what: "auth is expanded", op: raw.OpCreate, body: raw.Create("/bob/x", nil, []raw.ACL{{Perms: 3, Scheme: "auth", ID: "whatever"}, {Perms: 1, Scheme: "world", ID: "anyone"}}, 0), want: "0"},
		{what: "without ADMIN the hash is hidden", op: raw.OpGetACL, body: raw.Path("/bob/x"), want: "0 acl[1:world:anyone 3:digest:bob:x] {c=z m=z p=z ct=t mt=t v=0 cv=0 av=0 owner=0 len=0 kids=0}"},
		{what: "sasl without SASL", op: raw.OpSASL, body: raw.Body{}.Bytes([]byte{}), want: "0 null"},
		{what: "reconfig disabled", op: raw.OpReconfig, body: raw.Body{}.Null().Null().Null().Long(-1), want: "-123"},
		{what: "super", op: raw.OpAuth, body: raw.Auth("digest", []byte("super:secret")), want: "0"},
		{what: "whoAmI, super", op: raw.OpWhoAmI, want: "0 [" + bob + " digest:super " + ip + " super:]"},
		{what: "super writes the config", op: raw.OpSetData, body: raw.SetData("/zookeeper/config", []byte("c"), -1), want: "0"},
		{what: "reconfig disabled for super", op: raw.OpReconfig, body: raw.Body{}.Null().Null().Null().Long(-1), want: "-123"},
	}
	config := harness.Config{"DigestAuthenticationProvider.superDigest": superDigest}
	eachServer(t, config, func(t *testing.T, s *harness.Server) { newProber(t, s).run(rows) })
}

// superDigest is super:secret, hashed.
const superDigest = "super:lK75jTNcA+U9vtVEw5vB51mj/w4="

func TestProbeReconfigStandalone(t *testing.T) {
	rows := []row{
		{what: "reconfig", op: raw.OpReconfig, body: raw.Body{}.Null().Str("3").Null().Long(-1), want: "-6"},
	}
	eachAlone(t, harness.Config{"reconfigEnabled": "true"}, func(t *testing.T, s *harness.Server) {
		newProber(t, s).run(rows)
	})
}

func TestProbeDelete(t *testing.T) {
	rows := []row{
		{what: "setup", op: raw.OpCreate, body: create("/s"), want: "0"},
		{what: "setup", op: raw.OpCreate, body: create("/s/kid"), want: "0"},
		{what: "not empty", op: raw.OpDelete, body: raw.PathInt("/s", -1), want: "-111"},
		{what: "wrong version", op: raw.OpDelete, body: raw.PathInt("/s/kid", 5), want: "-103"},
		{what: "wrong version of a parent", op: raw.OpDelete, body: raw.PathInt("/s", 5), want: "-103"},
		{what: "trailing slash", op: raw.OpDelete, body: raw.PathInt("/s/", -1), want: "-101"},
		{what: "missing", op: raw.OpDelete, body: raw.PathInt("/missing", -1), want: "-101"},
		{what: "missing parent", op: raw.OpDelete, body: raw.PathInt("/missing/x", -1), want: "-101"},
		{what: "right version", op: raw.OpDelete, body: raw.PathInt("/s/kid", 0), want: "0"},
		{what: "parent's stat", op: raw.OpExists, body: raw.Read("/s", false), want: "0 {c=z m=z p=z ct=t mt=t v=0 cv=2 av=0 owner=0 len=0 kids=0}"},
		{what: "sync of a missing path", op: raw.OpSync, body: raw.Path("/missing"), want: "0 /missing"},
		{what: "sync of a malformed path", op: raw.OpSync, body: raw.Path("//x/"), want: "0 //x/"},
		{what: "sync of the empty path", op: raw.OpSync, body: raw.Path(""), want: `0 ""`},
	}
	for _, p := range []string{"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "bad", "", "/a\x00b"} {
		rows = append(rows, row{what: "delete " + p, op: raw.OpDelete, body: raw.PathInt(p, -1), want: "-8"})
	}
	eachServer(t, nil, func(t *testing.T, s *harness.Server) { newProber(t, s).run(rows) })
}

func TestProbeFreshTree(t *testing.T) {
	zero := "{c=z m=z p=z ct=0 mt=0 v=0 cv=%s av=%s owner=0 len=0 kids=%s}"
	stat := func(cv, av, kids string) string { return "0 " + sprintf(zero, cv, av, kids) }
	rows := []row{
		{what: "/", op: raw.OpExists, body: raw.Read("/", false), want: stat("-1", "0", "1")},
		{what: "/zookeeper", op: raw.OpExists, body: raw.Read("/zookeeper", false), want: stat("-2", "0", "2")},
		{what: "/zookeeper/quota", op: raw.OpExists, body: raw.Read("/zookeeper/quota", false), want: stat("0", "0", "0")},
		{what: "/zookeeper/config", op: raw.OpExists, body: raw.Read("/zookeeper/config", false), want: stat("0", "-1", "0")},
		{what: "config's acl", op: raw.OpGetACL, body: raw.Path("/zookeeper/config"), want: "0 acl[1:world:anyone] " + sprintf(zero, "0", "-1", "0")},
		{what: "config's text", op: raw.OpGetData, body: raw.Read("/zookeeper/config", false), want: `0 "" ` + sprintf(zero, "0", "-1", "0")},
		{what: "all children", op: raw.OpGetAllChildrenNumber, body: raw.Path("/"), want: "0 3"},
		{what: "all children of the empty path", op: raw.OpGetAllChildrenNumber, body: raw.Path(""), want: "0 4"},
		{what: "a child of /zookeeper", op: raw.OpCreate, body: create("/zookeeper/x"), want: "0"},
	}
	eachAlone(t, nil, func(t *testing.T, s *harness.Server) { newProber(t, s).run(rows) })
}

func TestProbeSequence(t *testing.T) {
	const stat = "{c=z m=z p=z ct=t mt=t v=0 cv=%s av=0 owner=0 len=0 kids=%s}"
	rows := []row{
		{what: "parent", op: raw.OpCreate, body: create("/q"), want: "0"},
		{what: "first", op: raw.OpCreate, body: flags("/q/n-", 2), want: "0"},
		{what: "plain", op: raw.OpCreate, body: create("/q/plain"), want: "0"},
		{what: "delete plain", op: raw.OpDelete, body: raw.PathInt("/q/plain", -1), want: "0"},
		{what: "fails", op: raw.OpCreate, body: raw.Create("/q/n-", nil, nil, 2), want: "-114"},
		{what: "rolled back", op: raw.OpMulti, body: raw.Multi(
			raw.SubOp{Op: raw.OpCreate, Body: flags("/q/n-", 2)}, raw.SubOp{Op: raw.OpCheck, Body: raw.PathInt("/q", 9)}), want: "0"},
		{what: "second", op: raw.OpCreate, body: flags("/q/n-", 2), want: "0"},
		{what: "its number counts all creates", op: raw.OpExists, body: raw.Read("/q/n-0000000002", false), want: "0"},
		{what: "two in a multi", op: raw.OpMulti, body: raw.Multi(
			raw.SubOp{Op: raw.OpCreate, Body: flags("/q/n-", 2)}, raw.SubOp{Op: raw.OpCreate, Body: flags("/q/n-", 2)}), want: "0"},
		{what: "third", op: raw.OpExists, body: raw.Read("/q/n-0000000003", false), want: "0"},
		{what: "fourth", op: raw.OpExists, body: raw.Read("/q/n-0000000004", false), want: "0"},
		{what: "cversion", op: raw.OpExists, body: raw.Read("/q", false), want: "0 " + sprintf(stat, "6", "4")},
	}
	eachServer(t, nil, func(t *testing.T, s *harness.Server) { newProber(t, s).run(rows) })
}
