package metrics

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Clients choose the keys of some sets, so a set holds at most maxKeys of them,
// none longer than maxKeyLen bytes or other than UTF-8. What does not fit is
// counted under overflowKey.
const (
	maxKeys     = 1000
	maxKeyLen   = 256
	overflowKey = "other"
	setStripes  = 16
)

// A keyed holds one metric for each key. Looking one up takes no lock and
// allocates nothing; only a new key does.
type keyed[T any] struct {
	make    func() *T
	stripes int
	known   atomic.Pointer[map[string]*T] // copied to be changed
	grow    sync.Mutex
}

// With returns the metric of a key, for a caller that uses it more than once.
func (k *keyed[T]) With(key string) *T {
	if m := k.known.Load(); m != nil {
		if t := (*m)[key]; t != nil {
			return t
		}
	}
	return k.add(key)
}

func (k *keyed[T]) add(key string) *T {
	k.grow.Lock()
	defer k.grow.Unlock()
	old := k.all()
	if len(old) >= maxKeys || len(key) > maxKeyLen || !utf8.ValidString(key) {
		key = overflowKey
	}
	if t := old[key]; t != nil {
		return t
	}
	next := make(map[string]*T, len(old)+1)
	maps.Copy(next, old)
	t := k.make()
	next[strings.Clone(key)] = t
	k.known.Store(&next)
	return t
}

func (k *keyed[T]) all() map[string]*T {
	if m := k.known.Load(); m != nil {
		return *m
	}
	return nil
}

func (k *keyed[T]) attach(b *board) { k.stripes = min(b.stripes(), setStripes) }
func (k *keyed[T]) ready()          {}

// standalone gives a metric of a set its own small board.
func standalone(m metric, stripes int) {
	b := newBoard(stripes)
	m.attach(b)
	b.seal()
	m.ready()
}

// A CounterSet is one Counter for each key.
type CounterSet struct{ keyed[Counter] }

// Add adds n to the counter of key.
func (s *CounterSet) Add(stripe int, key string, n int64) { s.With(key).Add(stripe, n) }

func (s *CounterSet) attach(b *board) {
	s.keyed.attach(b)
	s.make = func() *Counter {
		c := new(Counter)
		standalone(c, s.stripes)
		return c
	}
}

func (s *CounterSet) reset() {
	for _, c := range s.all() {
		c.reset()
	}
}

func (s *CounterSet) each(name string, emit func(string, Value)) {
	all := s.all()
	for _, key := range sortedKeys(all) {
		all[key].each(key+"_"+name, emit)
	}
}

// A SummarySet is one Summary for each key.
type SummarySet struct {
	keyed[Summary]
	kind Kind
}

// Observe records a value in the summary of key. The key may alias a buffer that
// is used again after the call.
func (s *SummarySet) Observe(stripe int, key string, v int64) { s.With(key).Observe(stripe, v) }

// ObserveMany records n values of which only their sum, the smallest and the
// largest are known. The key may alias a buffer, as in Observe.
func (s *SummarySet) ObserveMany(stripe int, key string, n, sum, smallest, largest int64) {
	s.With(key).core.observeMany(stripe, n, sum, smallest, largest)
}

func (s *SummarySet) attach(b *board) {
	s.keyed.attach(b)
	s.make = func() *Summary {
		// Clients choose the keys: without a histogram each, a thousand of
		// them stay small.
		one := &Summary{summary{kind: s.kind, scale: 1, plain: true}}
		standalone(&one.core, s.stripes)
		return one
	}
}

func (s *SummarySet) reset() {
	for _, one := range s.all() {
		one.core.reset()
	}
}

func (s *SummarySet) each(name string, emit func(string, Value)) {
	all := s.all()
	for _, key := range sortedKeys(all) {
		all[key].core.each(key+"_"+name, emit)
	}
}

// A TimerSet is one Timer for each key. Its keys are server ids.
type TimerSet struct {
	keyed[Timer]
	kind Kind
}

// Observe records a duration in the timer of key.
func (s *TimerSet) Observe(stripe int, key string, d time.Duration) { s.With(key).Observe(stripe, d) }

func (s *TimerSet) attach(b *board) {
	s.keyed.attach(b)
	s.make = func() *Timer {
		one := &Timer{summary{kind: s.kind, scale: usPerMs}}
		standalone(&one.core, s.stripes)
		return one
	}
}

func (s *TimerSet) reset() {
	for _, one := range s.all() {
		one.core.reset()
	}
}

func (s *TimerSet) each(name string, emit func(string, Value)) {
	all := s.all()
	for _, key := range sortedKeys(all) {
		all[key].core.each(key+"_"+name, emit)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
