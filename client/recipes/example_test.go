package recipes_test

import (
	"context"
	"fmt"
	"log"
	"strconv"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
)

func open(ctx context.Context) *client.Client {
	c, err := client.Open(ctx, "127.0.0.1:2181", client.Options{})
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
	fmt.Println("writing with token", held.Token(), work.Err())
}

func ExampleRWLock() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	held, err := recipes.NewRWLock(c, "/locks/table", recipes.Curator).RLock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer held.Release(ctx)
}

func ExampleSemaphore() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	lease, err := recipes.NewSemaphore(c, "/limits/crawlers", 5).Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer lease.Release(ctx)
}

func ExampleElection_Run() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	err := recipes.NewElection(c, "/scheduler", recipes.Curator).Run(ctx, "host-1",
		func(ctx context.Context, h *recipes.Held) error {
			fmt.Println("leading with token", h.Token())
			<-ctx.Done() // work until it is lost
			return nil
		})
	log.Print(err)
}

func ExampleBarrier() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	if err := recipes.NewBarrier(c, "/maintenance").Wait(ctx); err != nil {
		log.Fatal(err)
	}
}

func ExampleDoubleBarrier() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	b := recipes.NewDoubleBarrier(c, "/jobs/42", 3)
	if err := b.Enter(ctx); err != nil { // returns when all three are there
		log.Fatal(err)
	}
	if err := b.Leave(ctx); err != nil { // returns when all three are done
		log.Fatal(err)
	}
}

func ExampleQueue() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	q := recipes.NewQueue(c, "/queue")
	if err := q.Put(ctx, []byte("work"), recipes.DefaultPriority); err != nil {
		log.Fatal(err)
	}
	item, err := q.Take(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", item.Data)
	if err := item.Done(ctx); err != nil { // without it another gets the item
		log.Fatal(err)
	}
}

func ExampleCounter() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	n, err := recipes.NewCounter(c, "/visits", recipes.Curator).Add(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n)
}

func ExampleValue() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	_, err := recipes.NewValue(c, "/title").Update(ctx, func(old []byte) ([]byte, error) {
		return append(old, '!'), nil
	})
	if err != nil {
		log.Fatal(err)
	}
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
}

func ExampleNewCache() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	changes := make(chan recipes.Change)
	cache, err := recipes.NewCache(ctx, c, "/config", recipes.WholeTree, changes)
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	for e := range cache.All() {
		fmt.Printf("%s = %s\n", e.Path, e.Data)
	}
	for ch := range changes {
		fmt.Printf("%s = %s\n", ch.Path, ch.Data)
	}
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
}

func ExampleNewConfig() {
	ctx := context.Background()
	c := open(ctx)
	defer c.Close()
	limit, err := recipes.NewConfig(ctx, c, "/config/limit", func(data []byte) (int, error) {
		if data == nil {
			return 100, nil // there is no such node
		}
		return strconv.Atoi(string(data))
	})
	if err != nil {
		log.Fatal(err)
	}
	defer limit.Close()
	for changed := limit.Changed(); ; changed = limit.Changed() {
		fmt.Println("the limit is", limit.Get())
		<-changed
	}
}
