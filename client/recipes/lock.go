package recipes

import (
	"context"
	"sync"

	"github.com/zabra/zabra/client"
)

// A Lock is held by one at a time, anywhere. Who waits gets it in the order of asking.
// The methods may be called by many goroutines.
type Lock struct {
	line line

	mu     sync.Mutex
	owners map[any]*owned
}

// An owned lock is one that a caller of LockFor holds, so many times.
type owned struct {
	held  *Held
	times int
}

// NewLock makes a lock of the node at path, which need not be there.
func NewLock(tree client.Tree, path string, naming Naming) *Lock {
	return &Lock{line: line{tree, path, naming}, owners: map[any]*owned{}}
}

// Lock waits for the lock. It ends with the context, or with ErrSessionExpired when
// the session does; then it does not wait in the line any more.
func (l *Lock) Lock(ctx context.Context) (*Held, error) {
	return l.line.take(ctx, lockPlace, nil, anybody, lockPlace)
}

// TryLock takes the lock if nobody has it or waits for it; else it fails with ErrBusy.
func (l *Lock) TryLock(ctx context.Context) (*Held, error) {
	return l.line.try(ctx, lockPlace, nil, anybody, lockPlace)
}

// LockFor is Lock for a caller that may hold the lock already: an owner, any value that
// can be compared, may lock many times, and has to unlock as often. The lock is the
// same for all of its calls; another owner waits.
func (l *Lock) LockFor(ctx context.Context, owner any) (*Held, error) {
	if h := l.again(owner); h != nil {
		return h, nil
	}
	h, err := l.Lock(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owners[owner] = &owned{h, 1}
	return h, nil
}

// again counts one more hold of an owner that has the lock.
func (l *Lock) again(owner any) *Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.owners[owner]
	if o == nil || o.held.Err() != nil {
		return nil
	}
	o.times++
	return o.held
}

// UnlockFor takes back one LockFor, the last of which releases the lock. An owner that
// does not hold it is ErrNotHeld.
func (l *Lock) UnlockFor(ctx context.Context, owner any) error {
	l.mu.Lock()
	o := l.owners[owner]
	if o != nil {
		o.times--
		if o.times > 0 {
			l.mu.Unlock()
			return nil
		}
		delete(l.owners, owner)
	}
	l.mu.Unlock()
	if o == nil {
		return ErrNotHeld
	}
	return o.held.Release(ctx)
}

// An RWLock is held by any number of readers or by one writer. Those who wait get it in
// the order of asking, so neither kind starves.
type RWLock struct{ line line }

// NewRWLock makes a lock of the node at path, which need not be there.
func NewRWLock(tree client.Tree, path string, naming Naming) *RWLock {
	return &RWLock{line{tree, path, naming}}
}

// RLock waits until no writer stands before.
func (l *RWLock) RLock(ctx context.Context) (*Held, error) {
	return l.line.take(ctx, readPlace, nil, writers, readPlace, writePlace)
}

// Lock waits until nobody stands before.
func (l *RWLock) Lock(ctx context.Context) (*Held, error) {
	return l.line.take(ctx, writePlace, nil, anybody, readPlace, writePlace)
}

// writers have to go before a reader's turn comes.
func writers(before []waiter) string {
	for i := len(before) - 1; i >= 0; i-- {
		if before[i].place == writePlace {
			return before[i].name
		}
	}
	return ""
}
