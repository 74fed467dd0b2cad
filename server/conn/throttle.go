package conn

import (
	"math/rand/v2"
	"sync"
	"time"
)

// ThrottleOptions bound how fast sessions may be opened and resumed
// (connection_throttle_*). Zero Tokens is no bound.
type ThrottleOptions struct {
	Tokens        int           // size of the bucket
	FillTime      time.Duration // how often it is filled
	FillCount     int           // with how many tokens
	OpenWeight    int           // tokens that a new session takes; at least 1
	RenewWeight   int           // tokens that a resumed one takes; at least 1
	FreezeTime    time.Duration // how often the probability below changes; negative: never
	DropIncrease  float64       // by which it grows while the bucket is at or below DecreaseRatio
	DropDecrease  float64       // by which it shrinks otherwise
	DecreaseRatio float64       // share of the bucket, 0 to 1
}

// A throttle is a token bucket for sessions, with a probability of dropping a
// connection that grows while the bucket runs low: a storm then thins out
// instead of being cut off.
type throttle struct {
	o   ThrottleOptions
	now func() time.Time

	mu     sync.Mutex
	tokens int
	filled time.Time
	drop   float64 // probability, 0 to 1
	frozen time.Time
}

func newThrottle(o ThrottleOptions, now func() time.Time) *throttle {
	o.OpenWeight, o.RenewWeight = max(o.OpenWeight, 1), max(o.RenewWeight, 1)
	t := now()
	return &throttle{o: o, now: now, tokens: o.Tokens, filled: t, frozen: t}
}

// admit takes the tokens of one session and reports whether it may go on, and
// how many tokens the bucket lacks of being full.
func (t *throttle) admit(renew bool) (ok bool, deficit int) {
	if t.o.Tokens <= 0 {
		return true, 0
	}
	weight := t.o.OpenWeight
	if renew {
		weight = t.o.RenewWeight
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	t.fill(now)
	t.adjust(now)
	if t.tokens < weight || t.drop > 0 && rand.Float64() < t.drop {
		return false, t.o.Tokens - t.tokens
	}
	t.tokens -= weight
	return true, t.o.Tokens - t.tokens
}

func (t *throttle) fill(now time.Time) {
	if t.o.FillTime <= 0 {
		t.tokens = t.o.Tokens
		return
	}
	n := int64(now.Sub(t.filled) / t.o.FillTime)
	if n <= 0 {
		return
	}
	t.filled = t.filled.Add(time.Duration(n) * t.o.FillTime)
	missing := int64(t.o.Tokens - t.tokens)
	if n > missing || n*int64(t.o.FillCount) > missing {
		t.tokens = t.o.Tokens
		return
	}
	t.tokens += int(n) * t.o.FillCount
}

// adjust changes the probability of dropping once in a freeze time.
func (t *throttle) adjust(now time.Time) {
	if t.o.FreezeTime < 0 || now.Sub(t.frozen) < t.o.FreezeTime {
		return
	}
	t.frozen = now
	if float64(t.tokens) <= t.o.DecreaseRatio*float64(t.o.Tokens) {
		t.drop = min(t.drop+t.o.DropIncrease, 1)
		return
	}
	t.drop = max(t.drop-t.o.DropDecrease, 0)
}

// probability is that of dropping a connection now.
func (t *throttle) probability() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.drop
}
