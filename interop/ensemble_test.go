package interop

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// ensembleConfig is that of the client programs: containers go quickly, and there
// is a super user.
func ensembleConfig() harness.Config {
	c := clientConfig()
	c["maxSessionTimeout"] = "300000"
	return c
}

// patience bounds every wait for something that should happen soon.
const patience = time.Minute

// eventually waits until f returns "".
func eventually(t *testing.T, f func() string) {
	t.Helper()
	why := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if why = f(); why == "" {
			return
		}
	}
	t.Fatalf("still so after %v: %s", patience, why)
}

// name is how messages call a server of an ensemble.
func name(s *harness.Server) string { return fmt.Sprintf("server %d (%s)", s.ID, s.Kind) }

// want sends a request and wants this answer of it.
func (p *prober) want(want string, op raw.Op, body raw.Body) {
	p.t.Helper()
	if got := p.do(op, body); !matches(got, want) {
		p.t.Errorf("%s: %v %.60q: got %s, want %s", name(p.s), op, []byte(body), got, want)
	}
}

// sync makes the server show whatever was written before.
func (p *prober) sync() {
	p.t.Helper()
	p.want("0", raw.OpSync, raw.Path("/"))
}

// shows makes the server show a node that was written before. A leader of Apache's has the
// others commit before it applies itself, and answers sync meanwhile.
func (p *prober) shows(path string) {
	p.t.Helper()
	p.sync()
	if p.s.Kind == harness.Zabra {
		p.want("0", raw.OpExists, raw.Read(path, false))
	} else {
		p.sees(path, "0")
	}
}

// end ends the session and wants that to succeed.
func (p *prober) end() { p.t.Helper(); p.closeSession() }

// sees waits until the server answers exists of a path with the code.
func (p *prober) sees(path, code string) {
	p.t.Helper()
	eventually(p.t, func() string {
		if got := p.do(raw.OpExists, raw.Read(path, false)); !matches(got, code) {
			return fmt.Sprintf("%s: exists %s: %s instead of %s", name(p.s), path, got, code)
		}
		return ""
	})
}

// move continues the session at another server, with its password.
func (p *prober) move(to *harness.Server) *prober {
	p.t.Helper()
	p.conn.Close()
	q := &prober{t: p.t, s: to, sess: p.sess, xid: p.xid}
	if why := q.resume(); why != "" {
		p.t.Fatalf("session from %s: %s", name(p.s), why)
	}
	return q
}

// resume connects with the session's id and password. It says why the session is not
// there, or is another one.
func (p *prober) resume() string {
	conn, err := raw.Dial(p.s.Addr)
	if err != nil {
		return err.Error()
	}
	p.t.Cleanup(func() { conn.Close() })
	a, err := conn.Handshake(raw.ConnectRequest{Timeout: p.sess.Timeout, SessionID: p.sess.SessionID, Password: p.sess.Password})
	switch {
	case errors.Is(err, io.EOF):
		return name(p.s) + " closes the connection"
	case err != nil:
		return fmt.Sprintf("%s: %v", name(p.s), err)
	case a.SessionID != p.sess.SessionID:
		return fmt.Sprintf("%s: session 0x%x instead of 0x%x", name(p.s), a.SessionID, p.sess.SessionID)
	}
	p.conn = conn
	return ""
}

// shortSession opens a session that expires soon, but not between two pings, however
// busy the machine is.
func shortSession(t *testing.T, s *harness.Server) *prober { return sessionOf(t, s, 4000) }

// lastingSession opens one that outlives a test without a sign of life.
func lastingSession(t *testing.T, s *harness.Server) *prober { return sessionOf(t, s, 300_000) }

func sessionOf(t *testing.T, s *harness.Server, timeout int32) *prober {
	t.Helper()
	conn, sess, err := raw.NewSession(s.Addr, timeout)
	if err != nil {
		t.Fatalf("%s: new session: %v", name(s), err)
	}
	t.Cleanup(func() { conn.Close() })
	return &prober{t: t, s: s, conn: conn, sess: sess}
}

// dump is every node with data, ACL and Stat as a server shows it to a super user,
// who stays connected to none: a session would be a transaction between two dumps.
func dump(t *testing.T, s *harness.Server) []string {
	t.Helper()
	p := newProber(t, s)
	p.want("0", raw.OpAuth, raw.Auth("digest", []byte("super:secret")))
	p.sync()
	lines := p.dumpBelow("/", nil)
	p.end()
	return lines
}

