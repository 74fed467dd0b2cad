package server_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
)

// A reply of the admin server.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// ask sends one request to the admin server; credentials may be empty.
func (s *site) ask(t *testing.T, method, path, credentials string, body io.Reader) reply {
	t.Helper()
	return s.askWith(t, http.DefaultClient, method, "http://"+s.webAddr("admin")+path, credentials, body)
}

func (s *site) askWith(t *testing.T, c *http.Client, method, url, credentials string, body io.Reader) reply {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if credentials != "" {
		req.Header.Set("Authorization", credentials)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, b}
}

const asSuper = "digest " + superPassword

// Every command of ZooKeeper's, by HTTP, on a server with something to tell.
func TestAdminCommands(t *testing.T) {
	s := startSite(t, superLine, "admin.rateLimiterIntervalInMS=0")
	c := s.client()
	c.create("/n", "data", wire.ModePersistent)
	c.create("/e", "data", wire.ModeEphemeral)
	c.do(wire.OK, wire.OpGetData, &wire.PathWatchRequest{Path: "/n", Watch: true}, nil)
	id := fmt.Sprint(int64(c.Session))
	for command, holds := range map[string][]string{
		"configuration":                  {`"tick_time" : 500`, `"max_client_cnxns" : 0`},
		"connections":                    {id, `"last_operation" : "GETD"`},
		"connection_stat_reset":          {},
		"dirs":                           {`"datadir_size"`, `"logdir_size"`},
		"dump":                           {id, `"/e"`},
		"environment":                    {`"zookeeper.version" : "3.9.5-`},
		"get_trace_mask":                 {`"tracemask"`},
		"hash":                           {},
		"initial_configuration":          {"tickTime=500"},
		"is_read_only":                   {`"read_only" : false`},
		"last_snapshot":                  {},
		"monitor":                        {`"znode_count" : 7`, `"server_state" : "standalone"`},
		"observer_connection_stat_reset": {},
		"observers":                      {},
		"ruok":                           {},
		"server_stats":                   {`"server_state" : "standalone"`, `"node_count" : 7`},
		"set_trace_mask":                 {},
		"stat_reset":                     {},
		"stats":                          {`"remote_socket_address"`},
		"system_properties":              {`"zookeeper.tickTime" : "500"`},
		"voting_view":                    {},
		"watch_summary":                  {`"num_total_watches" : 1`},
		"watches":                        {id, `"/n"`},
		"watches_by_path":                {id, `"/n"`},
		"zabstate":                       {`"zabstate"`},
	} {
		r := s.ask(t, http.MethodGet, "/commands/"+command, "", nil)
		var fields map[string]any
		if err := json.Unmarshal(r.body, &fields); err != nil || r.status != http.StatusOK {
			t.Errorf("%s: status %d, %v: %s", command, r.status, err, r.body)
			continue
		}
		if fields["command"] != command {
			t.Errorf("%s: answers as %v", command, fields["command"])
		}
		if e, ok := fields["error"]; !ok || e != nil && command != "set_trace_mask" {
			t.Errorf("%s: error is %v", command, e)
		}
		for _, text := range holds {
			if !strings.Contains(string(r.body), text) {
				t.Errorf("%s: lacks %s:\n%s", command, text, r.body)
			}
		}
	}
	if list := string(s.ask(t, http.MethodGet, "/commands", "", nil).body); !strings.Contains(list, "/commands/watches_by_path") {
		t.Errorf("the list of commands lacks some:\n%s", list)
	}
	if r := s.ask(t, http.MethodGet, "/commands/no-such-command", "", nil); !strings.Contains(string(r.body), "Unknown command") {
		t.Errorf("an unknown command: %d %s", r.status, r.body)
	}
}

// The commands that move data ask for an identity with all rights on the root.
func TestAdminAuthorization(t *testing.T) {
	s := startSite(t, superLine, "admin.rateLimiterIntervalInMS=0")
	s.superClient().do(wire.OK, wire.OpSetACL, &wire.SetACLRequest{Path: "/", Version: -1, ACL: []wire.ACL{
		{Perms: wire.PermAll &^ wire.PermAdmin, ID: wire.ID{Scheme: "digest", ID: digestID("eve:dropper")}},
		{Perms: wire.PermAll, ID: wire.ID{Scheme: "digest", ID: digestID("bob:builder")}},
	}}, nil)
	snapshot := s.ask(t, http.MethodGet, "/commands/snapshot", asSuper, nil)
	for _, command := range []struct{ method, path string }{
		{http.MethodGet, "/commands/snapshot"}, {http.MethodPost, "/commands/restore"}, {http.MethodPost, "/commands/shed_connections"},
	} {
		for credentials, want := range map[string]int{
			"": 401, "digest": 401, "nobody-knows x": 401, "digest two words": 401, "world anyone": 401, "x509": 401, "sasl bob": 401,
			"digest carol:none": 403, "digest eve:dropper": 403, "ip": 403, "digest bob:builder": 200,
		} {
			body := snapshot.body
			if command.path == "/commands/shed_connections" {
				body = []byte(`{"percentage": 0}`)
			}
			if got := s.ask(t, command.method, command.path, credentials, bytes.NewReader(body)); got.status != want {
				t.Errorf("%s as %q: %d, want %d: %.100s", command.path, credentials, got.status, want, got.body)
			}
		}
	}
}

