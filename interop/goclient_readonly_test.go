package interop

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/interop/harness"
)

// The Go client reads from the last server that is left, whosever it is, is told there that
// it cannot write, and goes to the others when there is a quorum again. Servers take nobody
// there who has a session already: that one may still be alive elsewhere.
func TestGoClientWithoutAQuorum(t *testing.T) {
	for _, members := range []string{"zzz", "aaa"} {
		t.Run(members, func(t *testing.T) {
			parallel(t)
			n := env.StartEnsemble(t, harness.Members(members), harness.Config{
				"readonlymode.enabled": "true", "localSessionsEnabled": "true", // Apache's takes nobody without the latter
			})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			last := n.Others(n.Leader(t))[0]
			makeNode(ctx, t, last)
			others := n.Others(last)
			for _, s := range others {
				s.Kill()
			}
			c, err := client.Open(ctx, n.Addrs(), client.Options{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			states := c.States(ctx)
			becomes(ctx, t, states, client.ConnectedReadOnly)
			if data, _, err := c.Get(ctx, "/n"); err != nil || string(data) != "x" {
				t.Errorf("%q, %v", data, err)
			}
			if _, err := c.Set(ctx, "/n", nil, client.AnyVersion); !errors.Is(err, client.ErrNotReadOnly) {
				t.Errorf("a write without a quorum: %v", err)
			}
			others[0].Restart(t)
			becomes(ctx, t, states, client.Connected)
			if _, err := c.Set(ctx, "/n", nil, client.AnyVersion); err != nil {
				t.Errorf("a write with a quorum: %v", err)
			}
		})
	}
}

// makeNode makes a node through the server, which then knows of it.
func makeNode(ctx context.Context, t *testing.T, s *harness.Server) {
	t.Helper()
	c, err := client.Open(ctx, s.Addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Create(ctx, "/n", []byte("x")); err != nil {
		t.Fatal(err)
	}
}

// becomes waits until the client is in that state.
func becomes(ctx context.Context, t *testing.T, states <-chan client.StateChange, want client.State) {
	t.Helper()
	for {
		select {
		case ch := <-states:
			if ch.State == want {
				return
			}
		case <-ctx.Done():
			t.Fatalf("never %v", want)
		}
	}
}
