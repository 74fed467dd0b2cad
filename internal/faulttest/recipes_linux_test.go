package faulttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	library "github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/netlab"
)

// A study is a number of workers who use every recipe through one ensemble, and what is
// known of what they did.
type study struct {
	*ensemble
	ctx     context.Context // of the work
	stop    context.CancelFunc
	rng     *rand.Rand
	enough  time.Duration // for anything that has to come
	workers []*worker
	working sync.WaitGroup

	locked, leading claim
	shared          sharing
	leases          places
	counted         tally
	queued          ledger
	rounds          atomic.Int64 // of the barrier, times workers
}

// A worker is a program on a host of its own, with one client.
type worker struct {
	*study
	id      int
	host    *netlab.Host
	c       *library.Client
	events  atomic.Int64 // that its watches were sent
	reads   atomic.Int64
	ended   atomic.Int64 // sessions, before their client was closed
	lost    atomic.Int64 // answers
	gaveUp  atomic.Int64 // callers
	storm   atomic.Bool  // connections break when an answer comes
	alone   atomic.Bool  // cut off, one way or both, or about to be
	keeping atomic.Int64 // of what is kept
}

// workerSession is shorter than some of the faults, so that sessions expire in them, and
// long enough for a busy machine where nothing is broken.
const workerSession = 4 * time.Second

// recipePatience bounds every wait for something that has to come, the short one where a
// bug is planted.
const (
	recipePatience      = 2 * time.Minute
	shortRecipePatience = 30 * time.Second
)

func newStudy(e *ensemble, seed uint64, workers int) *study {
	ctx, stop := context.WithCancel(e.t.Context())
	s := &study{ensemble: e, ctx: ctx, stop: stop, rng: rand.New(rand.NewPCG(seed, 7)), enough: recipePatience}
	if plantInRecipes() {
		s.enough = shortRecipePatience
	}
	s.locked.t, s.leading.t, s.shared.t, s.leases.t, s.queued.t, s.counted.t = e.t, e.t, e.t, e.t, e.t, e.t
	s.leases.most = 2
	e.t.Cleanup(func() { stop(); s.working.Wait() })
	for i := range workers {
		h, err := e.lab.Host()
		if err != nil {
			e.t.Fatal(err)
		}
		w := &worker{study: s, id: i, host: h}
		w.c = w.open(workerSession)
		s.workers = append(s.workers, w)
	}
	return s
}

// open connects from the worker's host to any server.
func (w *worker) open(session time.Duration) *library.Client {
	w.t.Helper()
	var list []string
	for _, v := range w.servers {
		list = append(list, v.addr(clientPort).String())
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), recipePatience)
	defer cancel()
	c, err := library.Open(ctx, strings.Join(list, ","), library.Options{SessionTimeout: session, Dial: w.dial, Metrics: w})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

func (w *worker) dial(ctx context.Context, _, address string) (net.Conn, error) {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	by, _ := ctx.Deadline() // a client sets one
	nc, err := w.host.Dial(addr, max(time.Until(by), time.Millisecond))
	if err != nil {
		return nil, err
	}
	return &brittle{nc, w}, nil
}

// A brittle connection breaks in a storm, when an answer has come that nobody sees: what
// it is about was done.
type brittle struct {
	net.Conn
	w *worker
}

var errLostAnswer = errors.New("the connection broke before the answer was read")

func (b *brittle) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if err == nil && b.w.storm.Load() && rand.IntN(6) == 0 {
		_ = b.Conn.Close()
		b.w.lost.Add(1)
		return 0, errLostAnswer
	}
	return n, err
}

// Call implements client.Metrics.
func (w *worker) Call(op string, _ time.Duration, _ error) {
	if op == "exists" || strings.HasPrefix(op, "get") {
		w.reads.Add(1)
	}
}

// State implements client.Metrics.
func (w *worker) State(st library.State) {
	if st == library.Expired {
		w.ended.Add(1)
	}
}

