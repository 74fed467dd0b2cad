package cli

import (
	"fmt"
	"time"
)

// progressEvery is how often progress is shown.
const progressEvery = 200 * time.Millisecond

// A progressClock is when progress was shown last.
type progressClock struct {
	last  time.Time
	shown bool
}

// progress tells a person how far a command is.
func (s *Shell) progress(what string, n int) {
	if !s.cfg.Person || time.Since(s.clock.last) < progressEvery {
		return
	}
	if s.clock.last.IsZero() { // what is done quickly needs no progress
		s.clock.last = time.Now()
		return
	}
	s.clock = progressClock{time.Now(), true}
	fmt.Fprintf(s.out.err, "\r\x1b[K%s %d", what, n)
}

// endProgress wipes the line.
func (s *Shell) endProgress() {
	if s.clock.shown {
		fmt.Fprint(s.out.err, "\r\x1b[K")
	}
	s.clock = progressClock{}
}
