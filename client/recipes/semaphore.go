package recipes

import (
	"context"

	"github.com/zabra/zabra/client"
)

var leasePlace = place{"lease-", "__lease__"}

// A Semaphore is held by at most so many at a time. Its nodes are those of Curator's
// InterProcessSemaphoreV2: a lock, which orders those who wait, and the leases. All who
// use one have to agree on the number.
type Semaphore struct {
	leases line
	locks  *Lock
	max    int
}

// NewSemaphore makes a semaphore of the node at path, which need not be there.
func NewSemaphore(tree client.Tree, path string, leases int) *Semaphore {
	return &Semaphore{
		leases: line{tree, join(path, "leases"), Curator},
		locks:  NewLock(tree, join(path, "locks"), Curator),
		max:    leases,
	}
}

// Acquire waits for a lease, in the order of asking.
func (s *Semaphore) Acquire(ctx context.Context) (*Held, error) {
	first, err := s.locks.Lock(ctx)
	if err != nil {
		return nil, err
	}
	defer first.Release(ctx)
	t, err := s.leases.enter(ctx, leasePlace, nil)
	if err != nil {
		return nil, err
	}
	// Who has lost the lock must not wait here beside the one who has it now: both would
	// count the other's lease, and neither go on.
	waiting, cancel := first.Context(ctx)
	defer cancel()
	return t.held(ctx, s.room(waiting, t))
}

// room waits until there are few enough leases. Only who is first in the line of the
// lock waits here, so a lease that ends wakes one.
func (s *Semaphore) room(ctx context.Context, t *ticket) error {
	for {
		names, _, w, err := s.leases.tree.ChildrenW(ctx, s.leases.path)
		if err != nil {
			return err
		}
		if len(standing(names, leasePlace)) <= s.max {
			w.Close()
			return t.alive()
		}
		err = t.await(ctx, w)
		w.Close()
		if err != nil {
			return err
		}
	}
}

// Holders returns how many leases are held.
func (s *Semaphore) Holders(ctx context.Context) (int, error) {
	names, _, err := s.leases.tree.Children(ctx, s.leases.path)
	return len(standing(names, leasePlace)), unless(err, client.ErrNoNode)
}
