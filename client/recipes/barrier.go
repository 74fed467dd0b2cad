package recipes

import (
	"context"
	"errors"

	"github.com/zabra/zabra/client"
)

// A Barrier keeps everybody waiting while its node is there.
type Barrier struct {
	tree client.Tree
	path string
}

// NewBarrier makes a barrier of the node at path.
func NewBarrier(tree client.Tree, path string) *Barrier { return &Barrier{tree, path} }

// Set puts the barrier up. It is no error if it stands.
func (b *Barrier) Set(ctx context.Context) error {
	return makePath(ctx, b.tree, b.path)
}

// Remove takes the barrier away. It is no error if it does not stand.
func (b *Barrier) Remove(ctx context.Context) error { return remove(ctx, b.tree, b.path) }

// repeat does again what may be done twice as long as answers are lost.
func repeat(ctx context.Context, f func() error) error {
	for {
		err := f()
		if !errors.Is(err, client.ErrConnectionLost) || ctx.Err() != nil {
			return err
		}
	}
}

// makePath has a node be there, and those above it.
func makePath(ctx context.Context, tree client.Tree, path string, options ...client.CreateOption) error {
	return repeat(ctx, func() error { return tree.MakePath(ctx, path, options...) })
}

// remove has no node be there.
func remove(ctx context.Context, tree client.Tree, path string) error {
	return repeat(ctx, func() error { return unless(tree.Delete(ctx, path, client.AnyVersion), client.ErrNoNode) })
}

// Wait returns when the barrier does not stand.
func (b *Barrier) Wait(ctx context.Context) error { return waitGone(ctx, b.tree, b.path) }

// waitGone returns when there is no node.
func waitGone(ctx context.Context, tree client.Tree, path string) error {
	for {
		_, there, w, err := tree.ExistsW(ctx, path)
		if err != nil {
			return err
		}
		if !there {
			w.Close()
			return nil
		}
		select {
		case <-w.C:
		case <-ctx.Done():
			w.Close()
			return context.Cause(ctx)
		}
	}
}

// waitMade returns when there is a node or has been one, or when the session is over.
func waitMade(ctx context.Context, tree client.Tree, s *client.Session, path string) error {
	for {
		_, there, w, err := tree.ExistsW(ctx, path)
		if err != nil {
			return err
		}
		if there {
			w.Close()
			return nil
		}
		select {
		case e := <-w.C:
			if e.Type == client.EventCreated {
				return nil // also if it is gone by now, with whoever made it
			}
		case <-s.Done():
			err = client.ErrSessionExpired
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		w.Close()
		if err != nil {
			return err
		}
	}
}

// A DoubleBarrier lets a number of members begin together and end together. Its nodes
// are those of Curator's DistributedDoubleBarrier.
type DoubleBarrier struct {
	tree  client.Tree
	path  string
	count int
	name  string
}

// ready is the node that says that all have come.
const ready = "ready"

// NewDoubleBarrier makes a barrier for count members of the node at path, for one of
// them.
func NewDoubleBarrier(tree client.Tree, path string, count int) *DoubleBarrier {
	return &DoubleBarrier{tree, path, count, guid()}
}

// Enter returns when count members have entered. If it fails, because the context or
// the session has ended, the member has not.
func (b *DoubleBarrier) Enter(ctx context.Context) error {
	if err := makePath(ctx, b.tree, b.path); err != nil {
		return err
	}
	s := b.tree.Session()
	ctx = client.InSession(ctx, s)
	err := b.enter(ctx, s)
	if err != nil && s.Alive() {
		_ = remove(context.WithoutCancel(ctx), b.tree, join(b.path, b.name)) // err says what matters
	}
	return err
}

func (b *DoubleBarrier) enter(ctx context.Context, s *client.Session) error {
	if err := createOwn(ctx, b.tree, join(b.path, b.name), nil); err != nil {
		return err
	}
	names, _, err := b.tree.Children(ctx, b.path)
	if err != nil {
		return err
	}
	if members(names) < b.count {
		return waitMade(ctx, b.tree, s, join(b.path, ready))
	}
	return createOwn(ctx, b.tree, join(b.path, ready), nil)
}

// createOwn makes an ephemeral node of a name that nobody else uses, or that anybody
// may have made.
func createOwn(ctx context.Context, tree client.Tree, path string, data []byte) error {
	return repeat(ctx, func() error {
		_, err := tree.Create(ctx, path, data, client.Ephemeral)
		return unless(err, client.ErrNodeExists)
	})
}

func members(names []string) (n int) {
	for _, name := range names {
		if name != ready {
			n++
		}
	}
	return n
}

// Leave returns when all members have left.
func (b *DoubleBarrier) Leave(ctx context.Context) error {
	if err := remove(ctx, b.tree, join(b.path, b.name)); err != nil {
		return err
	}
	for {
		names, _, w, err := b.tree.ChildrenW(ctx, b.path)
		if errors.Is(err, client.ErrNoNode) {
			return nil
		}
		if err != nil {
			return err
		}
		if members(names) == 0 {
			w.Close()
			return remove(ctx, b.tree, join(b.path, ready))
		}
		select {
		case <-w.C:
		case <-ctx.Done():
			w.Close()
			return context.Cause(ctx)
		}
	}
}
