package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/server/metrics"
)

// get asks the handler for a path.
func get(a *Admin, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	a.Handler().ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	return rec
}

func TestCommandsGolden(t *testing.T) {
	ensemble := []string{"leader", "zabstate", "voting_view", "observers", "server_stats", "dump"}
	all := append([]string{
		"configuration", "connections", "dirs", "get_trace_mask", "set_trace_mask", "set_trace_mask?traceMask=x",
		"set_trace_mask?traceMask=511", "hash", "initial_configuration", "is_read_only", "last_snapshot", "monitor",
		"observer_connection_stat_reset", "ruok", "stats", "system_properties", "watches", "watches_by_path",
		"watch_summary", "connection_stat_reset", "stat_reset", "snapshot", "restore", "shed_connections",
		"nosuch", "a/b", `q"<\`,
	}, ensemble...)
	for state, tc := range map[string]struct {
		node     func() *fakeNode
		commands []string
	}{
		"standalone": {standalone, all},
		"leader":     {leader, ensemble},
		"observer":   {observerNode, ensemble},
		"stopped":    {stopped, all},
	} {
		for _, name := range tc.commands {
			path := "/commands/" + strings.NewReplacer(`"`, "%22", "<", "%3C", `\`, "%5C").Replace(name)
			rec := get(newAdmin(tc.node()), path)
			if ct := rec.Header().Get("Content-Type"); ct != "application/json" {
				t.Errorf("%s: content type %q", path, ct)
			}
			if !json.Valid(rec.Body.Bytes()) {
				t.Errorf("%s: not JSON: %s", path, rec.Body)
			}
			body := fdLines.ReplaceAllString(rec.Body.String(), "${1}0")
			file := strings.NewReplacer("?", "_", "=", "_", "/", "_", `q"<\`, "quoting").Replace(name)
			golden(t, "commands/"+state+"/"+file+".json", []byte(http.StatusText(rec.Code)+"\n"+body))
		}
	}
}

// Every alias answers as its primary name, and says the primary name.
func TestAliases(t *testing.T) {
	for _, c := range commandTable() {
		for _, name := range c.names {
			r := httptest.NewRequest(c.method(), "/commands/"+name, strings.NewReader(`{"percentage":0}`))
			r.Header.Set("Authorization", "digest super:secret")
			rec := httptest.NewRecorder()
			newAdmin(standalone()).Handler().ServeHTTP(rec, r)
			if c.primary() == "snapshot" {
				if got := rec.Body.String(); got != "ZKSN and so on" {
					t.Errorf("%s answers %q", name, got)
				}
				continue
			}
			if want := `"command" : "` + c.primary() + `"`; !strings.Contains(rec.Body.String(), want) {
				t.Errorf("%s answers %s, want %s in it", name, rec.Body, want)
			}
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	var names []string
	for _, c := range commandTable() {
		names = append(names, c.names...)
		if c.help == "" {
			t.Errorf("%s has no help", c.primary())
		}
	}
	slices.Sort(names)
	if n := len(names); len(slices.Compact(names)) != n {
		t.Error("two commands have one name")
	}
}

func TestIndexLinksEveryCommand(t *testing.T) {
	for _, url := range []string{"/commands", "/commands/"} {
		rec := get(newAdmin(standalone()), url)
		if ct := rec.Header().Get("Content-Type"); !strings.HasPrefix(ct, "text/html") {
			t.Errorf("%s: content type %q", url, ct)
		}
		golden(t, "index.html", rec.Body.Bytes())
	}
}

func TestCommandURL(t *testing.T) {
	for configured, want := range map[string]string{
		"":              "/commands/ruok",
		"/admin/zk":     "/admin/zk/ruok",
		"admin/":        "/admin/ruok",
		"/":             "/ruok",
		"/{not}a:{pat}": "/%7Bnot%7Da:%7Bpat%7D/ruok",
	} {
		a := newAdmin(standalone(), func(o *Options) { o.CommandURL = configured })
		if got := get(a, want).Body.String(); got != "{\n  \"command\" : \"ruok\",\n  \"error\" : null\n}" {
			t.Errorf("command URL %q: %s answers %q", configured, want, got)
		}
	}
	if rec := get(newAdmin(standalone()), "/commandsruok"); rec.Code != http.StatusNotFound {
		t.Errorf("/commandsruok: status %d, want 404", rec.Code)
	}
}

func TestEnvironmentCommand(t *testing.T) {
	var m map[string]any
	for _, node := range []*fakeNode{standalone(), stopped()} {
		if err := json.Unmarshal(get(newAdmin(node), "/commands/envi").Body.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if m["zookeeper.version"] != fakeVersion || m["command"] != "environment" || m["error"] != nil {
			t.Errorf("environment: %v", m)
		}
	}
}

func TestMethods(t *testing.T) {
	for _, tc := range []struct {
		method, path string
		want         int
		allow        string
	}{
		{"GET", "/commands/ruok", 200, ""},
		{"HEAD", "/commands/ruok", 200, ""},
		{"POST", "/commands/ruok", 405, "GET"},
		{"POST", "/commands/snapshot", 405, "GET"},
		{"HEAD", "/commands/snapshot", 405, "GET"},
		{"GET", "/commands/restore", 405, "POST"},
		{"GET", "/commands/shed_connections", 405, "POST"},
		{"PUT", "/commands/ruok", 405, "GET, HEAD, POST"},
		{"TRACE", "/commands/ruok", 405, "GET, HEAD, POST"},
		{"DELETE", "/", 405, "GET, HEAD"},
		{"POST", "/metrics", 405, "GET, HEAD"},
		{"GET", "/nosuch", 404, ""},
	} {
		r := httptest.NewRequest(tc.method, tc.path, nil)
		r.Header.Set("Authorization", "digest super:secret")
		rec := httptest.NewRecorder()
		newAdmin(standalone()).Handler().ServeHTTP(rec, r)
		if rec.Code != tc.want || rec.Header().Get("Allow") != tc.allow {
			t.Errorf("%s %s: status %d, Allow %q; want %d, %q",
				tc.method, tc.path, rec.Code, rec.Header().Get("Allow"), tc.want, tc.allow)
		}
	}
}

func TestReadiness(t *testing.T) {
	for _, tc := range []struct {
		node *fakeNode
		path string
		code int
		body string
	}{
		{standalone(), "/healthz", 200, "ok\n"},
		{stopped(), "/healthz", 200, "ok\n"},
		{standalone(), "/readyz", 200, "ready\n"},
		{stopped(), "/readyz", 503, "not serving\n"},
	} {
		rec := get(newAdmin(tc.node), tc.path)
		if rec.Code != tc.code || rec.Body.String() != tc.body {
			t.Errorf("%s: %d %q, want %d %q", tc.path, rec.Code, rec.Body, tc.code, tc.body)
		}
	}
}

func TestMetricsOnBothPorts(t *testing.T) {
	a := newAdmin(standalone())
	for name, h := range map[string]http.Handler{"admin": a.Handler(), "metrics": a.MetricsHandler()} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
		if !strings.Contains(rec.Body.String(), "\npackets_sent 319\n") {
			t.Errorf("%s port: no packets_sent in %.200s", name, rec.Body)
		}
	}
	rec := httptest.NewRecorder()
	a.MetricsHandler().ServeHTTP(rec, httptest.NewRequest("GET", "/commands/ruok", nil))
	if rec.Code != http.StatusNotFound {
		t.Errorf("the metrics port answers commands: %d", rec.Code)
	}
}

func TestFrontPage(t *testing.T) {
	n := leader()
	n.status.Version = `<script>alert("x")</script>`
	rec := get(newAdmin(n), "/")
	page := rec.Body.String()
	for _, want := range []string{
		"<h1>Zabra</h1>", `<span class="state up">serving</span>`, "leader (leading - broadcast)", "0x1000003a4", "0 / 0.7042 / 9",
		`<a href="/commands/monitor">`, `<a href="/metrics">`, "&lt;script&gt;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	for _, banned := range []string{"<script", "http://", "https://", `href="/commands/stat_reset"`, `href="/commands/restore"`} {
		if strings.Contains(page, banned) {
			t.Errorf("the page has %s", banned)
		}
	}
	if !strings.Contains(rec.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("no content security policy")
	}
	limited := standalone()
	limited.status.ReadOnly = true
	for want, n := range map[string]*fakeNode{
		`<span class="state down">not serving</span>`:  stopped(),
		`<span class="state limited">read-only</span>`: limited,
	} {
		if !strings.Contains(get(newAdmin(n), "/").Body.String(), want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

func TestJSONIsJacksons(t *testing.T) {
	for _, tc := range []struct {
		in   any
		want string
	}{
		{object{}, "{ }"},
		{list{}, "[ ]"},
		{list{1, "a", nil, true}, `[ 1, "a", null, true ]`},
		{object{{"a", list{object{{"b", object{}}}, object{{"c", list{list{}}}}}}},
			"{\n  \"a\" : [ {\n    \"b\" : { }\n  }, {\n    \"c\" : [ [ ] ]\n  } ]\n}"},
		{"\"\\/\b\t\n\f\r\x00\x1f\x7f<&é\u2028\xff", `"\"\\/\b\t\n\f\r\u0000\u001F` + "\x7f<&é\u2028\uFFFD\""},
		{metrics.Float(12345678), "1.2345678E7"},
		{metrics.Int(-1), "-1"},
	} {
		if got := string(appendJSON(nil, tc.in, 0)); got != tc.want {
			t.Errorf("%v is shown as %s, want %s", tc.in, got, tc.want)
		}
	}
}

// A server that serves in part says so, and is not reported as dead for it.
func TestTrouble(t *testing.T) {
	node := standalone()
	node.status.Trouble = "the disk has been full for 5s: writes wait"
	a := newAdmin(node)
	for path, want := range map[string]string{
		"/commands/ruok": `"error" : "the disk has been full for 5s: writes wait"`,
		"/":              "the disk has been full for 5s: writes wait",
		"/healthz":       "",
		"/readyz":        "ready",
	} {
		if rec := get(a, path); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %d, without %q:\n%s", path, rec.Code, want, rec.Body)
		}
	}
}
