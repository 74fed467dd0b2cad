package recipes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/plant"
)

// A Presence is an ephemeral node that is made again whenever it goes: with its
// session, or by somebody's hand. It says that a program runs.
type Presence struct {
	tree client.Tree
	path string
	stay bool // the node is persistent: it outlives its program

	mu   sync.Mutex
	data []byte

	changed chan struct{} // the data is another; capacity 1
	stop    context.CancelFunc
	stopped chan struct{}
}

// ErrPersistent says that there is a node in the place of an ephemeral one that belongs to
// no session, and so to somebody else.
var ErrPersistent = errors.New("recipes: there is a persistent node in its place")

// Announce makes the node at path, and those above it, and keeps it until Close. A node
// of an older session of the same program is replaced; a persistent one is not, it is
// ErrPersistent. If it fails since its context has ended, the node goes behind the caller's
// back.
func Announce(ctx context.Context, tree client.Tree, path string, data []byte) (*Presence, error) {
	return announce(ctx, &Presence{tree: tree, path: path, data: data})
}

func announce(ctx context.Context, p *Presence) (*Presence, error) {
	p.changed, p.stopped = make(chan struct{}, 1), make(chan struct{})
	if err := p.make(ctx); err != nil {
		if ctx.Err() != nil {
			p.sweep(ctx)
		}
		return nil, err
	}
	keeping, stop := context.WithCancel(context.Background())
	p.stop = stop
	go p.keep(keeping)
	return p, nil
}

// Path is that of the node.
func (p *Presence) Path() string { return p.path }

// Set changes the node's data, also of the nodes that are made later.
func (p *Presence) Set(data []byte) {
	p.mu.Lock()
	p.data = data
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *Presence) current() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data
}

// options say what kind of node it is.
func (p *Presence) options() []client.CreateOption {
	if p.stay {
		return nil
	}
	return []client.CreateOption{client.Ephemeral}
}

// owner is whose node it is to be: this session's, or nobody's.
func (p *Presence) owner() client.SessionID {
	if p.stay {
		return 0
	}
	return p.tree.Session().ID
}

// make has the node there, of this session or persistent, with the data.
func (p *Presence) make(ctx context.Context) error {
	for {
		data := p.current()
		_, err := p.tree.Create(ctx, p.path, data, p.options()...)
		switch {
		case errors.Is(err, client.ErrConnectionLost):
			continue
		case errors.Is(err, client.ErrNoNode):
			parent := p.path[:max(1, strings.LastIndexByte(p.path, '/'))]
			if err := makePath(ctx, p.tree, parent); err != nil {
				return err
			}
		case errors.Is(err, client.ErrNodeExists):
			done, err := p.adopt(ctx, data)
			if done || err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// sweep removes the node that may have been made for a caller that has gone. Nobody waits
// for it, and it ends with the session. A persistent node is left: it may have been there
// before.
func (p *Presence) sweep(ctx context.Context) {
	if p.stay {
		return
	}
	s := p.tree.Session()
	ctx = client.InSession(context.WithoutCancel(ctx), s)
	go func() {
		for tryAgain(s, p.giveBack(ctx, s)) {
		}
	}()
}

// giveBack removes the node if it is that session's.
func (p *Presence) giveBack(ctx context.Context, s *client.Session) error {
	if err := p.tree.Sync(ctx, p.path); err != nil {
		return err
	}
	st, there, err := p.tree.Exists(ctx, p.path)
	if err != nil || !there || client.SessionID(st.EphemeralOwner) != s.ID {
		return err
	}
	return unless(p.tree.Delete(ctx, p.path, client.AnyVersion), client.ErrNoNode)
}

// adopt keeps a node whose owner is the right one, and removes one of another.
func (p *Presence) adopt(ctx context.Context, data []byte) (done bool, err error) {
	st, there, err := p.tree.Exists(ctx, p.path)
	switch {
	case err != nil || !there:
		return false, err
	case st.EphemeralOwner == 0 && !p.stay:
		return false, fmt.Errorf("%s: %w", p.path, ErrPersistent)
	case client.SessionID(st.EphemeralOwner) != p.owner():
		err = p.tree.Delete(ctx, p.path, st.Version)
		return false, unless(unless(unless(err, client.ErrNoNode), client.ErrBadVersion), client.ErrConnectionLost)
	}
	_, err = p.tree.Set(ctx, p.path, data, client.AnyVersion)
	if errors.Is(err, client.ErrNoNode) || errors.Is(err, client.ErrConnectionLost) {
		return false, nil
	}
	return true, err
}

// keep makes the node again whenever it is not there.
func (p *Presence) keep(ctx context.Context) {
	defer close(p.stopped)
	for ctx.Err() == nil {
		s := p.tree.Session()
		_, there, w, err := p.tree.ExistsW(ctx, p.path)
		if errors.Is(err, client.ErrClosed) {
			return
		}
		if err != nil {
			pause(ctx)
			continue
		}
		if there && s == p.tree.Session() {
			select {
			case <-ctx.Done():
			case <-s.Done():
			case <-w.C:
			case <-p.changed:
			}
		}
		w.Close()
		if plant.In(plant.PresenceOnce) && !s.Alive() {
			return
		}
		if ctx.Err() == nil && p.make(ctx) != nil {
			pause(ctx)
		}
	}
}

// pause waits before something that failed is tried again.
func pause(ctx context.Context) {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Close removes the node and stops making it.
func (p *Presence) Close(ctx context.Context) error {
	p.stop()
	<-p.stopped
	return remove(ctx, p.tree, p.path)
}
