package bench

import (
	"sync"
	"sync/atomic"
	"time"
)

// A phase is where a run stands, for the progress line.
type phase struct {
	mu struct {
		sync.Mutex
		name  string
		since time.Time
		loops []*loop
	}
	ops atomic.Uint64 // outside of loops
}

func (p *phase) enter(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.name, p.mu.since = name, time.Now()
	p.ops.Store(0)
}

func (p *phase) add(n int) { p.ops.Add(uint64(n)) }

// watch has the progress count what the loops do.
func (p *phase) watch(loops []*loop) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.loops = loops
}

func (p *phase) now() Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := Progress{Phase: p.mu.name, Elapsed: time.Since(p.mu.since), Ops: p.ops.Load()}
	if p.mu.name == "clean up" || p.mu.name == "prepare" {
		return now
	}
	for _, l := range p.mu.loops {
		now.Ops += l.ops.Load()
		now.Errors += l.fails.Load()
	}
	return now
}

// report calls f now and then until the function it returns is called.
func (p *phase) report(f func(Progress)) (stop func()) {
	if f == nil {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(250 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				f(p.now())
			case <-end:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(end); <-ended })
}
