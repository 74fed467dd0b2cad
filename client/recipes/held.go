package recipes

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/plant"
)

// ErrNotHeld says that there is nothing to release.
var ErrNotHeld = errors.New("recipes: it is not held")

// A Held is a place at the head of a line: a lock that is held, a leadership.
type Held struct {
	ticket  *ticket
	lost    chan struct{}
	reason  error // set before lost is closed
	stop    context.CancelFunc
	stopped chan struct{}
	once    sync.Once
	err     error // of Release
}

// hold watches over a ticket whose turn it is, until it is given up or lost.
func hold(ctx context.Context, t *ticket) (*Held, error) {
	_, there, w, err := t.line.tree.ExistsW(ctx, t.line.child(t.name))
	switch {
	case err != nil:
		return nil, err
	case !there:
		w.Close()
		return nil, ErrNodeGone
	}
	watching, stop := context.WithCancel(context.Background())
	h := &Held{ticket: t, lost: make(chan struct{}), stop: stop, stopped: make(chan struct{})}
	go h.watch(watching, w)
	return h, nil
}

// watch closes lost when the session or the node is over.
func (h *Held) watch(ctx context.Context, w *client.Watch) {
	defer close(h.stopped)
	over := h.ticket.session.Done()
	if plant.In(plant.LossLearntLate) {
		over = nil
	}
	for w != nil {
		select {
		case <-ctx.Done():
			w.Close()
			w = nil
		case <-over:
			w.Close()
			w = nil
		case <-w.C:
			w = h.look(ctx)
		}
	}
	select {
	case <-over: // also if it was released behind that: it was lost before
		if h.Err() == nil {
			h.lose(client.ErrSessionExpired)
		}
	default:
	}
}

// look looks for the node again. It returns nil if that is not there any more, or
// watched no more.
func (h *Held) look(ctx context.Context) *client.Watch {
	t := h.ticket
	_, there, w, err := t.line.tree.ExistsW(ctx, t.line.child(t.name))
	switch {
	case err == nil && there:
		return w
	case err == nil:
		w.Close()
		err = ErrNodeGone
	case ctx.Err() != nil:
		return nil
	}
	h.lose(err)
	return nil
}

// lose notes why it is lost. The end of a session ends its nodes, too, and is the reason
// whichever of the two is seen first.
func (h *Held) lose(err error) {
	if h.ticket.alive() != nil {
		err = client.ErrSessionExpired
	}
	h.reason = err
	close(h.lost)
}

// Lost is closed when it is no longer held without having been released: the session
// is over, or somebody removed the node.
func (h *Held) Lost() <-chan struct{} { return h.lost }

// Err is why Lost is closed, nil while it is not.
func (h *Held) Err() error {
	select {
	case <-h.lost:
		return h.reason
	default:
		return nil
	}
}

// Token is larger for every holder than for those before it. What is written under
// the lock bears it, so that a store can refuse a holder that does not know yet that it
// has lost the lock.
func (h *Held) Token() client.Zxid { return h.ticket.token }

// Path is that of the node that stands for the holder.
func (h *Held) Path() string { return h.ticket.line.child(h.ticket.name) }

// Context is one that ends when it is lost, with Err as its cause, when it is released,
// with ErrNotHeld, or with parent.
func (h *Held) Context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	go func() {
		select {
		case <-h.stopped:
			cancel(cmp.Or(h.Err(), ErrNotHeld))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}

// Release gives it up. It may be called more than once. If it fails since the server
// refuses it for the moment, it is tried again without the caller; else the session's end
// releases it.
func (h *Held) Release(ctx context.Context) error {
	h.once.Do(func() {
		h.stop()
		<-h.stopped // else the end of the node would be taken for a loss
		h.err = h.ticket.leave(ctx)
	})
	return h.err
}