func TestAdminRateLimit(t *testing.T) {
	s := startSite(t, superLine)
	if got := s.ask(t, http.MethodGet, "/commands/snapshot?streaming=false", asSuper, nil); got.status != http.StatusOK {
		t.Fatalf("the first: %d %s", got.status, got.body)
	}
	for range 3 {
		if got := s.ask(t, http.MethodGet, "/commands/snapshot", asSuper, nil); got.status != http.StatusTooManyRequests {
			t.Errorf("another at once: %d, want 429", got.status)
		}
	}
	if got := value(scrape(t, "http://"+s.webAddr("admin")+"/metrics")["snapshot_rate_limited_count"], ""); got != 3 {
		t.Errorf("snapshot_rate_limited_count is %v", got)
	}
}

func TestAdminSwitches(t *testing.T) {
	s := startSite(t, superLine, "admin.snapshot.enabled=false", "admin.restore.enabled=false", "admin.commandURL=/zk")
	if got := s.ask(t, http.MethodGet, "/zk/snapshot", asSuper, nil); got.status != http.StatusServiceUnavailable {
		t.Errorf("snapshot: %d, want 503", got.status)
	}
	if got := s.ask(t, http.MethodPost, "/zk/restore", asSuper, strings.NewReader("")); got.status != http.StatusServiceUnavailable {
		t.Errorf("restore: %d, want 503", got.status)
	}
	if got := s.ask(t, http.MethodGet, "/zk/ruok", "", nil); got.status != http.StatusOK {
		t.Errorf("ruok under another path: %d", got.status)
	}
	off := startSite(t, "admin.enableServer=false")
	if n := len(off.server.Web()); n != 0 {
		t.Errorf("%d web ports with the admin server off", n)
	}
}

// resume takes a session up on a new connection; false if the server says that
// it is no more.
func (s *site) resume(t *testing.T, c *client) bool {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	b, mark := wire.BeginFrame(nil)
	passwd := session.Password(c.Session)
	r := wire.ConnectRequest{Timeout: 30000, Session: c.Session, Passwd: passwd[:], LastZxidSeen: c.LastZxid(), HasReadOnly: true}
	if _, err := nc.Write(wire.EndFrame(r.AppendTo(b), mark)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4+37)
	if _, err := io.ReadFull(nc, answer); err != nil {
		t.Fatalf("a client that saw zxid %v is not answered: %v", c.LastZxid(), err)
	}
	_, err = rawclient.DecodeConnect(answer[4:])
	return err == nil
}

