package interop

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// A story is what one server of an ensemble answers to a script, as lines that are the
// same on every right server.
type story struct {
	t     *testing.T
	s     *harness.Server
	other *harness.Server
	still *prober // a session that asks for nothing that anybody could notice
	brief *prober // one that would expire soon, if what is told of it took long
	lines []string
}

// briefly is the timeout of a session that is to expire, in milliseconds, but not between
// two pings, however busy the machine is.
const briefly = 4000

func (y *story) say(format string, args ...any) {
	y.lines = append(y.lines, fmt.Sprintf(format, args...))
}

// zxid is what the server has applied when all that came before is applied.
func (y *story) zxid() int64 {
	y.t.Helper()
	y.still.sync()
	y.keepAlive()
	zxid := y.s.Zxid()
	y.keepAlive()
	return zxid
}

// keepAlive keeps the brief session from expiring while it is told of, on a busy machine.
func (y *story) keepAlive() {
	y.t.Helper()
	if y.brief != nil && !y.brief.ping() {
		y.t.Fatalf("%s: a session of %d ms expired between two pings", name(y.s), briefly)
	}
}

// tell runs f and says what came of it, and how many transactions that took.
func (y *story) tell(what string, f func() string) {
	y.t.Helper()
	before := y.zxid()
	got := f()
	y.say("%s: %s, %d transactions", what, got, y.zxid()-before)
}

// ask sends a request and says what is answered.
func (y *story) ask(p *prober, what string, op raw.Op, body raw.Body) {
	y.t.Helper()
	y.tell(what, func() string {
		got := p.do(op, body)
		y.applies(p.seen)
		return got
	})
}

// applies waits until a server of Apache's has applied what another one has answered: a
// leader of Apache's has the others commit before it applies itself, and answers sync
// meanwhile. Ours does not.
func (y *story) applies(zxid int64) {
	y.t.Helper()
	if y.s.Kind == harness.Zabra {
		return
	}
	eventually(y.t, func() string {
		if now := y.s.Zxid(); now < zxid {
			return fmt.Sprintf("%s is at 0x%x, and not at 0x%x", name(y.s), now, zxid)
		}
		return ""
	})
}

// open opens a session.
func (y *story) open(timeout int32) (p *prober) {
	y.t.Helper()
	y.tell("open", func() string {
		if p = sessionOf(y.t, y.s, timeout); timeout == briefly {
			y.brief = p
		}
		return fmt.Sprintf("timeout %d, %d bytes, read-only %v", p.sess.Timeout, p.sess.Len, p.sess.ReadOnly)
	})
	y.counts()
	return p
}

// expires lets the brief session expire, and returns what its connection is told last.
//
// A server of Apache's ends a connection that has been silent for the session's timeout,
// too, at the next multiple of ten seconds of its own clock. That may be before it ends
// the session, which is then waited for.
func (y *story) expires() string {
	y.t.Helper()
	y.keepAlive()
	before := sessions(y.t, y.s)
	y.keepAlive()
	k, err := y.brief.conn.Recv()
	y.brief.conn.Close()
	y.brief = nil
	if y.s.Kind != harness.Zabra {
		eventually(y.t, func() string {
			if now := sessions(y.t, y.s); now >= before {
				return fmt.Sprintf("%s knows %d sessions, and knew %d", name(y.s), now, before)
			}
			return ""
		})
	}
	return fmt.Sprintf("the connection ends: %v %v", err, k.Err)
}

// sessions is how many the server knows.
func sessions(t *testing.T, s *harness.Server) (n int) {
	t.Helper()
	m := monitor(t, s)
	for _, kind := range []string{"zk_local_sessions", "zk_global_sessions"} {
		count, err := strconv.Atoi(m[kind])
		if err != nil {
			t.Fatalf("%s: %s: %v", name(s), kind, err)
		}
		n += count
	}
	return n
}

// counts says how many sessions of each kind the server knows.
func (y *story) counts() {
	y.t.Helper()
	y.keepAlive()
	m := monitor(y.t, y.s)
	y.say("%s local and %s global sessions, %s ephemeral nodes", m["zk_local_sessions"], m["zk_global_sessions"], m["zk_ephemerals_count"])
}

