package faulttest

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/zabra/zabra/internal/netlab"
)

// A server is a host that runs a server, or will again.
type server struct {
	*netlab.Host
	e      *ensemble
	id     int
	binary string
	env    []string
	dir    string
	log    output
	cmd    *exec.Cmd
	exited chan struct{}
	code   int // of the process that ended last

	controls int // that were given

	// shunned by all but those who only read.
	shunned atomic.Bool
}

// output is what the processes of a server have printed.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (v *server) prepare(s setup) {
	t := v.e.t
	t.Helper()
	if s.faulty {
		v.binary = faulty(t)
		v.env = append([]string{"FAULTY_CONTROL=" + v.controlFile(), "FAULTY_PLANT=" + string(s.bug)}, s.env...)
	}
	ticks := 10
	if s.patient && v.id == len(v.e.servers) {
		ticks = 100 // longer than a busy machine takes to elect another leader and write
	}
	text := fmt.Sprintf(configuration, ticks, clientPort, v.data()) + s.config + "\n"
	for i, o := range v.e.servers {
		role := "participant"
		if i >= s.servers-s.observers {
			role = "observer"
		}
		text += fmt.Sprintf("server.%d=%v:%d:%d:%s\n", o.id, o.Addr, quorumPort, electionPort, role)
		if o == v && role == "observer" {
			text += "peerType=observer\n"
		}
	}
	if err := os.WriteFile(v.configFile(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(v.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	if s.disk > 0 {
		if err := v.Mount(v.data(), s.disk); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Do(func() error { return os.WriteFile(filepath.Join(v.data(), "myid"), fmt.Appendln(nil, v.id), 0o600) }); err != nil {
		t.Fatal(err)
	}
}

func (v *server) data() string        { return filepath.Join(v.dir, "data") }
func (v *server) configFile() string  { return filepath.Join(v.dir, "zoo.cfg") }
func (v *server) controlFile() string { return filepath.Join(v.dir, "control.json") }

func (v *server) addr(port uint16) netip.AddrPort { return netip.AddrPortFrom(v.Addr, port) }

// start runs the process and does not wait for anything.
func (v *server) start() {
	v.e.t.Helper()
	v.cmd = exec.Command(v.binary, "server", "--config", v.configFile())
	v.cmd.Stdout, v.cmd.Stderr = io.Discard, &v.log
	v.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "ZABRA_") }), v.env...)
	if err := v.Host.Start(v.cmd); err != nil {
		v.e.t.Fatalf("server %d: %v", v.id, err)
	}
	v.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait()
		v.code = cmd.ProcessState.ExitCode()
		close(exited)
	}(v.cmd, v.exited)
}

// kill ends the process with SIGKILL, if there is one.
func (v *server) kill() {
	if v.cmd == nil {
		return
	}
	_ = v.cmd.Process.Kill()
	<-v.exited
	v.cmd = nil
}

// stop ends the process as an operator does.
func (v *server) stop() error {
	v.signal(syscall.SIGTERM)
	code, err := v.ends()
	if err == nil && code != 0 {
		err = fmt.Errorf("server %d ended with %d after SIGTERM", v.id, code)
	}
	return err
}

// ends waits for the process to end by itself, and returns its exit code.
func (v *server) ends() (code int, err error) {
	select {
	case <-v.exited:
		v.cmd = nil
		return v.code, nil
	case <-time.After(v.e.patience):
		return 0, fmt.Errorf("server %d does not end", v.id)
	}
}

func (v *server) pause() { v.signal(syscall.SIGSTOP) }

func (v *server) resume() { v.signal(syscall.SIGCONT) }

func (v *server) signal(s syscall.Signal) {
	if err := v.cmd.Process.Signal(s); err != nil {
		v.e.t.Errorf("server %d: %v: %v", v.id, s, err)
	}
}

// word sends a four-letter word; "" if there is no answer.
func (v *server) word(word string) string {
	c, err := v.e.clients.Dial(v.addr(clientPort), 300*time.Millisecond)
	if err != nil {
		return ""
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(500 * time.Millisecond))
	if _, err := io.WriteString(c, word); err != nil {
		return ""
	}
	out, err := io.ReadAll(c)
	if err != nil {
		return ""
	}
	return string(out)
}

// mode is leader, follower, observer, or "".
func (v *server) mode() string {
	for line := range strings.Lines(v.word("srvr")) {
		if mode, ok := strings.CutPrefix(line, "Mode: "); ok {
			return strings.TrimSpace(mode)
		}
	}
	return ""
}