func (p *prober) dumpBelow(path string, lines []string) []string {
	exact := raw.View{Unordered: true}
	reply := func(op raw.Op, body raw.Body) raw.Packet {
		p.xid++
		if err := p.conn.Send(p.xid, op, body); err != nil {
			p.t.Fatalf("%s: dump: %v", name(p.s), err)
		}
		k, err := p.conn.Recv()
		if err != nil {
			p.t.Fatalf("%s: dump %s: %v", name(p.s), path, err)
		}
		k.Zxid = 0
		return k
	}
	if path == "/zookeeper/config" { // every server writes its own, at its own time
		exact.Time = func(int64) string { return "t" }
	}
	data, acl := reply(raw.OpGetData, raw.Read(path, false)), reply(raw.OpGetACL, raw.Path(path))
	lines = append(lines, path+" "+exact.Reply(raw.OpGetData, data), path+" "+exact.Reply(raw.OpGetACL, acl))
	children := raw.NewReader(reply(raw.OpGetChildren, raw.Read(path, false)).Body).Strs()
	slices.Sort(children)
	for _, c := range children {
		lines = p.dumpBelow(strings.TrimSuffix(path, "/")+"/"+c, lines)
	}
	return lines
}

// agree wants the same tree on every running server, and that no Apache server has
// met a transaction after which its digest was another than the leader's.
func agree(t *testing.T, n *harness.Ensemble) {
	t.Helper()
	sameTrees(t, n)
	for _, s := range n.Running() {
		if count, counted := s.DigestMismatches(); counted && count != "0" {
			t.Errorf("%s: %s digest mismatches", name(s), count)
		}
	}
}

// sameTrees wants the same tree, where digests tell nothing: Apache counts those that differ while a
// learner of Apache's own takes in a snapshot that was sent under load.
func sameTrees(t *testing.T, n *harness.Ensemble) {
	t.Helper()
	servers := n.Running()
	newProber(t, servers[0]).end() // in an epoch without transactions servers show different zxids
	n.AwaitLevel(t)
	first := dump(t, servers[0])
	for _, s := range servers[1:] {
		if got := dump(t, s); !slices.Equal(got, first) {
			t.Errorf("%s and %s show different trees:\n%s", name(servers[0]), name(s), differences(first, got))
		}
	}
}

func differences(a, b []string) string {
	var out []string
	for _, l := range a {
		if !slices.Contains(b, l) {
			out = append(out, "  first:  "+l)
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			out = append(out, "  second: "+l)
		}
	}
	return strings.Join(out[:min(len(out), 20)], "\n")
}

// The mixes are letters for Members: the last voter leads.
var mixes = []struct{ name, members string }{
	{"two Apache under Zabra", "aaz"},
	{"Apache and Zabra under Apache", "aza"},
	{"Apache and Zabra under Zabra", "azz"},
	{"two Zabra under Apache", "zza"},
	{"three Zabra", "zzz"},
	{"Zabra observes Apache", "aaZ"},
	{"Zabra observes Zabra and Apache", "zaZ"},
	{"Apache observes Zabra", "zzA"},
	{"both observe Zabra and Apache", "azAZ"},
	{"two Apache 3.8 under Zabra", "ooz"},
	{"two Zabra under Apache 3.8", "zzo"},
	{"Apache 3.8 and 3.9 under Zabra", "oaz"},
	{"Apache 3.8 and Zabra under Apache 3.8", "ozo"},
	{"Apache 3.8 observes Zabra", "zzO"},
	{"Zabra observes Apache 3.8", "ooZ"},
}

// shortMixes run always, the others in the long form.
var shortMixes = []string{"aaz", "aza", "zza", "zzo", "zzz", "zzA", "ooz", "ooZ"}

func eachMix(t *testing.T, f func(t *testing.T, n *harness.Ensemble)) {
	t.Helper()
	env.Need(t)
	for _, m := range mixes {
		if !env.Long && !slices.Contains(shortMixes, m.members) {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			n := env.StartEnsemble(t, harness.Members(m.members), ensembleConfig())
			voters := strings.ToLower(m.members) == m.members
			if leader := n.Leader(t); voters && leader != n.Servers[len(n.Servers)-1] {
				t.Fatalf("%s leads", name(leader))
			}
			f(t, n)
			if !t.Failed() {
				agree(t, n)
			}
		})
	}
}