// comeBack continues a session at a server and says what happens.
func (y *story) comeBack(p *prober, what string, at *harness.Server, wrong bool) (q *prober) {
	y.t.Helper()
	y.tell(what, func() string {
		conn, err := raw.Dial(at.Addr)
		if err != nil {
			y.t.Fatal(err)
		}
		y.t.Cleanup(func() { conn.Close() })
		passwd := slices.Clone(p.sess.Password)
		if wrong {
			passwd[3]++
		}
		a, err := conn.Handshake(raw.ConnectRequest{Timeout: p.sess.Timeout, SessionID: p.sess.SessionID, Password: passwd})
		switch {
		case err != nil:
			return err.Error()
		case a.SessionID == 0:
			return fmt.Sprintf("refused, timeout %d, %d bytes", a.Timeout, a.Len)
		case a.SessionID != p.sess.SessionID:
			return "another session"
		}
		q = &prober{t: y.t, s: at, conn: conn, sess: a, xid: p.xid}
		return fmt.Sprintf("resumed, timeout %d", a.Timeout)
	})
	return q
}

// gone says what a connection is told last.
func (y *story) gone(p *prober) {
	y.t.Helper()
	k, err := p.conn.Recv()
	y.say("the connection ends: %v %v", err, k.Err)
	p.conn.Close()
}

// burst sends requests without waiting, and says what is answered.
func (y *story) burst(p *prober, ops ...raw.SubOp) {
	y.t.Helper()
	y.tell("burst", func() string { return strings.Join(p.pipeline(ops), "; ") })
}

// upgradingBurst is one in which the first requests lead to an upgrade. A learner of
// Apache's is waited for there: it drops a request that it looks at just when the new
// global session is committed, since that is neither upgrading any more nor was global
// a moment before.
func (y *story) upgradingBurst(p *prober, upgrade []raw.SubOp, more ...raw.SubOp) {
	y.t.Helper()
	if y.s.Kind == harness.Zabra {
		y.burst(p, append(upgrade, more...)...)
		return
	}
	y.tell("burst", func() string { return strings.Join(append(p.pipeline(upgrade), p.pipeline(more)...), "; ") })
}

// pipeline sends requests without waiting, and returns what is answered.
func (p *prober) pipeline(ops []raw.SubOp) (got []string) {
	p.t.Helper()
	first := p.xid + 1
	for _, op := range ops {
		p.xid++
		if err := p.conn.Send(p.xid, op.Op, op.Body); err != nil {
			p.t.Fatal(err)
		}
	}
	for i, op := range ops {
		got = append(got, fmt.Sprintf("%v %s", op.Op, p.answer(op.Op, first+int32(i))))
	}
	return got
}

// word says what a four-letter word answers, without what differs.
func (y *story) word(word string, rules ...maskRule) {
	y.t.Helper()
	text, err := y.s.Word(word)
	if err != nil {
		y.t.Fatal(err)
	}
	for _, m := range slices.Concat(always, timing, rules) {
		text = m.re.ReplaceAllString(text, m.with)
	}
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	y.say("%s: %q", strings.TrimSpace(word), lines)
}

var sessionsOnly = []maskRule{
	{regexp.MustCompile(`(?s)ephemeral nodes dump:.*`), ""},
	{regexp.MustCompile(`(\d+) expire at DATE:`), "some expire:"},
	{regexp.MustCompile(`Session Sets \(\d+\)/\((\d+)\)`), "Session Sets ($1)"},
	{regexp.MustCompile(`(some expire:\n)+`), ""},
}

var zxids = []maskRule{{regexp.MustCompile(`(lzxid)=(0x[0-9a-f]+|SESSION)`), "$1=Z"}}

func sub(op raw.Op, body raw.Body) raw.SubOp { return raw.SubOp{Op: op, Body: body} }

