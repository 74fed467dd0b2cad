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
	"sync/atomic"
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

// leaver ends the caller's context when an item has been claimed, and then the answer is
// a different one, if it has one.
type leaver struct {
	someone
	leave  context.CancelFunc
	answer error
}

func (l leaver) Create(ctx context.Context, path string, data []byte, o ...client.CreateOption) (string, error) {
	made, err := l.someone.Create(ctx, path, data, o...)
	if strings.HasPrefix(path, "/q/taken/") {
		l.leave()
		if l.answer != nil {
			return "", l.answer
		}
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
	for _, answer := range []error{
		nil,
		context.Canceled,     // it was not waited for
		client.ErrNodeExists, // to a second try, when that to the first was lost
	} {
		s := testserver.Start(t)
		ctx, leave := context.WithCancel(t.Context())
		c := join(t, s, client.Options{})
		q := recipes.NewQueue(leaver{c, leave, answer}, "/q")
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

// meddled has something happen before the first request of one kind, and may lose one.
type meddled struct {
	someone
	claim, path func()
	lose        bool // the first request to delete something that is taken
}

func (m *meddled) Delete(ctx context.Context, path string, version int32) error {
	if m.lose && strings.Contains(path, "/taken/") {
		m.lose = false
		return client.ErrConnectionLost
	}
	return m.someone.Delete(ctx, path, version)
}

func before(f *func()) {
	if g := *f; g != nil {
		*f = nil
		g()
	}
}

func (m *meddled) Create(ctx context.Context, path string, data []byte, o ...client.CreateOption) (string, error) {
	if strings.Contains(path, "/taken/") {
		before(&m.claim)
	}
	return m.someone.Create(ctx, path, data, o...)
}

func (m *meddled) MakePath(ctx context.Context, path string, o ...client.CreateOption) error {
	before(&m.path)
	return m.someone.MakePath(ctx, path, o...)
}

// An item that somebody else takes and finishes after it was seen is not handed out again.
func TestItemThatIsFinishedMeanwhile(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	other := recipes.NewQueue(join(t, s, client.Options{}), "/q")
	for _, item := range []string{"x", "y"} {
		if err := other.Put(ctx, []byte(item), 1); err != nil {
			t.Fatal(err)
		}
	}
	slow := &meddled{someone: join(t, s, client.Options{}), lose: true, claim: func() {
		item, err := other.Take(ctx)
		if err == nil {
			err = item.Done(ctx)
		}
		if err != nil {
			t.Error(err)
		}
	}}
	item, err := recipes.NewQueue(slow, "/q").Take(ctx)
	if err != nil || string(item.Data) != "y" {
		t.Fatal(item, err)
	}
	eventually(t, "nothing else is taken", func() bool {
		names, _, err := slow.Children(ctx, "/q/taken")
		return len(names) == 1 && err == nil
	})
}

// Who has lost an item with its session cannot finish it any more.
func TestItemOfASessionThatIsOver(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a, b := join(t, s, client.Options{SessionTimeout: brief}), join(t, s, client.Options{})
	qb := recipes.NewQueue(b, "/q")
	if err := qb.Put(ctx, []byte("x"), 1); err != nil {
		t.Fatal(err)
	}
	item, err := recipes.NewQueue(a, "/q").Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	a.way.Cut(true)
	wait(t, item.Lost(), "lost")
	again, err := qb.Take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	a.way.Unblock()
	eventually(t, "another session", func() bool { return a.Session().Alive() })
	if err := item.Done(ctx); !errors.Is(err, client.ErrSessionExpired) {
		t.Error(err)
	}
	if err := item.Return(ctx); err == nil {
		t.Error("somebody else's item is given back")
	}
	if err := again.Done(ctx); err != nil {
		t.Error(err)
	}
}

// What another makes between two looks is not overwritten.
func TestCounterThatIsMadeMeanwhile(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	other := recipes.NewCounter(join(t, s, client.Options{}), "/n", recipes.Curator)
	slow := &meddled{someone: join(t, s, client.Options{}), path: func() {
		if _, err := other.Add(ctx, 5); err != nil {
			t.Error(err)
		}
	}}
	if n, err := recipes.NewCounter(slow, "/n", recipes.Curator).Add(ctx, 1); n != 6 || err != nil {
		t.Error(n, err)
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

// The node of a session before, of a program that was started again, is replaced at once;
// and a node that somebody removes is made again, although the session goes on.
func TestPresenceReplacesAndReturns(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	old, now := join(t, s, client.Options{}), join(t, s, client.Options{})
	if _, err := old.Create(ctx, "/p", []byte("old"), client.Ephemeral); err != nil {
		t.Fatal(err)
	}
	p, err := recipes.Announce(ctx, now, "/p", []byte("new"))
	if err != nil {
		t.Fatal(err)
	}
	data, st, err := now.Get(ctx, "/p")
	if err != nil || client.SessionID(st.EphemeralOwner) != now.Session().ID || string(data) != "new" {
		t.Errorf("%q of %x, %v", data, st.EphemeralOwner, err)
	}
	if err := old.Delete(ctx, "/p", client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is there again", func() bool {
		again, there, err := old.Exists(ctx, "/p")
		return err == nil && there && again.Czxid > st.Czxid
	})
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, there, err := old.Exists(ctx, "/p"); there || err != nil {
		t.Error(there, err)
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
		if _, err := c.Set(ctx, "/d", []byte("last"), client.AnyVersion); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the last change", func() bool { e, _ := cache.Get("/d"); return string(e.Data) == "last" })
		var have []string
		for e := range cache.All() {
			have = append(have, e.Path)
		}
		if fmt.Sprint(have) != want {
			t.Errorf("depth %v: %v, want %v", depth, have, want)
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
	if names, err := d.Names(ctx); err != nil || !slices.Equal(names, []string{"web"}) {
		t.Error(names, err)
	}
	if err := one.Close(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one instance", func() bool { return len(p.Instances()) == 1 })
}

// Sticky stays with what it has picked as long as that is there, and then with another.
func TestSticky(t *testing.T) {
	all := []*recipes.Instance{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	pick := recipes.Sticky(recipes.RoundRobin())
	for _, step := range []struct {
		there []*recipes.Instance
		want  string
	}{{all, "a"}, {all, "a"}, {[]*recipes.Instance{all[2], all[1], all[0]}, "a"}, {all[1:], "c"}, {all, "c"}, {[]*recipes.Instance{{ID: "c"}}, "c"}} {
		if got := pick(step.there); got.ID != step.want {
			t.Errorf("%s, want %s", got.ID, step.want)
		}
	}
}

// An instance that is not dynamic stays without its program, for whoever starts that
// again, and goes with its Presence.
func TestTypesOfServices(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	looker := join(t, s, client.Options{})
	look := func(id string) (st client.Stat, there bool) {
		st, there, err := looker.Exists(ctx, "/services/web/"+id)
		if err != nil {
			t.Error(err)
		}
		return st, there
	}
	for kind, stays := range map[string]bool{"": false, recipes.Dynamic: false, recipes.Static: true, recipes.Permanent: true} {
		id := "of-type-" + kind
		first := join(t, s, client.Options{})
		register := func(c someone) *recipes.Presence {
			t.Helper()
			p, err := recipes.NewDiscovery(forget(c, 5), "/services").Register(ctx, &recipes.Instance{Name: "web", ID: id, ServiceType: kind})
			if err != nil {
				t.Fatal(kind, err)
			}
			return p
		}
		register(first)
		if st, there := look(id); !there || (st.EphemeralOwner == 0) != stays {
			t.Errorf("%q: %v %x", kind, there, st.EphemeralOwner)
		}
		if err := first.Close(); err != nil { // as a program does that ends
			t.Fatal(err)
		}
		before, there := look(id)
		if there != stays {
			t.Errorf("%q: without its program it is there: %v", kind, there)
		}
		again := register(join(t, s, client.Options{}))
		if now, there := look(id); !there || stays && now.Czxid != before.Czxid {
			t.Errorf("%q: another node: %v", kind, there)
		}
		if stays {
			if err := looker.Delete(ctx, "/services/web/"+id, client.AnyVersion); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is made again", func() bool { _, there := look(id); return there })
		}
		if err := again.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if _, there := look(id); there {
			t.Errorf("%q: it is there behind Close", kind)
		}
	}
}

// What would be registered where nobody looks for it is refused, and nothing is made.
func TestNamesThatAreNone(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	d, g := recipes.NewDiscovery(c, "/services"), recipes.NewGroup(c, "/services")
	for _, i := range []recipes.Instance{{}, {Name: "a/b"}, {Name: "/a"}, {Name: "."}, {Name: ".."}, {Name: "a", ID: "b/c"}, {Name: "a", ID: ".."},
		{Name: "a", ServiceType: "DYNAMIC_SEQUENTIAL"}, {Name: "a", ServiceType: "static"}, {Name: "a\x00"}} {
		if _, err := d.Register(ctx, &i); !errors.Is(err, client.ErrBadArguments) {
			t.Errorf("%+v: %v", i, err)
		}
	}
	for _, name := range []string{"", "a/b", ".", "..", "/"} {
		if _, err := g.Join(ctx, name, nil); !errors.Is(err, client.ErrBadArguments) {
			t.Errorf("%q: %v", name, err)
		}
	}
	var bad *recipes.ArgumentError
	_, err := d.Register(ctx, &recipes.Instance{Name: "a/b"})
	if !errors.As(err, &bad) || err.Error() != `recipes: the name of a service cannot be "a/b": want the name of a node, without /` {
		t.Error(err)
	}
	if names, _, err := c.Children(ctx, "/services"); !errors.Is(err, client.ErrNoNode) {
		t.Error(names, err)
	}
}

// An instance is the JSON that Curator writes, and what is none is left out.
func TestInstancesOnTheWire(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	d := recipes.NewDiscovery(c, "/services")
	port := 80
	if _, err := d.Register(ctx, &recipes.Instance{Name: "web", ID: "1", Address: "10.0.0.1", Port: &port, RegistrationTimeUTC: 1325129459728}); err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"web","id":"1","address":"10.0.0.1","port":80,"sslPort":null,"payload":null,` +
		`"registrationTimeUTC":1325129459728,"serviceType":"DYNAMIC","uriSpec":null}`
	if data, _, err := c.Get(ctx, "/services/web/1"); err != nil || string(data) != want {
		t.Errorf("%s, %v\nwant %s", data, err, want)
	}
	began := time.Now().UnixMilli()
	now := &recipes.Instance{Name: "web", ID: "2"}
	if _, err := d.Register(ctx, now); err != nil || now.RegistrationTimeUTC < began {
		t.Error(now.RegistrationTimeUTC, err)
	}
	if _, err := c.Create(ctx, "/services/web/3", []byte("no JSON")); err != nil {
		t.Fatal(err)
	}
	p, err := d.Provider(ctx, "web", recipes.Random())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	picked := map[string]bool{}
	for range 200 {
		i, err := p.Instance()
		if err != nil {
			t.Fatal(err)
		}
		picked[i.ID] = true
	}
	if len(picked) != 2 || !picked["1"] || !picked["2"] {
		t.Error(picked)
	}
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
