package vtime

import (
	"fmt"
	"io"
	"math/bits"
)

// A Trace is told everything that happens. It keeps a hash of it, and writes it
// as text if somebody wants to read it.
type Trace struct {
	// Out gets a line for each event; nil for none.
	Out io.Writer

	kernel *Kernel
	hash   uint64
	recent []line // a ring of the last lines
	next   int
}

// A line is an event that is not formatted yet.
type line struct {
	at     int64
	who    string
	format string
	n      int
	args   [maxArgs]int64
}

const (
	maxArgs    = 4
	keepRecent = 64
)

func (t *Trace) init(k *Kernel) { t.kernel, t.hash = k, 14695981039346656037 }

// Add notes that something happened: what is a format for fmt.Sprintf that takes
// the numbers, of which there are at most four.
func (t *Trace) Add(who, what string, args ...int64) {
	l := line{at: int64(t.kernel.now), who: who, format: what, n: min(len(args), maxArgs)}
	copy(l.args[:], args)
	t.mix(uint64(l.at))
	t.mixString(who)
	t.mixString(what)
	for _, a := range l.args[:l.n] {
		t.mix(uint64(a))
	}
	t.keep(l)
	if t.Out != nil {
		_, _ = fmt.Fprintln(t.Out, l) // a reader that went away changes nothing
	}
}

func (t *Trace) keep(l line) {
	if len(t.recent) < keepRecent {
		t.recent = append(t.recent, l)
		return
	}
	t.recent[t.next] = l
	t.next = (t.next + 1) % keepRecent
}

func (t *Trace) mix(v uint64) {
	t.hash = bits.RotateLeft64(t.hash^v, 29) * 0x9E3779B97F4A7C15
}

func (t *Trace) mixString(s string) {
	h := t.hash
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	t.hash = h
}

// Hash is the same for two runs in which the same happened.
func (t *Trace) Hash() uint64 { return t.hash }

// Recent returns the last lines, oldest first.
func (t *Trace) Recent() []string {
	var out []string
	for i := range t.recent {
		out = append(out, t.recent[(t.next+i)%len(t.recent)].String())
	}
	return out
}

// String formats the line: seconds, who, what.
func (l line) String() string {
	args := make([]any, l.n)
	for i := range args {
		args[i] = l.args[i]
	}
	return fmt.Sprintf("%12.6f %-4s %s", float64(l.at)/1e9, l.who, fmt.Sprintf(l.format, args...))
}