// localStory is what a server with local sessions shows to its clients.
func localStory(t *testing.T, s, other *harness.Server) []string {
	t.Helper()
	y := &story{t: t, s: s, other: other, still: lastingSession(t, s)}
	at := own(s, "local")
	y.still.sync() // of what was written through others before
	y.counts()
	p := y.open(30_000)
	y.word("cons", append(zxids, mask(`queued=N,recved=\d+,sent=\d+,sid=SESSION,lop=SYNC[^)]*`, "")...)...)
	y.word("dump", sessionsOnly...)
	y.ask(p, "create", raw.OpCreate, create(at))
	y.ask(p, "create2", raw.OpCreate2, create(at+"/a"))
	y.ask(p, "create again", raw.OpCreate, create(at+"/a"))
	y.ask(p, "sequence", raw.OpCreate, flags(at+"/s-", raw.PersistentSequential))
	y.ask(p, "container", raw.OpCreateContainer, flags(at+"/c", raw.Container))
	y.ask(p, "TTL", raw.OpCreateTTL, raw.CreateTTL(at+"/t", nil, raw.Open, raw.PersistentTTL, 1e9))
	y.ask(p, "setData", raw.OpSetData, raw.SetData(at+"/a", []byte("x"), 0))
	y.ask(p, "setACL", raw.OpSetACL, raw.SetACL(at+"/a", raw.Open, 0))
	y.ask(p, "getData", raw.OpGetData, raw.Read(at+"/a", true))
	y.ask(p, "multi", raw.OpMulti, raw.Multi(
		sub(raw.OpCreate, create(at+"/m")), sub(raw.OpCheck, raw.PathInt(at+"/m", 0)), sub(raw.OpSetData, raw.SetData(at+"/a", nil, 1))))
	y.ask(p, "failed multi", raw.OpMulti, raw.Multi(sub(raw.OpCheck, raw.PathInt(at+"/m", 7)), sub(raw.OpDelete, raw.PathInt(at+"/m", -1))))
	y.ask(p, "sync", raw.OpSync, raw.Path(at))
	y.ask(p, "delete", raw.OpDelete, raw.PathInt(at+"/m", -1))
	y.ask(p, "bad flags", raw.OpCreate, flags(at+"/bad", 77))
	y.ask(p, "ephemerals", raw.OpGetEphemerals, raw.Path("/"))
	y.ask(p, "auth and whoami", raw.OpWhoAmI, nil)
	y.comeBack(p, "elsewhere", other, false)
	y.comeBack(p, "elsewhere, wrong password", other, true)
	q := y.comeBack(p, "here", s, false)
	y.gone(p)
	y.comeBack(q, "here, wrong password", s, true)
	q = y.comeBack(q, "here again", s, false)
	y.ask(q, "setData", raw.OpSetData, raw.SetData(at+"/a", []byte("y"), -1))
	y.ask(q, "close", raw.OpCloseSession, nil)
	y.gone(q)
	y.counts()
	y.comeBack(q, "closed", s, false)

	b := y.open(30_000)
	y.burst(b, sub(raw.OpCreate, create(at+"/b")), sub(raw.OpGetData, raw.Read(at+"/b", false)), sub(raw.OpSetData, raw.SetData(at+"/b", nil, 5)),
		sub(raw.OpDelete, raw.PathInt(at+"/b", 0)), sub(raw.OpCloseSession, nil))
	y.gone(b)
	y.counts()

	e := y.open(briefly)
	y.say("expires: %s", y.expires())
	y.counts()
	y.comeBack(e, "expired", s, false)
	y.ephemerals(at)
	y.still.end()
	return y.lines
}

