package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/freeport"
	"github.com/zabra/zabra/internal/vfs/osfs"
)

// beZabra lets the test binary stand in for zabra where zabra starts itself.
const beZabra = "TEST_BE_ZABRA"

func TestMain(m *testing.M) {
	if os.Getenv(beZabra) != "" {
		main()
	}
	os.Exit(m.Run())
}

// A devEvent is a line of zabra dev --json.
type devEvent struct {
	Event   string
	Server  int
	PID     int
	Role    string
	Connect string
	Servers []struct {
		ID   int
		Role string
		PID  int
	}
}

// A devRun is zabra dev --json under way.
type devRun struct {
	t      *testing.T
	events chan devEvent
	stop   context.CancelFunc
	code   chan int

	mu  sync.Mutex
	log strings.Builder
}

func (d *devRun) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(p)
}

func startDev(t *testing.T, args ...string) *devRun {
	t.Helper()
	t.Setenv(beZabra, "1")
	t.Setenv("ZABRA_CLIENT_PORT", "1") // is not handed on
	ctx, stop := context.WithCancel(context.Background())
	d := &devRun{t: t, events: make(chan devEvent), stop: stop, code: make(chan int, 1)}
	r, w := io.Pipe()
	go func() {
		d.code <- run(ctx, append([]string{"dev", "--json"}, args...), environment{in: strings.NewReader(""), out: w, err: d})
		w.Close()
	}()
	go func() {
		defer close(d.events)
		for in := bufio.NewScanner(r); in.Scan(); {
			var e devEvent
			if err := json.Unmarshal(in.Bytes(), &e); err != nil {
				t.Errorf("%q: %v", in.Text(), err)
			}
			d.events <- e
		}
	}()
	t.Cleanup(func() {
		stop()
		for range d.events {
		}
	})
	return d
}

// next waits for an event that f accepts.
func (d *devRun) next(what string, f func(devEvent) bool) devEvent {
	d.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		select {
		case e, ok := <-d.events:
			if !ok {
				d.t.Fatalf("%s: it ended\n%s", what, d.log.String())
			}
			if f(e) {
				return e
			}
		case <-late:
			d.t.Fatalf("%s: did not happen", what)
		}
	}
}

func (d *devRun) end() {
	d.t.Helper()
	d.stop()
	for range d.events {
	}
	if code := <-d.code; code != exitOK {
		d.t.Errorf("exit code %d", code)
	}
}

// result waits until dev ends by itself.
func (d *devRun) result() (code int) {
	d.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		select {
		case <-d.events: // closed before the code is there
		case code := <-d.code:
			return code
		case <-late:
			d.t.Fatalf("it did not end\n%s", d.log.String())
		}
	}
}

// ports are those that no other process gets while this one runs.
var ports freeport.Ports

func firstPort(t *testing.T) string {
	t.Helper()
	p, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(p)
}

// A killed leader is replaced, comes back as a follower, and the end leaves no process
// behind. The next start finds the data.
func TestDev(t *testing.T) {
	dir, port := t.TempDir()+"/dev", firstPort(t)
	// The others have elected one of themselves long before it is back, or it might lead again.
	d := startDev(t, "--data", dir, "--port", port, "--observers", "1", "--restart", "20s")
	up := d.next("serving", func(e devEvent) bool { return e.Event == "serving" })
	leader, pids := 0, map[int]int{}
	for _, s := range up.Servers {
		pids[s.ID] = s.PID
		if s.Role == "leader" {
			leader = s.ID
		}
	}
	if len(up.Servers) != 4 || leader == 0 || up.Servers[3].Role != "observer" {
		t.Fatalf("serving: %+v", up)
	}
	if _, stderr, code := zabra(t, "cli", "--server", up.Connect, "create", "/kept", "x"); code != exitOK {
		t.Fatalf("create: %s", stderr)
	}
	if err := syscall.Kill(pids[leader], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d.next("ended", func(e devEvent) bool { return e.Event == "ended" && e.Server == leader && e.PID == pids[leader] })
	again, led, follows := false, false, false
	d.next("another leader, and the old one follows", func(e devEvent) bool {
		switch {
		case e.Event == "started" && e.Server == leader:
			again = true
			pids[leader] = e.PID
		case e.Event == "role" && e.Role == "leader":
			led = e.Server != leader
		case e.Event == "role" && e.Server == leader:
			follows = again && e.Role == "follower"
		}
		return led && follows
	})
	d.end()
	for id, pid := range pids {
		if err := syscall.Kill(pid, 0); err == nil {
			t.Errorf("server %d, pid %d, still runs", id, pid)
		}
	}
	if !strings.Contains(d.log.String(), "\n1 | ") || strings.Contains(d.log.String(), "\x1b") {
		t.Errorf("log: %.300s", d.log.String())
	}

	d = startDev(t, "--data", dir, "--port", port, "--observers", "1")
	up = d.next("serving", func(e devEvent) bool { return e.Event == "serving" })
	if out, stderr, _ := zabra(t, "cli", "--server", up.Connect, "get", "/kept"); out != "x\n" {
		t.Errorf("get: %q, %s", out, stderr)
	}
	d.end()
}

// What is wrong with a server is told, and stops the others; so is a second start on
// the same directory, which changes nothing for the first.
func TestDevGivesUp(t *testing.T) {
	dir := t.TempDir() + "/dev"
	d := startDev(t, "--data", dir, "--port", firstPort(t))
	d.next("serving", func(e devEvent) bool { return e.Event == "serving" })
	if _, stderr, code := zabra(t, "dev", "--data", dir, "--fresh"); code != exitFailed || !strings.Contains(stderr, "another zabra dev runs on") {
		t.Errorf("a second one: exit code %d, %s", code, stderr)
	}
	d.end()

	lock, err := osfs.FS{}.Lock(dir + "/2/zabra-log/log.lock") // as another server holds it
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	d = startDev(t, "--data", dir, "--port", firstPort(t))
	if code := d.result(); code != exitFailed || !strings.Contains(d.log.String(), "2 | error:") ||
		!strings.Contains(d.log.String(), "server 2 ended as soon as it was started: exit status 1") {
		t.Errorf("exit code %d\n%s", code, d.log.String())
	}
}

func TestDevUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"--servers 0":           {"dev", "--servers", "0"},
		`unknown command "now"`: {"dev", "now"},
	} {
		if _, stderr, code := zabra(t, args...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, %s", args, code, stderr)
		}
	}
}
