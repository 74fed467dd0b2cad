package peer

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("waited in vain for %s\n%s", what, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// noLeaks fails the test if goroutines are left behind at its end. It is called
// before anything is started.
func noLeaks(t testing.TB) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		eventually(t, "every goroutine to end", func() bool { return runtime.NumGoroutine() <= before })
	})
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// A votes records what an Election reports.
type votes struct {
	mu   sync.Mutex
	got  map[wire.SID][]int64 // rounds of the notifications of each server
	up   map[wire.SID]bool
	errs map[wire.SID]error // why the server was unreachable last
	tell map[wire.SID]int   // how often it was
}

func (v *votes) receive(from wire.SID, n wire.Notification) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.got[from] = append(v.got[from], n.Round)
}

func (v *votes) reachable(sid wire.SID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.up[sid] = true
}

func (v *votes) unreachable(sid wire.SID, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.up[sid], v.errs[sid] = false, err
	v.tell[sid]++
}

// last is the round heard last from a server, 0 for none.
func (v *votes) last(from wire.SID) int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if got := v.got[from]; len(got) > 0 {
		return got[len(got)-1]
	}
	return 0
}

func (v *votes) all(from wire.SID) []int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]int64(nil), v.got[from]...)
}

func (v *votes) isUp(sid wire.SID) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.up[sid]
}

func (v *votes) down(sid wire.SID) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tell[sid], v.errs[sid]
}

// A voter is an Election in a test.
type voter struct {
	*Election
	votes
	sid  wire.SID
	addr string
}

// newVoter starts the election port of a server on ln, or on a free port.
func newVoter(t testing.TB, sid wire.SID, ln net.Listener, change func(*ElectionConfig)) *voter {
	t.Helper()
	if ln == nil {
		ln = listen(t)
	}
	v := &voter{sid: sid, addr: ln.Addr().String()}
	v.votes = votes{got: map[wire.SID][]int64{}, up: map[wire.SID]bool{}, errs: map[wire.SID]error{}, tell: map[wire.SID]int{}}
	c := ElectionConfig{
		Self: sid, Addresses: []string{v.addr},
		Receive: v.receive, Reachable: v.reachable, Unreachable: v.unreachable,
	}
	if change != nil {
		change(&c)
	}
	v.Election = NewElection(c, nil, ln)
	t.Cleanup(v.Close)
	return v
}

// acquaint tells all voters of each other.
func acquaint(voters ...*voter) {
	servers := map[wire.SID][]string{}
	for _, v := range voters {
		servers[v.sid] = []string{v.addr}
	}
	for _, v := range voters {
		v.SetServers(servers)
	}
}

// vote is a notification that is told by its round.
func vote(round int64) wire.Notification {
	return wire.Notification{State: wire.Looking, Leader: 1, Round: round, Config: []byte(fmt.Sprint("round ", round))}
}

// hears waits until v has heard that round last from another server.
func (v *voter) hears(t testing.TB, from wire.SID, round int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("round %d of server %d at server %d", round, from, v.sid), func() bool { return v.last(from) == round })
}
