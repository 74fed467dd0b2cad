package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// The vulnerabilities that ZooKeeper had, as far as one server can have them.
// CVE-2018-8012, CVE-2023-44981 and their like are about who may join an
// ensemble, and have their cases where that is.

// CVE-2019-0201: getACL told everyone the hashes of digest ids.
func TestCVE2019_0201GetACLKeepsHashes(t *testing.T) {
	s := startSite(t, superLine)
	owner := s.client()
	owner.auth("digest", "bob:builder")
	owner.create("/n", "", wire.ModePersistent,
		wire.ACL{Perms: wire.PermAll, ID: wire.ID{Scheme: "digest", ID: digestID("bob:builder")}},
		wire.ACL{Perms: wire.PermRead, ID: wire.ID{Scheme: "digest", ID: digestID("eve:dropper")}})
	ask := func(c *client) (string, wire.Code) {
		var r wire.GetACLResponse
		code := c.code(wire.OpGetACL, &wire.PathRequest{Path: "/n"}, &r)
		var ids []string
		for _, a := range r.ACL {
			ids = append(ids, a.ID.ID)
		}
		return strings.Join(ids, " "), code
	}
	if got, code := ask(s.client()); code != wire.NoAuth || got != "" {
		t.Errorf("a stranger is told %q, %v", got, code)
	}
	reader := s.client()
	reader.auth("digest", "eve:dropper")
	if got, code := ask(reader); code != wire.OK || got != "bob:x eve:x" {
		t.Errorf("who may only read is told %q, %v", got, code)
	}
	if got, _ := ask(owner); !strings.Contains(got, digestID("bob:builder")) {
		t.Errorf("who may administrate is told %q", got)
	}
}

// CVE-2024-23944: addWatch looked at no ACL, and its events named nodes that the
// watcher may not read.
func TestCVE2024_23944WatchesKeepPaths(t *testing.T) {
	s := startSite(t, superLine)
	super, eve := s.superClient(), s.client()
	eve.auth("digest", "eve:dropper")
	hers := wire.ACL{Perms: wire.PermAll, ID: wire.ID{Scheme: "digest", ID: digestID("eve:dropper")}}
	closed := wire.ACL{Perms: wire.PermAll, ID: wire.ID{Scheme: "digest", ID: digestID("bob:builder")}}
	super.create("/top", "", wire.ModePersistent, closed)
	for _, mode := range []wire.AddWatchMode{wire.WatchPersistent, wire.WatchPersistentRecursive} {
		eve.code(wire.OpAddWatch, &wire.AddWatchRequest{Path: "/top", Mode: mode}, nil)
	}
	eve.code(wire.OpExists, &wire.PathWatchRequest{Path: "/top/later", Watch: true}, nil)
	churn := func(path string, acl wire.ACL) {
		super.create(path, "x", wire.ModePersistent, acl)
		super.do(wire.OK, wire.OpSetData, &wire.SetDataRequest{Path: path, Data: []byte("y"), Version: -1}, nil)
		super.do(wire.OK, wire.OpDelete, &wire.PathVersionRequest{Path: path, Version: -1}, nil)
	}
	churn("/top/later", closed)
	churn("/top/secret-name", closed)
	eve.do(wire.OK, wire.OpSync, &wire.PathRequest{Path: "/"}, nil)
	if len(*eve.events) != 0 {
		t.Errorf("told of what she may not read: %v", *eve.events)
	}
	churn("/top/hers", hers) // the same watches do tell of what she may read
	eve.do(wire.OK, wire.OpSync, &wire.PathRequest{Path: "/"}, nil)
	if len(*eve.events) != 3 {
		t.Errorf("told of her own node: %v", *eve.events)
	}
}

