package recipes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/plant"
)

// A Queue hands what was put into it to one taker each, by priority, and the oldest
// first within one. What a taker does not finish, because it ended or its session did,
// is handed to another: at least once. Its nodes are those of kazoo's LockingQueue.
type Queue struct {
	tree                 client.Tree
	root, entries, taken string
}

// DefaultPriority is that of an item without one. A smaller number is taken earlier.
const DefaultPriority = 100

// NewQueue makes a queue of the node at path, which need not be there.
func NewQueue(tree client.Tree, path string) *Queue {
	return &Queue{tree, path, join(path, "entries"), join(path, "taken")}
}

// Put adds an item. priority is 0 to 999. If the answer is lost, Put looks whether the
// item is there, also when somebody has taken it meanwhile. If the session ends as well,
// nobody can know any more, and Put fails with ErrUnknown.
func (q *Queue) Put(ctx context.Context, data []byte, priority int) error {
	if priority < 0 || priority > 999 {
		return fmt.Errorf("recipes: priority %d: want 0 to 999", priority)
	}
	prefix := join(q.entries, fmt.Sprintf("entry-%03d-", priority))
	return once(ctx, q.tree, q.root, func(t *client.Txn) {
		t.Create(prefix, data, client.Sequential)
	}, q.entries, q.taken)
}

// ErrUnknown says that a session ended before it could be found out whether a change
// had happened whose answer was lost. It is a client.ErrConnectionLost.
var ErrUnknown = fmt.Errorf("recipes: the session ended before it could be found out: %w", client.ErrConnectionLost)

// once commits a transaction exactly once although answers may be lost: it makes a node
// of its own below at, whose presence says that it happened. The parents are made if
// they are not there. If the session ends before that node was looked for, nobody can
// know any more whether it happened; then it fails with ErrUnknown.
func once(ctx context.Context, tree client.Tree, at string, change func(*client.Txn), parents ...string) error {
	for {
		mark := join(at, "_c_"+guid())
		t := new(client.Txn)
		change(t)
		t.Create(mark, nil, client.Ephemeral)
		s := tree.Session()
		_, err := tree.Commit(ctx, t)
		switch {
		case err == nil:
		case errors.Is(err, client.ErrConnectionLost):
			happened, err := happened(ctx, tree, s, mark)
			if err != nil {
				return err
			}
			if !happened {
				continue
			}
		case errors.Is(err, client.ErrNoNode) && len(parents) > 0:
			for _, p := range parents {
				if err := makePath(ctx, tree, p); err != nil {
					return err
				}
			}
			parents = nil
			continue
		default:
			return err
		}
		// What is left of it goes with the session at the latest.
		_ = tree.Delete(ctx, mark, client.AnyVersion)
		return nil
	}
}

// happened looks for the mark of a change whose answer was lost, and which was asked for
// when the session was before, or later. What it cannot find out is ErrUnknown, whatever
// the reason: ErrSessionExpired alone would say that nothing had been asked for.
func happened(ctx context.Context, tree client.Tree, before *client.Session, mark string) (bool, error) {
	if plant.In(plant.RepeatedBlindly) {
		return false, nil
	}
	now := tree.Session()
	there, err := exists(client.InSession(ctx, now), tree, mark)
	switch {
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrUnknown, err)
	case !there && now != before:
		return false, ErrUnknown // it may have gone with the session
	}
	return there, nil
}

// exists looks for a node behind a sync: the request that may have made it was sent on
// a connection that is no more.
func exists(ctx context.Context, tree client.Tree, path string) (bool, error) {
	if err := tree.Sync(ctx, path); err != nil {
		return false, err
	}
	_, there, err := tree.Exists(ctx, path)
	return there, err
}

// An Item is one that was taken. It is to be finished, or given back.
type Item struct {
	Data []byte

	queue    *Queue
	name     string
	id       []byte // what its node below taken holds
	session  *client.Session
	returned bool
}

// Take waits for an item and takes it.
func (q *Queue) Take(ctx context.Context) (*Item, error) {
	for _, p := range []string{q.entries, q.taken} {
		if err := makePath(ctx, q.tree, p); err != nil {
			return nil, err
		}
	}
	for {
		item, w, err := q.try(ctx)
		if item != nil || err != nil {
			return item, err
		}
		err = w.wait(ctx)
		w.close()
		if err != nil {
			return nil, err
		}
	}
}

// both waits for new entries, or for the end of somebody's session.
type both struct{ entries, taken *client.Watch }

