package recipes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

// Each addition happens once although every third answer is lost.
func TestCounter(t *testing.T) {
	for _, naming := range []recipes.Naming{recipes.Curator, recipes.Kazoo} {
		s, ctx := testserver.Start(t), t.Context()
		var wg sync.WaitGroup
		for i := range 4 {
			c := recipes.NewCounter(forget(join(t, s, client.Options{}), uint64(i)), "/n", naming)
			wg.Go(func() {
				for range 25 {
					if _, err := c.Add(ctx, 2); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		c := join(t, s, client.Options{})
		if n, err := recipes.NewCounter(c, "/n", naming).Get(ctx); n != 200 || err != nil {
			t.Error(n, err)
		}
		if data, err := recipes.NewValue(c, "/v").Update(ctx, func([]byte) ([]byte, error) { return nil, errTest }); !errors.Is(err, errTest) {
			t.Error(data, err)
		}
	}
}

// doomed loses one answer, and the session with it.
type doomed struct {
	someone
	t    *testing.T
	lost bool
}

func (d *doomed) Commit(ctx context.Context, txn *client.Txn) ([]client.Result, error) {
	results, err := d.someone.Commit(ctx, txn)
	if err != nil || d.lost {
		return results, err
	}
	d.lost = true
	s := d.Session()
	d.way.Cut(true)
	wait(d.t, s.Done(), "the end of the session")
	d.way.Unblock()
	return nil, client.ErrConnectionLost
}

// leaver ends the caller's context when an item has been claimed.
type leaver struct {
	someone
	leave context.CancelFunc
}

func (l leaver) Create(ctx context.Context, path string, data []byte, o ...client.CreateOption) (string, error) {
	made, err := l.someone.Create(ctx, path, data, o...)
	if strings.HasPrefix(path, "/q/taken/") {
		l.leave()
	}
	return made, err
}

func (l leaver) Get(ctx context.Context, path string) ([]byte, client.Stat, error) {
	if ctx.Err() != nil { // of the client's own Get the answer may be quicker
		return nil, client.Stat{}, context.Cause(ctx)
	}
	return l.someone.Get(ctx, path)
}

// Delete does nothing for a caller that has gone, as a client without a connection.
func (l leaver) Delete(ctx context.Context, path string, version int32) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return l.someone.Delete(ctx, path, version)
}

// An item whose taker goes while it takes it is free again, although the session lives.
func TestTakerThatGoesLeavesTheItem(t *testing.T) {
	s := testserver.Start(t)
	ctx, leave := context.WithCancel(t.Context())
	c := join(t, s, client.Options{})
	q := recipes.NewQueue(leaver{c, leave}, "/q")
	if err := q.Put(ctx, nil, 1); err != nil {
		t.Fatal(err)
	}
	if item, err := q.Take(ctx); !errors.Is(err, context.Canceled) {
		t.Error(item, err)
	}
	eventually(t, "nobody has it", func() bool {
		names, _, err := c.Children(t.Context(), "/q/taken")
		return err == nil && len(names) == 0
	})
}

// What may have happened is not done again when the session has taken its trace along.
func TestNothingHappensTwiceWhenTheSessionEnds(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	lossy := &doomed{someone: join(t, s, client.Options{SessionTimeout: brief}), t: t}
	if n, err := recipes.NewCounter(lossy, "/n", recipes.Curator).Add(ctx, 5); !errors.Is(err, client.ErrConnectionLost) {
		t.Error(n, err)
	}
	if n, err := recipes.NewCounter(c, "/n", recipes.Curator).Get(ctx); n != 5 || err != nil {
		t.Error(n, err)
	}
	if err := recipes.NewQueue(c, "/q").Put(ctx, nil, 1); err != nil { // makes its nodes
		t.Fatal(err)
	}
	lossy.lost = false
	if err := recipes.NewQueue(lossy, "/q").Put(ctx, nil, 1); !errors.Is(err, client.ErrConnectionLost) {
		t.Error(err)
	}
	if names, _, err := c.Children(ctx, "/q/entries"); len(names) != 2 || err != nil {
		t.Error(names, err)
	}
}

// Every item is taken, by priority and age, by one taker at a time; none is lost or
// doubled although answers are.
func TestQueue(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	q := recipes.NewQueue(forget(join(t, s, client.Options{}), 1), "/q")
	for i := range 10 {
		if err := q.Put(ctx, fmt.Append(nil, i), recipes.DefaultPriority); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Put(ctx, []byte("urgent"), 1); err != nil {
		t.Fatal(err)
	}
	if err := q.Put(ctx, nil, 1000); err == nil {
		t.Error("a priority of 1000")
	}
	var got []string
	for range 11 {
		item, err := q.Take(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(item.Data))
		if err := item.Done(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != "[urgent 0 1 2 3 4 5 6 7 8 9]" {
		t.Error(got)
	}
}

// What a taker does not finish is handed to the next.
func TestUnfinishedItemsComeBack(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a, b := join(t, s, client.Options{}), join(t, s, client.Options{})
	qa, qb := recipes.NewQueue(a, "/q"), recipes.NewQueue(b, "/q")
	if err := qa.Put(ctx, []byte("x"), 5); err != nil {
		t.Fatal(err)
	}
	item, err := qa.Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *recipes.Item)
	go func() {
		item, err := qb.Take(ctx)
		if err != nil {
			t.Error(err)
		}
		got <- item
	}()
	select {
	case <-got:
		t.Error("two have one item")
	case <-time.After(50 * time.Millisecond):
	}
	if err := item.Return(ctx); err != nil {
		t.Fatal(err)
	}
	again := <-got
	if err := item.Done(ctx); err == nil {
		t.Error("an item that was given back is done")
	}
	b.Close() // with the item
	wait(t, again.Lost(), "lost")
	item, err = qa.Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := item.Done(ctx); err != nil {
		t.Error(err)
	}
}

func TestPresenceOutlivesSessions(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a := join(t, s, client.Options{SessionTimeout: 300 * time.Millisecond})
	b := join(t, s, client.Options{})
	g := recipes.NewGroup(b, "/g")
	p, err := recipes.NewGroup(forget(a, 3), "/g").Join(ctx, "a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	there := func(data string) func() bool {
		return func() bool {
			got, _, err := b.Get(ctx, "/g/a")
			return err == nil && string(got) == data
		}
	}
	eventually(t, "there", there("1"))
	old := a.Session().ID
	a.way.Cut(true)
	eventually(t, "gone", func() bool { m, _ := g.Members(ctx); return len(m) == 0 })
	a.way.Unblock()
	eventually(t, "there again", there("1"))
	if a.Session().ID == old {
		t.Error("the session did not end")
	}
	p.Set([]byte("2"))
	eventually(t, "changed", there("2"))
	if err := b.Delete(ctx, "/g/a", client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there after somebody removed it", there("2"))
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if m, _ := g.Members(ctx); len(m) != 0 {
		t.Error(m)
	}
}

// A cache is like the tree in the end, whatever happened meanwhile, and its changes,
// applied one after the other, lead to the same.
func TestCacheFollows(t *testing.T) {
	for _, depth := range []recipes.Depth{recipes.NodeOnly, recipes.WithChildren, recipes.WholeTree} {
		s, ctx := testserver.Start(t), t.Context()
		reader := join(t, s, client.Options{SessionTimeout: time.Second, MaxQueuedEvents: 50})
		writer := join(t, s, client.Options{})
		if err := writer.MakePath(ctx, "/c/0/0"); err != nil {
			t.Fatal(err)
		}
		changes := make(chan recipes.Change, 10)
		c, err := recipes.NewCache(ctx, reader, "/c", depth, changes)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		for e := range c.All() {
			seen[e.Path] = string(e.Data)
		}
		var collected sync.WaitGroup
		collected.Go(func() {
			for ch := range changes {
				if ch.Type == recipes.Removed {
					delete(seen, ch.Path)
				} else {
					seen[ch.Path] = string(ch.Data)
				}
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
		c.Close()
		collected.Wait()
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("depth %v: by changes %v, want %v", depth, seen, want)
		}
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
			time.Sleep(1500 * time.Millisecond)
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

func TestDiscovery(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	d := recipes.NewDiscovery(c, "/services")
	p, err := d.Provider(ctx, "web", recipes.RoundRobin())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Instance(); !errors.Is(err, recipes.ErrNoInstance) {
		t.Error(err)
	}
	port := 80
	one, err := d.Register(ctx, &recipes.Instance{Name: "web", ID: "1", Address: "10.0.0.1", Port: &port})
	if err != nil {
		t.Fatal(err)
	}
	off := false
	if _, err := d.Register(ctx, &recipes.Instance{Name: "web", ID: "2", Address: "10.0.0.2", Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Register(ctx, &recipes.Instance{Name: "web", Address: "10.0.0.3"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two instances", func() bool { return len(p.Instances()) == 2 })
	first, _ := p.Instance()
	second, _ := p.Instance()
	third, _ := p.Instance()
	if first.ID == second.ID || first.ID != third.ID {
		t.Error(first.ID, second.ID, third.ID)
	}
	data, _, err := c.Get(ctx, "/services/web/1")
	var fields map[string]any
	if err != nil || json.Unmarshal(data, &fields) != nil || fields["serviceType"] != "DYNAMIC" || fields["port"] != 80.0 {
		t.Errorf("%s %v", data, err)
	}
	sticky := recipes.Sticky(recipes.Random())
	all := p.Instances()
	if a := sticky(all); sticky(all) != a {
		t.Error("not sticky")
	}
	if err := one.Close(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one instance", func() bool { return len(p.Instances()) == 1 })
}

// A config is what the node says, as long as that can be used.
func TestConfig(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a, b := join(t, s, client.Options{}), join(t, s, client.Options{})
	parse := func(data []byte) (int, error) {
		if data == nil {
			return -1, nil
		}
		return strconv.Atoi(string(data))
	}
	c, err := recipes.NewConfig(ctx, a, "/n", parse)
	if err != nil || c.Get() != -1 {
		t.Fatal(c, err)
	}
	want := func(n int, bad bool) {
		t.Helper()
		for deadline := time.After(time.Minute); ; {
			changed := c.Changed()
			if c.Get() == n && (c.Err() != nil) == bad {
				return
			}
			select {
			case <-changed:
			case <-deadline:
				t.Fatalf("%d, %v; want %d", c.Get(), c.Err(), n)
			}
		}
	}
	b.Create(ctx, "/n", []byte("1"))
	want(1, false)
	b.Set(ctx, "/n", []byte("one"), client.AnyVersion)
	want(1, true)
	if _, err := recipes.NewConfig(ctx, a, "/n", parse); err == nil {
		t.Error("a config that cannot be parsed")
	}
	a.way.Cut(true)
	b.Set(ctx, "/n", []byte("2"), client.AnyVersion)
	a.way.Unblock()
	want(2, false)
	b.Delete(ctx, "/n", client.AnyVersion)
	want(-1, false)
	a.Close()
	want(-1, true)
	c.Close()
}

// broken loses the answer to the first Commit, and then the session.
type broken struct {
	client.Tree
	lose func()
}

func (b *broken) Commit(ctx context.Context, txn *client.Txn) ([]client.Result, error) {
	r, err := b.Tree.Commit(ctx, txn)
	if lose := b.lose; lose != nil {
		b.lose = nil
		lose()
		return nil, client.ErrConnectionLost
	}
	return r, err
}

// A change whose answer was lost together with the session is not made a second time: it
// is said to be unknown.
func TestChangeThatIsUnknown(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c, other := join(t, s, client.Options{SessionTimeout: brief}), join(t, s, client.Options{})
	n := recipes.NewCounter(&broken{c, func() {
		old := c.Session()
		c.way.Cut(true)
		<-old.Done()
		eventually(t, "the session is over for the server too", func() bool {
			names, _, _ := other.Children(ctx, "/n")
			return len(names) == 0
		})
		c.way.Unblock()
		eventually(t, "another session", func() bool { return c.Session() != old })
	}}, "/n", recipes.Curator)
	if _, err := n.Add(ctx, 1); !errors.Is(err, recipes.ErrUnknown) || !errors.Is(err, client.ErrConnectionLost) {
		t.Error(err)
	}
	if got, err := n.Add(ctx, 1); got != 2 || err != nil {
		t.Error(got, err)
	}
}
