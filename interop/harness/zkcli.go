package harness

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// zkCliMain is what zkCli.sh starts.
const zkCliMain = "org.apache.zookeeper.ZooKeeperMain"

// zkCliTimeout bounds one run of the shell.
const zkCliTimeout = 4 * time.Minute

func (e *Env) zkCli(s *Server, args ...string) *exec.Cmd {
	return e.java(append([]string{"-Dzabra.log=OFF", zkCliMain, "-server", s.Addr, "-waitforconnection"}, args...)...)
}

// ZkCli types the script into the shell and returns everything it printed.
func (e *Env) ZkCli(t testing.TB, s *Server, script string) string {
	t.Helper()
	cmd := e.zkCli(s)
	cmd.Stdin = &typist{strings.SplitAfter(script+"\nquit\n", "\n")}
	out, err := os.CreateTemp(t.TempDir(), "zkcli")
	if err != nil {
		t.Error(err)
		return ""
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	runBounded(t, cmd)
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// ZkCliExit runs one command and returns the exit code.
func (e *Env) ZkCliExit(t testing.TB, s *Server, command ...string) int {
	t.Helper()
	cmd := e.zkCli(s, command...)
	runBounded(t, cmd)
	return cmd.ProcessState.ExitCode()
}

func runBounded(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	p, err := startProcess(cmd)
	if err != nil {
		t.Error(err)
		return
	}
	select {
	case <-p.done:
	case <-time.After(zkCliTimeout):
		p.end(syscall.SIGKILL)
		t.Errorf("%v does not end", cmd.Args[len(cmd.Args)-1])
	}
}

// typeDelay between two lines gives events the time to be printed before the
// next answer. Nothing depends on it: events are compared apart.
const typeDelay = 30 * time.Millisecond

// A typist types line by line.
type typist struct{ lines []string }

// Read hands over the next line.
func (t *typist) Read(p []byte) (int, error) {
	if len(t.lines) == 0 {
		return 0, io.EOF
	}
	time.Sleep(typeDelay)
	n := copy(p, t.lines[0])
	t.lines = t.lines[1:]
	return n, nil
}