func (b *both) wait(ctx context.Context) error {
	select {
	case <-b.entries.C:
	case <-b.taken.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

func (b *both) close() {
	b.entries.Close()
	b.taken.Close()
}

// try takes the first item that nobody has; if there is none, the watches say when to
// look again.
func (q *Queue) try(ctx context.Context) (*Item, *both, error) {
	taken, _, w2, err := q.tree.ChildrenW(ctx, q.taken)
	if err != nil {
		return nil, nil, err
	}
	names, _, w1, err := q.tree.ChildrenW(ctx, q.entries)
	if err != nil {
		w2.Close()
		return nil, nil, err
	}
	w := &both{w1, w2}
	slices.Sort(names) // priority and number have a fixed width
	for _, name := range names {
		if slices.Contains(taken, name) {
			continue
		}
		item, err := q.claim(ctx, name)
		if item != nil || err != nil {
			w.close()
			return item, nil, err
		}
	}
	return nil, w, nil
}

// claim takes an entry, unless somebody was quicker.
func (q *Queue) claim(ctx context.Context, name string) (*Item, error) {
	s, id := q.tree.Session(), []byte(guid())
	ctx = client.InSession(ctx, s)
	path := join(q.taken, name)
	for {
		_, err := q.tree.Create(ctx, path, id, client.Ephemeral)
		if errors.Is(err, client.ErrConnectionLost) {
			continue
		}
		if errors.Is(err, client.ErrNodeExists) {
			// Perhaps by the try whose answer was lost.
			data, _, err := q.tree.Get(ctx, path)
			switch {
			case errors.Is(err, client.ErrNoNode), err == nil && !bytes.Equal(data, id):
				return nil, nil
			case err != nil:
				go q.unclaim(ctx, s, name, id)
				return nil, err
			}
		} else if err != nil {
			if ctx.Err() != nil {
				go q.unclaim(ctx, s, name, id)
			}
			return nil, err
		}
		data, _, err := q.tree.Get(ctx, join(q.entries, name))
		if errors.Is(err, client.ErrNoNode) { // finished by its former taker
			if q.tree.Delete(ctx, path, client.AnyVersion) != nil {
				go q.unclaim(ctx, s, name, id)
			}
			return nil, nil
		}
		if err != nil {
			go q.unclaim(ctx, s, name, id)
			return nil, err
		}
		return &Item{Data: data, queue: q, name: name, id: id, session: s}, nil
	}
}

// unclaim gives an entry back that may have been claimed for a caller that has gone.
func (q *Queue) unclaim(ctx context.Context, s *client.Session, name string, id []byte) {
	ctx = context.WithoutCancel(ctx)
	for tryAgain(s, q.giveBack(ctx, name, id)) {
	}
}

// giveBack removes the claim with that id. Another's is left: when an answer was lost the
// claim may be gone, and somebody else may have the entry by now.
func (q *Queue) giveBack(ctx context.Context, name string, id []byte) error {
	path := join(q.taken, name)
	data, _, err := q.tree.Get(ctx, path)
	if err == nil && bytes.Equal(data, id) {
		err = q.tree.Delete(ctx, path, client.AnyVersion)
	}
	return unless(err, client.ErrNoNode)
}

// Lost is closed when the item may have been handed to somebody else.
func (i *Item) Lost() <-chan struct{} { return i.session.Done() }

// Done removes the item from the queue. It fails if the item is somebody else's by now.
func (i *Item) Done(ctx context.Context) error {
	if i.returned {
		return ErrNotHeld
	}
	// While the session lives, the node that says who has the item is its own.
	if !plant.In(plant.DoneForAnother) {
		ctx = client.InSession(ctx, i.session)
	}
	for {
		_, err := i.queue.tree.Commit(ctx, new(client.Txn).
			Delete(join(i.queue.entries, i.name), client.AnyVersion).
			Delete(join(i.queue.taken, i.name), client.AnyVersion))
		if errors.Is(err, client.ErrConnectionLost) && ctx.Err() == nil {
			continue
		}
		if errors.Is(err, client.ErrNoNode) {
			// Done by a try whose answer was lost, or the session ended.
			there, lookErr := exists(ctx, i.queue.tree, join(i.queue.entries, i.name))
			if lookErr == nil && !there {
				return nil
			}
			return errors.Join(ErrNodeGone, lookErr)
		}
		return err
	}
}

// Return gives the item back, for somebody else. If it fails it may be called again.
func (i *Item) Return(ctx context.Context) error {
	if i.returned {
		return ErrNotHeld
	}
	ctx = client.InSession(ctx, i.session)
	err := repeat(ctx, func() error { return i.queue.giveBack(ctx, i.name, i.id) })
	i.returned = err == nil
	return err
}
