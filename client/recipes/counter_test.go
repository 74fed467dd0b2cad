package recipes_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

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

// doomed loses one answer, and the session with it, for the server too.
type doomed struct {
	someone
	t     *testing.T
	other someone
	lost  bool
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
	eventually(d.t, "the trace goes with the session", func() bool {
		for _, path := range []string{"/n", "/q"} {
			names, _, _ := d.other.Children(ctx, path)
			if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "_c_") }) {
				return false
			}
		}
		return true
	})
	d.way.Unblock()
	return nil, client.ErrConnectionLost
}

// What may have happened is not done again when the session has taken its trace along.
func TestNothingHappensTwiceWhenTheSessionEnds(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	c := join(t, s, client.Options{})
	lossy := &doomed{someone: join(t, s, client.Options{SessionTimeout: brief}), t: t, other: c}
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
	// No call waits for a connection longer than a session lasts.
	eventually(t, "it is connected again", func() bool { return lossy.State() == client.Connected })
	if err := recipes.NewQueue(lossy, "/q").Put(ctx, nil, 1); !errors.Is(err, client.ErrConnectionLost) {
		t.Error(err)
	}
	if names, _, err := c.Children(ctx, "/q/entries"); len(names) != 2 || err != nil {
		t.Error(names, err)
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
