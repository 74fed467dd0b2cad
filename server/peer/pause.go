package peer

import (
	"math/rand/v2"
	"time"
)

// Pauses between attempts to connect to one server, before jitter.
const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 2 * time.Second
)

// A pause is what lies between two attempts: twice as long after each failure, and
// between half of that and all of it, so that servers that fell out at the same
// moment do not meet at the same moment again.
type pause struct {
	failures int
	until    time.Time
}

func (p *pause) reset() { *p = pause{} }

// failed begins the pause after an attempt that failed, or a connection that broke.
func (p *pause) failed(now time.Time) {
	d := min(shortestPause<<min(p.failures, 16), longestPause)
	p.failures++
	p.until = now.Add(d/2 + rand.N(d/2))
}
