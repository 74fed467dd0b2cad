package metrics

import (
	"sync/atomic"
)

// A Gauge is a whole number that is read when somebody looks.
type Gauge struct {
	fn       atomic.Pointer[func() int64]
	optional bool // not shown while nothing provides it
}

// Set names the function that provides the value; nil takes it away. The
// function is called by any goroutine, at every scrape.
func (g *Gauge) Set(fn func() int64) {
	if fn == nil {
		g.fn.Store(nil)
		return
	}
	g.fn.Store(&fn)
}

// Load is the value now, 0 while nothing provides it.
func (g *Gauge) Load() int64 {
	if fn := g.fn.Load(); fn != nil {
		return (*fn)()
	}
	return 0
}

func (g *Gauge) hidden() bool { return g.optional && g.fn.Load() == nil }

func (g *Gauge) attach(*board) {}
func (g *Gauge) ready()        {}
func (g *Gauge) reset()        {}

func (g *Gauge) each(name string, emit func(string, Value)) {
	if !g.hidden() {
		emit(name, Int(g.Load()))
	}
}

// A FloatGauge is a Gauge with a fraction.
type FloatGauge struct {
	fn atomic.Pointer[func() float64]
}

// Set names the function that provides the value; see Gauge.Set.
func (g *FloatGauge) Set(fn func() float64) { g.fn.Store(&fn) }

// Load is the value now, 0 while nothing provides it.
func (g *FloatGauge) Load() float64 {
	if fn := g.fn.Load(); fn != nil && *fn != nil {
		return (*fn)()
	}
	return 0
}

func (g *FloatGauge) attach(*board) {}
func (g *FloatGauge) ready()        {}
func (g *FloatGauge) reset()        {}

func (g *FloatGauge) each(name string, emit func(string, Value)) { emit(name, Float(g.Load())) }

// A GaugeSet is one gauge for each key, such as a quota for each namespace.
type GaugeSet struct {
	fn atomic.Pointer[func() map[string]int64]
}

// Set names the function that provides all keys and values; see Gauge.Set.
func (g *GaugeSet) Set(fn func() map[string]int64) { g.fn.Store(&fn) }

// Load is the values now, by key.
func (g *GaugeSet) Load() map[string]int64 {
	if fn := g.fn.Load(); fn != nil && *fn != nil {
		return (*fn)()
	}
	return nil
}

func (g *GaugeSet) attach(*board) {}
func (g *GaugeSet) ready()        {}
func (g *GaugeSet) reset()        {}

func (g *GaugeSet) each(name string, emit func(string, Value)) {
	values := g.Load()
	for _, key := range sortedKeys(values) {
		emit(key+"_"+name, Int(values[key]))
	}
}
