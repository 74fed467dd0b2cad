package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

// events counts what a client is told by watches.
type events struct{ n atomic.Int64 }

func (e *events) Call(string, time.Duration, error) {}
func (e *events) State(client.State)                {}
func (e *events) Event(client.EventType)            { e.n.Add(1) }

// Who asks first gets it first, and the end of one wakes one.
func TestLockIsFairAndWithoutHerd(t *testing.T) {
	for _, naming := range []recipes.Naming{recipes.Curator, recipes.Kazoo} {
		s := testserver.Start(t)
		ctx := t.Context()
		woken := new(events)
		const n = 12
		order := make(chan int, n)
		owner := join(t, s, client.Options{})
		first := held(t)(recipes.NewLock(owner, "/lock", naming).Lock(ctx))
		for i := range n {
			c := join(t, s, client.Options{Metrics: woken})
			go func() {
				h, err := recipes.NewLock(c, "/lock", naming).Lock(ctx)
				if err != nil {
					t.Error(err)
				}
				order <- i
				h.Release(ctx)
			}()
			eventually(t, "the waiter to stand in the line", func() bool {
				names, _, _ := owner.Children(ctx, "/lock")
				return len(names) == i+2
			})
		}
		if err := first.Release(ctx); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if got := <-order; got != i {
				t.Errorf("turn %d is %d's", i, got)
			}
		}
		// Each of them saw its predecessor go and, watching over itself, its own end.
		if got := woken.n.Load(); got > 2*n {
			t.Errorf("%d events for %d waiters", got, n)
		}
	}
}

// slowSecondLook lets the answer to the second question for a node wait until a node is
// removed, for a while, also when nobody waits for the answer any more.
type slowSecondLook struct {
	client.Tree
	asked   atomic.Int64
	second  chan struct{}
	removed chan struct{}
}

func (s *slowSecondLook) ExistsW(ctx context.Context, path string) (client.Stat, bool, *client.Watch, error) {
	if s.asked.Add(1) == 2 {
		close(s.second)
		select {
		case <-s.removed:
		case <-time.After(brief / 10):
		}
	}
	return s.Tree.ExistsW(context.WithoutCancel(ctx), path)
}

func (s *slowSecondLook) Delete(ctx context.Context, path string, version int32) error {
	defer close(s.removed)
	return s.Tree.Delete(ctx, path, version)
}

