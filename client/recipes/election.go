package recipes

import (
	"context"
	"errors"

	"github.com/zabra/zabra/client"
)

// ErrNoLeader says that nobody leads and nobody waits to.
var ErrNoLeader = errors.New("recipes: there is no leader")

// An Election has one leader of all who campaign. The next one is who has waited
// longest.
type Election struct {
	line  line
	place place
}

// NewElection makes an election of the node at path, which need not be there.
func NewElection(tree client.Tree, path string, naming Naming) *Election {
	p := latchPlace
	if naming == CuratorSelector {
		p = lockPlace
	}
	return &Election{line{tree, path, naming}, p}
}

// Campaign waits to be the leader. id is what Leader tells others. Leading ends by
// Release, or is lost.
func (e *Election) Campaign(ctx context.Context, id string) (*Held, error) {
	return e.line.take(ctx, e.place, []byte(id), anybody, e.place)
}

// Run campaigns and leads again and again until the context ends, whose error it
// returns. Each time it leads it calls lead with a context that ends when the
// leadership is lost; when lead returns, others get their turn. An error of lead's ends
// Run, unless the leadership is lost: then that is what went wrong, whatever lead says.
func (e *Election) Run(ctx context.Context, id string, lead func(ctx context.Context, h *Held) error) error {
	for ctx.Err() == nil {
		h, err := e.Campaign(ctx, id)
		switch {
		case ctx.Err() != nil:
			if h != nil {
				_ = h.Release(ctx)
			}
			return context.Cause(ctx)
		case passes(err):
			continue // with the next session
		case err != nil:
			return err
		}
		if err := leadOnce(ctx, h, lead); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// passes reports whether an error is one of those that come and go with connections and
// sessions.
func passes(err error) bool {
	for _, e := range []error{client.ErrSessionExpired, client.ErrNoConnection, client.ErrConnectionLost, ErrNodeGone} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func leadOnce(ctx context.Context, h *Held, lead func(context.Context, *Held) error) error {
	leading, cancel := h.Context(ctx)
	err := lead(leading, h)
	cancel()
	if h.Err() != nil || h.ticket.alive() != nil { // lead may have learnt it before the Held
		err = nil // what went wrong then is that it was lost
	}
	if released := h.Release(ctx); err == nil && ctx.Err() == nil {
		err = released
	}
	return err
}

// Leader returns the id of who leads, or ErrNoLeader.
func (e *Election) Leader(ctx context.Context) (string, error) {
	ids, err := e.Candidates(ctx)
	if err == nil && len(ids) == 0 {
		err = ErrNoLeader
	}
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

// Candidates returns the ids of all who campaign, the leader's first.
func (e *Election) Candidates(ctx context.Context) (ids []string, err error) {
	names, _, err := e.line.tree.Children(ctx, e.line.path)
	if err != nil {
		return nil, unless(err, client.ErrNoNode)
	}
	for _, w := range standing(names, e.place) {
		data, _, err := e.line.tree.Get(ctx, e.line.child(w.name))
		if errors.Is(err, client.ErrNoNode) {
			continue
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, string(data))
	}
	return ids, nil
}
