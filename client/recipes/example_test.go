package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

// A service is what the examples connect to.
type service struct {
	connect string
	stop    func() error
	dir     string
	err     error
}

var wanted atomic.Bool

var started = sync.OnceValue(func() (s service) {
	wanted.Store(true)
	s.stop = func() error { return nil }
	if s.dir, s.err = os.MkdirTemp("", "zabra-examples-"); s.err == nil {
		s.connect, s.stop, s.err = testserver.Run(s.dir)
	}
	return s
})

func TestMain(m *testing.M) {
	code := m.Run()
	if !wanted.Load() {
		os.Exit(code)
	}
	s := started()
	if err := errors.Join(s.err, s.stop(), os.RemoveAll(s.dir)); err != nil {
		log.Print(err)
		code = 1
	}
	os.Exit(code)
}

// open is client.Open(ctx, "127.0.0.1:2181", client.Options{}), at the service of the
// examples.
func open(ctx context.Context) *client.Client {
	s := started()
	if s.err != nil {
		log.Fatal(s.err)
	}
	c, err := client.Open(ctx, s.connect, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func ExampleLock() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	held, err := recipes.NewLock(c, "/locks/report", recipes.Curator).Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer held.Release(ctx)
	work, cancel := held.Context(ctx) // ends if the lock is lost
	defer cancel()
	fmt.Println("writing with a token:", held.Token() > 0, work.Err())
	// Output: writing with a token: true <nil>
}

func ExampleLock_TryLock() {
	ctx := context.Background()
	c, other := open(ctx), open(ctx)
	defer c.Close()
	defer other.Close()
	held, err := recipes.NewLock(c, "/locks/nightly", recipes.Curator).TryLock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer held.Release(ctx)
	_, err = recipes.NewLock(other, "/locks/nightly", recipes.Curator).TryLock(ctx)
	fmt.Println(errors.Is(err, recipes.ErrBusy))
	// Output: true
}

func ExampleLock_LockFor() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	l := recipes.NewLock(c, "/locks/account", recipes.Curator)
	const me = "transfer 42"
	for range 2 { // the second time it is held already
		if _, err := l.LockFor(ctx, me); err != nil {
			log.Fatal(err)
		}
		defer l.UnlockFor(ctx, me)
	}
	fmt.Println("held twice")
	// Output: held twice
}

func ExampleRWLock() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	l := recipes.NewRWLock(c, "/locks/table", recipes.Curator)
	one, err := l.RLock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	two, err := l.RLock(ctx) // readers do not wait for each other
	if err != nil {
		log.Fatal(err)
	}
	one.Release(ctx)
	two.Release(ctx)
	writer, err := l.Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer writer.Release(ctx)
	fmt.Println("alone")
	// Output: alone
}

func ExampleSemaphore() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	crawlers := recipes.NewSemaphore(c, "/limits/crawlers", 5)
	lease, err := crawlers.Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer lease.Release(ctx)
	n, err := crawlers.Holders(ctx)
	fmt.Println(n, err)
	// Output: 1 <nil>
}

func ExampleElection() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	e := recipes.NewElection(c, "/master", recipes.Curator)
	leading, err := e.Campaign(ctx, "host-1")
	if err != nil {
		log.Fatal(err)
	}
	id, err := e.Leader(ctx)
	fmt.Println(id, err)
	leading.Release(ctx) // resigns
	_, err = e.Leader(ctx)
	fmt.Println(errors.Is(err, recipes.ErrNoLeader))
	// Output:
	// host-1 <nil>
	// true
}

func ExampleElection_Run() {
	ctx, stop := context.WithCancel(context.Background())
	c := open(ctx)
	defer c.Close()
	err := recipes.NewElection(c, "/scheduler", recipes.Curator).Run(ctx, "host-1",
		func(ctx context.Context, h *recipes.Held) error {
			fmt.Println("leading")
			stop()       // instead of which a program works
			<-ctx.Done() // until this ends: the leadership is lost, or Run's context has ended
			return nil
		})
	fmt.Println(err)
	// Output:
	// leading
	// context canceled
}