// What is released is not lost, also if its node is looked at just then.
func TestReleaseIsNoLoss(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	slow := &slowSecondLook{Tree: c, second: make(chan struct{}), removed: make(chan struct{})}
	h := held(t)(recipes.NewLock(slow, "/l", recipes.Curator).Lock(ctx))
	if _, err := c.Set(ctx, h.Path(), nil, client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	wait(t, slow.second, "the second look")
	if err := h.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.Err(); err != nil {
		t.Error("released, and lost:", err)
	}
}

// heldUp has the second look for a node go on when it is told to, or when nobody waits for it.
type heldUp struct {
	someone
	asked  atomic.Int64
	second chan struct{}
	goOn   chan struct{}
}

func holdUp(c someone) *heldUp {
	return &heldUp{someone: c, second: make(chan struct{}), goOn: make(chan struct{})}
}

func (h *heldUp) ExistsW(ctx context.Context, path string) (client.Stat, bool, *client.Watch, error) {
	if h.asked.Add(1) == 2 {
		close(h.second)
		select {
		case <-h.goOn:
		case <-ctx.Done():
			return client.Stat{}, false, nil, context.Cause(ctx)
		}
	}
	return h.someone.ExistsW(ctx, path)
}

// endSession ends the session while the holder of path looks at its node.
func (h *heldUp) endSession(t *testing.T, other someone, path string) {
	t.Helper()
	if _, err := other.Set(t.Context(), path, nil, client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	wait(t, h.second, "the second look")
	over := h.Session()
	h.way.Cut(true)
	wait(t, over.Done(), "the end of the session")
	h.way.Unblock()
}

// The end of the session is a loss, and its reason, whatever else happens before it is seen:
// the end of the node, or a release.
func TestEndOfASessionThatIsSeenLate(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	other := join(t, s, client.Options{})
	for _, released := range []bool{false, true} {
		c := holdUp(join(t, s, client.Options{SessionTimeout: brief}))
		h := held(t)(recipes.NewLock(c, "/l", recipes.Curator).Lock(ctx))
		c.endSession(t, other, h.Path())
		if released {
			h.Release(ctx)
		} else {
			close(c.goOn)
			wait(t, h.Lost(), "lost")
		}
		if err := h.Err(); !errors.Is(err, client.ErrSessionExpired) {
			t.Errorf("released %v: %v", released, err)
		}
	}
}

func TestTryLock(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a, b := join(t, s, client.Options{}), join(t, s, client.Options{})
	l := recipes.NewLock(a, "/l", recipes.Curator)
	h := held(t)(l.TryLock(ctx))
	if _, err := recipes.NewLock(b, "/l", recipes.Kazoo).TryLock(ctx); !errors.Is(err, recipes.ErrBusy) {
		t.Error(err)
	}
	h.Release(ctx)
	held(t)(recipes.NewLock(b, "/l", recipes.Curator).TryLock(ctx)).Release(ctx)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	h = held(t)(l.Lock(ctx))
	if _, err := recipes.NewLock(b, "/l", recipes.Curator).Lock(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	// Who gives up before the answer has come leaves its node to be removed behind it.
	eventually(t, "who gave up leaves nothing behind", func() bool { names, _, _ := a.Children(ctx, "/l"); return len(names) == 1 })
	h.Release(ctx)
}

// Callers that go while their node is being made leave nothing that stops others.
func TestGivingUpLeavesNothing(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	l := recipes.NewLock(c, "/l", recipes.Curator)
	for i := range 300 {
		short, cancel := context.WithTimeout(ctx, time.Duration(i)*3*time.Microsecond)
		if h, err := l.Lock(short); err == nil {
			h.Release(ctx)
		}
		cancel()
	}
	eventually(t, "the line is empty", func() bool { names, _, _ := c.Children(ctx, "/l"); return len(names) == 0 })
}

// deaf loses the answer to the first Create, and its caller goes before it can look.
type deaf struct {
	someone
	leave context.CancelFunc
}

func (d deaf) Create(ctx context.Context, path string, data []byte, o ...client.CreateOption) (string, error) {
	made, err := d.someone.Create(ctx, path, data, o...)
	if err == nil && strings.Contains(path, "_c_") {
		d.leave()
		return "", client.ErrConnectionLost
	}
	return made, err
}

// A node whose answer was lost goes, too, when its caller goes.
func TestGivingUpAnAnswerThatIsLost(t *testing.T) {
	s := testserver.Start(t)
	c := join(t, s, client.Options{})
	ctx, leave := context.WithCancel(t.Context())
	if h, err := recipes.NewLock(deaf{c, leave}, "/l", recipes.Curator).Lock(ctx); !errors.Is(err, context.Canceled) {
		t.Error(h, err)
	}
	eventually(t, "the line is empty", func() bool { names, _, err := c.Children(t.Context(), "/l"); return err == nil && len(names) == 0 })
}

func TestReentrantLock(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	l := recipes.NewLock(c, "/l", recipes.Curator)
	first := held(t)(l.LockFor(ctx, "me"))
	if again := held(t)(l.LockFor(ctx, "me")); again != first {
		t.Error("another lock")
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := l.LockFor(short, "you"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	for range 2 {
		if err := l.UnlockFor(ctx, "me"); err != nil {
			t.Error(err)
		}
	}
	if err := l.UnlockFor(ctx, "me"); !errors.Is(err, recipes.ErrNotHeld) {
		t.Error(err)
	}
	lost := held(t)(l.LockFor(ctx, "you"))
	if err := c.Delete(ctx, lost.Path(), client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	wait(t, lost.Lost(), "lost")
	if again := held(t)(l.LockFor(ctx, "you")); again == lost {
		t.Error("what is lost is held again")
	}
}

// A store that remembers the largest token it has seen is written by one at a time,
// although sessions expire, connections break and answers get lost.
func TestLockUnderPartition(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	var mu sync.Mutex
	var store struct {
		token  client.Zxid
		writer int
		writes int
	}
	holders := map[*recipes.Held]string{} // that have not begun to release, and why they must have lost it
	write := func(who int, h *recipes.Held) {
		mu.Lock()
		defer mu.Unlock()
		if h.Token() < store.token {
			holders[h] = "a token is refused whose holder has not lost the lock"
			return
		}
		if h.Token() == store.token && store.writer != who {
			t.Error("two holders with one token")
		}
		store.token, store.writer = h.Token(), who
		store.writes++
	}
	enter := func(h *recipes.Held) {
		mu.Lock()
		defer mu.Unlock()
		for other := range holders {
			holders[other] = "two hold the lock, and neither has lost it"
		}
		holders[h] = ""
	}
	// leave looks before the holder releases: what is released cannot be lost any more.
	leave := func(h *recipes.Held) {
		mu.Lock()
		wrong := holders[h]
		delete(holders, h)
		mu.Unlock()
		if wrong != "" && !lostByNow(h) {
			t.Error(wrong)
		}
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var ways []*testserver.Way
	for who := range 5 {
		c := join(t, s, client.Options{SessionTimeout: brief})
		ways = append(ways, c.way)
		l := recipes.NewLock(forget(c, uint64(who)), "/l", recipes.Curator)
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				h, err := l.Lock(ctx)
				if err != nil {
					continue // the session is over, or nobody can be reached
				}
				enter(h)
				for range 5 {
					select {
					case <-h.Lost():
					case <-time.After(time.Millisecond):
						write(who, h)
					}
				}
				leave(h)
				h.Release(ctx)
			}
		})
	}
	for i := range 6 {
		w := ways[i%len(ways)]
		w.Cut(true)
		time.Sleep(time.Duration(i) * brief / 3)
		w.Unblock()
		time.Sleep(100 * time.Millisecond)
	}
	eventually(t, "a hundred writes", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return store.writes >= 100
	})
	close(stop)
	wg.Wait()
}

// The loss is known before somebody else has the lock.
func TestLossIsKnownFirst(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a := join(t, s, client.Options{SessionTimeout: brief})
	b := join(t, s, client.Options{})
	h := held(t)(recipes.NewLock(a, "/l", recipes.Curator).Lock(ctx))
	a.way.Cut(true)
	next := held(t)(recipes.NewLock(b, "/l", recipes.Curator).Lock(ctx))
	if !lostByNow(h) {
		t.Error("two hold the lock")
	}
	if next.Token() <= h.Token() {
		t.Error("the token does not grow")
	}
	if !errors.Is(h.Err(), client.ErrSessionExpired) {
		t.Error(h.Err())
	}
	a.way.Unblock()
	if err := h.Release(ctx); err != nil {
		t.Error(err)
	}
}

// Who waits is told of the end of its session, however long the holder goes on.
func TestSessionThatEndsWhileWaiting(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a := join(t, s, client.Options{})
	b := join(t, s, client.Options{SessionTimeout: brief})
	held(t)(recipes.NewLock(a, "/l", recipes.Curator).Lock(ctx))
	waited := make(chan error, 1)
	go func() {
		_, err := recipes.NewLock(b, "/l", recipes.Curator).Lock(ctx)
		waited <- err
	}()
	eventually(t, "it waits", func() bool { names, _, _ := a.Children(ctx, "/l"); return len(names) == 2 })
	time.Sleep(50 * time.Millisecond) // so that it watches, if the machine is not busy
	b.way.Cut(true)
	select {
	case err := <-waited:
		if !errors.Is(err, client.ErrSessionExpired) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("it waits in the line of a session that is over")
	}
}

// Who stands behind somebody that gives up goes on waiting for who has the lock.
func TestGivingUpLetsNobodyPass(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	counted := &tally{n: map[string]int{}}
	behind := join(t, s, client.Options{Metrics: counted})
	h := held(t)(recipes.NewLock(c, "/l", recipes.Curator).Lock(ctx))
	stand := func(n int) {
		eventually(t, fmt.Sprint(n, " stand in the line"), func() bool { names, _, _ := c.Children(ctx, "/l"); return len(names) == n })
	}
	impatient, giveUp := context.WithCancel(ctx)
	gone := make(chan error, 1)
	go func() {
		_, err := recipes.NewLock(leaver{someone: c}, "/l", recipes.Curator).Lock(impatient)
		gone <- err
	}()
	stand(2)
	passed := make(chan *recipes.Held, 1)
	go func() {
		h, err := recipes.NewLock(behind, "/l", recipes.Curator).Lock(ctx)
		if err != nil {
			t.Error(err)
		}
		passed <- h
	}()
	eventually(t, "it watches who stands before it", func() bool { return counted.of("exists") == 1 })
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	stand(2)
	eventually(t, "it watches who has the lock", func() bool { return len(passed) > 0 || counted.of("exists") == 2 })
	select {
	case <-passed:
		t.Error("two hold the lock")
	case <-time.After(50 * time.Millisecond): // for who watches what it holds
	}
	h.Release(ctx)
	select {
	case h := <-passed:
		h.Release(ctx)
	case <-time.After(time.Minute):
		t.Error("a lock that was given back is nobody's")
	}
}

func TestRemovedNodeIsALoss(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	h := held(t)(recipes.NewLock(c, "/l", recipes.Curator).Lock(ctx))
	working, cancel := h.Context(ctx)
	defer cancel()
	if err := c.Delete(ctx, h.Path(), client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	wait(t, h.Lost(), "lost")
	wait(t, working.Done(), "the end of its context")
	if !errors.Is(h.Err(), recipes.ErrNodeGone) || !errors.Is(context.Cause(working), recipes.ErrNodeGone) {
		t.Error(h.Err(), context.Cause(working))
	}
}

func TestRWLock(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	l := recipes.NewRWLock(forget(c, 4), "/l", recipes.Curator)
	r1, r2 := held(t)(l.RLock(ctx)), held(t)(l.RLock(ctx))
	var order []string
	var mu sync.Mutex
	var wg sync.WaitGroup
	begin := func(name string, lock func(context.Context) (*recipes.Held, error)) {
		names, _, _ := c.Children(ctx, "/l")
		wg.Go(func() {
			h, err := lock(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			h.Release(ctx)
		})
		eventually(t, "it stands in the line", func() bool {
			now, _, _ := c.Children(ctx, "/l")
			return len(now) > len(names)
		})
	}
	begin("writer", l.Lock)
	begin("reader", l.RLock) // behind the writer: it does not starve
	begin("reader", l.RLock) // also behind another reader
	r1.Release(ctx)
	time.Sleep(20 * time.Millisecond) // for those who do not wait as they should
	mu.Lock()
	if len(order) != 0 {
		t.Error(order)
	}
	mu.Unlock()
	r2.Release(ctx)
	wg.Wait()
	if fmt.Sprint(order) != "[writer reader reader]" {
		t.Error(order)
	}
}

// So many hold a semaphore as there are leases, and no more; who gives up leaves none.
func TestSemaphoreIsFull(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	sem := recipes.NewSemaphore(c, "/s", 3)
	var all []*recipes.Held
	for range 3 {
		all = append(all, held(t)(sem.Acquire(ctx)))
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if h, err := sem.Acquire(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(h, err)
	}
	eventually(t, "who gave up leaves nothing behind", func() bool { n, err := sem.Holders(ctx); return n == 3 && err == nil })
	next := make(chan *recipes.Held)
	go func() {
		h, err := sem.Acquire(ctx)
		if err != nil {
			t.Error(err)
		}
		next <- h
	}()
	select {
	case <-next:
		t.Error("four hold a semaphore of 3")
	case <-time.After(50 * time.Millisecond):
	}
	all[1].Release(ctx)
	select {
	case h := <-next:
		h.Release(ctx)
	case <-time.After(time.Minute):
		t.Error("a lease that was given back is nobody's")
	}
}

// Who asks a semaphore first has it first, and a lease that is given back wakes one.
func TestSemaphoreIsFairAndWithoutHerd(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	const n = 12
	owner, woken := join(t, s, client.Options{}), new(events)
	first := held(t)(recipes.NewSemaphore(owner, "/s", 1).Acquire(ctx))
	order := make(chan int, n)
	for i := range n {
		c := join(t, s, client.Options{Metrics: woken})
		go func() {
			h, err := recipes.NewSemaphore(c, "/s", 1).Acquire(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			order <- i
			h.Release(ctx)
		}()
		eventually(t, "the waiter to stand in the line", func() bool {
			names, _, _ := owner.Children(ctx, "/s/locks")
			return len(names) == i+1
		})
	}
	if err := first.Release(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if got := <-order; got != i {
			t.Errorf("turn %d is %d's", i, got)
		}
	}
	// Each sees its predecessor in the line go, and its own place there; the one whose
	// turn it is sees leases come and go; and its own goes.
	if got := woken.n.Load(); got > 4*n {
		t.Errorf("%d events for %d waiters", got, n)
	}
}

func TestSemaphore(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		c := join(t, s, client.Options{})
		sem := recipes.NewSemaphore(forget(c, uint64(i)), "/s", 3)
		wg.Go(func() {
			for range 5 {
				h, err := sem.Acquire(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				n := inside.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(time.Millisecond)
				inside.Add(-1)
				h.Release(ctx)
			}
		})
	}
	wg.Wait()
	if most.Load() > 3 {
		t.Errorf("%d held a semaphore of 3", most.Load())
	}
	c := join(t, s, client.Options{})
	if n, err := recipes.NewSemaphore(c, "/s", 3).Holders(ctx); n != 0 || err != nil {
		t.Error(n, err)
	}
}

// robbed has something happen when it has made a lease.
type robbed struct {
	someone
	then func()
}

func (r *robbed) Create(ctx context.Context, path string, data []byte, o ...client.CreateOption) (string, error) {
	made, err := r.someone.Create(ctx, path, data, o...)
	if err == nil && strings.Contains(path, "/leases/") {
		before(&r.then)
	}
	return made, err
}

// Who loses the lock of a semaphore before it has its lease gives that up: else it and
// the next one would wait for each other.
func TestSemaphoreWhoseLockIsLost(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c, other := join(t, s, client.Options{}), join(t, s, client.Options{})
	next := make(chan error, 1)
	_, err := recipes.NewSemaphore(&robbed{c, func() {
		names, _, err := other.Children(ctx, "/s/locks")
		if err == nil {
			err = other.Delete(ctx, "/s/locks/"+names[0], client.AnyVersion)
		}
		if err != nil {
			t.Error(err)
		}
		go func() {
			_, err := recipes.NewSemaphore(other, "/s", 1).Acquire(ctx)
			next <- err
		}()
		eventually(t, "both have a lease", func() bool { names, _, _ := other.Children(ctx, "/s/leases"); return len(names) == 2 })
	}}, "/s", 1).Acquire(ctx)
	if !errors.Is(err, recipes.ErrNodeGone) {
		t.Error(err)
	}
	select {
	case err := <-next:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("a lease that was given up is nobody's")
	}
}

// lagging loses the answer to its first change, and knows nothing of that until a Sync: so
// does a client that comes to another server, which is behind.
type lagging struct {
	someone
	lost, behind bool
	made         int
}

func lag[T any](l *lagging, v T, err error) (T, error) {
	if err != nil {
		return v, err
	}
	l.made++
	if l.lost {
		return v, nil
	}
	l.lost, l.behind = true, true
	var none T
	return none, client.ErrConnectionLost
}

func (l *lagging) Create(ctx context.Context, path string, data []byte, o ...client.CreateOption) (string, error) {
	made, err := l.someone.Create(ctx, path, data, o...)
	return lag(l, made, err)
}

func (l *lagging) Commit(ctx context.Context, t *client.Txn) ([]client.Result, error) {
	results, err := l.someone.Commit(ctx, t)
	return lag(l, results, err)
}

func (l *lagging) Children(ctx context.Context, path string) ([]string, client.Stat, error) {
	if l.behind {
		return nil, client.Stat{}, nil
	}
	return l.someone.Children(ctx, path)
}

func (l *lagging) Exists(ctx context.Context, path string) (client.Stat, bool, error) {
	if l.behind {
		return client.Stat{}, false, nil
	}
	return l.someone.Exists(ctx, path)
}

func (l *lagging) Sync(ctx context.Context, path string) error {
	l.behind = false
	return l.someone.Sync(ctx, path)
}

// What was done is not done again because the next server does not know of it yet.
func TestServerThatLags(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := &lagging{someone: join(t, s, client.Options{})}
	h, err := recipes.NewLock(c, "/l", recipes.Curator).TryLock(ctx)
	if err != nil {
		t.Error(err)
	} else if err := h.Release(ctx); err != nil {
		t.Error(err)
	}
	if c.made != 1 {
		t.Errorf("%d nodes were made for one lock", c.made)
	}
	c.lost, c.made = false, 0
	if n, err := recipes.NewCounter(c, "/n", recipes.Curator).Add(ctx, 1); n != 1 || err != nil || c.made != 1 {
		t.Errorf("%d, %v; %d additions", n, err, c.made)
	}
}
