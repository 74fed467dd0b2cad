package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/zabra/zabra/interop/harness"
)

// TestGoZooKeeper does with go-zookeeper/zk what the other clients' programs do,
// and compares the transcripts of all servers.
func TestGoZooKeeper(t *testing.T) {
	parallel(t)
	if raceEnabled {
		t.Skip("the client library has a race of its own, between sendSetWatches and recvLoop")
	}
	everyStand(t, clientConfig(), func(s *harness.Server) func() []string {
		g := &goTranscript{t: t, server: s, proxy: harness.NewProxy(t, s.Addr)}
		return func() []string {
			g.run()
			return g.lines
		}
	})
}

const goWait = 30 * time.Second

// A goTranscript is one run of the client's calls against one server.
type goTranscript struct {
	t      *testing.T
	server *harness.Server
	proxy  *harness.Proxy
	lines  []string
}

func (g *goTranscript) say(format string, args ...any) {
	g.lines = append(g.lines, fmt.Sprintf(format, args...))
}

func (g *goTranscript) run() {
	for _, part := range []struct {
		name string
		f    func(a, b *zk.Conn)
	}{
		{"nodes", g.nodes}, {"acls", g.acls}, {"multi", g.multi}, {"watches", g.watches},
		{"locks", g.locks}, {"containers and ttl", g.reaped}, {"words", g.words},
		{"what happened while disconnected", g.catchUp}, {"restart", g.restart}, {"expiry", g.expiry},
	} {
		g.say("== %s", part.name)
		a, _ := g.connect(g.server.Addr, 20*time.Second)
		b, _ := g.connect(g.server.Addr, 20*time.Second)
		part.f(a, b)
		a.Close()
		b.Close()
	}
	g.say("END")
}

// connect waits for the session.
func (g *goTranscript) connect(addr string, timeout time.Duration) (*zk.Conn, <-chan zk.Event) {
	c, events, err := zk.Connect([]string{addr}, timeout, zk.WithLogger(silent{}))
	if err != nil {
		g.t.Errorf("%s: %v", g.server.Kind, err)
		return nil, nil
	}
	g.await(events, zk.StateHasSession)
	return c, events
}

type silent struct{}

func (silent) Printf(string, ...any) {}

// await reads session events up to the wanted state and tells whether it came.
func (g *goTranscript) await(events <-chan zk.Event, want zk.State) {
	timeout := time.After(goWait)
	for {
		select {
		case e := <-events:
			if e.State == want {
				g.say("state %v", want)
				return
			}
		case <-timeout:
			g.say("state %v did not come", want)
			return
		}
	}
}

func (g *goTranscript) event(what string, ch <-chan zk.Event) {
	select {
	case e := <-ch:
		g.say("%s -> %v %s %v", what, e.Type, e.Path, e.Err)
	case <-time.After(goWait):
		g.say("%s -> NO EVENT", what)
	}
}

func goStat(s *zk.Stat) string {
	if s == nil {
		return "nil"
	}
	return fmt.Sprintf("{v=%d cv=%d av=%d len=%d kids=%d ephemeral=%v m>c=%v p>c=%v}",
		s.Version, s.Cversion, s.Aversion, s.DataLength, s.NumChildren,
		s.EphemeralOwner != 0, s.Mzxid > s.Czxid, s.Pzxid > s.Czxid)
}

var open = zk.WorldACL(zk.PermAll)

func (g *goTranscript) nodes(a, b *zk.Conn) {
	for _, c := range []struct {
		path  string
		flags int32
	}{
		{"/n", 0}, {"/n", 0}, {"/n/e", zk.FlagEphemeral}, {"/n/s-", zk.FlagSequence},
		{"/n/es-", zk.FlagEphemeral | zk.FlagSequence}, {"/n/e/x", 0}, {"/none/x", 0},
	} {
		path, err := a.Create(c.path, []byte("data"), c.flags, open)
		g.say("create %s %d -> %s %v", c.path, c.flags, path, err)
	}
	path, err := a.CreateProtectedEphemeralSequential("/n/p-", nil, open)
	_, tail, _ := strings.Cut(path, "-")
	g.say("protected -> %s %v", tail, err)
	data, s, err := b.Get("/n")
	g.say("get -> %s %s %v", data, goStat(s), err)
	ok, s, err := b.Exists("/n/e")
	g.say("exists -> %v %s %v", ok, goStat(s), err)
	ok, _, err = b.Exists("/n/none")
	g.say("exists -> %v %v", ok, err)
	for _, v := range []int32{0, 0, -1} {
		s, err = b.Set("/n", []byte("more"), v)
		g.say("set v=%d -> %s %v", v, goStat(s), err)
	}
	names, s, err := b.Children("/n")
	for i, n := range names {
		if strings.HasPrefix(n, "_c_") {
			names[i] = "_c_GUID" + n[len(n)-13:]
		}
	}
	slices.Sort(names)
	g.say("children -> %v %s %v", names, goStat(s), err)
	for _, d := range []string{"/n", "/n/none", "/n/e", "/zookeeper"} {
		g.say("delete %s -> %v", d, b.Delete(d, -1))
	}
	path, err = b.Sync("/n")
	g.say("sync -> %s %v", path, err)
	s, err = b.IncrementalReconfig(nil, []string{"5"}, -1)
	g.say("reconfig -> %s %v", goStat(s), err)
}

