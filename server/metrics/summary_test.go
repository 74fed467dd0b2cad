package metrics

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// lines renders the lines of mntr that contain part.
func lines(m *Metrics, part string) string {
	var b strings.Builder
	m.Each(func(name string, v Value) {
		if strings.Contains(name, part) {
			fmt.Fprintf(&b, "%s %s\n", name, v)
		}
	})
	return b.String()
}

func TestSummaryLines(t *testing.T) {
	m := newStriped(4)
	for i, v := range []int64{3, 1, 2, 5} {
		m.SyncBatchSize.Observe(i, v)
	}
	m.SyncBatchSize.Observe(0, -1)
	want := "avg_sync_processor_batch_size 2.75\nmin_sync_processor_batch_size 1\n" +
		"max_sync_processor_batch_size 5\ncnt_sync_processor_batch_size 4\nsum_sync_processor_batch_size 11\n"
	if got := lines(m, "sync_processor_batch_size"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A timer keeps microseconds: three requests of 400 microseconds are not 0 on
// average, although each rounds to 0 ms.
func TestTimerKeepsFractions(t *testing.T) {
	m := newStriped(4)
	m.ReadLatency.ObserveN(1, 400*time.Microsecond, 3)
	m.ReadLatency.Observe(2, 1600*time.Microsecond)
	m.ReadLatency.Observe(2, -time.Second)
	want := "avg_readlatency 0.7\nmin_readlatency 0\nmax_readlatency 2\ncnt_readlatency 4\nsum_readlatency 3\n" +
		"p50_readlatency 0\np95_readlatency 2\np99_readlatency 2\np999_readlatency 2\n"
	if got := lines(m, "readlatency"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestResetForgetsCountersAndKeepsGauges(t *testing.T) {
	m := newStriped(2)
	m.ZnodeCount.Set(func() int64 { return 7 })
	m.PacketsSent.Inc(0)
	m.AuthFailed.Inc(0)
	m.CommitCount.Inc(1)
	m.ReadLatency.Observe(1, time.Second)
	m.ReadPerNamespace.Observe(1, "app", 10)
	m.ResponseSize.Observe(1, 100)
	m.Reset()
	if got := m.PacketsSent.Load() + m.CommitCount.Load() + m.ReadLatency.Load().Count +
		m.ReadPerNamespace.With("app").Load().Count; got != 0 {
		t.Errorf("after Reset the counts add up to %d, want 0", got)
	}
	if got := m.RequestLatency(); got != (Latency{}) {
		t.Errorf("after Reset the latency is %+v", got)
	}
	if last, low, high := m.ResponseSize.Load(); last != -1 || low != -1 || high != -1 {
		t.Errorf("after Reset the sizes are %d %d %d, want -1 -1 -1", last, low, high)
	}
	if m.ZnodeCount.Load() != 7 || m.AuthFailed.Load() != 1 {
		t.Errorf("Reset touched a gauge: znode_count %d, auth_failed_count %d", m.ZnodeCount.Load(), m.AuthFailed.Load())
	}
	m.ReadLatency.Observe(1, 2*time.Millisecond)
	if got := m.ReadLatency.Load(); got.Min != 2 || got.Max != 2 || got.Count != 1 {
		t.Errorf("after Reset and one value: %+v", got)
	}
}

func TestSetsByNamespace(t *testing.T) {
	m := newStriped(2)
	key := []byte("app")
	m.WritePerNamespace.Observe(0, string(key), 10)
	m.WritePerNamespace.Observe(1, "app", 20)
	m.QuotaExceededPerNS.Add(0, "app", 2)
	m.QuotaBytesLimit.Set(func() map[string]int64 { return map[string]int64{"b": 5, "a": -1} })
	want := "a_quota_bytes_limit_per_namespace -1\nb_quota_bytes_limit_per_namespace 5\n" +
		"app_quota_exceeded_error_per_namespace 2\n" +
		"avg_app_write_per_namespace 15.0\nmin_app_write_per_namespace 10\nmax_app_write_per_namespace 20\n" +
		"cnt_app_write_per_namespace 2\nsum_app_write_per_namespace 30\n"
	if got := lines(m, "_per_namespace"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Clients choose the namespaces, so neither their number nor their length may
// grow without bound.
func TestSetsAreBounded(t *testing.T) {
	m := newStriped(1)
	for i := range 3 * maxKeys {
		m.ReadPerNamespace.Observe(0, fmt.Sprint("ns", i), 1)
	}
	m.WritePerNamespace.Observe(0, strings.Repeat("x", maxKeyLen+1), 1)
	m.WritePerNamespace.Observe(0, "\xff", 1)
	if got := len(m.ReadPerNamespace.all()); got > maxKeys+1 {
		t.Errorf("%d namespaces kept, want at most %d", got, maxKeys+1)
	}
	if got := m.ReadPerNamespace.With(overflowKey).Load().Count; got != 2*maxKeys {
		t.Errorf("%d values counted under %q, want %d", got, overflowKey, 2*maxKeys)
	}
	if got := m.WritePerNamespace.With(overflowKey).Load().Count; got != 2 {
		t.Errorf("%d odd keys counted under %q, want 2", got, overflowKey)
	}
}

func TestConcurrentObservationsAreAllCounted(t *testing.T) {
	m := newStriped(4)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				m.UpdateLatency.Observe(g, time.Duration(i)*time.Millisecond)
				m.ReadPerNamespace.Observe(g, fmt.Sprint(i%10), int64(i))
			}
		})
	}
	for range 20 {
		m.AppendMntr(nil)
	}
	wg.Wait()
	if got := m.UpdateLatency.Load(); got.Count != 8000 || got.Min != 0 || got.Max != 999 {
		t.Errorf("updatelatency: %+v", got)
	}
	var n int64
	for _, s := range m.ReadPerNamespace.all() {
		n += s.Load().Count
	}
	if n != 8000 {
		t.Errorf("read_per_namespace counted %d values, want 8000", n)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	m := newStriped(2)
	path := []string{"app", "config"}
	for name, f := range map[string]func(){
		"counter": func() { m.BytesReceived.Add(1, 10) },
		"timer":   func() { m.ReadLatency.Observe(1, time.Millisecond) },
		"summary": func() { m.SyncBatchSize.Observe(1, 10) },
		"set":     func() { m.ReadPerNamespace.Observe(1, path[0], 10) },
		"sizes":   func() { m.ResponseSize.Observe(1, 10) },
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations an observation, want 0", name, n)
		}
	}
}

func TestStripesDoNotShareCacheLines(t *testing.T) {
	m := newStriped(4)
	if m.board.stride%lineWords != 0 {
		t.Errorf("a stripe has %d words, not a multiple of %d", m.board.stride, lineWords)
	}
	seen := map[int]bool{}
	for range 4 {
		seen[m.Stripe()] = true
	}
	if len(seen) != 4 {
		t.Errorf("four connections got %d different stripes, want 4", len(seen))
	}
}

func TestEnsembleGaugesShowOnlyWhenSet(t *testing.T) {
	m := newStriped(1)
	if got := lines(m, "quorum_size"); got != "" {
		t.Errorf("a standalone server shows %q", got)
	}
	m.QuorumSize.Set(func() int64 { return 3 })
	if got := lines(m, "quorum_size"); got != "quorum_size 3\n" {
		t.Errorf("a member of an ensemble shows %q", got)
	}
	m.QuorumSize.Set(nil)
	if got := lines(m, "quorum_size"); got != "" {
		t.Errorf("after leaving the ensemble it shows %q", got)
	}
}

func TestNamesAreUnique(t *testing.T) {
	var names []string
	newStriped(1).Each(func(name string, _ Value) { names = append(names, name) })
	slices.Sort(names)
	if n := len(names); len(slices.Compact(names)) != n {
		t.Error("two metrics are shown under one name")
	}
}
