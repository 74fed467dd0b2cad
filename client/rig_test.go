package client_test

import (
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/testserver"
)

// A rig is a server, and clients of it.
type rig struct {
	*testserver.Server
	*testserver.Way
	t testing.TB
}

func newRig(t testing.TB) *rig {
	t.Helper()
	s := testserver.Start(t)
	return &rig{s, s.Way(), t}
}

func (r *rig) open(o client.Options) *client.Client { return r.openAt("", o) }

// openAt opens a client whose root is a path.
func (r *rig) openAt(path string, o client.Options) *client.Client {
	r.t.Helper()
	if o.Dial == nil {
		o.Dial = r.Dial
	}
	c, err := client.Open(r.t.Context(), "127.0.0.1:1"+r.Root+path, o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// await waits for a state.
func await(t testing.TB, states <-chan client.StateChange, want client.State) client.StateChange {
	t.Helper()
	for {
		select {
		case ch, ok := <-states:
			if !ok {
				t.Fatalf("closed while waiting to be %v", want)
			}
			if ch.State == want {
				return ch
			}
		case <-time.After(time.Minute):
			t.Fatalf("never %v", want)
		}
	}
}

func next(t testing.TB, w *client.Watch) client.Event {
	t.Helper()
	select {
	case e, ok := <-w.C:
		if !ok {
			t.Fatal("the watch is closed")
		}
		return e
	case <-time.After(time.Minute):
		t.Fatal("no event")
	}
	panic("unreachable")
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
