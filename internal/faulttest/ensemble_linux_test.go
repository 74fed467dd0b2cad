package faulttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zabra/zabra/internal/netlab"
	"github.com/zabra/zabra/internal/plant"
)

const (
	clientPort   = 4181
	quorumPort   = 4888
	electionPort = 4889

	// longPatience bounds every wait for something that must come. It is how long an
	// ensemble may take to recover, with much to spare for a loaded machine. One in
	// which a bug is planted need not be waited for so long.
	longPatience  = 30 * time.Second
	shortPatience = 6 * time.Second
)

// An ensemble is a lab with servers, and one more host for all the clients.
type ensemble struct {
	t        testing.TB
	lab      *netlab.Lab
	servers  []*server
	clients  *netlab.Host
	planted  bool // servers may panic
	patient  bool
	patience time.Duration
}

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

// A setup says what kind of ensemble to make.
type setup struct {
	servers   int
	observers int      // of the servers, the last ones
	config    string   // more lines for every zoo.cfg
	disk      int64    // bytes of each server's own disk; 0 for the machine's
	faulty    bool     // run the binary whose clock and disk can be broken
	env       []string // of the servers
	bug       plant.Bug

	// allReads judges all reads as if they were to be linearizable.
	allReads bool
	// patient makes the first leader slow to notice that it leads nobody any more.
	patient bool
}

const linearizable = "zabra.reads=linearizable"

const configuration = `tickTime=200
initLimit=50
syncLimit=%d
clientPort=%d
dataDir=%s
maxSessionTimeout=60000
maxClientCnxns=0
admin.enableServer=false
4lw.commands.whitelist=*
preAllocSize=64
snapCount=300
`