func ExampleBarrier() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	maintenance := recipes.NewBarrier(c, "/maintenance")
	if err := maintenance.Set(ctx); err != nil {
		log.Fatal(err)
	}
	time.AfterFunc(time.Millisecond, func() { maintenance.Remove(ctx) })
	if err := maintenance.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("it is over")
	// Output: it is over
}

func ExampleDoubleBarrier() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	var members sync.WaitGroup
	for range 3 { // which are three programs
		members.Go(func() {
			b := recipes.NewDoubleBarrier(c, "/jobs/42", 3)
			if err := b.Enter(ctx); err != nil { // returns when all three are there
				log.Fatal(err)
			}
			if err := b.Leave(ctx); err != nil { // returns when all three are done
				log.Fatal(err)
			}
		})
	}
	members.Wait()
	fmt.Println("done")
	// Output: done
}

func ExampleQueue() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	q := recipes.NewQueue(c, "/queue")
	if err := q.Put(ctx, []byte("work"), recipes.DefaultPriority); err != nil {
		log.Fatal(err)
	}
	if err := q.Put(ctx, []byte("urgent work"), 1); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		item, err := q.Take(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", item.Data)
		if err := item.Done(ctx); err != nil { // without it another gets the item
			log.Fatal(err)
		}
	}
	// Output:
	// urgent work
	// work
}

func ExampleCounter() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	visits := recipes.NewCounter(c, "/visits", recipes.Curator)
	for range 2 {
		n, err := visits.Add(ctx, 10)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(n)
	}
	// Output:
	// 10
	// 20
}

func ExampleValue() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	title := recipes.NewValue(c, "/title")
	for _, more := range []string{"one", ", two"} {
		now, err := title.Update(ctx, func(old []byte) ([]byte, error) { return append(old, more...), nil })
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", now)
	}
	// Output:
	// one
	// one, two
}

func ExampleAnnounce() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	alive, err := recipes.Announce(ctx, c, "/alive/host-1", []byte("starting"))
	if err != nil {
		log.Fatal(err)
	}
	alive.Set([]byte("serving")) // also in the nodes of later sessions
	fmt.Println(alive.Path())
	if err := alive.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: /alive/host-1
}

func ExampleGroup() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	g := recipes.NewGroup(c, "/workers")
	me, err := g.Join(ctx, "host-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer me.Close(ctx)
	names, err := g.Members(ctx)
	fmt.Println(names, err)
	// Output: [host-1] <nil>
}

func ExampleNewCache() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	if _, err := c.Create(ctx, "/config", []byte("v1")); err != nil {
		log.Fatal(err)
	}
	changes := make(chan recipes.Change)
	cache, err := recipes.NewCache(ctx, c, "/config", recipes.WholeTree, changes)
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	for e := range cache.All() {
		fmt.Printf("%s = %s\n", e.Path, e.Data)
	}
	go c.Create(ctx, "/config/colour", []byte("green"))
	ch := <-changes
	fmt.Printf("%s = %s\n", ch.Path, ch.Data)
	// Output:
	// /config = v1
	// /config/colour = green
}

func ExampleDiscovery() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	d, port := recipes.NewDiscovery(c, "/services"), 8080
	offer, err := d.Register(ctx, &recipes.Instance{Name: "web", Address: "10.0.0.1", Port: &port})
	if err != nil {
		log.Fatal(err)
	}
	defer offer.Close(ctx)
	web, err := d.Provider(ctx, "web", recipes.RoundRobin())
	if err != nil {
		log.Fatal(err)
	}
	defer web.Close()
	instance, err := web.Instance()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(instance.Address, *instance.Port)
	// Output: 10.0.0.1 8080
}

// A program whose settings are in a node goes on with the last good ones.
func ExampleNewConfig() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	c.Create(ctx, "/limit", []byte("100"))
	limit, err := recipes.NewConfig(ctx, c, "/limit", func(data []byte) (int, error) { return strconv.Atoi(string(data)) })
	if err != nil {
		log.Fatal(err)
	}
	defer limit.Close()
	fmt.Println(limit.Get())
	changed := limit.Changed()
	c.Set(ctx, "/limit", []byte("many"), client.AnyVersion)
	<-changed
	fmt.Println(limit.Get(), limit.Err() != nil)
	// Output:
	// 100
	// 100 true
}
