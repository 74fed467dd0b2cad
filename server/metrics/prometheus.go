package metrics

import (
	"math"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// keyLabel tells the members of a set apart.
const keyLabel = "key"

// quantiles that Prometheus gets of a summary, by kind.
var (
	basicQuantiles    = []float64{0.5}
	advancedQuantiles = []float64{0.5, 0.9, 0.99}
)

// Handler serves all metrics in the Prometheus text format and, with process,
// those of the Go runtime and of the process.
func (m *Metrics) Handler(process bool) http.Handler {
	return promhttp.HandlerFor(m.Registry(process), promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, // a scrape reads every stripe; more at once only slow the server
	})
}

// Registry holds a collector of all metrics and, with process, collectors of the
// Go runtime and of the process, also under those of the JVM's names that mean
// the same here.
func (m *Metrics) Registry(process bool) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(newCollector(m))
	if process {
		r.MustRegister(
			collectors.NewGoCollector(),
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
			runtimeCollector{},
		)
	}
	return r
}

// A collector hands the table to Prometheus.
type collector struct {
	entries []entry
	descs   []*prometheus.Desc
}

func newCollector(m *Metrics) *collector {
	c := &collector{entries: m.entries}
	for _, e := range m.entries {
		var labels []string
		if e.kind.isSet() {
			labels = []string{keyLabel}
		}
		c.descs = append(c.descs, prometheus.NewDesc(e.name, e.help, labels, nil))
	}
	return c
}

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for i, e := range c.entries {
		e.metric.collect(c.descs[i], ch)
	}
}

func (c *Counter) collect(d *prometheus.Desc, ch chan<- prometheus.Metric) {
	sample(d, ch, prometheus.CounterValue, float64(c.Load()))
}

func (c *GaugeCounter) collect(d *prometheus.Desc, ch chan<- prometheus.Metric) {
	sample(d, ch, prometheus.GaugeValue, float64(c.Load()))
}

func (g *Gauge) collect(d *prometheus.Desc, ch chan<- prometheus.Metric) {
	if !g.hidden() {
		sample(d, ch, prometheus.GaugeValue, float64(g.Load()))
	}
}

func (g *FloatGauge) collect(d *prometheus.Desc, ch chan<- prometheus.Metric) {
	sample(d, ch, prometheus.GaugeValue, g.Load())
}

func (g *GaugeSet) collect(d *prometheus.Desc, ch chan<- prometheus.Metric) {
	for key, v := range g.Load() {
		sample(d, ch, prometheus.GaugeValue, float64(v), key)
	}
}

func (s *CounterSet) collect(d *prometheus.Desc, ch chan<- prometheus.Metric) {
	for key, c := range s.all() {
		sample(d, ch, prometheus.CounterValue, float64(c.Load()), key)
	}
}

func (s *summary) collect(d *prometheus.Desc, ch chan<- prometheus.Metric) { s.sample(d, ch) }

func (s *SummarySet) collect(d *prometheus.Desc, ch chan<- prometheus.Metric) {
	for key, one := range s.all() {
		one.core.sample(d, ch, key)
	}
}

func (s *TimerSet) collect(d *prometheus.Desc, ch chan<- prometheus.Metric) {
	for key, one := range s.all() {
		one.core.sample(d, ch, key)
	}
}

func (s *summary) sample(d *prometheus.Desc, ch chan<- prometheus.Metric, labels ...string) {
	snap := s.load()
	metric, err := prometheus.NewConstSummary(d, uint64(snap.Count), snap.Sum, s.quantiles(snap), labels...)
	deliver(ch, metric, err)
}

func (s *summary) quantiles(snap Snapshot) map[float64]float64 {
	if !snap.HasQuantiles() {
		return nil
	}
	which := basicQuantiles
	if s.kind == KindAdvancedSummary {
		which = advancedQuantiles
	}
	out := make(map[float64]float64, len(which))
	for _, q := range which {
		out[q] = math.NaN() // what Prometheus shows when there is nothing to rank
		if snap.Count > 0 {
			out[q] = snap.Quantile(q)
		}
	}
	return out
}

func sample(d *prometheus.Desc, ch chan<- prometheus.Metric, t prometheus.ValueType, v float64, labels ...string) {
	metric, err := prometheus.NewConstMetric(d, t, v, labels...)
	deliver(ch, metric, err)
}

// deliver sends the metric. A key that Prometheus does not take spoils its own
// line and not the server.
func deliver(ch chan<- prometheus.Metric, metric prometheus.Metric, err error) {
	if err == nil {
		ch <- metric
	}
}
