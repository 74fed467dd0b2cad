package metrics

// A Counter only grows, until Metrics.Reset. It is safe for use by any number of
// goroutines.
type Counter struct {
	b    *board
	slot int
}

// Add adds n, which is not negative, on a stripe (see Metrics.Stripe). It takes
// no lock and allocates nothing.
func (c *Counter) Add(stripe int, n int64) { c.b.cell(stripe, c.slot).Add(n) }

// Inc adds 1.
func (c *Counter) Inc(stripe int) { c.Add(stripe, 1) }

// Load is the sum over all stripes. It is meant for scrapes: it reads every
// stripe.
func (c *Counter) Load() int64 { return c.b.sum(c.slot) }

// Reset sets the counter to 0. An Add at the same moment may be lost.
func (c *Counter) Reset() { c.b.store(c.slot, 0) }

func (c *Counter) attach(b *board) { c.b, c.slot = b, b.alloc(1) }
func (c *Counter) ready()          {}
func (c *Counter) reset()          { c.Reset() }

func (c *Counter) each(name string, emit func(string, Value)) { emit(name, Int(c.Load())) }

// A GaugeCounter is a Counter that ZooKeeper shows as a gauge and that
// Metrics.Reset leaves alone.
type GaugeCounter struct{ Counter }

func (c *GaugeCounter) reset() {}