func (g *goTranscript) acls(a, b *zk.Conn) {
	g.say("auth -> %v", a.AddAuth("digest", []byte("gus:secret")))
	_, err := a.Create("/acl", []byte("x"), 0, zk.DigestACL(zk.PermAll, "gus", "secret"))
	g.say("create -> %v", err)
	_, err = a.Create("/acl/auth", nil, 0, zk.AuthACL(zk.PermAll))
	g.say("create with auth -> %v", err)
	_, err = b.Create("/acl2", nil, 0, zk.AuthACL(zk.PermAll))
	g.say("auth without id -> %v", err)
	_, _, err = b.Get("/acl")
	g.say("not yours -> %v", err)
	acl, s, err := a.GetACL("/acl/auth")
	g.say("acl -> %v %s %v", acl, goStat(s), err)
	s, err = a.SetACL("/acl", append(zk.WorldACL(zk.PermRead), zk.DigestACL(zk.PermAll, "gus", "secret")...), 0)
	g.say("set acl -> %s %v", goStat(s), err)
	acl, _, err = b.GetACL("/acl")
	g.say("seen by others -> %v %v", acl, err)
	_, err = b.Set("/acl", nil, -1)
	g.say("not writable -> %v", err)
	g.say("auth -> %v", b.AddAuth("digest", []byte("gus:secret")))
	_, err = b.Set("/acl", nil, -1)
	g.say("writable -> %v", err)
}

func (g *goTranscript) multi(a, b *zk.Conn) {
	g.results(a.Multi(
		&zk.CreateRequest{Path: "/m", Data: []byte("1"), Acl: open},
		&zk.CreateRequest{Path: "/m/s-", Acl: open, Flags: zk.FlagSequence},
		&zk.CheckVersionRequest{Path: "/m", Version: 0},
		&zk.SetDataRequest{Path: "/m", Data: []byte("2"), Version: 0},
		&zk.DeleteRequest{Path: "/m/s-0000000000", Version: -1}))
	g.results(a.Multi(
		&zk.CreateRequest{Path: "/m/x", Acl: open},
		&zk.CheckVersionRequest{Path: "/m", Version: 99},
		&zk.DeleteRequest{Path: "/m/x", Version: -1}))
	ok, _, err := b.Exists("/m/x")
	g.say("rolled back -> %v %v", ok, err)
}

func (g *goTranscript) results(r []zk.MultiResponse, err error) {
	g.say("multi -> %v", err)
	for _, x := range r {
		g.say("  %q %s %v", x.String, goStat(x.Stat), x.Error)
	}
}

func (g *goTranscript) watches(a, b *zk.Conn) {
	_, _, exist, err := a.ExistsW("/w")
	g.say("exists -> %v", err)
	b.Create("/w", nil, 0, open)
	g.event("exists", exist)
	_, _, data, err := a.GetW("/w")
	g.say("get -> %v", err)
	_, _, kids, err := a.ChildrenW("/w")
	g.say("children -> %v", err)
	b.Create("/w/x", nil, 0, open)
	g.event("children", kids)
	b.Set("/w", []byte("x"), -1)
	g.event("data", data)
	_, _, data, _ = a.GetW("/w/x")
	_, _, kids, _ = a.ChildrenW("/w/x")
	b.Delete("/w/x", -1)
	g.event("deleted", data)
	g.event("deleted", kids)
}

