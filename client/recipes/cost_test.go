package recipes_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

// A tally counts requests by their kind.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *tally) Call(op string, _ time.Duration, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[op]++
}

func (*tally) State(client.State)     {}
func (*tally) Event(client.EventType) {}

// of is how many of a kind there were.
func (c *tally) of(op string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[op]
}

// take is what was counted since the last time.
func (c *tally) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for _, op := range slices.Sorted(maps.Keys(c.n)) {
		list = append(list, fmt.Sprint(c.n[op], " ", op))
	}
	c.n = map[string]int{}
	return strings.Join(list, ", ")
}

// What recipes cost where nobody else wants the same, once their nodes are there. The
// pages in docs/recipes say so.
func TestCosts(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	counted := &tally{n: map[string]int{}}
	c := join(t, s, client.Options{Metrics: counted})
	q := recipes.NewQueue(c, "/queue")
	hold := func(take func(context.Context) (*recipes.Held, error)) func() error {
		return func() error {
			h, err := take(ctx)
			if err != nil {
				return err
			}
			return h.Release(ctx)
		}
	}
	for _, tc := range []struct {
		what string
		do   func() error
		want string
	}{
		{"lock", hold(recipes.NewLock(c, "/lock", recipes.Curator).Lock), "1 create2, 1 delete, 1 exists, 1 getChildren2"},
		{"read lock", hold(recipes.NewRWLock(c, "/rw", recipes.Curator).RLock), "1 create2, 1 delete, 1 exists, 1 getChildren2"},
		{"semaphore", hold(recipes.NewSemaphore(c, "/sem", 2).Acquire), "2 create2, 2 delete, 2 exists, 2 getChildren2"},
		{"counter", func() error { _, err := recipes.NewCounter(c, "/n", recipes.Curator).Add(ctx, 1); return err }, "1 delete, 1 getData, 1 multi"},
		{"put", func() error { return q.Put(ctx, nil, 1) }, "1 delete, 1 multi"},
		{"take", func() error {
			i, err := q.Take(ctx)
			if err != nil {
				return err
			}
			return i.Done(ctx)
		}, "3 create2, 2 getChildren2, 1 getData, 1 multi"},
	} {
		if err := tc.do(); err != nil { // makes what has to be there
			t.Fatal(tc.what, err)
		}
		counted.take()
		if err := tc.do(); err != nil {
			t.Fatal(tc.what, err)
		}
		if got := counted.take(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.what, got, tc.want)
		}
	}
}
