package interop

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

func snapshotConfig() harness.Config {
	c := clientConfig()
	c["znode.container.checkIntervalMs"] = "3600000" // nothing vanishes by itself
	c["admin.enableServer"] = "true"
	c["admin.rateLimiterIntervalInMS"] = "0"
	return c
}

// A snapshot of Zabra's loads in Apache ZooKeeper, from its data directory.
func TestApacheLoadsZabrasSnapshot(t *testing.T) {
	env.Need(t)
	zabra := env.Start(t, env.Subject(), snapshotConfig())
	owner := fill(t, zabra)
	want := dumpAll(t, zabra)
	snapshot, zxid := takeSnapshot(t, zabra)

	apache := env.Start(t, harness.Apache, snapshotConfig())
	apache.Stop()
	dir := filepath.Join(apache.Dir, "data", "version-2")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "snapshot."+strings.TrimPrefix(zxid, "0x")), string(snapshot))
	apache.Restart(t)
	compareDumps(t, want, dumpAll(t, apache))
	resumes(t, apache, owner)
}

// A snapshot of Zabra's is restored by Apache ZooKeeper over HTTP.
func TestApacheRestoresZabrasSnapshot(t *testing.T) { restoreInto(t, env.Subject(), harness.Apache) }

// A snapshot of Apache ZooKeeper's is restored by Zabra over HTTP.
func TestZabraRestoresApachesSnapshot(t *testing.T) { restoreInto(t, harness.Apache, env.Subject()) }

func restoreInto(t *testing.T, from, to harness.Kind) {
	env.Need(t)
	source := env.Start(t, from, snapshotConfig())
	owner := fill(t, source)
	want := dumpAll(t, source)
	snapshot, _ := takeSnapshot(t, source)

	target := env.Start(t, to, snapshotConfig())
	p := newProber(t, target)
	p.do(raw.OpCreate, raw.Create("/to-be-replaced", nil, raw.Open, 0))
	resp := admin(t, target, http.MethodPost, "restore", snapshot)
	if resp.status != http.StatusOK {
		t.Fatalf("restore: %d %s", resp.status, resp.body)
	}
	compareDumps(t, want, dumpAll(t, target))
	resumes(t, target, owner)
	if to == harness.Apache {
		return // it writes nothing down: after a restart it has its old tree again
	}
	target.Stop()
	target.Restart(t)
	compareDumps(t, want, dumpAll(t, target))
}

// fill makes nodes of every kind and returns the session that owns ephemerals.
func fill(t *testing.T, s *harness.Server) *prober {
	t.Helper()
	p := newProber(t, s)
	must := func(op raw.Op, body raw.Body) {
		t.Helper()
		if got := p.do(op, body); !strings.HasPrefix(got, "0") {
			t.Fatalf("%s: %v: %s", s.Kind, op, got)
		}
	}
	must(raw.OpAuth, raw.Auth("digest", []byte("bob:builder")))
	mine := []raw.ACL{{Perms: 31, Scheme: "auth"}, {Perms: 1, Scheme: "world", ID: "anyone"}, {Perms: 4, Scheme: "ip", ID: "10.0.0.0/8"}}
	must(raw.OpCreate, raw.Create("/acl", []byte("data"), mine, 0))
	must(raw.OpCreate, raw.Create("/null", nil, raw.Open, 0))
	must(raw.OpCreate, raw.Create("/empty", []byte{}, raw.Open, 0))
	must(raw.OpCreate, raw.Create("/ünïcödé", []byte{0, 1, 0xff}, raw.Open, 0))
	must(raw.OpCreate, raw.Create("/ephemeral", []byte("alive"), raw.Open, 1))
	must(raw.OpCreateContainer, raw.Create("/container", nil, raw.Open, raw.Container))
	must(raw.OpCreateTTL, raw.CreateTTL("/ttl", nil, raw.Open, raw.PersistentTTL, 1e8))
	must(raw.OpCreate, raw.Create("/parent", nil, raw.Open, 0))
	for i := range 300 {
		must(raw.OpCreate, raw.Create("/parent/n-", bytes.Repeat([]byte("x"), i), raw.Open, 2))
	}
	for i := range 20 {
		must(raw.OpDelete, raw.PathInt(fmt.Sprintf("/parent/n-%010d", i*7), -1))
		must(raw.OpSetData, raw.SetData("/acl", []byte(fmt.Sprint("change ", i)), -1))
	}
	must(raw.OpSetACL, raw.SetACL("/parent", mine, -1))
	return p
}

