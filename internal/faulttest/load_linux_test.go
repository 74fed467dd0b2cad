package faulttest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/internal/sim/history"
)

// load is what all clients share.
type load struct {
	e      *ensemble
	began  time.Time
	stop   chan struct{}
	once   sync.Once
	think  time.Duration
	tame   atomic.Bool // sessions are not ended any more
	quiet  atomic.Bool // nothing but reads is asked for
	mu     sync.Mutex
	writes []write // in the order in which they were answered
	ending sync.WaitGroup
	all    []*client
}

// A write was acknowledged.
type write struct {
	call, ret time.Duration
	by        *server
}

func (l *load) now() time.Duration { return time.Since(l.began) }

// newLoad makes the nodes that all clients rely on, and starts a client that stays
// with each server, one that does so and only reads, and some that go anywhere.
func newLoad(e *ensemble, seed uint64) *load {
	l := &load{e: e, began: time.Now(), stop: make(chan struct{}), think: 20 * time.Millisecond}
	e.t.Cleanup(l.end)
	first := l.client(seed, nil)
	if err := first.furnish(); err != nil {
		e.t.Fatalf("the first client: %v", err)
	}
	for _, v := range e.servers {
		l.client(seed, v)
		l.client(seed, v).reads = true
	}
	for range 2 * len(e.servers) {
		l.client(seed, nil)
	}
	for _, c := range l.all[1:] {
		l.ending.Go(c.run)
	}
	return l
}

func (l *load) client(seed uint64, home *server) *client {
	c := &client{
		load: l, id: len(l.all), home: home, rng: rand.New(rand.NewPCG(seed, uint64(len(l.all)))),
		log: &history.Log{Client: len(l.all)}, wait: answerTimeout,
	}
	c.forget()
	l.all = append(l.all, c)
	return c
}

// end stops the clients, which close their sessions, and waits for them.
func (l *load) end() {
	l.once.Do(func() { close(l.stop) })
	l.ending.Wait()
}

func (l *load) stopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

// acknowledged waits for so many writes that were asked for after a moment and that
// the server answered, nil for any.
func (l *load) acknowledged(n int, since time.Duration, by *server) error {
	return l.acknowledgedWithin(l.e.patience, n, since, by)
}

func (l *load) acknowledgedWithin(patience time.Duration, n int, since time.Duration, by *server) error {
	have := 0
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if have = l.count(since, by); have >= n {
			return nil
		}
	}
	who := "any server"
	if by != nil {
		who = fmt.Sprintf("server %d", by.id)
	}
	return fmt.Errorf("stuck: %d writes acknowledged by %s in %v, want %d", have, who, l.now()-since, n)
}

func (l *load) count(since time.Duration, by *server) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.writes) - 1; i >= 0 && l.writes[i].ret >= since; i-- {
		if w := l.writes[i]; w.call >= since && (by == nil || w.by == by) {
			n++
		}
	}
	return n
}
