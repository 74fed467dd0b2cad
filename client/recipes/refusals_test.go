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

// slow is a tree whose answers take a while.
type slow struct{ someone }

func (s slow) ChildrenW(ctx context.Context, path string) ([]string, client.Stat, *client.Watch, error) {
	time.Sleep(20 * time.Millisecond)
	return s.someone.ChildrenW(ctx, path)
}

// Members that leave a double barrier and enter it again at once do not keep those who are
// slower, and meet all of them again.
func TestDoubleBarrierAgainAndAgain(t *testing.T) {
	const members, rounds = 3, 10
	s := testserver.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var come [rounds]atomic.Int64
	var wg sync.WaitGroup
	for i := range members {
		c := join(t, s, client.Options{})
		b := recipes.NewDoubleBarrier(c, "/d", members)
		if i == 0 {
			b = recipes.NewDoubleBarrier(slow{c}, "/d", members)
		}
		wg.Go(func() {
			for round := range rounds {
				come[round].Add(1)
				if err := b.Enter(ctx); err != nil {
					t.Errorf("member %d, round %d: enter: %v", i, round, err)
					return
				}
				if n := come[round].Load(); n != members {
					t.Errorf("round %d: through when %d had come", round, n)
				}
				if err := b.Leave(ctx); err != nil {
					t.Errorf("member %d, round %d: leave: %v", i, round, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := recipes.NewDoubleBarrier(join(t, s, client.Options{}), "/d", 1).Leave(ctx); !errors.Is(err, recipes.ErrNotHeld) {
		t.Error(err)
	}
}

// A cache leaves out what may not be read, and goes on with all else.
func TestCacheBesideWhatMayNotBeRead(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	ann := client.Auth{Scheme: "digest", Data: []byte("ann:secret")}
	admin, c := join(t, s, client.Options{Auth: []client.Auth{ann}}), join(t, s, client.Options{})
	if err := admin.MakePath(ctx, "/c/open"); err != nil {
		t.Fatal(err)
	}
	if err := admin.MakePath(ctx, "/c/secret", client.WithACL(client.Creator(client.PermAll)...)); err != nil {
		t.Fatal(err)
	}
	cache, err := recipes.NewCache(ctx, c, "/c", recipes.WholeTree, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	follows := func(data string) {
		t.Helper()
		if _, err := admin.Set(ctx, "/c/open", []byte(data), client.AnyVersion); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it follows", func() bool { e, _ := cache.Get("/c/open"); return string(e.Data) == data })
	}
	follows("one")
	c.way.Cut(false) // so that it reads all again
	follows("two")
	if _, there := cache.Get("/c/secret"); there || cache.Err() != nil {
		t.Error(there, cache.Err())
	}
	// Without its root there is nothing to show, and Err says so, until there is.
	if _, err := admin.SetACL(ctx, "/c", client.Creator(client.PermAll), client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	c.way.Cut(false)
	eventually(t, "it tells why it does not follow", func() bool { return errors.Is(cache.Err(), client.ErrNoAuth) })
	if _, err := admin.SetACL(ctx, "/c", client.World(client.PermAll), client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it follows again", func() bool { return cache.Err() == nil })
	follows("three")
}

// A node that belongs to nobody's session is not replaced: it may be all there is of
// somebody's data.
func TestPresenceIsNotInThePlaceOfData(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	if _, err := c.Create(ctx, "/config", []byte("precious")); err != nil {
		t.Fatal(err)
	}
	if _, err := recipes.Announce(ctx, c, "/config", nil); !errors.Is(err, recipes.ErrPersistent) || !strings.Contains(err.Error(), "/config") {
		t.Error(err)
	}
	if data, _, err := c.Get(ctx, "/config"); string(data) != "precious" {
		t.Error(string(data), err)
	}
}

// refusing is a tree of which deleting goes wrong for a while.
type refusing struct {
	someone
	delete func(path string) error // nil: go on
}

func (r *refusing) Delete(ctx context.Context, path string, version int32) error {
	if err := r.delete(path); err != nil {
		return err
	}
	return r.someone.Delete(ctx, path, version)
}

// A lock that is released while the server takes no writes is free when it does, although
// its session goes on.
func TestReleaseAtAServerWithoutAQuorum(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	var refused atomic.Int64
	c := &refusing{join(t, s, client.Options{}), func(path string) error {
		if refused.Add(1) < 3 {
			return &client.Error{Op: "delete", Path: path, Err: client.ErrNotReadOnly}
		}
		return nil
	}}
	h := held(t)(recipes.NewLock(c, "/l", recipes.Curator).Lock(ctx))
	if err := h.Release(ctx); !errors.Is(err, client.ErrNotReadOnly) {
		t.Error(err)
	}
	other := recipes.NewLock(join(t, s, client.Options{}), "/l", recipes.Curator)
	soon, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	held(t)(other.Lock(soon))
}

// An item whose return has failed can be returned, and one that somebody else has by now
// is left to them.
func TestItemIsReturnedOnce(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	other := recipes.NewQueue(join(t, s, client.Options{}), "/q")
	if err := other.Put(ctx, []byte("x"), 1); err != nil {
		t.Fatal(err)
	}
	var step func() error
	c := &refusing{join(t, s, client.Options{}), func(string) error { return step() }}
	item, err := recipes.NewQueue(c, "/q").Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	step = func() error { return errTest }
	if err := item.Return(ctx); !errors.Is(err, errTest) {
		t.Fatal(err)
	}
	var theirs *recipes.Item
	step = func() error { // it happens, its answer is lost, and somebody else is quick
		step = func() error { return nil }
		names, _, _ := c.Children(ctx, "/q/taken")
		for _, n := range names {
			if err := c.someone.Delete(ctx, "/q/taken/"+n, client.AnyVersion); err != nil {
				t.Error(err)
			}
		}
		if theirs, err = other.Take(ctx); err != nil {
			t.Error(err)
		}
		return client.ErrConnectionLost
	}
	if err := item.Return(ctx); err != nil {
		t.Error(err)
	}
	if err := item.Return(ctx); !errors.Is(err, recipes.ErrNotHeld) {
		t.Error(err)
	}
	if names, _, err := c.Children(ctx, "/q/taken"); fmt.Sprint(len(names)) != "1" {
		t.Error("the item that somebody else has taken was given back for them", names, err)
	}
	if err := theirs.Done(ctx); err != nil {
		t.Error(err)
	}
}
