package metrics

import (
	"math"
	"runtime"
	"runtime/debug"
	rt "runtime/metrics"

	"github.com/prometheus/client_golang/prometheus"
)

// A runtimeCollector shows the Go runtime under the names of the JVM that
// ZooKeeper dashboards query, where the meaning is the same. Pools, class
// loading and thread states have no counterpart and are not shown.
type runtimeCollector struct{}

var (
	heapUsedDesc = prometheus.NewDesc("jvm_memory_bytes_used",
		"Bytes of heap occupied by objects.", []string{"area"}, nil)
	heapCommittedDesc = prometheus.NewDesc("jvm_memory_bytes_committed",
		"Bytes of heap held from the system.", []string{"area"}, nil)
	heapMaxDesc = prometheus.NewDesc("jvm_memory_bytes_max",
		"Memory limit of the runtime (GOMEMLIMIT) in bytes, -1 without.", []string{"area"}, nil)
	threadsDesc = prometheus.NewDesc("jvm_threads_current",
		"Threads of the system that the process has made.", nil, nil)
	collectionsDesc = prometheus.NewDesc("jvm_gc_collection_seconds",
		"Garbage collections and the time they stopped the process.", []string{"gc"}, nil)
)

func (runtimeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{heapUsedDesc, heapCommittedDesc, heapMaxDesc, threadsDesc, collectionsDesc} {
		ch <- d
	}
}

func (runtimeCollector) Collect(ch chan<- prometheus.Metric) {
	const area = "heap"
	heap := readHeap()
	sample(heapUsedDesc, ch, prometheus.GaugeValue, heap.used, area)
	sample(heapCommittedDesc, ch, prometheus.GaugeValue, heap.committed, area)
	sample(heapMaxDesc, ch, prometheus.GaugeValue, heap.limit, area)

	threads, _ := runtime.ThreadCreateProfile(nil)
	sample(threadsDesc, ch, prometheus.GaugeValue, float64(threads))

	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	metric, err := prometheus.NewConstSummary(collectionsDesc,
		uint64(gc.NumGC), gc.PauseTotal.Seconds(), nil, "go")
	deliver(ch, metric, err)
}

type heapSize struct{ used, committed, limit float64 }

func readHeap() heapSize {
	samples := []rt.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/gomemlimit:bytes"},
	}
	rt.Read(samples)
	value := func(i int) float64 {
		if samples[i].Value.Kind() != rt.KindUint64 {
			return 0
		}
		return float64(samples[i].Value.Uint64())
	}
	h := heapSize{used: value(0), committed: value(0) + value(1) + value(2), limit: value(3)}
	if h.limit >= math.MaxInt64 {
		h.limit = -1
	}
	return h
}