// start makes hosts and runs the servers. All of it ends with the test.
func start(t testing.TB, seed uint64, s setup) *ensemble {
	t.Helper()
	needNamespaces(t)
	e := &ensemble{t: t, lab: netlab.New(seed), planted: s.bug != "", patient: s.patient, patience: longPatience}
	if e.planted {
		e.patience = shortPatience
	}
	t.Cleanup(func() {
		for _, v := range e.servers {
			v.kill()
		}
		e.lab.Close()
		e.inspectOutput()
	})
	host := func() *netlab.Host {
		h, err := e.lab.Host()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for i := range s.servers {
		e.servers = append(e.servers, &server{Host: host(), e: e, id: i + 1, binary: binaries.zabra, dir: t.TempDir()})
	}
	e.clients = host()
	for _, v := range e.servers {
		v.prepare(s)
	}
	for _, v := range e.servers {
		v.start()
	}
	e.serves()
	if s.patient {
		e.elect(e.servers[len(e.servers)-1])
	}
	return e
}

// elect makes a server lead that has the largest id, while there is no load: of equal
// histories that of the largest id is chosen.
func (e *ensemble) elect(v *server) {
	e.t.Helper()
	for range 3 {
		leader, _ := e.leader()
		if leader == v {
			return
		}
		leader.kill()
		for end := time.Now().Add(longPatience); v.mode() != "leader" && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		}
		leader.start()
		e.serves()
	}
	e.t.Fatalf("server %d does not come to lead", v.id)
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
		ticks = 50
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

// remove removes what the server has on disk under a name, or all but its id.
func (v *server) remove(name string) error {
	return v.Do(func() error {
		entries, err := os.ReadDir(v.data())
		for _, f := range entries {
			if f.Name() == name || name == "" && f.Name() != "myid" {
				err = errors.Join(err, os.RemoveAll(filepath.Join(v.data(), f.Name())))
			}
		}
		return err
	})
}

// flipBit changes one bit of the records in the server's log.
func (v *server) flipBit(rng *rand.Rand) error {
	return v.Do(func() error {
		segments, err := filepath.Glob(filepath.Join(v.data(), "zabra-log", "log.[0-9]*"))
		if err != nil || len(segments) == 0 {
			return fmt.Errorf("server %d has %d segments of a log: %w", v.id, len(segments), err)
		}
		name := segments[rng.IntN(len(segments))]
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		end := len(bytes.TrimRight(b, "\x00"))
		b[rng.IntN(end)] ^= 1 << rng.IntN(8)
		return os.WriteFile(name, b, 0)
	})
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

// control tells the faulty binary what to break, and waits until it says that it has. It
// returns the time of day that the process then had.
func (v *server) control(c control) time.Time {
	v.e.t.Helper()
	v.controls++
	c.Number = v.controls
	b, err := json.Marshal(c)
	if err == nil {
		err = os.WriteFile(v.controlFile()+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(v.controlFile()+".new", v.controlFile())
	}
	if err != nil {
		v.e.t.Fatal(err)
	}
	said := fmt.Sprintf("faulty: obeys %d at ", c.Number)
	for end := time.Now().Add(longPatience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, rest, ok := strings.Cut(v.log.String(), said); ok && strings.Contains(rest, "\n") {
			at, _, _ := strings.Cut(rest, "\n")
			t, err := time.Parse(time.RFC3339, at)
			if err != nil {
				v.e.t.Fatal(err)
			}
			return t
		}
		if v.cmd == nil {
			return time.Time{} // the next process will
		}
	}
	v.e.t.Fatalf("server %d does not obey", v.id)
	return time.Time{}
}

// control is the contents of the control file; see package main in faulty.
type control struct {
	Number      int   `json:"number"`
	WallShiftMS int64 `json:"wall_shift_ms"`
	FailSync    bool  `json:"fail_sync"`
	SyncDelayMS int64 `json:"sync_delay_ms"`
}

// fill takes all the room on the server's disk, and goes on taking it until freed.
func (v *server) fill() (free func()) {
	name := filepath.Join(v.data(), "filler")
	var f *os.File
	if err := v.Do(func() (err error) { f, err = os.Create(name); return err }); err != nil {
		v.e.t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		chunk := make([]byte, 64<<10)
		for size := len(chunk); ; {
			_, err := f.Write(chunk[:size])
			switch {
			case err == nil:
				continue
			case !errors.Is(err, syscall.ENOSPC):
				v.e.t.Error(err)
				return
			}
			size = 4096 // what is left
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		_ = f.Close()
		if err := v.Do(func() error { return os.Remove(name) }); err != nil {
			v.e.t.Error(err)
		}
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

// serves waits until all servers do.
func (e *ensemble) serves() {
	e.t.Helper()
	for _, v := range e.servers {
		for end := time.Now().Add(longPatience); v.mode() == ""; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				e.t.Fatalf("server %d does not serve", v.id)
			}
			select {
			case <-v.exited:
				e.t.Fatalf("server %d has ended with %d", v.id, v.code)
			default:
			}
		}
	}
}

// leader is the one that leads, and followers are the other voters.
func (e *ensemble) leader() (leader *server, followers []*server) {
	e.t.Helper()
	for end := time.Now().Add(longPatience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		leader, followers = nil, nil
		observers := 0
		for _, v := range e.servers {
			switch v.mode() {
			case "leader":
				leader = v
			case "follower":
				followers = append(followers, v)
			case "observer":
				observers++
			}
		}
		if leader != nil && 1+len(followers)+observers == len(e.servers) {
			return leader, followers
		}
	}
	e.t.Fatal("no server leads the others")
	return nil, nil
}

// cut makes every server of one group deaf to every one of another.
func (e *ensemble) cut(from, to []*server) {
	for _, a := range from {
		for _, b := range to {
			if a != b {
				e.lab.Shape(a.Host, b.Host, netlab.Quality{Loss: 1})
			}
		}
	}
}

// separate cuts two groups from each other.
func (e *ensemble) separate(a, b []*server) {
	e.cut(a, b)
	e.cut(b, a)
}

// lost is how many packets the switch has lost.
func (e *ensemble) lost() (n int64) {
	hosts := []*netlab.Host{e.clients}
	for _, s := range e.servers {
		hosts = append(hosts, s.Host)
	}
	for _, a := range hosts {
		for _, b := range hosts {
			if a != b {
				lost, _ := e.lab.Lost(a, b)
				n += lost
			}
		}
	}
	return n
}

// inspectOutput looks at what the servers printed: they never panic, and what they
// said helps when the test has failed.
func (e *ensemble) inspectOutput() {
	for _, v := range e.servers {
		text := v.log.String()
		for _, bad := range []string{"panic:", "fatal error:", "SIGBUS", "DATA RACE"} {
			if strings.Contains(text, bad) && !e.planted {
				e.t.Errorf("server %d: %s\n%s", v.id, bad, text)
			}
		}
		if e.t.Failed() {
			e.t.Logf("end of the log of server %d:\n%s", v.id, text[max(0, len(text)-6000):])
			if dir := os.Getenv("ZABRA_FAULTS_LOGS"); dir != "" {
				name := fmt.Sprintf("%s-%d.log", strings.ReplaceAll(e.t.Name(), "/", "-"), v.id)
				_ = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
			}
		}
	}
}

// needNamespaces skips the test where no hosts can be made, unless it has been asked
// for by name.
func needNamespaces(t testing.TB) {
	t.Helper()
	lab := netlab.New(0)
	defer lab.Close()
	_, err := lab.Host()
	switch {
	case err == nil:
	case os.Getenv("ZABRA_FAULTS") == "required":
		t.Fatalf("ZABRA_FAULTS=required, and no network can be made: %v", err)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOENT):
		t.Skipf("no network can be made here (root, or a shell of \"unshare -rmn\", could): %v", err)
	default:
		t.Fatal(err)
	}
}

// inFull skips what is not run unless it is asked for: it takes minutes, and both cores.
func inFull(t testing.TB) {
	t.Helper()
	if os.Getenv("ZABRA_FAULTS") == "" {
		t.Skip("set ZABRA_FAULTS=required, or run \"make faults\"")
	}
}
