package faulttest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	longPatience  = time.Minute
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
