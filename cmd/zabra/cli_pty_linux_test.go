package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A screen is the other end of a terminal: it answers where its cursor is, and holds
// what was printed.
type screen struct {
	*os.File
	mu   sync.Mutex
	text strings.Builder
}

// openScreen makes a terminal and the file that a process takes for it.
func openScreen(t *testing.T) (*screen, *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{File: master}
	go s.read()
	return s, slave
}

func (s *screen) read() {
	b := make([]byte, 4096)
	for answered := 0; ; {
		n, err := s.Read(b)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.text.Write(b[:n])
		asked := strings.Count(s.text.String(), "\x1b[6n")
		s.mu.Unlock()
		for ; answered < asked; answered++ {
			s.WriteString("\x1b[1;1R")
		}
	}
}

// wait waits until a text has been on the screen.
func (s *screen) wait(t *testing.T, text string) {
	t.Helper()
	all := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		s.mu.Lock()
		all = s.text.String()
		s.mu.Unlock()
		if strings.Contains(all, text) {
			return
		}
	}
	t.Fatalf("no %q on the screen:\n%s", text, all)
}

// startTerminal runs zabra cli in a terminal of its own, with more words and variables.
func startTerminal(t *testing.T, addr, words string, env ...string) (*screen, *exec.Cmd) {
	t.Helper()
	s, slave := openScreen(t)
	defer slave.Close()
	cmd := exec.Command(os.Args[0], "-test.run=TestCLITerminalChild$")
	cmd.Env = append(append(os.Environ(), "ZABRA_TEST_TERMINAL="+addr, "ZABRA_TEST_WORDS="+words, "ZABRA_HISTORY=", "TERM=xterm", "NO_COLOR="), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return s, cmd
}

// TestCLITerminal completes a command and a path, searches a history that another run has
// left, ends a command by Ctrl-C, and edits a node.
func TestCLITerminal(t *testing.T) {
	addr := startServer(t)
	zabra(t, "cli", "--server", addr, "create", "/apples", "red")
	history := t.TempDir() + "/history"
	if err := os.WriteFile(history, []byte("get -b /apples\nls /\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	editor := t.TempDir() + "/editor"
	if err := os.WriteFile(editor, []byte("#!/bin/sh\nprintf %s \"$1\" >\"$2\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, cmd := startTerminal(t, addr, "", "ZABRA_HISTORY="+history, "NO_COLOR=1", "VISUAL="+editor+" yellow", "EDITOR=false")
	s.wait(t, "(CONNECTED) 0]")
	s.WriteString("get /app\t\r")
	s.wait(t, "(CONNECTED) 1]")
	s.WriteString("\x12-b /app")
	s.WriteString("\r")
	s.wait(t, "cmVk") // red, as base64
	s.wait(t, "(CONNECTED) 2]")
	s.WriteString("watch /\r")
	s.wait(t, "watching /; Ctrl-C ends it")
	s.WriteString("\x03")
	s.wait(t, "(CONNECTED) 3]")
	s.WriteString("edit /apples\r")
	s.wait(t, "(CONNECTED) 4]")
	s.WriteString("get /apples\r")
	s.wait(t, "yellow")
	s.wait(t, "(CONNECTED) 5]")
	s.WriteString("quit\r")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(history); err != nil || !strings.Contains(string(text), "get /apples\n") {
		t.Errorf("history %q, %v", text, err)
	}
}

// What is printed to a terminal has colours, unless that or its user does not want them.
func TestColoursAtATerminal(t *testing.T) {
	addr := startServer(t)
	for _, tc := range []struct {
		words, env, want string
		code             int
	}{
		{"tree /", "", "\x1b[1;34m/\x1b[0m\r\n", 0},
		{"tree /", "NO_COLOR=1", "/\r\n", 0},
		{"tree /", "TERM=dumb", "/\r\n", 0},
		{"get /none", "", "\x1b[31merror:\x1b[0m Node does not exist: /none\r\n", 1},
		{"get /none", "NO_COLOR=1", "error: Node does not exist: /none\r\n", 1},
	} {
		s, cmd := startTerminal(t, addr, tc.words, tc.env)
		s.wait(t, tc.want)
		if s.mu.Lock(); strings.Contains(s.text.String(), "\x1b") != strings.Contains(tc.want, "\x1b") {
			t.Errorf("%s, %s: %q", tc.words, tc.env, s.text.String())
		}
		s.mu.Unlock()
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != tc.code {
			t.Errorf("%s: %v", tc.words, err)
		}
	}
}

// TestCLITerminalChild is the process in the terminal.
func TestCLITerminalChild(t *testing.T) {
	addr := os.Getenv("ZABRA_TEST_TERMINAL")
	if addr == "" {
		t.Skip("it runs in a terminal that another test makes")
	}
	words := append([]string{"cli", "--server", addr}, strings.Fields(os.Getenv("ZABRA_TEST_WORDS"))...)
	os.Exit(run(t.Context(), words, environment{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
