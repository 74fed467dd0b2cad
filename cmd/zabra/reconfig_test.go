package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server"
	"github.com/zabra/zabra/server/zoocfg"
)

// An ensemble is three servers in this process that may be reconfigured.
type ensemble struct {
	t       *testing.T
	members []string // as server lines have them, with lines[0] for server 1
	clients string   // the connect string of server 1
}

func startEnsemble(t *testing.T) *ensemble {
	t.Helper()
	port := func() int {
		p, err := ports.Free()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	e := &ensemble{t: t}
	lines := ""
	for i := 1; i <= 3; i++ {
		client := port()
		e.members = append(e.members, fmt.Sprintf("127.0.0.1:%d:%d:participant;127.0.0.1:%d", port(), port(), client))
		lines += fmt.Sprintf("server.%d=%s\n", i, e.members[i-1])
		if i == 1 {
			e.clients = fmt.Sprint("127.0.0.1:", client)
		}
	}
	for i := 1; i <= 3; i++ {
		e.launch(i, lines)
	}
	return e
}

// launch runs a server until the test ends.
func (e *ensemble) launch(id int, lines string) {
	e.t.Helper()
	dir := filepath.ToSlash(e.t.TempDir())
	if err := os.WriteFile(dir+"/myid", fmt.Append(nil, id), 0o600); err != nil {
		e.t.Fatal(err)
	}
	conf := "tickTime=200\ninitLimit=50\nsyncLimit=50\nadmin.enableServer=false\nreconfigEnabled=true\nskipACL=yes\ndataDir=" + dir + "\n" + lines
	if err := os.WriteFile(dir+"/zoo.cfg", []byte(conf), 0o600); err != nil {
		e.t.Fatal(err)
	}
	cfg, _, err := zoocfg.Load(zoocfg.Source{File: dir + "/zoo.cfg"})
	if err != nil {
		e.t.Fatal(err)
	}
	s, err := server.Open(cfg, osfs.FS{}, zap.NewNop())
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	e.t.Cleanup(func() { stop(); <-ended })
}

// until runs a command of the shell at server 1 until it ends well: members that
// come and go are followed by others a moment later.
func (e *ensemble) until(args ...string) string {
	e.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		out, errs, code := zabra(e.t, append([]string{"cli", "--server", e.clients}, args...)...)
		if code == exitOK {
			return out
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("%q: %d %q %q", args, code, out, errs)
		}
	}
}

// configVersion cuts the configuration's version off, which it returns.
func configVersion(t *testing.T, config string) (rest, version string) {
	t.Helper()
	rest, version, found := strings.Cut(strings.TrimSuffix(config, "\n"), "version=")
	if !found {
		t.Fatalf("no version in %q", config)
	}
	return rest, version
}

// The shell takes a member out of an ensemble, puts it back, and names all members, by
// what servers that run make of it.
func TestReconfigThroughTheShell(t *testing.T) {
	e := startEnsemble(t)
	config := func(ids ...int) (lines string) {
		for _, id := range ids {
			lines += fmt.Sprintf("server.%d=%s\n", id, e.members[id-1])
		}
		return lines
	}
	if all, _ := configVersion(t, e.until("config")); all != config(1, 2, 3) {
		t.Fatalf("%q", all)
	}
	const committed = "Committed new configuration:\n"
	file := filepath.Join(t.TempDir(), "members")
	if err := os.WriteFile(file, []byte(config(1, 2, 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"-remove", "3"}, config(1, 2)},
		{[]string{"-add", "server.3=" + e.members[2]}, config(1, 2, 3)},
		{[]string{"-members", strings.ReplaceAll(strings.TrimSuffix(config(1, 2), "\n"), "\n", ",")}, config(1, 2)},
		{[]string{"-file", file}, config(1, 2, 3)},
	} {
		said, now := configVersion(t, e.until(append([]string{"reconfig"}, tc.args...)...))
		if said != committed+tc.want || now == last {
			t.Errorf("%q: %q, version %s behind %s, want %q", tc.args, said, now, last, committed+tc.want)
		}
		last = now
		if shown, v := configVersion(t, e.until("config")); shown != tc.want || v != now {
			t.Errorf("%q: then it is %q, version %s", tc.args, shown, v)
		}
	}
	if out, errs, code := zabra(t, "cli", "--server", e.clients, "reconfig", "-v", "1", "-remove", "3"); code == exitOK || !strings.Contains(errs, "version No is not valid") {
		t.Errorf("of another version: %d %q %q", code, out, errs)
	}
	out := e.until("reconfig", "-s", "-v", last, "-remove", "3")
	if !strings.HasPrefix(out, committed+config(1, 2)) || !strings.Contains(out, "\ncZxid = 0x") {
		t.Errorf("%q", out)
	}
	e.watched(t)
}

// watched wants config -w to tell of a new configuration, also where the shell's root is
// another.
func (e *ensemble) watched(t *testing.T) {
	e.until("create", "/root")
	there := false // server 3, which comes and goes
	for _, root := range []string{"", "/root"} {
		told := &waiter{text: "type:NodeDataChanged path:/zookeeper/config ", seen: make(chan struct{})}
		from, to := io.Pipe()
		ended := make(chan int, 1)
		go func() {
			ended <- run(t.Context(), []string{"cli", "--server", e.clients + root}, environment{in: from, out: told, err: io.Discard})
		}()
		io.WriteString(to, "config -w\n")
		for n := 0; ; n++ {
			if there = !there; there {
				e.until("reconfig", "-add", "server.3="+e.members[2])
			} else {
				e.until("reconfig", "-remove", "3")
			}
			select {
			case <-told.seen:
			case <-time.After(time.Second): // it may not have begun to watch
				if n < 60 {
					continue
				}
				t.Errorf("root %q: no event", root)
			}
			break
		}
		to.Close()
		if code := <-ended; code != exitOK {
			t.Errorf("root %q: exit code %d", root, code)
		}
	}
}
