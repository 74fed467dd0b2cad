package recipes_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

func TestElection(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a := join(t, s, client.Options{SessionTimeout: brief})
	b := join(t, s, client.Options{})
	ea, eb := recipes.NewElection(forget(a, 1), "/e", recipes.Curator), recipes.NewElection(forget(b, 2), "/e", recipes.Curator)
	if _, err := eb.Leader(ctx); !errors.Is(err, recipes.ErrNoLeader) {
		t.Error(err)
	}
	first := held(t)(ea.Campaign(ctx, "a"))
	next := make(chan *recipes.Held)
	go func() {
		h, err := eb.Campaign(ctx, "b")
		if err != nil {
			t.Error(err)
		}
		next <- h
	}()
	eventually(t, "b campaigns", func() bool {
		ids, _ := eb.Candidates(ctx)
		return slices.Equal(ids, []string{"a", "b"})
	})
	if id, err := eb.Leader(ctx); id != "a" || err != nil {
		t.Error(id, err)
	}
	a.way.Cut(true) // its session ends
	h := <-next
	if !lostByNow(first) || h.Token() <= first.Token() {
		t.Error("two lead")
	}
	h.Release(ctx)
}

// Run leads again after a loss, gives others their turn, and ends with its context.
func TestRunLeads(t *testing.T) {
	s := testserver.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	var terms [2]atomic.Int64
	var leading atomic.Int64
	var wg sync.WaitGroup
	for who := range terms {
		c := join(t, s, client.Options{})
		e := recipes.NewElection(c, "/e", recipes.Kazoo)
		wg.Go(func() {
			err := e.Run(ctx, "me", func(ctx context.Context, h *recipes.Held) error {
				if leading.Add(1) > 1 {
					t.Error("two lead")
				}
				defer leading.Add(-1)
				terms[who].Add(1)
				time.Sleep(time.Millisecond)
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	eventually(t, "both lead in turns", func() bool { return terms[0].Load() > 3 && terms[1].Load() > 3 })
	cancel()
	wg.Wait()
	e := recipes.NewElection(join(t, s, client.Options{}), "/e", recipes.Kazoo)
	if err := e.Run(t.Context(), "me", func(context.Context, *recipes.Held) error { return errTest }); !errors.Is(err, errTest) {
		t.Error(err)
	}
	eventually(t, "nobody campaigns", func() bool { // who gave up is removed behind it
		ids, err := e.Candidates(t.Context())
		return len(ids) == 0 && err == nil
	})
}

// Run campaigns again when its session ends while it waits, and when the leadership is
// lost, whatever lead says of it: with its session, or with its node.
func TestRunOutlivesLosses(t *testing.T) {
	s := testserver.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, other := join(t, s, client.Options{SessionTimeout: brief}), join(t, s, client.Options{})
	e := recipes.NewElection(c, "/e", recipes.Curator)
	first := held(t)(recipes.NewElection(other, "/e", recipes.Curator).Campaign(ctx, "other"))
	leads := make(chan *recipes.Held)
	ended := make(chan error, 1)
	go func() {
		ended <- e.Run(ctx, "me", func(leading context.Context, h *recipes.Held) error {
			select {
			case leads <- h:
			case <-leading.Done():
			}
			<-leading.Done()
			return errTest
		})
	}()
	turn := func() *recipes.Held {
		t.Helper()
		select {
		case h := <-leads:
			return h
		case err := <-ended:
			t.Fatal("Run has ended: ", err)
		case <-time.After(time.Minute):
			t.Fatal("it does not lead")
		}
		return nil
	}
	eventually(t, "it waits", func() bool { ids, _ := e.Candidates(ctx); return len(ids) == 2 })
	over := c.Session()
	c.way.Cut(true) // its session ends while it waits
	wait(t, over.Done(), "the end of the session")
	c.way.Unblock()
	if err := first.Release(ctx); err != nil {
		t.Fatal(err)
	}
	h := turn()
	c.way.Cut(true)
	wait(t, h.Lost(), "lost with the session")
	c.way.Unblock()
	h = turn()
	if err := other.Delete(ctx, h.Path(), client.AnyVersion); err != nil && !errors.Is(err, client.ErrNoNode) {
		t.Fatal(err)
	}
	wait(t, h.Lost(), "lost with the node")
	turn()
	cancel()
	if err := <-ended; !errors.Is(err, errTest) && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Run goes on when lead learns of the session's end before what it leads by does.
func TestRunOutlivesALossThatLeadLearnsFirst(t *testing.T) {
	s := testserver.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, other := holdUp(join(t, s, client.Options{SessionTimeout: brief})), join(t, s, client.Options{})
	terms := 0
	err := recipes.NewElection(c, "/e", recipes.Curator).Run(ctx, "me", func(_ context.Context, h *recipes.Held) error {
		if terms++; terms == 1 {
			c.endSession(t, other, h.Path())
			return errTest
		}
		cancel()
		return nil
	})
	if terms != 2 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d terms, %v", terms, err)
	}
}

func TestBarriers(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	b := recipes.NewBarrier(forget(join(t, s, client.Options{}), 1), "/b")
	if err := b.Set(ctx); err != nil {
		t.Fatal(err)
	}
	other := join(t, s, client.Options{})
	passed := make(chan struct{})
	go func() {
		if err := recipes.NewBarrier(other, "/b").Wait(ctx); err != nil {
			t.Error(err)
		}
		close(passed)
	}()
	select {
	case <-passed:
		t.Error("passed a barrier that stands")
	case <-time.After(50 * time.Millisecond):
	}
	if _, err := other.Set(ctx, "/b", []byte("still"), client.AnyVersion); err != nil {
		t.Fatal(err)
	}
	select {
	case <-passed:
		t.Error("passed a barrier that was changed")
	case <-time.After(50 * time.Millisecond):
	}
	if err := b.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	wait(t, passed, "past the barrier")
}

// Nobody enters a double barrier while one has not come, and nobody leaves it while one
// is inside.
func TestDoubleBarrier(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	const n = 4
	all := make([]*recipes.DoubleBarrier, n)
	for i := range all {
		all[i] = recipes.NewDoubleBarrier(forget(join(t, s, client.Options{}), uint64(i)), "/d", n)
	}
	looker := join(t, s, client.Options{})
	for _, step := range []struct {
		name  string
		do    func(*recipes.DoubleBarrier) error
		still int // members when all but one have done it
	}{
		{"enter", func(d *recipes.DoubleBarrier) error { return d.Enter(ctx) }, n - 1},
		{"leave", func(d *recipes.DoubleBarrier) error { return d.Leave(ctx) }, 1},
	} {
		done := make(chan error, n)
		begin := func(d *recipes.DoubleBarrier) { go func() { done <- step.do(d) }() }
		for _, d := range all[1:] {
			begin(d)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			names, _, err := looker.Children(ctx, "/d")
			if err != nil && !errors.Is(err, client.ErrNoNode) {
				t.Fatal(err)
			}
			if names = slices.DeleteFunc(names, func(name string) bool { return name == "ready" }); len(names) == step.still {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: there are %q, never %d members", step.name, names, step.still)
			}
		}
		select {
		case err := <-done:
			t.Fatalf("%s: one is through although another has not come: %v", step.name, err)
		case <-time.After(100 * time.Millisecond):
		}
		begin(all[0])
		for range n {
			if err := <-done; err != nil {
				t.Errorf("%s: %v", step.name, err)
			}
		}
	}
}

// Who waits in a double barrier and loses its session is told, and can enter anew.
func TestDoubleBarrierLosesItsSession(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	other, c := join(t, s, client.Options{}), join(t, s, client.Options{SessionTimeout: 3 * time.Second})
	entered := make(chan error, 1)
	go func() { entered <- recipes.NewDoubleBarrier(c, "/d", 2).Enter(ctx) }()
	members := func() int {
		names, _, err := other.Children(ctx, "/d")
		if err != nil && !errors.Is(err, client.ErrNoNode) {
			t.Fatal(err)
		}
		return len(names)
	}
	eventually := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); members() != n; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("there are %d members, never %d", members(), n)
			}
		}
	}
	eventually(1)
	c.way.Cut(true)
	select {
	case err := <-entered:
		if !errors.Is(err, client.ErrSessionExpired) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for ever")
	}
	eventually(0)
	c.way.Unblock()
	anew := join(t, s, client.Options{})
	go func() { entered <- recipes.NewDoubleBarrier(anew, "/d", 2).Enter(ctx) }()
	eventually(1)
	if err := recipes.NewDoubleBarrier(other, "/d", 2).Enter(ctx); err != nil {
		t.Error(err)
	}
	if err := <-entered; err != nil {
		t.Error(err)
	}
}
