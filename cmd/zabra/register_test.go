package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

// A registered run is zabra register under way.
type registered struct {
	t    *testing.T
	c    *client.Client
	stop context.CancelFunc
	code chan int
	errs *waiter
}

func startRegister(t *testing.T, s *testserver.Server, args ...string) *registered {
	t.Helper()
	c, err := client.Open(t.Context(), s.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ctx, stop := context.WithCancel(t.Context())
	r := &registered{t: t, c: c, stop: stop, code: make(chan int, 1), errs: new(waiter)}
	go func() {
		r.code <- run(ctx, append([]string{"register", "--server", s.Addr()}, args...), environment{in: strings.NewReader(""), out: r.errs, err: r.errs})
	}()
	return r
}

func (r *registered) wait(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatal("never: " + what)
		}
	}
}

func (r *registered) ids() []string {
	names, _, _ := r.c.Children(r.t.Context(), "/services/web")
	return names
}

func (r *registered) end(code int) {
	r.t.Helper()
	select {
	case got := <-r.code:
		if got != code {
			r.t.Errorf("exit code %d, want %d: %s", got, code, r.errs)
		}
	case <-time.After(time.Minute):
		r.t.Fatal("it does not end")
	}
	if ids := r.ids(); len(ids) != 0 {
		r.t.Error("it has left", ids)
	}
}

func TestRegisterWhileACommandRuns(t *testing.T) {
	s, goOn := testserver.Start(t), filepath.Join(t.TempDir(), "go-on")
	r := startRegister(t, s, "web", "--address", "10.0.0.1:80", "--ssl-port", "443", "--id", "a", "--payload", `{"zone":"b"}`,
		"--", "sh", "-c", "until [ -e "+goOn+" ]; do sleep 0.01; done; echo id $ZABRA_INSTANCE_ID; exit 9")
	r.wait("registered", func() bool { return len(r.ids()) == 1 })
	data, st, err := r.c.Get(t.Context(), "/services/web/a")
	var i recipes.Instance
	if err != nil || json.Unmarshal(data, &i) != nil || i.Name != "web" || i.ID != "a" || i.Address != "10.0.0.1" || *i.Port != 80 ||
		*i.SSLPort != 443 || string(i.Payload) != `{"zone":"b"}` || i.ServiceType != "DYNAMIC" || i.RegistrationTimeUTC == 0 || st.EphemeralOwner == 0 {
		t.Errorf("%s %+v %v", data, st, err)
	}
	if err := r.c.Delete(t.Context(), "/services/web/a", client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	r.wait("registered again", func() bool { return len(r.ids()) == 1 })
	if err := os.WriteFile(goOn, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.end(9)
	if r.errs.String() != "id a\n" {
		t.Errorf("%q", r.errs)
	}
}

// A signal ends the registration first, and then the command, whose code it is.
func TestRegisterIsToldToEnd(t *testing.T) {
	s, began := testserver.Start(t), filepath.Join(t.TempDir(), "began")
	r := startRegister(t, s, "web", "--address", "10.0.0.1:80", "--drain", "50ms",
		"--", "sh", "-c", "trap 'exit 5' TERM; touch "+began+"; while :; do sleep 0.01; done")
	r.wait("registered", func() bool { _, err := os.Stat(began); return err == nil && len(r.ids()) == 1 })
	r.stop()
	r.end(5)

	r = startRegister(t, s, "web", "--address", "10.0.0.1:80")
	r.wait("registered, and said to be", func() bool { return len(r.ids()) == 1 && r.errs.String() != "" })
	id := r.ids()[0]
	r.stop()
	r.end(exitOK)
	if want := "register: registered as /services/web/" + id + "\n"; r.errs.String() != want {
		t.Errorf("%q, want %q", r.errs, want)
	}
}

// With --drain the command goes on for a while behind the end of the registration.
func TestRegisterDrains(t *testing.T) {
	s, dir := testserver.Start(t), t.TempDir()
	began, goOn := filepath.Join(dir, "began"), filepath.Join(dir, "go-on")
	r := startRegister(t, s, "web", "--address", "10.0.0.1:80", "--drain", "10m",
		"--", "sh", "-c", "trap 'exit 5' TERM; touch "+began+"; until [ -e "+goOn+" ]; do sleep 0.01; done; exit 6")
	r.wait("registered", func() bool { _, err := os.Stat(began); return err == nil && len(r.ids()) == 1 })
	r.stop()
	r.wait("not registered", func() bool { return len(r.ids()) == 0 })
	time.Sleep(100 * time.Millisecond) // it would be told by now
	if err := os.WriteFile(goOn, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.end(6)
}

func TestRegisterWhileHealthy(t *testing.T) {
	s, well := testserver.Start(t), filepath.Join(t.TempDir(), "well")
	r := startRegister(t, s, "web", "--address", "10.0.0.1:80", "--health", "ls "+well, "--health-interval", "1s", "--health-failures", "2")
	touch := func() {
		if err := os.WriteFile(well, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if time.Sleep(100 * time.Millisecond); len(r.ids()) != 0 {
		t.Error("registered before it was well")
	}
	touch()
	r.wait("registered", func() bool { return len(r.ids()) == 1 })
	os.Remove(well)
	r.wait("not registered", func() bool { return len(r.ids()) == 0 })
	touch()
	r.wait("registered again", func() bool { return len(r.ids()) == 1 })
	r.stop()
	r.end(exitOK)
	if !strings.Contains(r.errs.String(), "web is not registered any more until it is well: ls ") {
		t.Errorf("%q", r.errs)
	}
}

// What the service refuses ends the command.
func TestRegisterRefused(t *testing.T) {
	s := testserver.Start(t)
	c, err := client.Open(t.Context(), s.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Create(t.Context(), "/services", nil, client.WithACL(client.World(client.PermRead)...)); err != nil {
		t.Fatal(err)
	}
	_, errs, code := zabra(t, "register", "--server", s.Addr(), "web", "--address", "10.0.0.1:80", "--", "sleep", "60")
	if code != exitFailed || !strings.Contains(errs, "register web: ") {
		t.Errorf("%d %q", code, errs)
	}
}

func TestRegisterUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"want SERVICE":                   {},
		`required flag(s) "address"`:     {"web"},
		`--address "80": want host:port`: {"web", "--address", "80"},
		"with a port from 1 to 65535":    {"web", "--address", "a:0"},
		"it is no JSON":                  {"web", "--address", "a:1", "--payload", "x"},
		`SERVICE "a/b": want a name`:     {"a/b", "--address", "a:1"},
		`--id "..": want a name`:         {"a", "--address", "a:1", "--id", ".."},
		"want a path":                    {"a", "--address", "a:1", "--base", "services"},
		"--health-interval 0s":           {"a", "--address", "a:1", "--health-interval", "0"},
		"--health-failures 0":            {"a", "--address", "a:1", "--health-failures", "0"},
		"--ssl-port -1":                  {"a", "--address", "a:1", "--ssl-port", "-1"},
		"want SERVICE [":                 {"web", "command", "--address", "a:1"},
	} {
		if _, errs, code := zabra(t, append([]string{"register"}, args...)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%v: %d %q, want %q", args, code, errs, want)
		}
	}
}
