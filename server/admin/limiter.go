package admin

import (
	"sync"
	"time"
)

// A limiter lets one run start in each interval, and none while another goes on.
type limiter struct {
	interval time.Duration

	mu struct {
		sync.Mutex
		running bool
		started bool // last is set
		last    time.Time
	}
}

func newLimiter(interval time.Duration) *limiter { return &limiter{interval: interval} }

// begin reports whether a run may start now. If so, end must follow it. A run
// that fails counts like any other.
func (l *limiter) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.mu.running || l.mu.started && now.Sub(l.mu.last) < l.interval {
		return false
	}
	l.mu.running, l.mu.started, l.mu.last = true, true, now
	return true
}

func (l *limiter) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.running = false
}