// ephemerals is the part of the story about ephemeral nodes.
func (y *story) ephemerals(at string) {
	y.t.Helper()
	for i, c := range []raw.SubOp{
		sub(raw.OpCreate, flags(at+"/e0", raw.Ephemeral)),
		sub(raw.OpCreate2, flags(at+"/e1", raw.Ephemeral)),
		sub(raw.OpCreate, flags(at+"/e2-", raw.EphemeralSequential)),
		sub(raw.OpCreate, flags(at+"/none/e", raw.Ephemeral)),
		sub(raw.OpMulti, raw.Multi(sub(raw.OpCreate, create(fmt.Sprint(at, "/p"))), sub(raw.OpCreate2, flags(at+"/e4", raw.Ephemeral)),
			sub(raw.OpDelete, raw.PathInt(at+"/p", -1)))),
		sub(raw.OpMulti, raw.Multi(sub(raw.OpCreate, flags(at+"/e5", raw.Ephemeral)), sub(raw.OpDelete, raw.PathInt(at+"/none", -1)))),
		sub(raw.OpMulti, raw.Multi(sub(raw.OpDelete, raw.PathInt(at+"/none", -1)), sub(raw.OpCreate, flags(at+"/e6", raw.Ephemeral)))),
	} {
		y.say("-- %d", i)
		p := y.open(30_000)
		y.ask(p, "before", raw.OpSetData, raw.SetData(at+"/a", nil, -1))
		y.ask(p, "ephemeral", c.Op, c.Body)
		y.counts()
		y.word("dump", sessionsOnly...)
		y.ask(p, "again", raw.OpCreate, flags(at+"/again", raw.Ephemeral))
		y.ask(p, "ephemerals", raw.OpGetEphemerals, raw.Path("/"))
		y.ask(p, "after", raw.OpSetData, raw.SetData(at+"/a", nil, -1))
		y.counts()
		if q := y.comeBack(p, "elsewhere", y.other, false); q != nil {
			q.want("0", raw.OpSync, raw.Path("/"))
			y.ask(q, "there", raw.OpCreate, flags(at+"/there", raw.Ephemeral))
			p = q
		}
		y.ask(p, "close", raw.OpCloseSession, nil)
		p.conn.Close()
		y.counts()
	}
	p := y.open(30_000)
	y.upgradingBurst(p, []raw.SubOp{sub(raw.OpSetData, raw.SetData(at+"/a", nil, -1)), sub(raw.OpCreate, flags(at+"/f", raw.Ephemeral))},
		sub(raw.OpExists, raw.Read(at+"/f", true)), sub(raw.OpCreate, flags(at+"/g", raw.Ephemeral)),
		sub(raw.OpGetEphemerals, raw.Path("/")), sub(raw.OpSync, raw.Path("/")), sub(raw.OpCloseSession, nil))
	y.gone(p)
	y.counts()
	e := y.open(briefly)
	y.ask(e, "ephemeral", raw.OpCreate, flags(at+"/x", raw.Ephemeral))
	y.tell("expires", y.expires)
	y.counts()
	y.comeBack(e, "expired", y.s, false)
}

// tellAll runs the story at each server of an ensemble, of which the second leads and
// the third observes.
func tellAll(t *testing.T, members string, c harness.Config, f func(t *testing.T, s, other *harness.Server) []string) map[string][]string {
	t.Helper()
	n := env.StartEnsemble(t, harness.Members(members), c)
	stories := map[string][]string{}
	for i, s := range n.Servers {
		role := []string{"follower", "leader", "observer"}[i]
		eventually(t, func() string {
			if mode := s.Mode(); mode != role {
				return fmt.Sprintf("%s is %q and not the %s", name(s), mode, role)
			}
			return ""
		})
		stories[role] = f(t, s, n.Servers[(i+1)%len(n.Servers)])
	}
	agree(t, n)
	return stories
}

// Local sessions are to their clients what they are in ensembles of Apache's, whether
// they are upgraded or not, at whichever server and under whichever leader.
func TestLocalSessions(t *testing.T) {
	env.Need(t)
	for _, upgrade := range []string{"true", "false"} {
		t.Run("upgrade "+upgrade, func(t *testing.T) {
			c := ensembleConfig()
			c["localSessionsEnabled"], c["localSessionsUpgradingEnabled"] = "true", upgrade
			sameStories(t, "aaA", []string{"zzZ", "zaZ", "azA"}, func(t *testing.T, members string) map[string][]string {
				return tellAll(t, members, c, localStory)
			})
		})
	}
}

// sameStories wants the ensembles to tell what the peer's tells.
func sameStories(t *testing.T, peer string, subjects []string, tell func(t *testing.T, members string) map[string][]string) {
	t.Helper()
	var mu sync.Mutex
	all := map[string]map[string][]string{}
	t.Run("tell", func(t *testing.T) {
		for _, m := range append([]string{peer}, subjects...) {
			t.Run(m, func(t *testing.T) {
				t.Parallel()
				got := tell(t, m)
				mu.Lock()
				all[m] = got
				mu.Unlock()
			})
		}
	})
	for _, m := range subjects {
		for _, who := range slices.Sorted(maps.Keys(all[peer])) {
			t.Run(m+" "+who, func(t *testing.T) { compareTranscripts(t, all[peer][who], all[m][who]) })
		}
	}
}
