package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

func TestLockRunsACommand(t *testing.T) {
	s := testserver.Start(t)
	for _, name := range []string{"lock", "elect"} {
		out, errs, code := zabra(t, name, "--server", s.Addr(), "/l", "--", "sh", "-c", "echo token $ZABRA_LOCK_TOKEN; exit 7")
		if code != 7 || !strings.HasPrefix(out, "token ") || out == "token \n" || errs != "" {
			t.Errorf("%s: %d %q %q", name, code, out, errs)
		}
	}
	c, err := client.Open(t.Context(), s.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if names, _, err := c.Children(t.Context(), "/l"); len(names) != 0 {
		t.Error("the lock was not released", names, err)
	}
}

func TestLockGivesUp(t *testing.T) {
	s := testserver.Start(t)
	_, errs, code := zabra(t, "lock", "--server", s.Addr(), "/l", "--",
		"sh", "-c", "true") // makes the node
	if code != 0 {
		t.Fatal(errs)
	}
	c, err := client.Open(t.Context(), s.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.MakePath(t.Context(), "/l"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), "/l/_c_00000000-0000-4000-8000-000000000000-lock-", nil, client.Sequential); err != nil {
		t.Fatal(err)
	}
	_, errs, code = zabra(t, "lock", "--server", s.Addr(), "--wait", "3s", "/l", "--", "true")
	if code != exitFailed || !strings.Contains(errs, "somebody else has had it for 3s") {
		t.Errorf("%d %q", code, errs)
	}
}

// A command whose lock is lost is ended, and the exit code says so.
func TestLostLockEndsTheCommand(t *testing.T) {
	s := testserver.Start(t)
	c, err := client.Open(t.Context(), s.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	runs := filepath.Join(t.TempDir(), "runs")
	go func() {
		for t.Context().Err() == nil {
			if _, err := os.Stat(runs); err != nil {
				time.Sleep(time.Millisecond)
				continue
			}
			names, _, _ := c.Children(t.Context(), "/l")
			for _, n := range names {
				c.Delete(t.Context(), "/l/"+n, client.AnyVersion)
			}
		}
	}()
	_, errs, code := zabra(t, "lock", "--server", s.Addr(), "/l", "--", "sh", "-c", "touch '"+runs+"'; exec sleep 60")
	if code != exitLost || !strings.Contains(errs, "was lost while the command ran") {
		t.Errorf("%d %q", code, errs)
	}
}

func TestGuardedUsage(t *testing.T) {
	for _, args := range [][]string{{"lock"}, {"lock", "/l"}, {"elect", "l", "--", "true"}, {"lock", "--auth", "x", "/l", "--", "true"},
		{"lock", "--session-timeout", "-5s", "/l", "--", "true"}, {"elect", "--session-timeout", "0", "/l", "--", "true"}, {"lock", "--wait", "-1s", "/l", "--", "true"}} {
		if _, errs, code := zabra(t, args...); code != exitUsage {
			t.Errorf("%v: %d %q", args, code, errs)
		}
	}
}

// Who runs zabra elect and loses the leadership campaigns again, and the others are
// told who leads.
func TestElectCampaignsAgain(t *testing.T) {
	s, dir := testserver.Start(t), t.TempDir()
	c, err := client.Open(t.Context(), s.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const script = `if [ -e "$1/runs" ]; then again=yes; fi; echo $ZABRA_LOCK_TOKEN >>"$1/runs"; if [ "$again" ]; then exit 4; fi; exec sleep 60`
	type result struct {
		errs string
		code int
	}
	ended := make(chan result, 1)
	go func() {
		_, errs, code := zabra(t, "elect", "--server", s.Addr(), "--id", "me", "/e", "--", "sh", "-c", script, "sh", dir)
		ended <- result{errs, code}
	}()
	runs := func() []string {
		text, _ := os.ReadFile(filepath.Join(dir, "runs"))
		return strings.Fields(string(text))
	}
	for deadline := time.Now().Add(time.Minute); len(runs()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the command does not run")
		}
	}
	e := recipes.NewElection(c, "/e", recipes.Curator)
	if id, err := e.Leader(t.Context()); id != "me" || err != nil {
		t.Error(id, err)
	}
	names, _, err := c.Children(t.Context(), "/e")
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	if err := c.Delete(t.Context(), "/e/"+names[0], client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-ended:
		if r.code != 4 || !strings.Contains(r.errs, "no longer the leader") {
			t.Errorf("%d %q", r.code, r.errs)
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	tokens := runs()
	if len(tokens) != 2 {
		t.Fatalf("%q", tokens)
	}
	first, err1 := strconv.Atoi(tokens[0])
	second, err2 := strconv.Atoi(tokens[1])
	if err1 != nil || err2 != nil || first <= 0 || second <= first {
		t.Errorf("%q", tokens)
	}
}

// While the command runs there is the node of the kind that was asked for, and it goes
// behind it.
func TestLockIsHeldWhileTheCommandRuns(t *testing.T) {
	s := testserver.Start(t)
	c, err := client.Open(t.Context(), s.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for path, tc := range map[string]struct {
		words []string
		name  string
	}{
		"/curator":       {[]string{"lock"}, "-lock-0"},
		"/kazoo":         {[]string{"lock", "--kazoo"}, "__lock__0"},
		"/latch":         {[]string{"elect"}, "-latch-0"},
		"/kazooelection": {[]string{"elect", "--kazoo"}, "__lock__0"},
	} {
		goOn := filepath.Join(t.TempDir(), "go-on")
		code := make(chan int, 1)
		go func() {
			words := append(tc.words, "--server", s.Addr(), path, "--", "sh", "-c", "until [ -e '"+goOn+"' ]; do sleep 0.01; done")
			_, _, n := zabra(t, words...)
			code <- n
		}()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			names, _, _ := c.Children(t.Context(), path)
			if len(names) == 1 && strings.Contains(names[0], tc.name) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %q", path, names)
			}
		}
		if err := os.WriteFile(goOn, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if n := <-code; n != 0 {
			t.Errorf("%s: exit code %d", path, n)
		}
		if names, _, err := c.Children(t.Context(), path); len(names) != 0 || err != nil {
			t.Errorf("%s: %q %v", path, names, err)
		}
	}
}

// A command that ends while the leadership is lost has ended: it is not run again.
func TestElectRunsNothingTwice(t *testing.T) {
	s := testserver.Start(t)
	c, err := client.Open(t.Context(), s.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, want := range []error{nil, exitError{code: 7}, exitError{code: exitLost}} {
		cmd, runs := newElect(), 0
		cmd.SetContext(t.Context())
		got := leadUntilDone(cmd, recipes.NewElection(c, "/e", recipes.Curator), "me", func(h *recipes.Held) error {
			runs++
			if err := c.Delete(t.Context(), h.Path(), client.AnyVersion); err != nil {
				t.Error(err)
			}
			<-h.Lost()
			return want
		})
		if got != want || runs != 1 {
			t.Errorf("%v after %d runs, want %v", got, runs, want)
		}
	}
}

// What cannot be begun has the exit codes that shells give it.
func TestCommandsThatCannotBeRun(t *testing.T) {
	s, dir := testserver.Start(t), t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tc := range []struct {
		command string
		code    int
		says    string
	}{
		{"no-such-command-anywhere", exitNoCommand, "no-such-command-anywhere: there is no such command"},
		{filepath.Join(dir, "none"), exitNoCommand, "there is no such command"},
		{file("plain", "#!/bin/sh\n", 0o600), exitNotRunnable, "cannot be run: permission denied"},
		{file("garbage", "\x00\x01", 0o700), exitNotRunnable, "cannot be run: exec format error"},
		{file("script", "#!/no/such/interpreter\n", 0o700), exitNotRunnable, "cannot be run: no such file"},
		{dir, exitNotRunnable, "cannot be run"},
	} {
		for _, words := range [][]string{{"lock", "/l", "--"}, {"elect", "/e", "--"}, {"register", "web", "--address", "h:1", "--"}} {
			args := append([]string{words[0], "--server", s.Addr()}, append(words[1:], tc.command)...)
			_, errs, code := zabra(t, args...)
			if code != tc.code || !strings.Contains(errs, tc.says) {
				t.Errorf("%s %s: %d %q", words[0], tc.command, code, errs)
			}
		}
	}
}
