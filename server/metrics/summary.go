package metrics

import (
	"math"
	"sync/atomic"
	"time"
)

// A Summary keeps count, sum, minimum and maximum of the values it is shown and,
// except in the sets by namespace, their distribution. It is safe for use by any
// number of goroutines.
type Summary struct{ core summary }

// Observe records one value on a stripe (see Metrics.Stripe). A negative value is
// not recorded. It takes no lock; the first value of a stripe may allocate.
func (s *Summary) Observe(stripe int, v int64) { s.core.observe(stripe, v, 1) }

// Load reads the summary.
func (s *Summary) Load() Snapshot { return s.core.load() }

// A Timer is a Summary of durations. They are recorded in whole microseconds and
// shown in milliseconds, ZooKeeper's unit: averages, and everything that
// Prometheus gets, keep the fraction; the whole numbers of mntr are rounded.
type Timer struct{ core summary }

// Observe records one duration on a stripe; see Summary.Observe.
func (t *Timer) Observe(stripe int, d time.Duration) { t.ObserveN(stripe, d, 1) }

// ObserveN records n requests of which each took d, for a batch that was
// measured once.
func (t *Timer) ObserveN(stripe int, d time.Duration, n int64) {
	if d < 0 || n <= 0 {
		return
	}
	t.core.observe(stripe, int64((d+500*time.Nanosecond)/time.Microsecond), n)
}

// Load reads the timer, in milliseconds.
func (t *Timer) Load() Snapshot { return t.core.load() }

// The words of a summary on the board.
const (
	wordSum = iota
	wordMin
	wordMax
	wordCount // only used without a histogram, which counts by itself
	summaryWords
)

// usPerMs is the scale of a Timer.
const usPerMs = 1000

type summary struct {
	b     *board
	slot  int
	kind  Kind
	scale float64 // recorded units in a shown one: 1, or 1000 for microseconds
	hist  []atomic.Pointer[histogram]
	plain bool // no histogram
}

func (s *summary) attach(b *board) {
	s.b, s.slot = b, b.alloc(summaryWords)
	if !s.plain {
		s.hist = make([]atomic.Pointer[histogram], b.stripes())
	}
}

func (s *summary) ready() { s.reset() }

func (s *summary) observe(stripe int, v, n int64) {
	if v < 0 {
		return
	}
	at := s.b.cell(stripe, s.slot+wordSum)
	at.Add(v * n)
	lower(s.b.cell(stripe, s.slot+wordMin), v)
	raise(s.b.cell(stripe, s.slot+wordMax), v)
	if s.plain {
		s.b.cell(stripe, s.slot+wordCount).Add(n)
		return
	}
	s.histogram(stripe)[bucketOf(v)].Add(n)
}

// observeMany is for summaries without a histogram.
func (s *summary) observeMany(stripe int, n, sum, smallest, largest int64) {
	s.b.cell(stripe, s.slot+wordSum).Add(sum)
	lower(s.b.cell(stripe, s.slot+wordMin), smallest)
	raise(s.b.cell(stripe, s.slot+wordMax), largest)
	s.b.cell(stripe, s.slot+wordCount).Add(n)
}

// histogram is the stripe's own, made when the stripe first needs it: most
// metrics are only ever fed by one goroutine.
func (s *summary) histogram(stripe int) *histogram {
	p := &s.hist[stripe&s.b.mask]
	if h := p.Load(); h != nil {
		return h
	}
	p.CompareAndSwap(nil, new(histogram))
	return p.Load()
}

func lower(c *atomic.Int64, v int64) {
	for cur := c.Load(); v < cur && !c.CompareAndSwap(cur, v); {
		cur = c.Load()
	}
}

func raise(c *atomic.Int64, v int64) {
	for cur := c.Load(); v > cur && !c.CompareAndSwap(cur, v); {
		cur = c.Load()
	}
}

// reset forgets everything. A value recorded at the same moment may be lost.
func (s *summary) reset() {
	s.b.store(s.slot+wordSum, 0)
	s.b.store(s.slot+wordCount, 0)
	s.b.store(s.slot+wordMin, math.MaxInt64)
	s.b.store(s.slot+wordMax, math.MinInt64)
	for i := range s.hist {
		s.hist[i].Store(nil)
	}
}

// A Snapshot is what a Summary or Timer held at one moment; a Timer's is in
// milliseconds. Values recorded while it was taken are in some of its numbers
// and not in others. It is all zero when nothing was recorded.
type Snapshot struct {
	Count         int64
	Sum, Min, Max float64
	scale         float64
	dist          *counts
}

// Avg is the mean, 0 without values.
func (s Snapshot) Avg() float64 {
	if s.Count == 0 {
		return 0
	}
	return s.Sum / float64(s.Count)
}

// Quantile estimates the value below which the share q (0 to 1) of all values
// lies, to about one part in sixteen. It is 0 without values, and for the sets
// by namespace, which keep no distribution.
func (s Snapshot) Quantile(q float64) float64 {
	if s.dist == nil || s.Count == 0 {
		return 0
	}
	return min(max(s.dist.quantile(q)/s.scale, s.Min), s.Max)
}

// HasQuantiles reports whether a distribution was kept.
func (s Snapshot) HasQuantiles() bool { return s.dist != nil }

func (s *summary) load() Snapshot {
	snap := Snapshot{scale: s.scale}
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range s.b.stripes() {
		snap.Sum += float64(s.b.cell(i, s.slot+wordSum).Load())
		low = min(low, s.b.cell(i, s.slot+wordMin).Load())
		high = max(high, s.b.cell(i, s.slot+wordMax).Load())
	}
	snap.Count = s.count(&snap)
	if low == math.MaxInt64 || high == math.MinInt64 {
		low, high = 0, 0
	}
	snap.Sum /= s.scale
	snap.Min, snap.Max = float64(low)/s.scale, float64(high)/s.scale
	return snap
}

// count counts the values, and gathers the distribution on the way.
func (s *summary) count(snap *Snapshot) int64 {
	if s.plain {
		return s.b.sum(s.slot + wordCount)
	}
	snap.dist = new(counts)
	for i := range s.hist {
		if h := s.hist[i].Load(); h != nil {
			snap.dist.add(h)
		}
	}
	return snap.dist.total()
}

// each emits the five or nine values that ZooKeeper derives from a summary, in
// its order.
func (s *summary) each(name string, emit func(string, Value)) {
	snap := s.load()
	emit("avg_"+name, Float(round4(snap.Avg())))
	emit("min_"+name, whole(snap.Min))
	emit("max_"+name, whole(snap.Max))
	emit("cnt_"+name, Int(snap.Count))
	emit("sum_"+name, whole(snap.Sum))
	if s.kind != KindAdvancedSummary {
		return
	}
	emit("p50_"+name, whole(snap.Quantile(0.5)))
	emit("p95_"+name, whole(snap.Quantile(0.95)))
	emit("p99_"+name, whole(snap.Quantile(0.99)))
	emit("p999_"+name, whole(snap.Quantile(0.999)))
}

func whole(f float64) Value { return Int(roundInt(f)) }

// round4 rounds to four decimals, as ZooKeeper shows averages.
func round4(f float64) float64 { return math.Round(f*1e4) / 1e4 }
