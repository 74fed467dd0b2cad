package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
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
	for _, args := range [][]string{{"lock"}, {"lock", "/l"}, {"elect", "l", "--", "true"}, {"lock", "--auth", "x", "/l", "--", "true"}} {
		if _, errs, code := zabra(t, args...); code != exitUsage {
			t.Errorf("%v: %d %q", args, code, errs)
		}
	}
}
