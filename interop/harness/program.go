package harness

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// programTimeout bounds a client program: several times what the slowest takes.
const programTimeout = 6 * time.Minute

// A Program is a client that prints a transcript: one line a fact, END at the
// end. A line that begins with @ asks for something to be done to its server:
//
//	@restart   stop it with SIGTERM and start it again
//	@kill      stop it with SIGKILL and start it again
//	@cut       drop every connection of the proxy and refuse new ones
//	@join      let them through again
//
// It is answered with the line ok on the program's standard input.
type Program struct {
	Server *Server
	Proxy  *Proxy
	cmd    *exec.Cmd
	acts   map[string]func() error
}

// At says what else is done when the program asks for it.
func (p *Program) At(request string, f func() error) {
	if p.acts == nil {
		p.acts = map[string]func() error{}
	}
	p.acts[request] = f
}

// Load is the program whose clients must survive what happens to an ensemble. It asks
// for ready when they are at work.
func (e *Env) Load(n *Ensemble) *Program {
	script := filepath.Join(e.Root, "interop", "python", "kazoo_migration.py")
	return &Program{Server: n.Servers[0], cmd: exec.Command(e.Python, "-u", script, n.Addrs())}
}

// JavaLoad is a program of Java clients that does the same.
func (e *Env) JavaLoad(n *Ensemble) *Program {
	return e.JavaWith(n.Servers[0], "zabra.interop.MigrationClient", n.Addrs())
}

// Java is a program of interop/java. Its arguments are the server's address and
// the proxy's.
func (e *Env) Java(s *Server, p *Proxy, class string) *Program {
	return &Program{Server: s, Proxy: p, cmd: e.java("-Dzookeeper.admin.enableServer=false", "-Dzabra.log=ERROR", class, s.Addr, p.Addr)}
}

// JavaWith is a program of interop/java with arguments of its own.
func (e *Env) JavaWith(s *Server, class string, args ...string) *Program {
	return &Program{Server: s, cmd: e.java(append([]string{"-Dzookeeper.admin.enableServer=false", "-Dzabra.log=ERROR", class}, args...)...)}
}

// PythonProgram is a program of interop/python, with the same arguments.
func (e *Env) PythonProgram(s *Server, p *Proxy, script string) *Program {
	return &Program{Server: s, Proxy: p, cmd: exec.Command(e.Python, "-u", filepath.Join(e.Root, "interop", "python", script), s.Addr, p.Addr)}
}

// CProgram is the program of interop/c, with the same arguments.
func (e *Env) CProgram(s *Server, p *Proxy) *Program {
	return &Program{Server: s, Proxy: p, cmd: exec.Command(e.CClient, s.Addr, p.Addr)}
}

// PythonWith is a program of interop/python with arguments of its own.
func (e *Env) PythonWith(s *Server, script string, args ...string) *Program {
	return &Program{Server: s, cmd: exec.Command(e.Python, append([]string{"-u", filepath.Join(e.Root, "interop", "python", script)}, args...)...)}
}

// Run runs the program to its end and returns its transcript.
func (p *Program) Run(t testing.TB) []string {
	t.Helper()
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, w, err := os.Pipe() // not StdoutPipe: the process goroutine calls Wait
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var errs strings.Builder
	p.cmd.Stdout, p.cmd.Stderr = w, &errs
	proc, err := startProcess(p.cmd)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer proc.end(syscall.SIGKILL)
	stop := time.AfterFunc(programTimeout, func() { proc.cmd.Process.Kill() })
	defer stop.Stop()
	lines := p.converse(t, out, in)
	<-proc.done
	if n := len(lines); n == 0 || lines[n-1] != "END" || !p.cmd.ProcessState.Success() {
		t.Errorf("%s: program did not reach its end: %v\n%s\nstderr:\n%s",
			p.Server.Kind, p.cmd.ProcessState, strings.Join(lines, "\n"), tail(errs.String()))
	}
	return lines
}

// converse reads the transcript and does what it is asked.
func (p *Program) converse(t testing.TB, out io.Reader, in io.Writer) []string {
	t.Helper()
	var lines []string
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		request, isRequest := strings.CutPrefix(s.Text(), "@")
		if !isRequest {
			lines = append(lines, s.Text())
			continue
		}
		if err := p.act(t, request); err != nil {
			t.Error(err)
		}
		fmt.Fprintln(in, "ok")
	}
	return lines
}

func (p *Program) act(t testing.TB, request string) error {
	if f := p.acts[request]; f != nil {
		return f()
	}
	switch request {
	case "restart":
		p.Server.RestartBehind(t, p.Proxy, p.Server.Stop)
	case "kill":
		p.Server.RestartBehind(t, p.Proxy, p.Server.Kill)
	case "cut":
		p.Proxy.Cut()
	case "join":
		p.Proxy.Join()
	default:
		return fmt.Errorf("program asks for %q", request)
	}
	return nil
}

func tail(s string) string {
	const size = 4000
	if len(s) > size {
		return s[len(s)-size:]
	}
	return s
}
