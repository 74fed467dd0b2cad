package recipes

import (
	"context"
	"errors"

	"github.com/zabra/zabra/client"
)

// What all recipes do to single nodes.

// join is the path of a child.
func join(parent, name string) string {
	if parent == "/" {
		return "/" + name
	}
	return parent + "/" + name
}

// unless is err, or nil for one that is fine.
func unless(err, fine error) error {
	if errors.Is(err, fine) {
		return nil
	}
	return err
}

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

// createOwn makes an ephemeral node of a name that nobody else uses, or that anybody
// may have made.
func createOwn(ctx context.Context, tree client.Tree, path string, data []byte) error {
	return repeat(ctx, func() error {
		_, err := tree.Create(ctx, path, data, client.Ephemeral)
		return unless(err, client.ErrNodeExists)
	})
}

// remove has no node be there.
func remove(ctx context.Context, tree client.Tree, path string) error {
	return repeat(ctx, func() error { return unless(tree.Delete(ctx, path, client.AnyVersion), client.ErrNoNode) })
}

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
		if err := changed(ctx, w); err != nil {
			return err
		}
	}
}

// changed returns when there is something to look at again, and ends the watch.
func changed(ctx context.Context, w *client.Watch) error {
	defer w.Close()
	select {
	case <-w.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
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
