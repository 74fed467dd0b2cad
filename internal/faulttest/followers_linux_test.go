package faulttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	library "github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
)

// followers are those who keep a picture of something: caches, members and instances.
type followers struct {
	*study
	calm    *worker // whose host is never cut off
	c       *library.Client
	cache   *recipes.Cache
	changes sync.Map // what the cache's changes lead to
	writing context.CancelFunc
	wrote   sync.WaitGroup
	group   *recipes.Group
	offers  *recipes.Provider
	present []*recipes.Presence
}

const copied = "/copied"

// follow has one worker keep a copy of what a client writes that is never cut off, and
// all of them announce themselves.
func (s *study) follow() *followers {
	t, ctx := s.t, s.t.Context()
	f := &followers{study: s, calm: &worker{study: s, host: s.clients}}
	f.c = f.calm.open(10 * time.Second)
	if err := f.c.MakePath(ctx, copied); err != nil {
		t.Fatal(err)
	}
	reader := s.workers[0].open(workerSession)
	changes := make(chan recipes.Change)
	var err error
	if f.cache, err = recipes.NewCache(ctx, reader, copied, recipes.WholeTree, changes); err != nil {
		t.Fatal(err)
	}
	for e := range f.cache.All() {
		f.changes.Store(e.Path, string(e.Data))
	}
	go func() {
		for ch := range changes {
			if ch.Type == recipes.Removed {
				f.changes.Delete(ch.Path)
			} else {
				f.changes.Store(ch.Path, string(ch.Data))
			}
		}
	}()
	f.group = recipes.NewGroup(f.c, "/group")
	d := recipes.NewDiscovery(f.c, "/services")
	if f.offers, err = d.Provider(ctx, "work", recipes.RoundRobin()); err != nil {
		t.Fatal(err)
	}
	for _, w := range s.workers {
		f.announce(w)
	}
	writing, stop := context.WithCancel(ctx)
	f.writing = stop
	f.wrote.Go(func() { f.write(writing) })
	t.Cleanup(f.close)
	return f
}

func (f *followers) announce(w *worker) {
	name := fmt.Sprint(w.id)
	p, err := recipes.NewGroup(w.c, "/group").Join(f.ctx, name, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	q, err := recipes.NewDiscovery(w.c, "/services").Register(f.ctx, &recipes.Instance{Name: "work", ID: name})
	if err != nil {
		f.t.Fatal(err)
	}
	f.present = append(f.present, p, q)
}

// write changes the nodes at random; what fails is tried no more.
func (f *followers) write(ctx context.Context) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := 0; ctx.Err() == nil; i++ {
		path := fmt.Sprintf("%s/%d", copied, rng.IntN(300)) // so many that what was missed is not written again soon
		if rng.IntN(2) == 0 {
			path += fmt.Sprintf("/%d", rng.IntN(4))
		}
		switch rng.IntN(3) {
		case 0:
			_, _ = f.c.Create(ctx, path, fmt.Append(nil, i))
		case 1:
			_, _ = f.c.Set(ctx, path, fmt.Append(nil, i), library.AnyVersion)
		case 2:
			_ = f.c.RemoveAll(ctx, path)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// settle wants every picture to be like the original in the end.
func (f *followers) settle() {
	f.t.Helper()
	f.writing()
	f.wrote.Wait()
	want := map[string]string{}
	f.eventually("the tree is read", func() bool {
		clear(want)
		for v, err := range f.c.Walk(f.t.Context(), copied) {
			if err != nil {
				return false
			}
			want[v.Path] = string(v.Bytes)
		}
		return true
	})
	have := map[string]string{}
	f.eventually("the cache is like the tree", func() bool {
		clear(have)
		for e := range f.cache.All() {
			have[e.Path] = string(e.Data)
		}
		return fmt.Sprint(have) == fmt.Sprint(want)
	})
	f.eventually("the changes of the cache lead to the tree", func() bool {
		clear(have)
		f.changes.Range(func(path, data any) bool {
			have[path.(string)] = data.(string)
			return true
		})
		return fmt.Sprint(have) == fmt.Sprint(want)
	})
	f.eventually("all workers are members", func() bool {
		m, err := f.group.Members(f.t.Context())
		return err == nil && len(m) == len(f.workers)
	})
	f.eventually("all workers offer the service", func() bool { return len(f.offers.Instances()) == len(f.workers) })
}

func (f *followers) close() {
	f.writing()
	f.wrote.Wait()
	f.cache.Close()
	f.offers.Close()
	for _, p := range f.present {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = p.Close(ctx)
		cancel()
	}
}

// conclude ends the work, and judges what it led to.
func (s *study) conclude() {
	s.t.Helper()
	s.stop()
	s.working.Wait()
	s.leftNothing()
	for _, w := range s.workers {
		w.c.Close()
	}
	s.drain()
	s.queued.judge()
	c := (&worker{study: s, host: s.clients}).open(10 * time.Second)
	sum, err := recipes.NewCounter(c, "/counter", recipes.Curator).Get(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.counted.judge(sum)
	for _, checks := range []*sync.WaitGroup{&s.locked.checks, &s.leading.checks, &s.shared.checks, &s.leases.checks, &s.queued.checks} {
		checks.Wait()
	}
	s.t.Logf("%d times locked, %d led, %d shared (at most %d at once), %d leases", s.locked.count(), s.leading.count(), s.shared.count(), s.shared.most, s.leases.count())
	var ended, lost, gaveUp int64
	for _, w := range s.workers {
		ended, lost, gaveUp = ended+w.ended.Load(), lost+w.lost.Load(), gaveUp+w.gaveUp.Load()
	}
	s.t.Logf("%d sessions expired, %d connections broke with an answer, %d gave up waiting", ended, lost, gaveUp)
	if ended == 0 || lost == 0 || gaveUp == 0 {
		s.t.Error("the faults hit nothing")
	}
	if s.shared.most < 2 {
		s.t.Error("no two readers ever shared the lock")
	}
}

// leftNothing wants those who have ended their work to have left every line, and to have
// kept no item, although their sessions go on.
func (s *study) leftNothing() {
	c := (&worker{study: s, host: s.clients}).open(10 * time.Second)
	for _, path := range []string{"/lock", "/rwlock", "/election", "/semaphore/locks", "/semaphore/leases", "/queue/taken"} {
		s.eventually("nothing is left in "+path, func() bool {
			names, _, err := c.Children(s.t.Context(), path)
			return err == nil && len(names) == 0 || errors.Is(err, library.ErrNoNode) // a container goes when it is empty
		})
	}
}

// drain takes what is left in the queue, however long that takes as long as it gets less.
func (s *study) drain() {
	c := (&worker{study: s, host: s.clients}).open(10 * time.Second)
	q := recipes.NewQueue(c, "/queue")
	for end := time.Now().Add(s.enough); time.Now().Before(end); {
		names, _, err := c.Children(s.t.Context(), "/queue/entries")
		if err == nil && len(names) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		if item, err := q.Take(ctx); err == nil {
			if s.queued.finish(item, func() error { return item.Done(s.t.Context()) }) == nil {
				end = time.Now().Add(s.enough)
			}
		}
		cancel()
	}
	s.t.Error("the queue does not become empty")
}