// Event implements client.Metrics.
func (w *worker) Event(library.EventType) { w.events.Add(1) }

// Who waits in a line is woken once, by the end of whoever stands before; watching over
// what one has costs one event more.
func (s *study) noHerd() {
	const each = 4
	var wg sync.WaitGroup
	before := [2]int64{}
	sum := func() (events, reads int64) {
		for _, w := range s.workers {
			events, reads = events+w.events.Load(), reads+w.reads.Load()
		}
		return events, reads
	}
	gate, err := recipes.NewLock(s.workers[0].c, "/herd", recipes.Curator).Lock(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	before[0], before[1] = sum()
	for _, w := range s.workers {
		for range each {
			wg.Go(func() {
				h, err := recipes.NewLock(w.c, "/herd", recipes.Curator).Lock(s.ctx)
				if err == nil {
					err = h.Release(s.ctx)
				}
				if err != nil && !passing(err) {
					s.t.Error(err)
				}
			})
		}
	}
	n := each * len(s.workers)
	s.eventually("all stand in the line", func() bool {
		names, _, err := s.workers[0].c.Children(s.ctx, "/herd")
		before[1]++
		return err == nil && len(names) == n+1
	})
	if err := gate.Release(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	wg.Wait()
	events, reads := sum()
	events, reads = events-before[0], reads-before[1]
	// Each reads the line, looks at who stands before, reads it again when that one has
	// gone, and looks at itself.
	if events > int64(2*n+1) || reads > int64(6*n) {
		s.t.Errorf("%d waiters got %d events and read %d times", n, events, reads)
	}
}

// eventually waits for a condition.
func (s *study) eventually(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(s.enough); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			s.t.Fatalf("never: %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// passing are the errors that faults explain.
func passing(err error) bool {
	for _, e := range []error{library.ErrSessionExpired, library.ErrNoConnection, library.ErrConnectionLost, library.ErrClosed,
		recipes.ErrNodeGone, context.Canceled} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// forever does something again and again until the work ends.
func (w *worker) forever(f func() error) {
	w.working.Go(func() {
		for w.ctx.Err() == nil {
			if err := f(); err != nil {
				if !passing(err) {
					w.t.Error(err)
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
}

// keeps something for a moment; who is cut off keeps it until it is lost.
func (w *worker) keeps(lost <-chan struct{}, moment time.Duration) {
	w.keeping.Add(1)
	defer w.keeping.Add(-1)
	for {
		select {
		case <-lost:
			return
		case <-time.After(rand.N(moment)):
			if !w.alone.Load() {
				return
			}
		}
	}
}

// begin has the workers use everything.
func (s *study) begin() {
	for _, w := range s.workers {
		w.locking(recipes.NewLock(w.c, "/lock", recipes.Naming(w.id%2)))
		rw := recipes.NewRWLock(w.c, "/rwlock", recipes.Curator)
		w.forever(func() error {
			take, writes := rw.RLock, rand.IntN(3) == 0
			if writes {
				take = rw.Lock
			}
			h, err := take(s.ctx)
			if err != nil {
				return err
			}
			s.shared.enter(h, writes)
			w.keeps(h.Lost(), 5*time.Millisecond)
			s.shared.leave(h)
			return h.Release(s.ctx)
		})
		sem := recipes.NewSemaphore(w.c, "/semaphore", s.leases.most)
		w.forever(func() error {
			h, err := sem.Acquire(s.ctx)
			if err != nil {
				return err
			}
			s.leases.enter(h)
			w.keeps(h.Lost(), 60*time.Millisecond) // long enough to be held by many
			s.leases.leave(h)
			return h.Release(s.ctx)
		})
		w.forever(func() error {
			return recipes.NewElection(w.c, "/election", recipes.Curator).Run(s.ctx, fmt.Sprint(w.id), func(leading context.Context, h *recipes.Held) error {
				s.leading.enter(h)
				w.keeps(h.Lost(), 5*time.Millisecond)
				s.leading.leave(h)
				s.leading.told(h, leading)
				return nil
			})
		})
		counter := recipes.NewCounter(w.c, "/counter", recipes.Curator)
		w.forever(func() error {
			n, err := counter.Add(s.ctx, 1)
			s.counted.add(n, err)
			return err
		})
		s.queueing(w)
	}
	s.barriers()
}

// locking has a lock taken by one caller who waits for it, and by one who does not wait
// for long: so the line is left from its middle, too.
func (w *worker) locking(l *recipes.Lock) {
	take := func(ctx context.Context) error {
		h, err := l.Lock(ctx)
		if err != nil {
			return err
		}
		w.locked.enter(h)
		w.keeps(h.Lost(), 5*time.Millisecond)
		w.locked.leave(h)
		return h.Release(w.ctx)
	}
	w.forever(func() error { return take(w.ctx) })
	w.forever(func() error {
		ctx, cancel := context.WithTimeout(w.ctx, 10*time.Millisecond+rand.N(50*time.Millisecond))
		defer cancel()
		err := take(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			w.gaveUp.Add(1)
			err = nil
		}
		time.Sleep(20 * time.Millisecond)
		return err
	})
}

// mostWaiting is how many items may be in the queue before no more are put: those who take
// them can be slower.
const mostWaiting = 200

func (s *study) queueing(w *worker) {
	q := recipes.NewQueue(w.c, "/queue")
	n := 0
	w.forever(func() error {
		if s.queued.waiting() > mostWaiting {
			time.Sleep(20 * time.Millisecond)
			return nil
		}
		n++
		id := fmt.Sprintf("%d-%d", w.id, n)
		err := q.Put(s.ctx, []byte(id), recipes.DefaultPriority)
		s.queued.put(id, err)
		time.Sleep(20 * time.Millisecond)
		return err
	})
	w.forever(func() error {
		item, err := q.Take(s.ctx)
		if err != nil {
			return err
		}
		return s.queued.finish(item, func() error {
			w.keeps(item.Lost(), 20*time.Millisecond) // as long as it takes to put one
			return s.reaching(func() error { return item.Done(s.t.Context()) })
		})
	})
}

// reaching does something again when it could not be asked of any server, as long as its
// session lives: who was cut off asks as soon as it is not.
func (s *study) reaching(f func() error) error {
	for end := time.Now().Add(s.enough); ; {
		err := f()
		if !errors.Is(err, library.ErrNoConnection) || errors.Is(err, library.ErrSessionExpired) || time.Now().After(end) {
			return err
		}
	}
}

// barriers has members enter and leave a double barrier, in sessions that last.
func (s *study) barriers() {
	var entering, leaving atomic.Int64
	n := len(s.workers)
	for _, w := range s.workers {
		c := w.open(30 * time.Second)
		s.working.Go(func() {
			for round := int64(1); s.ctx.Err() == nil; round++ {
				b := recipes.NewDoubleBarrier(c, fmt.Sprintf("/barrier/%d", round), n)
				entering.Add(1)
				if err := b.Enter(s.ctx); err != nil {
					if !passing(err) {
						s.t.Errorf("enter: %v", err)
					}
					return
				}
				if have := entering.Load(); have < round*int64(n) {
					s.t.Errorf("round %d of the barrier began with %d of %d", round, have-(round-1)*int64(n), n)
				}
				leaving.Add(1)
				s.rounds.Add(1)
				if err := b.Leave(s.ctx); err != nil {
					if !passing(err) {
						s.t.Errorf("leave: %v", err)
					}
					return
				}
				if have := leaving.Load(); have < round*int64(n) {
					s.t.Errorf("round %d of the barrier ended with %d of %d", round, have-(round-1)*int64(n), n)
				}
			}
		})
	}
}

// A trouble is a fault for the workers of a study.
type trouble struct {
	name   string
	strike func(*study) (mend func())
	hold   time.Duration
}

// some are the first worker, who has a cache, and perhaps another one.
func (s *study) some() []*worker {
	return []*worker{s.workers[0], s.workers[s.rng.IntN(len(s.workers))]}
}

// deaf cuts hosts from servers, in the directions that are asked for, when the first of
// them has whatever there is to have: each kind of lock, a lease, the lead, an item.
func (s *study) deaf(workers []*worker, up, down bool) func() {
	workers[0].alone.Store(true)
	s.eventually("one keeps something of everything", func() bool { return workers[0].keeping.Load() >= 5 })
	for _, w := range workers {
		w.alone.Store(true)
		for _, v := range s.servers {
			if up {
				s.lab.Shape(w.host, v.Host, netlab.Quality{Loss: 1})
			}
			if down {
				s.lab.Shape(v.Host, w.host, netlab.Quality{Loss: 1})
			}
		}
	}
	return func() {
		s.lab.Heal()
		for _, w := range workers {
			w.alone.Store(false)
		}
	}
}

// What is longer than a session lets it expire; in the first others have what was lost
// long enough for those who do not know to be noticed.
var troubles = []trouble{
	{"workers are cut off, and their sessions expire", func(s *study) func() { return s.deaf(s.some(), true, true) }, workerSession + 3*lateness},
	{"answers are lost when they have come", func(s *study) func() {
		for _, w := range s.workers {
			w.storm.Store(true)
		}
		return func() {
			for _, w := range s.workers {
				w.storm.Store(false)
			}
		}
	}, time.Second},
	{"the leader is killed", func(s *study) func() {
		leads, _ := s.leader()
		leads.kill()
		return leads.start
	}, time.Second},
	{"what workers hear is lost", func(s *study) func() { return s.deaf(s.some(), false, true) }, workerSession + time.Second},
	{"what workers say is lost", func(s *study) func() { return s.deaf(s.some(), true, false) }, workerSession + time.Second},
	{"workers are cut off for a moment", func(s *study) func() { return s.deaf(s.some(), true, true) }, 500 * time.Millisecond},
	{"the leader is isolated", func(s *study) func() {
		leads, _ := s.leader()
		s.separate([]*server{leads}, s.servers)
		return s.lab.Heal
	}, noticed},
	{"the leader stands still", func(s *study) func() {
		leads, _ := s.leader()
		leads.pause()
		return leads.resume
	}, workerSession},
}

// suffer strikes once, and wants the work to go on afterwards.
func (s *study) suffer(f trouble) {
	mend := f.strike(s)
	time.Sleep(f.hold)
	mend()
	counts := []func() int{s.locked.count, s.leading.count, s.shared.count, s.leases.count, s.counted.count, s.queued.count,
		func() int { return int(s.rounds.Load()) }}
	var before []int
	for _, n := range counts {
		before = append(before, n())
	}
	began := time.Now()
	s.eventually("all recipes go on after: "+f.name, func() bool {
		for i, n := range counts {
			if n() <= before[i]+3 {
				return false
			}
		}
		return true
	})
	s.t.Logf("%-50s all goes on after %v", f.name, time.Since(began).Round(10*time.Millisecond))
}

// Every recipe of the Go client keeps its word while connections are cut, both ways and
// one way, answers are lost, sessions expire, and leaders are killed, isolated and stopped.
func TestRecipes(t *testing.T) {
	rounds := 3
	if os.Getenv("ZABRA_FAULTS") != "" {
		rounds = 2 * len(troubles)
	}
	e := start(t, *seedFlag, setup{servers: 3})
	s := newStudy(e, *seedFlag, 4)
	s.noHerd()
	f := s.follow()
	s.begin()
	end := time.Now().Add(*longFlag)
	for i := 0; i < rounds || time.Now().Before(end); i++ {
		s.suffer(troubles[i%len(troubles)])
		if t.Failed() {
			return
		}
	}
	f.settle()
	s.conclude()
}
