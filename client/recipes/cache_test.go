package recipes_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

// A cache is like the tree in the end, whatever happened meanwhile, and its changes,
// applied one after the other, lead to the same.
func TestCacheFollows(t *testing.T) {
	for _, depth := range []recipes.Depth{recipes.NodeOnly, recipes.WithChildren, recipes.WholeTree} {
		s, ctx := testserver.Start(t), t.Context()
		reader := join(t, s, client.Options{SessionTimeout: brief, MaxQueuedEvents: 50})
		writer := join(t, s, client.Options{})
		if err := writer.MakePath(ctx, "/c/0/0"); err != nil {
			t.Fatal(err)
		}
		changes := make(chan recipes.Change, 10)
		c, err := recipes.NewCache(ctx, reader, "/c", depth, changes)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		seen := map[string]string{}
		for e := range c.All() {
			seen[e.Path] = string(e.Data)
		}
		var collected sync.WaitGroup
		collected.Go(func() {
			for ch := range changes {
				mu.Lock()
				if ch.Type == recipes.Removed {
					delete(seen, ch.Path)
				} else {
					seen[ch.Path] = string(ch.Data)
				}
				mu.Unlock()
			}
		})
		churn(t, writer, reader)
		want := truth(t, writer, depth)
		have := func() map[string]string {
			m := map[string]string{}
			for e := range c.All() {
				m[e.Path] = string(e.Data)
			}
			return m
		}
		eventually(t, "the cache is like the tree", func() bool { return fmt.Sprint(have()) == fmt.Sprint(want) })
		eventually(t, "its changes lead to the same", func() bool { // the last one is told behind it
			mu.Lock()
			defer mu.Unlock()
			return fmt.Sprint(seen) == fmt.Sprint(want)
		})
		c.Close()
		collected.Wait()
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("depth %v: by changes %v, want %v", depth, seen, want)
		}
	}
}

// refused refuses one read when it is told to.
type refused struct {
	client.Tree
	refuse atomic.Bool
}

func (r *refused) Get(ctx context.Context, path string) ([]byte, client.Stat, error) {
	if r.refuse.CompareAndSwap(true, false) {
		return nil, client.Stat{}, client.ErrNoAuth
	}
	return r.Tree.Get(ctx, path)
}

// A node that is another one behind a gap, of the same version, is a change; and what
// could not be read when it changed is read when it can be.
func TestCacheFindsOut(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	reader, writer := join(t, s, client.Options{}), join(t, s, client.Options{})
	if _, err := writer.Create(ctx, "/c", []byte("old")); err != nil {
		t.Fatal(err)
	}
	changes := make(chan recipes.Change, 10)
	tree := &refused{Tree: reader}
	c, err := recipes.NewCache(ctx, tree, "/c", recipes.NodeOnly, changes)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	reader.way.Cut(true)
	if err := writer.Delete(ctx, "/c", client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Create(ctx, "/c", []byte("new")); err != nil {
		t.Fatal(err)
	}
	reader.way.Unblock()
	select {
	case ch := <-changes:
		if ch.Type != recipes.Changed || string(ch.Data) != "new" {
			t.Errorf("%v %s", ch.Type, ch.Data)
		}
	case <-time.After(time.Minute):
		t.Error("no change")
	}
	tree.refuse.Store(true)
	if _, err := writer.Set(ctx, "/c", []byte("newest"), client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a read is refused", func() bool { return !tree.refuse.Load() })
	eventually(t, "the cache is like the node", func() bool { e, _ := c.Get("/c"); return string(e.Data) == "newest" })
}

// busy has something happen before the first watch that stays.
type busy struct {
	someone
	watch func()
}

func (b *busy) AddWatch(ctx context.Context, path string, recursive bool) (*client.Watch, error) {
	before(&b.watch)
	return b.someone.AddWatch(ctx, path, recursive)
}

// What happens while a cache is made, before it is told of changes, is in it.
func TestCacheThatIsMadeMeanwhile(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c, other := join(t, s, client.Options{}), join(t, s, client.Options{})
	cache, err := recipes.NewCache(ctx, &busy{c, func() {
		if _, err := other.Create(ctx, "/c", []byte("new")); err != nil {
			t.Error(err)
		}
	}}, "/c", recipes.WholeTree, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	if e, there := cache.Get("/c"); !there || string(e.Data) != "new" {
		t.Errorf("%v %q", there, e.Data)
	}
}

// A cache holds what belongs to it and no more, whatever its watch tells.
func TestCacheDepths(t *testing.T) {
	want := map[recipes.Depth]string{recipes.NodeOnly: "[/d]", recipes.WithChildren: "[/d /d/a /d/z]", recipes.WholeTree: "[/d /d/a /d/a/b /d/z]"}
	for depth, want := range want {
		s, ctx := testserver.Start(t), t.Context()
		c := join(t, s, client.Options{})
		cache, err := recipes.NewCache(ctx, c, "/d", depth, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/d", "/d/a", "/d/a/b", "/d/z", "/dd"} {
			if _, err := c.Create(ctx, path, nil); err != nil {
				t.Fatal(err)
			}
		}
		have := func() string {
			var paths []string
			for e := range cache.All() {
				paths = append(paths, e.Path)
			}
			return fmt.Sprint(paths)
		}
		eventually(t, "it has "+want, func() bool { return have() == want })
		// Behind the event of this all before it are known, also those that do not count.
		if _, err := c.Set(ctx, "/d", []byte("last"), client.AnyVersion); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the last change", func() bool { e, _ := cache.Get("/d"); return string(e.Data) == "last" })
		if got := have(); got != want {
			t.Errorf("depth %v: %v, want %v", depth, got, want)
		}
		if depth == recipes.WholeTree && fmt.Sprint(cache.Children("/d"), cache.Children("/d/a")) != "[/d/a /d/z] [/d/a/b]" {
			t.Error(cache.Children("/d"), cache.Children("/d/a"))
		}
		cache.Close()
	}
}

// churn changes the tree at random while the reader loses connections and a session.
func churn(t *testing.T, w someone, reader someone) {
	ctx := t.Context()
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 600 {
		path := fmt.Sprintf("/c/%d", rng.IntN(4))
		if rng.IntN(2) == 0 {
			path += fmt.Sprintf("/%d", rng.IntN(4))
		}
		switch rng.IntN(3) {
		case 0:
			w.Create(ctx, path, fmt.Append(nil, i))
		case 1:
			w.Set(ctx, path, fmt.Append(nil, i), client.AnyVersion)
		case 2:
			w.RemoveAll(ctx, path)
		}
		if i%100 == 50 {
			reader.way.Cut(false)
		}
		if i == 300 {
			reader.way.Cut(true)
			time.Sleep(brief * 3 / 2)
			reader.way.Unblock()
		}
	}
	w.Set(ctx, "/c", []byte("end"), client.AnyVersion)
}

func truth(t *testing.T, w someone, depth recipes.Depth) map[string]string {
	want := map[string]string{}
	for v, err := range w.Walk(t.Context(), "/c") {
		if err != nil {
			t.Fatal(err)
		}
		if below := len(slices.DeleteFunc([]byte(v.Path[2:]), func(b byte) bool { return b != '/' })); depth == recipes.WholeTree || below <= int(depth) {
			want[v.Path] = string(v.Bytes)
		}
	}
	return want
}