// resumes wants the session to live on another server, with its password and its
// ephemeral node.
func resumes(t *testing.T, s *harness.Server, owner *prober) {
	t.Helper()
	c, err := raw.Dial(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	resp, err := c.Handshake(raw.ConnectRequest{Timeout: 30000, SessionID: owner.sess.SessionID, Password: owner.sess.Password})
	if err != nil || resp.SessionID != owner.sess.SessionID {
		t.Errorf("%s: session %x cannot be taken up: %x, %v", s.Kind, owner.sess.SessionID, resp.SessionID, err)
	}
	dump, err := s.Word("dump")
	if err != nil || !strings.Contains(dump, fmt.Sprintf("0x%x", owner.sess.SessionID)) || !strings.Contains(dump, "/ephemeral") {
		t.Errorf("%s: the session and its node are not there: %v\n%s", s.Kind, err, dump)
	}
}

type adminReply struct {
	status int
	header http.Header
	body   []byte
}

// admin asks the admin server as the super user.
func admin(t *testing.T, s *harness.Server, method, command string, body []byte) adminReply {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+s.AdminAddr+"/commands/"+command, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "digest super:secret")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return adminReply{resp.StatusCode, resp.Header, b}
}

func takeSnapshot(t *testing.T, s *harness.Server) (snapshot []byte, zxid string) {
	t.Helper()
	r := admin(t, s, http.MethodGet, "snapshot?streaming=true", nil)
	if r.status != http.StatusOK || !bytes.HasPrefix(r.body, []byte("ZKSN")) {
		t.Fatalf("%s: snapshot: %d %.200s", s.Kind, r.status, r.body)
	}
	return r.body, r.header.Get("last_zxid")
}

// dumpAll is every node with data, ACL and Stat, as a super user sees it. No
// transaction is made: the session is the connection's own.
func dumpAll(t *testing.T, s *harness.Server) []string {
	t.Helper()
	p := newProber(t, s)
	if got := p.do(raw.OpAuth, raw.Auth("digest", []byte("super:secret"))); got != "0" {
		t.Fatalf("%s: auth: %s", s.Kind, got)
	}
	var lines []string
	exact := raw.View{Zxid: nil, Unordered: true}
	var walk func(path string)
	walk = func(path string) {
		for _, op := range []raw.Op{raw.OpGetData, raw.OpGetACL} {
			k := p.packet(op, append(raw.Path(path), 0))
			k.Zxid = 0
			k.Xid = 0
			lines = append(lines, fmt.Sprintf("%q %v %s", path, op, exact.Reply(op, k)))
		}
		k := p.packet(raw.OpGetChildren, raw.Read(path, false))
		for _, name := range slices.Sorted(slices.Values(raw.NewReader(k.Body).Strs())) {
			walk(strings.TrimSuffix(path, "/") + "/" + name)
		}
	}
	walk("/")
	p.closeSession()
	return lines
}

// packet sends one request and returns the reply.
func (p *prober) packet(op raw.Op, body raw.Body) raw.Packet {
	p.t.Helper()
	p.xid++
	if err := p.conn.Send(p.xid, op, body); err != nil {
		p.t.Fatal(err)
	}
	k, err := p.conn.Recv()
	if err != nil {
		p.t.Fatalf("%s: %v: %v", p.s.Kind, op, err)
	}
	return k
}

func compareDumps(t *testing.T, want, got []string) {
	t.Helper()
	if len(want) < 500 {
		t.Errorf("only %d lines to compare", len(want))
	}
	n := 0
	for i := range max(len(want), len(got)) {
		if w, g := lineOf(want, i), lineOf(got, i); w != g {
			if n++; n <= 10 {
				t.Errorf("before: %s\nafter:  %s", w, g)
			}
		}
	}
	if n > 10 {
		t.Errorf("%d lines differ", n)
	}
}