// What a snapshot holds comes back with restore, to the same server and to an
// empty one: nodes, ACLs, sessions and their ephemeral nodes. What came after it
// is gone, zxids go on from where they were, and clients come back.
func TestSnapshotAndRestore(t *testing.T) {
	s := startSite(t, superLine, "admin.rateLimiterIntervalInMS=0", "extendedTypesEnabled=true")
	super, kept := s.superClient(), s.client()
	kept.auth("digest", "bob:builder")
	closed := wire.ACL{Perms: wire.PermAll, ID: wire.ID{Scheme: "auth"}}
	kept.create("/closed", "secret", wire.ModePersistent, closed)
	kept.create("/ephemeral", "alive", wire.ModeEphemeral)
	kept.create("/container", "", wire.ModeContainer)
	for i := range 500 {
		kept.create(fmt.Sprintf("/closed/n%03d", i), strings.Repeat("x", i), wire.ModePersistent)
	}
	kept.do(wire.OK, wire.OpCreateTTL, &wire.CreateTTLRequest{Path: "/ttl", ACL: anyone, Flags: int32(wire.ModePersistentTTL), TTL: 1e8}, nil)
	paths := []string{"/", "/closed", "/closed/n000", "/closed/n499", "/ephemeral", "/container", "/ttl"}
	states := func(c *client) (list []string) {
		for _, path := range paths {
			list = append(list, c.state(path))
		}
		return list
	}
	before := states(super)
	taken := s.ask(t, http.MethodGet, "/commands/snapshot?streaming=true", asSuper, nil)
	if taken.status != http.StatusOK {
		t.Fatalf("snapshot: %d %s", taken.status, taken.body)
	}
	if size := taken.header.Get("snapshot_size"); size != strconv.Itoa(len(taken.body)) {
		t.Errorf("snapshot_size %s for %d bytes", size, len(taken.body))
	}
	if z := taken.header.Get("last_zxid"); z != "0x"+strconv.FormatInt(int64(super.LastZxid()), 16) {
		t.Errorf("last_zxid %s, the client saw %v", z, super.LastZxid())
	}
	stored := s.ask(t, http.MethodGet, "/commands/snapshot?streaming=false", asSuper, nil)
	if bytes.Contains(stored.body, []byte("ZKSN")) || stored.header.Get("last_zxid") != taken.header.Get("last_zxid") {
		t.Errorf("without streaming: %v %.80q", stored.header, stored.body)
	}

	later := s.client()
	later.create("/later", "", wire.ModePersistent)
	later.create("/later-ephemeral", "", wire.ModeEphemeral)
	later.do(wire.OK, wire.OpSetData, &wire.SetDataRequest{Path: "/container", Data: []byte("changed"), Version: -1}, nil)
	newest := later.LastZxid()

	restored := s.ask(t, http.MethodPost, "/commands/restore", asSuper, bytes.NewReader(taken.body))
	if restored.status != http.StatusOK {
		t.Fatalf("restore: %d %s", restored.status, restored.body)
	}
	check := func(s *site, name string) {
		t.Helper()
		super := s.superClient()
		after := states(super)
		for i, path := range paths {
			if before[i] != after[i] {
				t.Errorf("%s: %s was\n%s\nand is\n%s", name, path, before[i], after[i])
			}
		}
		if _, _, ok := super.get("/later"); ok {
			t.Errorf("%s: a node that was made after the snapshot is there", name)
		}
		if !s.resume(t, kept) {
			t.Errorf("%s: a session of the snapshot is gone", name)
		}
		super.create("/next", "", wire.ModePersistent)
		if z := super.LastZxid(); z <= newest {
			t.Errorf("%s: zxid %v after %v", name, z, newest)
		}
		super.do(wire.OK, wire.OpDelete, &wire.PathVersionRequest{Path: "/next", Version: -1}, nil)
		newest, before[0] = super.LastZxid(), super.state("/")
	}
	check(s, "restored")
	if s.resume(t, later) {
		t.Error("a session that began after the snapshot lives")
	}
	// A damaged snapshot changes nothing.
	for name, damaged := range map[string][]byte{
		"cut": taken.body[:len(taken.body)/2], "flipped": flip(taken.body), "empty": nil, "something else": []byte("PK\x03\x04..."),
	} {
		if got := s.ask(t, http.MethodPost, "/commands/restore", asSuper, bytes.NewReader(damaged)); got.status == http.StatusOK {
			t.Errorf("a snapshot that is %s was restored", name)
		}
	}
	check(s, "after damaged ones")
	s.halt()
	s.start()
	check(s, "restarted")
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// HTTPS on the admin port: besides HTTP, alone, and with client certificates.
func TestAdminHTTPS(t *testing.T) {
	p := newPKI(t)
	stores := "ssl.quorum.keyStore.location=" + p.dir + "/server.pem\nssl.quorum.trustStore.location=" + p.dir + "/trust.pem"
	over := func(h *holder, minVersion uint16) *http.Client {
		conf := p.client(h)
		conf.MaxVersion = minVersion
		return &http.Client{Transport: &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}, Timeout: patience}
	}
	works := func(s *site, c *http.Client, scheme string) bool {
		resp, err := c.Get(scheme + "://" + s.webAddr("admin") + "/commands/ruok")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}
	good, foreign := p.issue(p.trusted, "op"), p.issue(p.other, "op")
	for _, c := range []struct {
		name, lines                  string
		plain, noCert, withCert, bad bool
	}{
		{"both", "admin.portUnification=true", true, true, true, true},
		{"https only", "admin.forceHttps=true", false, true, true, true},
		{"with certificates", "admin.forceHttps=true\nadmin.needClientAuth=true", false, false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startSite(t, stores, c.lines)
			if url := s.server.Web()[0].URL; strings.HasPrefix(url, "https://") == c.plain {
				t.Errorf("its URL is %s", url)
			}
			if got := works(s, over(nil, 0), "http"); got != c.plain {
				t.Errorf("http: %v", got)
			}
			if got := works(s, over(nil, 0), "https"); got != c.noCert {
				t.Errorf("https without a certificate: %v", got)
			}
			if got := works(s, over(good, 0), "https"); got != c.withCert {
				t.Errorf("https with a certificate: %v", got)
			}
			if got := works(s, over(foreign, 0), "https"); got != c.bad {
				t.Errorf("https with another authority's certificate: %v", got)
			}
			if works(s, over(good, tls.VersionTLS11), "https") {
				t.Error("TLS 1.1 is spoken")
			}
		})
	}
}

