package admin

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/wire"
)

// call sends a request with an Authorization header, none if auth is "-".
func call(a *Admin, method, path, auth, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if auth != "-" {
		r.Header.Set("Authorization", auth)
	}
	rec := httptest.NewRecorder()
	a.Handler().ServeHTTP(rec, r)
	return rec
}

func TestAuthorization(t *testing.T) {
	for _, tc := range []struct {
		auth   string
		denied int32
		code   int
		err    string
	}{
		{"-", 0, 401, "Auth info is missing for the command"},
		{"", 0, 401, "Not authenticated"},
		{"digest", 0, 401, "Not authenticated"},
		{"digest super:wrong", 0, 401, "Not authenticated"},
		{"digest  super:secret", 0, 401, "Not authenticated"},
		{"digest super:secret more", 0, 401, "Not authenticated"},
		{"nosuch x", 0, 401, "Not authenticated"},
		{"digest super:secret", wire.PermAdmin, 403, "Not authorized"},
		{"digest super:secret", wire.PermRead, 403, "Not authorized"},
		{"digest super:secret", 0, 200, ""},
		{"digest super:secret ", 0, 200, ""},
		{"ip", 0, 200, ""},
	} {
		for _, command := range []string{"snapshot?streaming=false", "restore", "shed_connections"} {
			n := standalone()
			n.denied = tc.denied
			method := "POST"
			if strings.HasPrefix(command, "snap") {
				method = "GET"
			}
			rec := call(newAdmin(n), method, "/commands/"+command, tc.auth, `{"percentage":10}`)
			if rec.Code != tc.code {
				t.Errorf("%s with %q: status %d, want %d", command, tc.auth, rec.Code, tc.code)
			}
			if tc.err != "" && !strings.Contains(rec.Body.String(), `"error" : "`+tc.err+`"`) {
				t.Errorf("%s with %q: %s, want %s", command, tc.auth, rec.Body, tc.err)
			}
			if tc.code != 200 && (n.restored != nil || n.shed != 0) {
				t.Errorf("%s with %q was refused and executed", command, tc.auth)
			}
		}
	}
}

func TestCallersAddress(t *testing.T) {
	for _, tc := range []struct {
		trust     bool
		forwarded string
		want      string
	}{
		{false, "", "192.0.2.1"},
		{false, "10.0.0.9", "192.0.2.1"},
		{true, "", "192.0.2.1"},
		{true, " 10.0.0.9 , 10.0.0.1", "10.0.0.9"},
		{true, "nonsense", "invalid IP"},
	} {
		n := standalone()
		a := newAdmin(n, func(o *Options) { o.UseXForwardedFor = tc.trust })
		r := httptest.NewRequest("GET", "/commands/snapshot?streaming=false", nil)
		r.Header.Set("Authorization", "ip")
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		a.Handler().ServeHTTP(httptest.NewRecorder(), r)
		if got := n.asked.Remote.String(); got != tc.want {
			t.Errorf("trust %v, header %q: the address is %s, want %s", tc.trust, tc.forwarded, got, tc.want)
		}
	}
}

func TestSnapshotStreams(t *testing.T) {
	rec := call(newAdmin(standalone()), "GET", "/commands/snapshot", "ip", "")
	h := rec.Header()
	if rec.Body.String() != "ZKSN and so on" || h.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("answer %q of type %s", rec.Body, h.Get("Content-Type"))
	}
	if got := h[lastZxidHeader]; len(got) != 1 || got[0] != "0x131" {
		t.Errorf("last_zxid %v", got)
	}
	if got := h[snapshotSizeHeader]; len(got) != 1 || got[0] != "14" {
		t.Errorf("snapshot_size %v", got)
	}
	rec = call(newAdmin(standalone()), "GET", "/commands/snap?streaming=no", "ip", "")
	if got := rec.Body.String(); got != "{\n  \"command\" : \"snapshot\",\n  \"error\" : null\n}" {
		t.Errorf("streaming=no answers %s", got)
	}
	if got := rec.Header()[snapshotSizeHeader]; len(got) != 1 {
		t.Errorf("streaming=no has no snapshot_size")
	}
}

func TestRestoreTakesTheBody(t *testing.T) {
	n := standalone()
	rec := call(newAdmin(n), "POST", "/commands/restore", "ip", "ZKSN all of it")
	if got, want := rec.Body.String(), "{\n  \"last_zxid\" : 305,\n  \"command\" : \"restore\",\n  \"error\" : null\n}"; got != want {
		t.Errorf("answer %s, want %s", got, want)
	}
	if string(n.restored) != "ZKSN all of it" {
		t.Errorf("restored %q", n.restored)
	}
}

