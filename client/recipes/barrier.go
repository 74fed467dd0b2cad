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

// Wait returns when the barrier does not stand.
func (b *Barrier) Wait(ctx context.Context) error { return waitGone(ctx, b.tree, b.path) }

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