// A certificate on the admin port is an identity for snapshot.
func TestAdminCertificateIdentity(t *testing.T) {
	p := newPKI(t)
	s := startSite(t, "ssl.quorum.keyStore.location="+p.dir+"/server.pem", "ssl.quorum.trustStore.location="+p.dir+"/trust.pem",
		p.config(), "client.portUnification=true", "ssl.clientAuth=want", superLine,
		"admin.forceHttps=true", "admin.needClientAuth=true", "admin.rateLimiterIntervalInMS=0")
	s.superClient().do(wire.OK, wire.OpSetACL, &wire.SetACLRequest{Path: "/", Version: -1,
		ACL: []wire.ACL{{Perms: wire.PermAll, ID: wire.ID{Scheme: "x509", ID: `CN=op,O=Example\, Inc.`}}}}, nil)
	for name, want := range map[string]int{"op": http.StatusOK, "other": http.StatusForbidden} {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: p.client(p.issue(p.trusted, name)), DisableKeepAlives: true}}
		got := s.askWith(t, c, http.MethodGet, "https://"+s.webAddr("admin")+"/commands/snapshot?streaming=false", "x509", nil)
		if got.status != want {
			t.Errorf("%s: %d, want %d: %s", name, got.status, want, got.body)
		}
	}
}

// A snapshot taken while clients write is of one moment: what one transaction
// changed together is in it together, at the zxid it says.
func TestSnapshotUnderLoadIsOfOneMoment(t *testing.T) {
	s := startSite(t, superLine, "admin.rateLimiterIntervalInMS=0")
	c := s.client()
	for i := range 2000 { // a tree that takes more than one step to write
		c.create(fmt.Sprintf("/filler-%04d", i), strings.Repeat("x", 500), wire.ModePersistent)
	}
	c.create("/a", "", wire.ModePersistent)
	c.create("/z", "", wire.ModePersistent)
	var stop atomic.Bool
	var writing sync.WaitGroup
	var newest atomic.Int64 // zxid that a writer was answered
	for w := range 3 {
		writer := s.client()
		writing.Go(func() {
			for i := 0; !stop.Load(); i++ {
				value := []byte(fmt.Sprintf("%d of %d", i, w))
				writer.SendFunc(wire.OpMulti, func(b []byte) []byte {
					return wire.AppendMulti(b, []wire.MultiOp{
						{Op: wire.OpSetData, Body: &wire.SetDataRequest{Path: "/a", Data: value, Version: -1}},
						{Op: wire.OpSetData, Body: &wire.SetDataRequest{Path: "/z", Data: value, Version: -1}},
					})
				})
				if err := writer.Flush(); err != nil {
					t.Error(err)
					return
				}
				h, _, err := writer.Recv()
				if err != nil {
					t.Error(err)
					return
				}
				newest.Store(int64(h.Zxid)) // of one that was answered later, or a little earlier
			}
		})
	}
	last := wire.Zxid(0)
	for range 5 {
		s.eventually("a write since the last snapshot", func() bool { return wire.Zxid(newest.Load()) > last })
		taken := s.ask(t, http.MethodGet, "/commands/snapshot", asSuper, nil)
		tree, _, err := datatree.ReadSnapshot(bytes.NewReader(taken.body), wire.NoZxid, datatree.Options{})
		if err != nil {
			t.Fatal(err)
		}
		a, _ := tree.Find("/a")
		z, _ := tree.Find("/z")
		if left, right := tree.Stat(a), tree.Stat(z); string(tree.Data(a)) != string(tree.Data(z)) || left.Mzxid != right.Mzxid || left.Mzxid > tree.LastZxid() {
			t.Errorf("at %v: /a is %q %v, /z is %q %v", tree.LastZxid(), tree.Data(a), left.Mzxid, tree.Data(z), right.Mzxid)
		}
		if said := taken.header.Get("last_zxid"); said != tree.LastZxid().String() || tree.LastZxid() <= last {
			t.Errorf("last_zxid %s, the snapshot stands at %v, the one before at %v", said, tree.LastZxid(), last)
		}
		last = tree.LastZxid()
	}
	stop.Store(true)
	writing.Wait()
}
