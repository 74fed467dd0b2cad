package dev

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A server is one child process after the other.
type server struct {
	id                              int
	observer                        bool
	client, quorum, election, admin int

	cmd     *exec.Cmd // nil while it does not run
	started time.Time
	role    string // as srvr says it, "" while it serves nobody
	told    string // the role that was told last
}

func newServers(o *Options) (list []*server) {
	for i := range o.Servers + o.Observers {
		list = append(list, &server{id: i + 1, observer: i >= o.Servers})
	}
	return list
}

func (s *server) dir() string { return strconv.Itoa(s.id) }

func (s *server) pid() int {
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// start runs the server in dir. ended is called once, from another goroutine.
func (s *server) start(binary, dir string, log io.Writer, ended func(error)) error {
	cmd := exec.Command(binary, "server", "--config", filepath.Join(s.dir(), "zoo.cfg"))
	cmd.Dir = dir
	cmd.Stderr = log
	cmd.WaitDelay = time.Second
	// Variables of that prefix would be settings of all servers alike.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ZABRA_") })
	cmd.SysProcAttr = apart()
	began := make(chan error, 1)
	go func() {
		defer bindToThread()()
		err := cmd.Start()
		began <- err
		if err == nil {
			ended(cmd.Wait())
		}
	}()
	if err := <-began; err != nil {
		return fmt.Errorf("dev: server %d: %w", s.id, err)
	}
	s.cmd, s.started = cmd, time.Now()
	return nil
}

func (s *server) signal(sig syscall.Signal) {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(sig) // it may have ended, which is told elsewhere
	}
}

// askFor bounds the question of a role.
const askFor = 500 * time.Millisecond

// ask is the role that the server at an address has by its own account, "" if it
// serves nobody.
func ask(addr string) string {
	conn, err := net.DialTimeout("tcp", addr, askFor)
	if err != nil {
		return ""
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(askFor))
	if _, err := io.WriteString(conn, "srvr"); err != nil {
		return ""
	}
	const most = 16 << 10
	text, err := io.ReadAll(io.LimitReader(conn, most))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if mode, ok := strings.CutPrefix(line, "Mode: "); ok {
			return strings.TrimSpace(mode)
		}
	}
	return ""
}
