package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/testserver"
)

// worker is a shell command that says when it works, and when it is told to end; it ends by
// itself when nobody waits for it any more.
const worker = `trap 'touch told; exit 0' TERM; touch works; for i in $(seq 1200); do sleep 0.05; done`

// inFolder has what it runs leave its files in a folder of its own.
func inFolder(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
}

func appears(t *testing.T, file string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("never: " + file)
		}
	}
}

// What a command has started is told, too, when the lock is lost: a script's shell ends at
// once, and what it was about would go on while somebody else has the lock.
func TestLostLockEndsWhatTheCommandStarted(t *testing.T) {
	if atTerminal() {
		t.Skip("at a terminal the command has no process group of its own")
	}
	s := testserver.Start(t)
	c, err := client.Open(t.Context(), s.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	inFolder(t)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		appears(t, "works")
		names, _, _ := c.Children(t.Context(), "/l")
		for _, n := range names {
			c.Delete(t.Context(), "/l/"+n, client.AnyVersion)
		}
	}()
	_, errs, code := zabra(t, "lock", "--server", s.Addr(), "/l", "--", "sh", "-c", "sh -c '"+strings.ReplaceAll(worker, "'", `'\''`)+"' & wait")
	<-gone
	if code != exitLost {
		t.Errorf("%d %q", code, errs)
	}
	if _, err := os.Stat("told"); err != nil {
		t.Error("it works on without the lock", err)
	}
}

// A command is told when the process that guards it is killed: its lock will be
// somebody else's.
func TestKilledGuardEndsItsCommand(t *testing.T) {
	s := testserver.Start(t)
	exe, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	inFolder(t)
	guard := exec.Command(exe, "lock", "--server", s.Addr(), "/l", "--", "sh", "-c", worker)
	guard.Env = append(os.Environ(), beZabra+"=1")
	if err := guard.Start(); err != nil {
		t.Fatal(err)
	}
	defer guard.Wait()
	appears(t, "works")
	if err := guard.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	appears(t, "told")
}
