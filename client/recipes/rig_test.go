package recipes_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

// someone is a client with a way of its own.
type someone struct {
	*client.Client
	way *testserver.Way
}

func join(t testing.TB, s *testserver.Server, o client.Options) someone {
	t.Helper()
	way := s.Way()
	o.Dial = way.Dial
	c, err := client.Open(t.Context(), "127.0.0.1:1"+s.Root, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return someone{c, way}
}

// forgetful loses answers: what was asked for happened, or did not, and the caller
// learns nothing.
type forgetful struct {
	client.Tree
	mu  sync.Mutex
	rng *rand.Rand
}

func forget(tree client.Tree, seed uint64) *forgetful {
	return &forgetful{Tree: tree, rng: rand.New(rand.NewPCG(seed, 1))}
}

// loses says whether the answer is lost, and then whether the request is, too.
func (f *forgetful) loses() (answer, request bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.IntN(3) == 0, f.rng.IntN(2) == 0
}

func lose[T any](f *forgetful, do func() (T, error)) (T, error) {
	answer, request := f.loses()
	var none T
	if answer && request {
		return none, client.ErrConnectionLost
	}
	v, err := do()
	if answer {
		return none, client.ErrConnectionLost
	}
	return v, err
}

func (f *forgetful) Create(ctx context.Context, path string, data []byte, o ...client.CreateOption) (string, error) {
	return lose(f, func() (string, error) { return f.Tree.Create(ctx, path, data, o...) })
}

func (f *forgetful) Set(ctx context.Context, path string, data []byte, version int32) (client.Stat, error) {
	return lose(f, func() (client.Stat, error) { return f.Tree.Set(ctx, path, data, version) })
}

func (f *forgetful) Delete(ctx context.Context, path string, version int32) error {
	_, err := lose(f, func() (struct{}, error) { return struct{}{}, f.Tree.Delete(ctx, path, version) })
	return err
}

func (f *forgetful) Commit(ctx context.Context, t *client.Txn) ([]client.Result, error) {
	return lose(f, func() ([]client.Result, error) { return f.Tree.Commit(ctx, t) })
}

func (f *forgetful) MakePath(ctx context.Context, path string, o ...client.CreateOption) error {
	_, err := lose(f, func() (struct{}, error) { return struct{}{}, f.Tree.MakePath(ctx, path, o...) })
	return err
}

func wait(t testing.TB, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		t.Fatal("never: " + what)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// brief is the timeout of a session that a test lets end. It does not end by itself because
// the machine has more to do than it can.
const brief = 2 * time.Second

// lostByNow reports whether something is lost, as it must be when somebody else has it. A
// machine that has more to do than it can may notice late.
func lostByNow(h *recipes.Held) bool {
	select {
	case <-h.Lost():
		return true
	case <-time.After(brief / 2):
		return h.Err() != nil // both may have come at once
	}
}

// held wants something to be held.
func held(t testing.TB) func(*recipes.Held, error) *recipes.Held {
	return func(h *recipes.Held, err error) *recipes.Held {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
}

var errTest = errors.New("of the test")
