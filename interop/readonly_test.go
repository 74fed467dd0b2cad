package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// readOnlyConfig lets servers without a quorum serve read-only clients. Apache's do so
// only with local sessions.
func readOnlyConfig() harness.Config {
	c := ensembleConfig()
	c["readonlymode.enabled"], c["localSessionsEnabled"], c["localSessionsUpgradingEnabled"] = "true", "true", "true"
	return c
}

// isolate kills all servers but one, and waits until that one serves read-only.
func isolate(t *testing.T, n *harness.Ensemble, but *harness.Server) {
	t.Helper()
	for _, s := range n.Others(but) {
		s.Kill()
	}
	eventually(t, func() string {
		if word, err := but.Word("isro"); err != nil || word != "ro" {
			return fmt.Sprintf("%s: isro says %q, %v", name(but), word, err)
		}
		return ""
	})
}

// rejoin starts the others again, and waits until all serve.
func rejoin(t *testing.T, n *harness.Ensemble) {
	t.Helper()
	for _, s := range slices.Backward(n.Servers) {
		if !s.Running() {
			if err := s.Launch(); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, func() string {
		for _, s := range n.Servers {
			if mode := s.Mode(); mode == "" || mode == "read-only" {
				return name(s) + " is " + mode
			}
		}
		return ""
	})
	n.Await(t)
}

// knock says how a server answers a handshake, and returns the session if it gives one.
func (y *story) knock(what string, q raw.ConnectRequest) (p *prober) {
	y.t.Helper()
	conn, err := raw.Dial(y.s.Addr)
	if err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(func() { conn.Close() })
	if q.Password == nil {
		q.Password = make([]byte, raw.PasswordLen)
	}
	a, err := conn.Handshake(q)
	switch {
	case err != nil:
		y.say("%s: %v", what, err)
	case a.SessionID == 0:
		y.say("%s: refused, timeout %d, %d bytes, read-only %v", what, a.Timeout, a.Len, a.ReadOnly)
	default:
		y.say("%s: timeout %d, %d bytes, read-only %v, the same session %v", what, a.Timeout, a.Len, a.ReadOnly, a.SessionID == q.SessionID)
		return &prober{t: y.t, s: y.s, conn: conn, sess: a}
	}
	conn.Close()
	return nil
}

// simply says what is answered, and whether the reply bears the server's last zxid.
func (y *story) simply(p *prober, op raw.Op, body raw.Body) {
	y.t.Helper()
	p.xid++
	if err := p.conn.Send(p.xid, op, body); err != nil {
		y.t.Fatal(err)
	}
	k, err := p.conn.Recv()
	if err != nil || k.Xid != p.xid {
		y.say("%v: xid %d, %v", op, k.Xid-p.xid, err)
		return
	}
	y.say("%v: %s, last zxid %v", op, p.short(op, k), k.Zxid == y.s.Zxid())
}

// readOnlyStory is what the server shows that is left alone.
func readOnlyStory(t *testing.T, n *harness.Ensemble, s *harness.Server) []string {
	t.Helper()
	y := &story{t: t, s: s}
	at := own(s, "ro")
	global, local := lastingSession(t, s), lastingSession(t, s)
	global.want("0", raw.OpCreate, create(at))
	global.want("0", raw.OpCreate, flags(at+"/e", raw.Ephemeral))
	global.want("0", raw.OpSetData, raw.SetData(at, []byte("x"), 0))
	isolate(t, n, s)
	y.gone(global)
	y.gone(local)

	y.words()
	y.handshakes(global, local)
	p := y.knock("read-only client", raw.ConnectRequest{Timeout: 30_000, ReadOnly: true})
	y.reads(p, at)
	y.writes(p, at)
	y.word("cons", append(zxids, mask(`queued=N,recved=\d+,sent=\d+`, "counts", `lcxid=0x\w+`, "lcxid=X")...)...)
	y.word("wchs")
	y.lives(p)

	last := y.knock("one more", raw.ConnectRequest{Timeout: 30_000, ReadOnly: true})
	rejoin(t, n)
	y.gone(last)
	y.word("isro")
	y.knock("a read-only session later", raw.ConnectRequest{Timeout: 30_000, SessionID: last.sess.SessionID, Password: last.sess.Password, ReadOnly: true})
	if q := y.knock("the global session later", raw.ConnectRequest{Timeout: 30_000, SessionID: global.sess.SessionID, Password: global.sess.Password}); q != nil {
		y.simply(q, raw.OpGetEphemerals, raw.Path("/"))
		q.end()
	}
	w := y.knock("a read-only client later", raw.ConnectRequest{Timeout: 30_000, ReadOnly: true})
	y.simply(w, raw.OpCreate, create(at+"/after"))
	w.end()
	return y.lines
}

func (y *story) words() {
	y.t.Helper()
	y.word("isro")
	// Who has hung up may be counted a moment longer.
	moments := mask(`Zxid: \w+`, "Zxid: Z", `Latency.*`, "Latency", `Connections: \d+`, "Connections: N")
	y.word("srvr", moments...)
	y.word("stat", moments...)
	y.word("dump", sessionsOnly...)
	y.word("conf", mask(`Port=[\d|]+`, "Port=N", `serverId=\d`, "serverId=N")...)
	m := monitor(y.t, y.s)
	for _, key := range []string{
		"zk_server_state", "zk_peer_state", "zk_global_sessions", "zk_local_sessions", "zk_ephemerals_count", "zk_znode_count",
		"zk_outstanding_requests", "zk_quorum_size", "zk_learners", "zk_synced_followers", "zk_leader_uptime",
	} {
		y.say("%s %q", key, m[key])
	}
}

// handshakes tries all that a client may want to begin or to go on with.
func (y *story) handshakes(global, local *prober) {
	y.t.Helper()
	wrong := make([]byte, raw.PasswordLen)
	for _, client := range []struct {
		name              string
		noByte, canBeRead bool
	}{{"old client", true, false}, {"writer", false, false}, {"reader", false, true}} {
		for _, q := range []struct {
			name string
			raw.ConnectRequest
		}{
			{"new session", raw.ConnectRequest{}},
			{"global session", raw.ConnectRequest{SessionID: global.sess.SessionID, Password: global.sess.Password}},
			{"global session, wrong password", raw.ConnectRequest{SessionID: global.sess.SessionID, Password: wrong}},
			{"local session", raw.ConnectRequest{SessionID: local.sess.SessionID, Password: local.sess.Password}},
			{"local session, wrong password", raw.ConnectRequest{SessionID: local.sess.SessionID, Password: wrong}},
			{"unknown session", raw.ConnectRequest{SessionID: 0x7712345678, Password: wrong}},
			{"client that knows more", raw.ConnectRequest{LastZxidSeen: 1 << 60}},
		} {
			q.NoReadOnly, q.ReadOnly, q.Timeout = client.noByte, client.canBeRead, 30_000
			if p := y.knock(client.name+", "+q.name, q.ConnectRequest); p != nil {
				p.end()
			}
		}
	}
}

func (y *story) reads(p *prober, at string) {
	y.t.Helper()
	y.simply(p, raw.OpExists, raw.Read(at, true))
	y.simply(p, raw.OpExists, raw.Read(at+"/none", false))
	y.simply(p, raw.OpGetData, raw.Read(at, true))
	y.simply(p, raw.OpGetData, raw.Read(at+"/e", false))
	y.simply(p, raw.OpGetACL, raw.Path(at))
	y.simply(p, raw.OpGetChildren, raw.Read(at, true))
	y.simply(p, raw.OpGetChildren2, raw.Read(at, false))
	y.simply(p, raw.OpGetAllChildrenNumber, raw.Path(at))
	y.simply(p, raw.OpGetEphemerals, raw.Path("/"))
	y.simply(p, raw.OpMultiRead, raw.Multi(sub(raw.OpGetData, raw.Read(at, false)), sub(raw.OpGetChildren, raw.Read("/none", false))))
	y.simply(p, raw.OpAddWatch, raw.PathInt(at, 1))
	y.simply(p, raw.OpCheckWatches, raw.PathInt(at, 2))
	y.simply(p, raw.OpRemoveWatches, raw.PathInt(at, 3))
	y.simply(p, raw.OpSetWatches, raw.SetWatches(0, []string{}, []string{}, []string{}))
	y.simply(p, raw.OpWhoAmI, nil)
}

// writes are all refused in the same way, whatever is in them.
func (y *story) writes(p *prober, at string) {
	y.t.Helper()
	for _, w := range []raw.SubOp{
		sub(raw.OpCreate, create(at+"/w")), sub(raw.OpCreate, flags(at+"/w", raw.Ephemeral)), sub(raw.OpCreate2, create(at+"/w")),
		sub(raw.OpCreateContainer, flags(at+"/w", raw.Container)), sub(raw.OpCreateTTL, raw.CreateTTL(at+"/w", nil, raw.Open, raw.PersistentTTL, 1)),
		sub(raw.OpDelete, raw.PathInt(at, -1)), sub(raw.OpSetData, raw.SetData(at, nil, -1)), sub(raw.OpSetACL, raw.SetACL(at, raw.Open, -1)),
		sub(raw.OpSync, raw.Path(at)), sub(raw.OpMulti, raw.Multi()), sub(raw.OpMulti, raw.Multi(sub(raw.OpCheck, raw.PathInt(at, -1)))),
		sub(raw.OpReconfig, raw.Body{}.Null().Null().Null().Long(-1)), sub(raw.OpSetData, raw.Body("nothing")), sub(raw.OpCreate, nil),
	} {
		y.simply(p, w.Op, w.Body)
	}
	y.simply(p, raw.OpGetData, raw.Read(at, false))
}

// lives says how a session of a read-only server goes on and ends.
func (y *story) lives(p *prober) {
	y.t.Helper()
	resume := raw.ConnectRequest{Timeout: 30_000, SessionID: p.sess.SessionID, Password: p.sess.Password, ReadOnly: true}
	y.knock("resumed", resume)
	y.gone(p)
	writer := resume
	writer.ReadOnly = false
	y.knock("resumed by a writer", writer)
	wrong := resume
	wrong.Password = make([]byte, raw.PasswordLen)
	y.knock("resumed with a wrong password", wrong)
	q := y.knock("resumed again", resume)
	y.simply(q, raw.OpCloseSession, nil)
	y.gone(q)
	y.knock("resumed when closed", resume)
	e := y.knock("short session", raw.ConnectRequest{Timeout: briefly, ReadOnly: true})
	y.brief = e
	y.say("expires: %s", y.expires())
	y.knock("resumed when expired", raw.ConnectRequest{Timeout: briefly, SessionID: e.sess.SessionID, Password: e.sess.Password, ReadOnly: true})
}

// A server without a quorum is to its clients what Apache's is, a voter as well as an
// observer.
func TestReadOnlyServers(t *testing.T) {
	env.Need(t)
	sameStories(t, "aaA", []string{"zzZ", "zaZ"}, func(t *testing.T, members string) map[string][]string {
		n := env.StartEnsemble(t, harness.Members(members), readOnlyConfig())
		stories := map[string][]string{
			"follower": readOnlyStory(t, n, n.Servers[0]),
			"observer": readOnlyStory(t, n, n.Servers[2]),
		}
		agree(t, n)
		return stories
	})
}

// Clients that can do with reads find a server that serves them so, and come back for
// more when there is a quorum again.
func TestReadOnlyClients(t *testing.T) {
	env.Need(t)
	sameStories(t, "aaa", []string{"zzz", "zaz"}, func(t *testing.T, members string) map[string][]string {
		n := env.StartEnsemble(t, harness.Members(members), readOnlyConfig())
		programs := map[string]*harness.Program{
			"kazoo": env.PythonWith(n.Servers[0], "kazoo_readonly.py", n.Addrs()),
			"java":  env.JavaWith(n.Servers[0], "zabra.interop.ReadOnlyClient", n.Addrs()),
		}
		stories := map[string][]string{}
		for who, p := range programs {
			p.At("isolate", func() error {
				n.AwaitLevel(t) // else the one that is left may not have heard of the last write
				isolate(t, n, n.Servers[0])
				return nil
			})
			p.At("rejoin", func() error { rejoin(t, n); return nil })
			stories[who] = p.Run(t)
		}
		return stories
	})
}

// A read-only server shows nothing that a quorum has not decided, though it be in its
// own log, and also when it has just started.
func TestReadOnlyShowsOnlyWhatIsDecided(t *testing.T) {
	env.Need(t)
	if env.Subject() != harness.Zabra {
		t.Skip("it is about what Zabra notes")
	}
	c := readOnlyConfig()
	c["syncLimit"] = "20"
	n := env.StartEnsemble(t, harness.Members("zzz"), c)
	leader := n.Leader(t)
	p := lastingSession(t, leader)
	p.want("0", raw.OpCreate, raw.Create("/n", []byte("decided"), raw.Open, raw.Persistent))
	eventually(t, func() string { // for the restart
		last := leader.Zxid()
		note, err := os.ReadFile(filepath.Join(leader.Dir, "data", "zabra-decided"))
		if err != nil || last == 0 || !strings.HasPrefix(string(note), fmt.Sprintf("0x%x ", last)) {
			return fmt.Sprintf("0x%x is noted as %q, %v", last, note, err)
		}
		return ""
	})
	for _, s := range n.Others(leader) { // they take nothing in, and do not hang up either
		s.Pause(t)
	}
	if err := p.conn.Send(77, raw.OpSetData, raw.SetData("/n", []byte("undecided"), -1)); err != nil {
		t.Fatal(err)
	}
	if err := p.conn.Send(78, raw.OpCreate, create("/undecided")); err != nil {
		t.Fatal(err)
	}
	isolate(t, n, leader)
	y := &story{t: t, s: leader}
	shows := func(when string) {
		t.Helper()
		r := y.knock(when, raw.ConnectRequest{Timeout: 30_000, ReadOnly: true})
		r.want("-101", raw.OpExists, raw.Read("/undecided", false))
		if got := r.do(raw.OpGetData, raw.Read("/n", false)); !strings.Contains(got, `"decided"`) {
			t.Errorf("%s: /n is %s", when, got)
		}
		r.end()
	}
	shows("when the quorum is lost")
	if k, err := p.conn.Recv(); err == nil {
		t.Errorf("the write was answered: %+v", k)
	}
	leader.Kill()
	if err := leader.Launch(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string { word, _ := leader.Word("isro"); return strings.TrimPrefix(word, "ro") })
	eventually(t, func() string {
		if leader.Mode() != "read-only" {
			return "it is " + leader.Mode()
		}
		return ""
	})
	shows("after a restart")
	rejoin(t, n)
	q := newProber(t, leader)
	q.want("0", raw.OpCreate, create("/later")) // in an epoch without transactions servers show different zxids
	q.end()
	agree(t, n)
}
