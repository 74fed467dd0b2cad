package faulttest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	library "github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
)

// lateness is how much later than it should the loss of something may be noticed in a
// test whose machine has more to do than it can. Whoever holds what is somebody else's
// for longer has not been told.
const lateness = workerSession / 4

// expectLost wants something to be lost, or to have been.
func expectLost(t testing.TB, wg *sync.WaitGroup, lost <-chan struct{}, format string, args ...any) {
	wg.Go(func() {
		select {
		case <-lost:
		case <-time.After(lateness):
			select {
			case <-lost: // both may have come at once
			default:
				t.Errorf(format, args...)
			}
		}
	})
}

// holders are those who hold something now.
type holders struct {
	t testing.TB

	mu     sync.Mutex
	checks sync.WaitGroup
	now    map[*recipes.Held]bool // whether they want it for themselves alone
	taken  int                    // how often it was held
}

// enterLocked adds one.
func (s *holders) enterLocked(h *recipes.Held, alone bool) {
	if s.now == nil {
		s.now = map[*recipes.Held]bool{}
	}
	s.now[h] = alone
	s.taken++
}

// disputeLocked wants all to have lost it that cannot hold it together with another one.
func (s *holders) disputeLocked(h *recipes.Held, alone bool) {
	for other, wasAlone := range s.now {
		if alone || wasAlone {
			expectLost(s.t, &s.checks, other.Lost(), "%s and %s are held at the same time", other.Path(), h.Path())
		}
	}
}

// leave is called before it is released.
func (s *holders) leave(h *recipes.Held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.now, h)
}

func (s *holders) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// A claim is something that one may have at a time, in the order of asking.
type claim struct {
	holders
	newest library.Zxid
}

// enter is called when the lock is held. Fencing tokens grow in the order in which nodes
// were made, so a token that is not the largest one yet is of somebody who has lost the
// lock, or who was overtaken in the line.
func (c *claim) enter(h *recipes.Held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.Token() <= c.newest {
		expectLost(c.t, &c.checks, h.Lost(), "a holder with token %v came after one with %v, and has not lost it", h.Token(), c.newest)
	}
	c.disputeLocked(h, true)
	c.enterLocked(h, true)
	c.newest = max(c.newest, h.Token())
}

// told wants a leader's context to end with the leadership.
func (c *claim) told(h *recipes.Held, leading context.Context) {
	if h.Err() == nil {
		return
	}
	var check sync.WaitGroup
	expectLost(c.t, &check, leading.Done(), "%s is lost, and the context of who led goes on", h.Path())
	check.Wait()
}

// A sharing is a read-write lock.
type sharing struct {
	holders
	most int // of readers and writers together, at once
}

func (s *sharing) enter(h *recipes.Held, writes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disputeLocked(h, writes)
	s.enterLocked(h, writes)
	s.most = max(s.most, len(s.now))
}

// places is a semaphore.
type places struct {
	holders
	most int
}

func (p *places) enter(h *recipes.Held) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.enterLocked(h, false)
	if len(p.now) <= p.most {
		return
	}
	var all []*recipes.Held
	for other := range p.now {
		all = append(all, other)
	}
	p.checks.Go(func() {
		time.Sleep(lateness)
		held := 0
		for _, other := range all {
			if other.Err() == nil {
				held++
			}
		}
		if held > p.most {
			p.t.Errorf("%d held a semaphore of %d at the same time", held, p.most)
		}
	})
}

// A tally is what a counter has said.
type tally struct {
	t testing.TB

	mu      sync.Mutex
	said    map[int64]bool
	unknown int64
}

func (c *tally) add(n int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, library.ErrConnectionLost) || errors.Is(err, context.Canceled) {
		c.unknown++
		return
	}
	if err != nil {
		return // it did not happen
	}
	if c.said == nil {
		c.said = map[int64]bool{}
	}
	if c.said[n] {
		c.t.Errorf("two additions led to %d", n)
	}
	c.said[n] = true
}

func (c *tally) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.said)
}

// judge compares the sum with what was added.
func (c *tally) judge(sum int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := int64(len(c.said)); sum < n || sum > n+c.unknown {
		c.t.Errorf("the counter is %d after %d additions, and %d of which nobody knows", sum, n, c.unknown)
	}
	c.t.Logf("%d additions, %d of which nobody knows, and the counter is %d", len(c.said), c.unknown, sum)
}

// A ledger is what became of the items of a queue.
type ledger struct {
	t testing.TB

	mu     sync.Mutex
	checks sync.WaitGroup
	items  map[string]*entry
	done   int
}

type entry struct {
	put, putUnknown bool
	done            int
	doneUnknown     bool
	with            *recipes.Item // nil when nobody has it
}

func (l *ledger) entryLocked(id string) *entry {
	if l.items == nil {
		l.items = map[string]*entry{}
	}
	if l.items[id] == nil {
		l.items[id] = new(entry)
	}
	return l.items[id]
}

func (l *ledger) put(id string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entryLocked(id)
	e.put, e.putUnknown = err == nil, err != nil
}

// finish has the item done, and notes what came of it.
func (l *ledger) finish(item *recipes.Item, do func() error) error {
	id := string(item.Data)
	l.mu.Lock()
	e := l.entryLocked(id)
	if e.with != nil {
		expectLost(l.t, &l.checks, e.with.Lost(), "two have item %s at the same time", id)
	}
	if e.done > 0 {
		l.t.Errorf("item %s was handed out after it had been done", id)
	}
	e.with = item
	l.mu.Unlock()
	err := do()
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.with == item {
		e.with = nil
	}
	switch {
	case err == nil:
		e.done++
		l.done++
	case !errors.Is(err, recipes.ErrNodeGone):
		e.doneUnknown = true
	}
	return err
}

// waiting is how many items nobody has finished yet, of those that certainly were put.
func (l *ledger) waiting() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.items {
		if e.put && e.done == 0 && !e.doneUnknown {
			n++
		}
	}
	return n
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

// judge looks at every item when the queue is empty.
func (l *ledger) judge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, e := range l.items {
		switch {
		case e.done > 1:
			l.t.Errorf("item %s was done %d times", id, e.done)
		case e.put && e.done == 0 && !e.doneUnknown:
			l.t.Errorf("item %s is lost", id)
		case !e.put && !e.putUnknown:
			l.t.Errorf("item %s was never put", id)
		}
	}
	l.t.Logf("%d items, %d done", len(l.items), l.done)
}