func (g *goTranscript) locks(a, b *zk.Conn) {
	la, lb := zk.NewLock(a, "/locks/one", open), zk.NewLock(b, "/locks/one", open)
	g.say("lock -> %v", la.Lock())
	g.say("twice -> %v", la.Lock())
	taken := make(chan error, 1)
	go func() { taken <- lb.Lock() }()
	select {
	case <-taken:
		g.say("two have it")
	case <-time.After(300 * time.Millisecond):
	}
	g.say("unlock -> %v", la.Unlock())
	g.say("handed over -> %v", <-taken)
	g.say("unlock -> %v", lb.Unlock())
}

func (g *goTranscript) reaped(a, b *zk.Conn) {
	path, err := a.CreateContainer("/cont", nil, zk.FlagContainer, open)
	g.say("container -> %s %v", path, err)
	a.Create("/cont/x", nil, 0, open)
	_, s, gone, err := b.ExistsW("/cont")
	g.say("exists -> %s %v", goStat(s), err)
	a.Delete("/cont/x", -1)
	g.event("reaped", gone)
	path, err = a.CreateTTL("/ttl", nil, zk.FlagTTL, open, time.Second)
	g.say("ttl -> %s %v", path, err)
	_, s, gone, err = b.ExistsW("/ttl")
	g.say("exists -> %s %v", goStat(s), err)
	g.event("reaped", gone)
}

func (g *goTranscript) words(_, _ *zk.Conn) {
	servers := []string{g.server.Addr}
	g.say("ruok -> %v", zk.FLWRuok(servers, goWait))
	clients, ok := zk.FLWCons(servers, goWait)
	g.say("cons -> %v %d, error %v", ok, len(clients), clients[0].Error)
	for _, c := range clients[0].Clients {
		g.say("  last operation %s", map[bool]string{true: "known", false: "none"}[c.LastOperation != ""])
	}
}

func (g *goTranscript) catchUp(_, other *zk.Conn) {
	for _, p := range []string{"/cu", "/cu/data", "/cu/gone", "/cu/kids", "/cu/quiet"} {
		other.Create(p, nil, 0, open)
	}
	c, events := g.connect(g.proxy.Addr, 20*time.Second)
	defer c.Close()
	_, _, data, _ := c.GetW("/cu/data")
	_, _, gone, _ := c.GetW("/cu/gone")
	_, _, kids, _ := c.ChildrenW("/cu/kids")
	_, _, exist, _ := c.ExistsW("/cu/new")
	_, _, quiet, _ := c.GetW("/cu/quiet")
	id := c.SessionID()
	g.proxy.Cut()
	g.await(events, zk.StateDisconnected)
	other.Set("/cu/data", nil, -1)
	other.Delete("/cu/gone", -1)
	other.Create("/cu/kids/x", nil, 0, open)
	other.Create("/cu/new", nil, 0, open)
	g.proxy.Join()
	g.await(events, zk.StateHasSession)
	g.say("same session %v", c.SessionID() == id)
	g.event("data", data)
	g.event("gone", gone)
	g.event("children", kids)
	g.event("exists", exist)
	other.Set("/cu/quiet", nil, -1)
	g.event("armed again", quiet)
}

func (g *goTranscript) restart(_, _ *zk.Conn) {
	c, events := g.connect(g.proxy.Addr, 20*time.Second)
	defer c.Close()
	c.Create("/re", []byte("mine"), zk.FlagEphemeral, open)
	_, _, watch, _ := c.GetW("/re")
	id := c.SessionID()
	for _, end := range []func(){g.server.Stop, g.server.Kill} {
		g.server.RestartBehind(g.t, g.proxy, end)
		g.await(events, zk.StateDisconnected)
		g.await(events, zk.StateHasSession)
		data, _, err := c.Get("/re")
		g.say("same session %v, ephemeral %s %v", c.SessionID() == id, data, err)
	}
	c.Set("/re", nil, -1)
	g.event("watch", watch)
}

func (g *goTranscript) expiry(_, other *zk.Conn) {
	c, events := g.connect(g.proxy.Addr, 4*time.Second)
	defer c.Close()
	c.Create("/x", nil, zk.FlagEphemeral, open)
	_, _, gone, err := other.ExistsW("/x")
	g.say("exists -> %v", err)
	id := c.SessionID()
	g.proxy.Cut()
	g.event("ephemeral", gone)
	g.proxy.Join()
	g.await(events, zk.StateExpired)
	g.await(events, zk.StateHasSession)
	g.say("new session %v", c.SessionID() != id)
}