// CVE-2024-51504: the admin server believed X-Forwarded-For, so that anyone had
// any address. Snapshot and restore ask for an identity.
func TestCVE2024_51504ForwardedAddressIsNotBelieved(t *testing.T) {
	s := startSite(t, superLine, "admin.rateLimiterIntervalInMS=0")
	s.superClient().do(wire.OK, wire.OpSetACL, &wire.SetACLRequest{Path: "/", Version: -1,
		ACL: []wire.ACL{{Perms: wire.PermAll, ID: wire.ID{Scheme: "ip", ID: "10.1.2.3"}}}}, nil)
	ask := func(headers map[string]string) int {
		req, err := http.NewRequest(http.MethodGet, "http://"+s.webAddr("admin")+"/commands/snapshot?streaming=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range headers {
			req.Header.Set(k, v)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	for _, forwarded := range []string{"10.1.2.3", "10.1.2.3, 127.0.0.1", "127.0.0.1, 10.1.2.3"} {
		if got := ask(map[string]string{"Authorization": "ip x", "X-Forwarded-For": forwarded, "X-Real-IP": "10.1.2.3"}); got != http.StatusForbidden {
			t.Errorf("X-Forwarded-For: %s: status %d, want 403", forwarded, got)
		}
	}
	if got := ask(nil); got != http.StatusUnauthorized {
		t.Errorf("without credentials: %d, want 401", got)
	}
	if got := ask(map[string]string{"Authorization": "digest " + superPassword}); got != http.StatusOK {
		t.Errorf("super: %d, want 200", got)
	}
}

// CVE-2017-5637: anyone could keep the server busy with wchp and wchc. They, and
// everything but srvr, are off unless they are asked for.
func TestCVE2017_5637WordsAreOff(t *testing.T) {
	s := startSite(t, "4lw.commands.whitelist=srvr")
	for _, word := range []string{"wchp", "wchc", "dump", "cons", "envi", "stat", "mntr", "conf", "dirs", "ruok", "srst", "crst"} {
		if got := s.word(t, word); !strings.Contains(got, "not executed because it is not in the whitelist") {
			t.Errorf("%s: %q", word, got)
		}
	}
	if got := s.word(t, "srvr"); !strings.Contains(got, "Mode: standalone") {
		t.Errorf("srvr: %q", got)
	}
}

// CVE-2026-24308 and its like: what is secret in the configuration or on the
// wire shows up in the log, or in answers to whoever asks.
func TestSecretsStaySecret(t *testing.T) {
	p := newPKI(t)
	secrets := []string{superPassword, "aW5zdHJ1Y3Rpb25z", digestID(superPassword), "keystore-password-7", "bobs-password", digestID("bob:bobs-password"),
		"private-payload"}
	s := startSite(t, superLine, p.config(), "secureClientPort=0\nsecureClientPortAddress=127.0.0.1", "ssl.clientAuth=want",
		"ssl.keyStore.password=keystore-password-7", "ssl.keystore.password=keystore-password-7", "snapCount=20")
	s.superClient()
	bob, wrong := s.client(), s.client()
	bob.auth("digest", "bob:bobs-password")
	bob.create("/n", "private-payload", wire.ModePersistent, wire.ACL{Perms: wire.PermAll, ID: wire.ID{Scheme: "auth"}})
	for range 50 {
		bob.do(wire.OK, wire.OpSetData, &wire.SetDataRequest{Path: "/n", Data: []byte("private-payload"), Version: -1}, nil)
	}
	bob.do(wire.BadVersion, wire.OpSetData, &wire.SetDataRequest{Path: "/n", Data: []byte("private-payload"), Version: 7777}, nil)
	wrong.code(wire.OpAuth, &wire.AuthRequest{Scheme: "no-such-scheme", Auth: []byte("bob:bobs-password")}, nil)
	garbled := s.client()
	garbled.SendFunc(wire.OpAuth, func(b []byte) []byte { return append(b, "\x00\x00\x00\x00\x00\x00\x00\x06digestbob:bobs-password"...) })
	garbled.Flush()
	garbled.Recv()

	said := map[string]string{}
	for _, word := range []string{"conf", "envi", "cons", "dump", "stat", "srvr", "mntr", "wchs", "wchc", "wchp", "dirs"} {
		said[word] = s.word(t, word)
	}
	base := "http://" + s.webAddr("admin")
	for _, path := range []string{"/", "/metrics", "/commands"} {
		said[path] = page(t, base+path)
	}
	for _, command := range []string{"configuration", "connections", "dump", "environment", "initial_configuration", "monitor",
		"server_stats", "system_properties", "stats", "watches", "watches_by_path", "last_snapshot", "zabra"} {
		said[command] = page(t, base+"/commands/"+command)
	}
	s.halt()
	said["the log"] = s.log.String()
	for where, text := range said {
		for _, secret := range secrets {
			quoted, _ := json.Marshal(secret)
			if strings.Contains(text, secret) || strings.Contains(text, strings.Trim(string(quoted), `"`)) {
				t.Errorf("%s shows %q", where, secret)
			}
		}
	}
	if !strings.Contains(said["the log"], `"level":"debug"`) || !strings.Contains(said["the log"], "checkpoint written") {
		t.Error("the log is not one of level debug with a checkpoint in it")
	}
	if !strings.Contains(said["initial_configuration"], "superDigest") {
		t.Error("initial_configuration does not show the configuration at all")
	}
}

func page(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
