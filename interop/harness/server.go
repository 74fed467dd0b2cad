package harness

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
	"testing"
	"time"
)

// Kind is whose server it is.
type Kind int

// The servers the tests know.
const (
	Apache   Kind = iota // 3.9
	Apache38             // the release line before
	Zabra
)

func (k Kind) String() string {
	switch k {
	case Apache:
		return "apache"
	case Apache38:
		return "apache-3.8"
	}
	return "zabra"
}

const (
	startTimeout = 2 * time.Minute // a JVM on a loaded machine takes its time
	startTries   = 3               // another process may take the free port first
	wordTimeout  = 30 * time.Second
	pollPause    = 20 * time.Millisecond

	// A server that is just starting may accept a connection and forget it.
	pollTimeout = 2 * time.Second
)

// A Server is one running server. Its methods are for one goroutine.
type Server struct {
	// Kind is whose it is. What is started next follows it.
	Kind Kind
	// ID is its myid in an ensemble, 0 alone.
	ID int
	// Addr is its client port, 127.0.0.1:port. It stays the same over restarts.
	Addr string
	// AdminAddr is the admin HTTP port when Config asks for admin.enableServer.
	AdminAddr  string
	SecureAddr string // of secureClientPort, if it is FreePort
	// Dir holds its configuration, data and log.
	Dir string

	env    *Env
	config Config
	proc   *process
	log    *os.File
}

// Start runs a server of the given kind with c on top of the defaults and
// returns when it serves. The test's end kills it; a failing test prints the end
// of its log.
func (e *Env) Start(t testing.TB, kind Kind, c Config) *Server {
	t.Helper()
	s := &Server{Kind: kind, Dir: t.TempDir(), env: e, config: c.merged()}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("%s: end of its log:\n%s", kind, s.logTail())
		}
	})
	var err error
	for range startTries {
		if err = s.bindAndStart(); err == nil {
			return s
		}
		s.Kill()
	}
	t.Fatalf("%s does not start: %v", kind, err)
	return nil
}

// bindAndStart chooses ports and starts with an empty data directory.
func (s *Server) bindAndStart() error {
	if err := s.bind(); err != nil {
		return err
	}
	return s.launch()
}

// FreePort is a value of secureClientPort that stands for a port of each server's own.
const FreePort = "free"

// bind chooses ports and writes the configuration.
func (s *Server) bind() error {
	port, err := s.env.ports.Free()
	if err != nil {
		return err
	}
	s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s.config["clientPort"] = strconv.Itoa(port)
	s.config["dataDir"] = filepath.Join(s.Dir, "data")
	if s.config["secureClientPort"] == FreePort {
		secure, err := s.env.ports.Free()
		if err != nil {
			return err
		}
		s.SecureAddr = net.JoinHostPort("127.0.0.1", strconv.Itoa(secure))
		s.config["secureClientPort"] = strconv.Itoa(secure)
	}
	if s.config["admin.enableServer"] == "true" {
		admin, err := s.env.ports.Free()
		if err != nil {
			return err
		}
		s.AdminAddr = net.JoinHostPort("127.0.0.1", strconv.Itoa(admin))
		s.config["admin.serverPort"] = strconv.Itoa(admin)
	}
	return s.config.writeFile(s.configFile())
}

func (s *Server) logFile() string { return filepath.Join(s.Dir, "log") }

func (s *Server) configFile() string { return filepath.Join(s.Dir, "zoo.cfg") }

func (s *Server) launch() error {
	if err := s.Launch(); err != nil {
		return err
	}
	return s.waitServing()
}

// Launch starts the server and does not wait for anything.
func (s *Server) Launch() error {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	s.log = log
	cmd := s.command()
	cmd.Dir = s.Dir
	cmd.Stdout, cmd.Stderr = log, log
	s.proc, err = startProcess(cmd)
	return err
}

// command leaves our own environment variables out: to Zabra they are settings.
func (s *Server) command() *exec.Cmd {
	if s.Kind == Zabra {
		cmd := exec.Command(s.env.ZabraBinary, "server", "--config", s.configFile())
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ZABRA_") })
		return cmd
	}
	return s.env.javaOf(s.Kind, append(s.config.jvmFlags(), "-Xmx512m", "-Dzabra.log=INFO",
		"org.apache.zookeeper.server.quorum.QuorumPeerMain", s.configFile())...)
}

// java is a JVM on the installed classpath that starts quickly and uses little.
func (e *Env) java(args ...string) *exec.Cmd { return e.javaOf(Apache, args...) }

// javaOf is java for a server of that kind.
func (e *Env) javaOf(k Kind, args ...string) *exec.Cmd {
	classpath := e.Classpath
	if k == Apache38 {
		classpath = e.Classpath38
	}
	quick := []string{"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", classpath}
	return exec.Command("java", append(quick, args...)...)
}

func (s *Server) waitServing() error {
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		if s.proc.exited() {
			return fmt.Errorf("it ended: %s", s.logTail())
		}
		if out, err := s.word("srvr", pollTimeout); err == nil && strings.Contains(out, "Mode: ") {
			return nil
		}
		time.Sleep(pollPause)
	}
	return fmt.Errorf("no answer to srvr for %v", startTimeout)
}

// waitListening returns when somebody accepts connections at addr.
func (s *Server) waitListening(addr string) error {
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(pollPause) {
		if s.proc.exited() {
			return fmt.Errorf("it ended: %s", s.logTail())
		}
		if c, err := net.DialTimeout("tcp", addr, pollTimeout); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("nobody listens at %s for %v", addr, startTimeout)
}

// Word sends a four-letter word and returns all of the answer.
func (s *Server) Word(word string) (string, error) { return s.word(word, wordTimeout) }

func (s *Server) word(word string, timeout time.Duration) (string, error) {
	c, err := net.DialTimeout("tcp", s.Addr, timeout)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(timeout))
	if _, err := io.WriteString(c, word); err != nil {
		return "", err
	}
	out, err := io.ReadAll(c)
	return string(out), err
}

// Kill ends the server with SIGKILL. A server that is not running stays so.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Stop ends the server as an operator does, with SIGTERM.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

func (s *Server) end(sig os.Signal) {
	if s.proc != nil {
		s.proc.end(sig)
		s.proc = nil
	}
	if s.log != nil {
		s.log.Close()
		s.log = nil
	}
}

// Pause stops all threads of the server until it is killed: it reads nothing more, and
// its connections stand.
func (s *Server) Pause(t testing.TB) {
	t.Helper()
	if err := s.proc.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatalf("%s: pause: %v", s.Kind, err)
	}
	for deadline := time.Now().Add(wordTimeout); s.proc.runs(); time.Sleep(pollPause) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not pause", s.Kind)
		}
	}
}

// Restart starts a stopped server again, on the same port and data.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.launch(); err != nil {
		t.Fatalf("%s does not start again: %v", s.Kind, err)
	}
}

// Running reports whether the server was started and has not ended.
func (s *Server) Running() bool { return s.proc != nil && !s.proc.exited() }

func (s *Server) logTail() string {
	const size = 4096
	b, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	if len(b) > size {
		b = b[len(b)-size:]
	}
	return string(b)
}
