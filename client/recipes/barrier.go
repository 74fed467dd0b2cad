package recipes

import (
	"context"
	"slices"

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
	name  string // of the member's node, another one each time it enters

	inside []string // who else was, when the member began to leave; nil before
}

// ready is the node that says that all have come.
const ready = "ready"

// NewDoubleBarrier makes a barrier for count members of the node at path, for one of
// them.
func NewDoubleBarrier(tree client.Tree, path string, count int) *DoubleBarrier {
	return &DoubleBarrier{tree: tree, path: path, count: count}
}

// Enter returns when count members have entered. If it fails, because the context or
// the session has ended, the member has not. Who has left may enter again.
func (b *DoubleBarrier) Enter(ctx context.Context) error {
	b.name, b.inside = guid(), nil
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

// Leave returns when all have left that were inside. Members that have left and entered
// again are not waited for: nobody enters again before the slowest has begun to leave, so
// whom it finds inside are those that it was inside with. Who has never entered gets
// ErrNotHeld.
func (b *DoubleBarrier) Leave(ctx context.Context) error {
	if b.name == "" {
		return ErrNotHeld
	}
	if b.inside == nil {
		names, _, err := b.tree.Children(ctx, b.path)
		if err != nil {
			return unless(err, client.ErrNoNode)
		}
		b.inside = slices.DeleteFunc(names, func(name string) bool { return name == ready || name == b.name })
	}
	if err := remove(ctx, b.tree, join(b.path, b.name)); err != nil {
		return err
	}
	for {
		names, _, w, err := b.tree.ChildrenW(ctx, b.path)
		if err != nil {
			return unless(err, client.ErrNoNode)
		}
		if members(names) == 0 { // the first to see it is the first to return
			w.Close()
			return remove(ctx, b.tree, join(b.path, ready))
		}
		if !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(b.inside, name) }) {
			w.Close()
			return nil
		}
		if err := changed(ctx, w); err != nil {
			return err
		}
	}
}
