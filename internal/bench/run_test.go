package bench

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/bench/floor"
)

func listen(t *testing.T) *floor.Server {
	t.Helper()
	s, err := floor.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// small are options for a run that is over at once.
func small(s *floor.Server) Options {
	o := Defaults()
	o.Servers = []string{s.Addr()}
	o.Connections, o.Outstanding, o.Keys, o.Ops = 5, 4, 50, 1003
	o.Threads = 2
	return o
}

// checkClean sees that a run has left nothing behind.
func checkClean(t *testing.T, s *floor.Server) {
	t.Helper()
	if n := s.Nodes(); n != 1 {
		t.Errorf("%d nodes are left", n-1)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if s.Connections() == 0 {
			return
		}
	}
	t.Errorf("%d connections are left", s.Connections())
}

func TestEveryWorkload(t *testing.T) {
	for _, portable := range []bool{false, true} {
		for _, name := range Workloads() {
			t.Run(name+map[bool]string{true: "/portable"}[portable], func(t *testing.T) {
				s := listen(t)
				o := small(s)
				o.Portable = portable
				if name == "idle" {
					o.Ops, o.WarmUp, o.Duration = 0, 0, 50*time.Millisecond
				}
				res, err := Run(t.Context(), name, o)
				if err != nil {
					t.Fatal(err)
				}
				checkCounts(t, name, &o, res)
				checkClean(t, s)
			})
		}
	}
}

func checkCounts(t *testing.T, name string, o *Options, res *Result) {
	t.Helper()
	if res.Failed() {
		t.Errorf("failed: %+v", res)
	}
	want := uint64(o.Ops)
	switch name {
	case "idle":
		return
	case "watch": // whole rounds of one event for each watcher
		want = (want + 4) / 5 * 5
	}
	if res.Ops != want || res.Latency.Count != want {
		t.Errorf("%d operations, %d in the histogram; want %d", res.Ops, res.Latency.Count, want)
	}
	if l := res.Latency; l.P50 <= 0 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
		t.Errorf("latencies %+v", *l)
	}
	if res.Seconds <= 0 || res.OpsPerSec <= 0 {
		t.Errorf("%v seconds, %v ops/s", res.Seconds, res.OpsPerSec)
	}
	if name == "mixed" && res.Reads.Count+res.Writes.Count != want {
		t.Errorf("%d reads and %d writes", res.Reads.Count, res.Writes.Count)
	}
}

func TestDuration(t *testing.T) {
	s := listen(t)
	o := small(s)
	o.Ops, o.WarmUp, o.Duration = 0, 30*time.Millisecond, 500*time.Millisecond
	res, err := Run(t.Context(), "set", o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Seconds != 0.5 || res.Ops == 0 || res.Interrupted || res.Failed() {
		t.Errorf("%+v", res)
	}
	checkClean(t, s)
}

func TestOneShotWatches(t *testing.T) {
	s := listen(t)
	o := small(s)
	o.OneShot = true
	res, err := Run(t.Context(), "watch", o)
	if err != nil {
		t.Fatal(err)
	}
	checkCounts(t, "watch", &o, res)
	checkClean(t, s)
}

func TestRate(t *testing.T) {
	for _, portable := range []bool{false, true} {
		s := listen(t)
		o := small(s)
		o.Portable = portable
		o.Ops, o.Rate, o.WarmUp, o.Duration = 0, 1000, 0, 300*time.Millisecond
		res, err := Run(t.Context(), "read", o)
		if err != nil {
			t.Fatal(err)
		}
		// All that was due is counted unless the machine could not keep up;
		// never more.
		if res.Ops == 0 || res.Ops > 301 || res.Failed() {
			t.Errorf("%d operations at 1000 a second in 0.3 s: %+v", res.Ops, res)
		}
		checkClean(t, s)
	}
}

// whenBusy calls f once when a run measures and has made operations.
func (o *Options) whenBusy(f func()) {
	f = sync.OnceFunc(f)
	o.Progress = func(p Progress) {
		if p.Phase == "measure" && p.Ops > 0 {
			f()
		}
	}
}

func TestInterrupt(t *testing.T) {
	for _, name := range []string{"create", "ephemeral", "connect", "watch"} {
		s := listen(t)
		o := small(s)
		o.Ops, o.WarmUp, o.Duration = 0, 0, time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		o.whenBusy(cancel)
		res, err := Run(ctx, name, o)
		if err != nil {
			t.Fatal(err)
		}
		if !res.Interrupted || res.Ops == 0 || res.Seconds > 60 {
			t.Errorf("%s: %+v", name, res)
		}
		checkClean(t, s)
	}
}

// A request that fails, here because its node is gone, is an error and not an
// operation.
func TestErrorsAreCounted(t *testing.T) {
	s := listen(t)
	o := small(s)
	r := &run{o: o, name: "read", root: "/zabra-bench-x", base: time.Now()}
	r.meter, _ = newMeter(nil)
	if err := r.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.layout.keys = append(r.layout.keys, r.root+"/missing")
	res, err := r.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := res.Errors["NoNode"]
	if n == 0 || res.Ops+n != uint64(o.Ops) || !res.Failed() {
		t.Errorf("%d operations, errors %v", res.Ops, res.Errors)
	}
	if err := r.cleanUp(t.Context()); err != nil {
		t.Error(err)
	}
	checkClean(t, s)
}

func TestLostConnections(t *testing.T) {
	for _, portable := range []bool{false, true} {
		s := listen(t)
		o := small(s)
		o.Portable = portable
		o.Ops, o.WarmUp, o.Duration = 0, 0, time.Hour
		o.whenBusy(func() { s.Close() })
		res, err := Run(t.Context(), "read", o)
		if res == nil || err == nil {
			t.Fatalf("got %v, %v; want what was measured and that cleaning up did not work", res, err)
		}
		if res.Lost != o.Connections || res.FirstFailure == "" || res.Seconds > 60 {
			t.Errorf("%+v", res)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	o := Defaults()
	o.Servers = []string{"127.0.0.1:1"}
	if _, err := Run(t.Context(), "read", o); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("no server: %v", err)
	}
	if _, err := Run(t.Context(), "bake", o); err == nil || !strings.Contains(err.Error(), "mixed") {
		t.Errorf("unknown workload: %v", err)
	}
	o.PIDs = []int{1 << 30}
	if _, err := Run(t.Context(), "read", o); runtime.GOOS == "linux" && (err == nil || !strings.Contains(err.Error(), "process")) {
		t.Errorf("no such process: %v", err)
	}
}
