package watch

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/zabra/zabra/wire"
)

const million = 1_000_000

// benchPaths are a million paths of 31 bytes.
func benchPaths() []string {
	paths := make([]string, million)
	for i := range paths {
		paths[i] = fmt.Sprintf("/services/group-%04d/inst-%06d", i%1000, i)
	}
	return paths
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// BenchmarkMemory reports the bytes of a watch: each path with one watcher of its
// own thousand, and 1000 paths with a thousand watchers each.
func BenchmarkMemory(b *testing.B) {
	for _, c := range []struct {
		name  string
		paths int
	}{{"paths=1e6", million}, {"paths=1e3", 1000}} {
		b.Run(c.name, func(b *testing.B) {
			paths := benchPaths()
			for b.Loop() {
				before := heap()
				m := New(64, 1)
				for i := range million {
					m.Add(paths[i%c.paths], WatcherID(i/1000), Data)
				}
				after := heap()
				b.ReportMetric(float64(after-before)/million, "B/watch")
				for w := range WatcherID(1000) {
					m.RemoveWatcher(w)
				}
				b.ReportMetric(float64(heap())-float64(before), "B-left")
				runtime.KeepAlive(m)
			}
			runtime.KeepAlive(paths)
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	paths := benchPaths()
	m := New(64, 1)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		m.Add(paths[n%million], WatcherID(n%10_000), Data)
	}
}

func BenchmarkAddAgain(b *testing.B) {
	m, paths := full()
	r := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		i := r.IntN(million)
		m.Add(paths[i], WatcherID(i%10_000), Data)
	}
}

// full holds a million one-shot watches.
func full() (*Manager, []string) {
	paths := benchPaths()
	m := New(64, 1)
	for i, p := range paths {
		m.Add(p, WatcherID(i%10_000), Data)
	}
	return m, paths
}

// BenchmarkTriggerAndRearm is a one-shot watch that fires and is set again, among
// a million.
func BenchmarkTriggerAndRearm(b *testing.B) {
	m, paths := full()
	r := rand.New(rand.NewPCG(1, 1))
	var told []WatcherID
	b.ReportAllocs()
	for b.Loop() {
		p := paths[r.IntN(million)]
		told = m.Trigger(wire.EventNodeDataChanged, p, told[:0])
		m.Add(p, told[0], Data)
	}
}

// BenchmarkTriggerNobody is what a write costs where nobody watches.
func BenchmarkTriggerNobody(b *testing.B) {
	m, _ := full()
	for _, c := range []string{"recursive=0", "recursive=1"} {
		b.Run(c, func(b *testing.B) {
			if c == "recursive=1" {
				for i := range 64 {
					m.Add(fmt.Sprintf("/elsewhere/%d", i), 1, Recursive)
				}
			}
			var told []WatcherID
			b.ReportAllocs()
			for b.Loop() {
				told = m.Trigger(wire.EventNodeDataChanged, "/services/group-0001/inst-none/x", told[:0])
			}
		})
	}
}

// BenchmarkFanOut is one change that 10,000 persistent watchers hear of.
func BenchmarkFanOut(b *testing.B) {
	m := New(64, 1)
	for w := range WatcherID(10_000) {
		m.Add("/config", w, Persistent)
	}
	var told []WatcherID
	b.ReportAllocs()
	for b.Loop() {
		told = m.Trigger(wire.EventNodeDataChanged, "/config", told[:0])
	}
}

// BenchmarkRemoveWatcher is a connection with 100 watches that goes and comes
// back, among a million.
func BenchmarkRemoveWatcher(b *testing.B) {
	m, paths := full()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		w := n % 10_000
		m.RemoveWatcher(WatcherID(w))
		for i := w; i < million; i += 10_000 {
			m.Add(paths[i], WatcherID(w), Data)
		}
	}
}
