package crashtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/zabra/zabra/server/datadir"
)

// patience bounds every wait: far above what the slowest machine needs.
const patience = 30 * time.Second

var zabra string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "zabra-crashtest-")
	if err != nil {
		panic(err)
	}
	zabra = filepath.Join(dir, "zabra")
	build := exec.Command("go", "build", "-o", zabra, "../../cmd/zabra")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// times returns how often a test repeats: by an environment variable, else the
// first number, or the second in a long run.
func times(t testing.TB, variable string, short, long int) int {
	t.Helper()
	if text := os.Getenv(variable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
		return n
	}
	if os.Getenv("ZABRA_LONG_TESTS") != "" {
		return long
	}
	return short
}

func seed(t testing.TB) uint64 {
	t.Helper()
	return uint64(times(t, "ZABRA_CRASH_SEED", 1, 1))
}

// A daemon is a server process, which may be dead, and its directory.
type daemon struct {
	t       testing.TB
	dir     string
	config  string
	prepare func(*exec.Cmd) // changes how it is started; may be nil
	cmd     *exec.Cmd
	exited  chan struct{}
	address atomic.Value // string: where it listens now
	stderr  output
}

// addr is where the last process that started listens.
func (d *daemon) addr() string {
	addr, _ := d.address.Load().(string)
	return addr
}

// output is what the processes of a daemon have printed.
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

const daemonDefaults = `clientPort=0
clientPortAddress=127.0.0.1
tickTime=500
maxSessionTimeout=60000
maxClientCnxns=0
admin.enableServer=false
`

func newDaemon(t testing.TB, config string) *daemon {
	t.Helper()
	d := &daemon{t: t, dir: t.TempDir(), config: config}
	d.configure("")
	t.Cleanup(func() {
		d.kill()
		if text := d.stderr.String(); strings.Contains(text, "panic:") || strings.Contains(text, "fatal error:") || strings.Contains(text, "SIGBUS") {
			t.Errorf("the server panicked:\n%s", text)
		} else if t.Failed() {
			t.Logf("end of the server's log:\n%s", text[max(0, len(text)-5000):])
		}
	})
	return d
}

// configure writes the zoo.cfg for its directory, with more lines from now on.
func (d *daemon) configure(more string) {
	d.t.Helper()
	d.config += more
	text := daemonDefaults + "dataDir=" + filepath.ToSlash(d.dirs().Data) + "\n" + d.config
	if err := os.WriteFile(d.configFile(), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) configFile() string { return filepath.Join(d.dir, "zoo.cfg") }

func (d *daemon) dirs() datadir.Layout {
	data := filepath.Join(d.dir, "data")
	return datadir.Layout{Data: data, Log: data}
}

// launch starts the process and does not wait for it to serve.
func (d *daemon) launch() (stdout io.Reader) {
	d.t.Helper()
	d.cmd = exec.Command(zabra, "server", "--config", d.configFile())
	d.cmd.Stderr = &d.stderr
	d.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ZABRA_") })
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if d.prepare != nil {
		d.prepare(d.cmd)
	}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	return out
}

// start starts the process and returns when it listens, or with an error that
// says what it printed instead.
func (d *daemon) start() error {
	d.t.Helper()
	before := len(d.stderr.String())
	out := bufio.NewReader(d.launch())
	served := make(chan error, 1)
	exited := make(chan struct{})
	d.exited = exited
	cmd := d.cmd
	go func() {
		served <- d.readAddr(out)
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		close(exited)
	}()
	select {
	case err := <-served:
		if err != nil {
			<-exited
			d.cmd = nil
			return fmt.Errorf("%w: %s", err, d.stderr.String()[before:])
		}
		return nil
	case <-time.After(patience):
		d.t.Fatal("the server does not serve")
		return nil
	}
}

var errNoStart = errors.New("the server ended before it served")

// readAddr reads the lines that say where it listens.
func (d *daemon) readAddr(out *bufio.Reader) error {
	line, err := out.ReadString('\n')
	if err != nil {
		return errNoStart
	}
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' }) {
		if strings.HasPrefix(word, "127.0.0.1:") {
			d.address.Store(word)
			return nil
		}
	}
	return fmt.Errorf("no address in %q", line)
}

func (d *daemon) mustStart() {
	d.t.Helper()
	if err := d.start(); err != nil {
		d.t.Fatal(err)
	}
}

// kill ends the process with SIGKILL, if it runs.
func (d *daemon) kill() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Kill()
	if d.exited != nil {
		<-d.exited
	} else {
		_ = d.cmd.Wait()
	}
	d.cmd, d.exited = nil, nil
}

// terminate ends the process with SIGTERM and returns its exit code and how long
// that took.
func (d *daemon) terminate() (code int, took time.Duration) {
	d.t.Helper()
	began := time.Now()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	select {
	case <-d.exited:
	case <-time.After(patience):
		d.t.Fatal("the server does not end")
	}
	code = d.cmd.ProcessState.ExitCode()
	d.cmd, d.exited = nil, nil
	return code, time.Since(began)
}

// resident is the memory of the process, in bytes.
func (d *daemon) resident() int64 {
	d.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", d.cmd.Process.Pid))
	if err != nil {
		d.t.Skip("this system does not tell the memory of a process")
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		d.t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
