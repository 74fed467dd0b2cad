package interop

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

var (
	killsFlag  = flag.Int("kills", 1, "TestFailOver: how often the leader is killed")
	missedFlag = flag.Int("missed", 1000, "TestFailOver: how many nodes a follower misses, of 100 bytes each")
)

// TestFailOver measures what docs/benchmarks.md says of a leader that dies, and of a
// follower that comes back; of three servers of Apache's and three of Zabra's. It asserts
// no time, only that both happen.
//
//	go test ./interop -run TestFailOver -v -kills 10 -missed 1000000
func TestFailOver(t *testing.T) {
	env.Need(t)
	for _, members := range []string{"aaa", "zzz"} {
		t.Run(members, func(t *testing.T) {
			n := env.StartEnsemble(t, harness.Members(members), harness.Config{"tickTime": "2000", "snapshotSizeFactor": "0.33"})
			var gaps []time.Duration
			for range *killsFlag {
				gaps = append(gaps, gapOfWrites(t, n))
			}
			slices.Sort(gaps)
			t.Logf("longest time between two writes when the leader is killed: median %v, worst %v", gaps[len(gaps)/2], gaps[len(gaps)-1])
			t.Logf("a follower that missed %d nodes serves again after %v", *missedFlag, timeToComeBack(t, n, *missedFlag))
		})
	}
}

// A pulse is when writes were acknowledged.
type pulse struct {
	mu    sync.Mutex
	beats []time.Time
}

func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beats = append(p.beats, time.Now())
}

// since returns how many beats there were after a moment, and the longest time without.
func (p *pulse) since(at time.Time) (n int, gap time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := at
	for _, b := range p.beats {
		if b.After(at) {
			n, gap, last = n+1, max(gap, b.Sub(last)), b
		}
	}
	return n, gap
}

// writes sets the root through one server, one write after another, and connects again at
// once when it has to.
func (p *pulse) writes(ctx context.Context, addr string) {
	for ctx.Err() == nil {
		conn, _, err := raw.NewSession(addr, 30_000)
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		for xid := int32(1); ctx.Err() == nil; xid++ {
			if conn.Send(xid, raw.OpSetData, raw.SetData("/", nil, -1)) != nil {
				break
			}
			if k, err := conn.Recv(); err != nil || k.Err != 0 {
				break
			}
			p.beat()
		}
		conn.Close()
	}
}

// gapOfWrites kills the leader while a client writes through each server, waits until
// writes go on, and starts the old leader again.
func gapOfWrites(t *testing.T, n *harness.Ensemble) time.Duration {
	t.Helper()
	const many = 200
	var p pulse
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for _, s := range n.Servers {
		writers.Go(func() { p.writes(ctx, s.Addr) })
	}
	defer writers.Wait()
	defer stop()
	going := func(since time.Time) {
		eventually(t, func() string {
			if k, _ := p.since(since); k < many {
				return fmt.Sprintf("%d writes", k)
			}
			return ""
		})
	}
	going(time.Now())
	leader := n.Leader(t)
	killed := time.Now()
	leader.Kill()
	n.Leader(t)
	going(time.Now())
	_, gap := p.since(killed)
	leader.Restart(t)
	n.Await(t)
	return gap
}

// timeToComeBack kills a follower, writes nodes, and measures from the start of its
// process until it says that it follows and shows the last of them.
func timeToComeBack(t *testing.T, n *harness.Ensemble, nodes int) time.Duration {
	t.Helper()
	leader := n.Leader(t)
	s := n.Others(leader)[0]
	s.Kill()
	n.Await(t)
	last := fillFast(t, leader, nodes)
	began := time.Now()
	if err := s.Launch(); err != nil {
		t.Fatal(err)
	}
	for s.Mode() != string(harness.Follows) {
		if time.Since(began) > 10*patience {
			t.Fatalf("%s does not come back", name(s))
		}
		time.Sleep(5 * time.Millisecond)
	}
	p := newProber(t, s)
	p.sees(last, "0")
	took := time.Since(began)
	p.end()
	return took
}

// fillFast creates nodes with many requests under way, and returns the path of the last.
func fillFast(t *testing.T, s *harness.Server, nodes int) (last string) {
	t.Helper()
	const window = 500
	conn, _, err := raw.NewSession(s.Addr, 30_000)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	data := make([]byte, 100)
	free := make(chan struct{}, window)
	done := make(chan error, 1)
	go func() {
		for range nodes {
			k, err := conn.Recv()
			if err == nil && k.Err != 0 {
				err = fmt.Errorf("error %d", k.Err)
			}
			if err != nil {
				done <- err
				conn.Close()
				return
			}
			<-free
		}
		done <- nil
	}()
	for i := range nodes {
		select {
		case free <- struct{}{}:
		case err := <-done:
			t.Fatal(err)
		}
		last = fmt.Sprintf("/missed-%d", i)
		if err := conn.Send(int32(i+1), raw.OpCreate, raw.Create(last, data, raw.Open, raw.Persistent)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return last
}
