package recipes_test

import (
	"context"
	"errors"
	"testing"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/client/recipes"
	"github.com/zabra/zabra/internal/testserver"
)

func TestPresenceOutlivesSessions(t *testing.T) {
	s, ctx := testserver.Start(t), t.Context()
	a := join(t, s, client.Options{SessionTimeout: brief})
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

// hasty makes a node for a caller that goes before the answer has come.
type hasty struct {
	someone
	leave context.CancelFunc
}

func (h hasty) Create(ctx context.Context, path string, data []byte, o ...client.CreateOption) (string, error) {
	made, err := h.someone.Create(ctx, path, data, o...)
	if err != nil {
		return made, err
	}
	h.leave()
	return "", context.Cause(ctx)
}

// Who goes while its node is made leaves none, although its session lives.
func TestPresenceThatIsGivenUp(t *testing.T) {
	s := testserver.Start(t)
	c := join(t, s, client.Options{})
	ctx, leave := context.WithCancel(t.Context())
	if p, err := recipes.Announce(ctx, hasty{c, leave}, "/p", nil); !errors.Is(err, context.Canceled) {
		t.Fatal(p, err)
	}
	eventually(t, "the node is gone", func() bool { _, there, err := c.Exists(t.Context(), "/p"); return err == nil && !there })
}
