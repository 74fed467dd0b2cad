package vtime

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// A Kernel is the time of a simulated world and what is to happen in it.
type Kernel struct {
	Trace Trace

	now   time.Duration // since the world began
	seed  uint64
	seq   uint64
	queue queue
	steps uint64
}

// New returns a world at time 0, without events.
func New(seed uint64) *Kernel {
	k := &Kernel{seed: seed}
	k.Trace.init(k)
	return k
}

// Now is the virtual time since the world began.
func (k *Kernel) Now() time.Duration { return k.now }

// Steps is how many events have run.
func (k *Kernel) Steps() uint64 { return k.steps }

// Rand returns a source of random numbers of its own for one part of the world, so
// that a part that draws more numbers than before does not change what the others
// draw.
func (k *Kernel) Rand(part string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(part)) // a hash takes everything
	return rand.New(rand.NewPCG(k.seed, h.Sum64()))
}

// A Life is what events belong to: those of a life that is over do not run.
type Life struct{ over bool }

// End cancels the events of the life.
func (l *Life) End() { l.over = true }

// Over reports whether the life has ended.
func (l *Life) Over() bool { return l.over }

// After schedules f, once, in d from now; d below 0 means now. A nil life never
// ends.
func (k *Kernel) After(d time.Duration, life *Life, f func()) {
	k.seq++
	k.queue.push(event{at: k.now + max(d, 0), seq: k.seq, life: life, run: f})
}

// Every runs f each period, beginning one period from now, until its life ends.
func (k *Kernel) Every(period time.Duration, life *Life, f func()) {
	k.After(period, life, func() {
		f()
		k.Every(period, life, f)
	})
}

// Step runs the next event. It returns false if there is none.
func (k *Kernel) Step() bool {
	for len(k.queue) > 0 {
		e := k.queue.pop()
		if e.life != nil && e.life.over {
			continue
		}
		k.now = e.at
		k.steps++
		e.run()
		return true
	}
	return false
}

// RunUntil runs events until the time has come, ok returns false, or nothing is
// left to happen. ok is asked after each event; nil is always true.
func (k *Kernel) RunUntil(end time.Duration, ok func() bool) {
	for len(k.queue) > 0 && k.queue[0].at <= end {
		if !k.Step() || ok != nil && !ok() {
			return
		}
	}
	k.now = max(k.now, end)
}
