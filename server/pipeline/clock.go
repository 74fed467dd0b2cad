package pipeline

import "time"

// A Clock tells a core the time. Any goroutine may ask.
type Clock interface {
	// Elapsed is the time since some moment in the past. It never goes back.
	Elapsed() time.Duration
	// Wall is the time of day, which an administrator may change.
	Wall() time.Time
}

// A machineClock is that of the machine, from a moment on.
type machineClock struct{ start time.Time }

func (c machineClock) Elapsed() time.Duration { return time.Since(c.start) }
func (c machineClock) Wall() time.Time        { return time.Now() }