func TestTransfersThatFail(t *testing.T) {
	off := func(f func(*Options)) func(*Options) { return f }
	for _, tc := range []struct {
		name   string
		change func(*Options)
		broken bool
		code   int
		errors int64
	}{
		{"disabled", off(func(o *Options) { o.SnapshotEnabled, o.RestoreEnabled = false, false }), false, 503, 0},
		{"without last zxid", off(func(o *Options) { o.SerializeLastZxid = false }), false, 500, 0},
		{"broken", off(func(*Options) {}), true, 500, 1},
	} {
		n := standalone()
		if tc.broken {
			n.snapshotErr, n.restoreErr = errors.New("no space left"), errors.New("bad checksum")
		}
		a := newAdmin(n, tc.change)
		snap := call(a, "GET", "/commands/snapshot", "ip", "")
		rest := call(a, "POST", "/commands/restore", "ip", "x")
		for _, rec := range []*httptest.ResponseRecorder{snap, rest} {
			if rec.Code != tc.code || !strings.Contains(rec.Body.String(), `"error" : null`) {
				t.Errorf("%s: %d %s, want %d and a null error", tc.name, rec.Code, rec.Body, tc.code)
			}
		}
		if s, r := a.metrics.SnapshotErrors.Load(), a.metrics.RestoreErrors.Load(); s != tc.errors || r != tc.errors {
			t.Errorf("%s: counted %d and %d errors, want %d", tc.name, s, r, tc.errors)
		}
	}
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdmin(standalone(), func(o *Options) { o.RateInterval = 5 * time.Minute })
		snapshot := func() int { return call(a, "GET", "/commands/snapshot", "ip", "").Code }
		restore := func() int { return call(a, "POST", "/commands/restore", "ip", "x").Code }
		if c := snapshot(); c != 200 {
			t.Errorf("first snapshot: %d", c)
		}
		if c := restore(); c != 200 {
			t.Errorf("first restore, which has a limit of its own: %d", c)
		}
		time.Sleep(5*time.Minute - 1)
		if a, b := snapshot(), restore(); a != 429 || b != 429 {
			t.Errorf("too early: snapshot %d, restore %d, want 429", a, b)
		}
		time.Sleep(time.Nanosecond)
		if a, b := snapshot(), restore(); a != 200 || b != 200 {
			t.Errorf("after the interval: snapshot %d, restore %d", a, b)
		}
		if s, r := a.metrics.SnapshotRateLimited.Load(), a.metrics.RestoreRateLimited.Load(); s != 1 || r != 1 {
			t.Errorf("counted %d and %d refusals, want 1 and 1", s, r)
		}
	})
}

func TestOneTransferAtATime(t *testing.T) {
	l := newLimiter(0)
	if !l.begin() || l.begin() {
		t.Fatal("a second run began during the first")
	}
	l.end()
	if !l.begin() {
		t.Fatal("no run began after the first had ended")
	}
}

func TestShed(t *testing.T) {
	for _, tc := range []struct {
		body string
		code int
		want string
	}{
		{`{"percentage": 25}`, 200, "{\n  \"connections_shed\" : 3,\n  \"percentage_requested\" : 25,\n  \"command\" : \"shed_connections\",\n  \"error\" : null\n}"},
		{`{"percentage": 0}`, 200, `"connections_shed" : 0`},
		{`{"percentage": 101}`, 400, "Percentage must be between 0 and 100"},
		{`{"percentage": -1}`, 400, "Percentage must be between 0 and 100"},
		{`{}`, 400, "Missing required field: percentage"},
		{`{`, 400, "Invalid JSON or failed to read request body: "},
		{"", 400, "Invalid JSON or failed to read request body: "},
		{strings.Repeat(" ", maxBody) + `{"percentage": 25}`, 400, "Invalid JSON"},
	} {
		rec := call(newAdmin(standalone()), "POST", "/commands/shed", "ip", tc.body)
		if rec.Code != tc.code || !strings.Contains(rec.Body.String(), tc.want) {
			t.Errorf("%.30q: %d %s, want %d %s", tc.body, rec.Code, rec.Body, tc.code, tc.want)
		}
	}
}

// The header is split as ZooKeeper splits it, and never into something that the
// header does not hold.
func FuzzParseAuthorization(f *testing.F) {
	for _, s := range []string{"", " ", "ip", "digest a:b", "digest  a:b", " digest a", "x509 ", "a b c", "\x00 \xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		scheme, data, good := parseAuthorization(value)
		if !good {
			return
		}
		again := scheme
		if data != nil {
			again += " " + string(data)
		}
		if again != strings.TrimRight(value, " ") || scheme == "" || strings.Contains(again[len(scheme):], "  ") {
			t.Fatalf("%q is taken for scheme %q and data %q", value, scheme, data)
		}
	})
}

// Whatever the header, the handler answers.
func FuzzAuthorizationHeader(f *testing.F) {
	f.Add("digest super:secret")
	f.Add("\x00")
	a := newAdmin(standalone())
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("GET", "/commands/snapshot?streaming=false", nil)
		r.Header["Authorization"] = []string{value}
		rec := httptest.NewRecorder()
		a.Handler().ServeHTTP(rec, r)
		if rec.Code != http.StatusOK && rec.Code != http.StatusUnauthorized {
			t.Fatalf("%q: status %d", value, rec.Code)
		}
	})
}
