package client

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/zabra/zabra/wire"
)

// EachChild goes through the names of a node's children, in no order. Unlike Children
// it makes no list of them: a million names cost their bytes. The names may be kept. An
// error comes once, at the end, with an empty name.
func (c *Client) EachChild(ctx context.Context, path string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		k, err := c.reading(wire.OpGetChildren2, path, nil)
		if err != nil {
			yield("", err)
			return
		}
		d, err := c.do(ctx, k)
		if err == nil {
			for range max(d.Count(4), 0) {
				if name := d.String(); d.Err() != nil || !yield(name, nil) {
					break
				}
			}
		}
		if err = c.conclude(k, &d, err); err != nil {
			yield("", err)
		}
	}
}

// A Visit is a node that Walk comes to.
type Visit struct {
	Path string
	Data
}

// walkers is how many nodes Walk reads at once.
const walkers = 64

// Walk goes through the node at path and all below it, parents before their children
// and children by name, reading many ahead. It is no picture of one moment: nodes that
// vanish meanwhile are left out. An error comes once, at the end.
func (c *Client) Walk(ctx context.Context, path string) iter.Seq2[Visit, error] {
	return func(yield func(Visit, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		w := &walk{c: c, ctx: ctx}
		todo := []*visit{{path: path}}
		for len(todo) > 0 {
			for _, v := range todo[max(0, len(todo)-walkers):] {
				w.begin(v)
			}
			v := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			data, names, err := w.finish(v)
			if errors.Is(err, ErrNoNode) && v.path != path {
				continue
			}
			if err != nil || !yield(Visit{v.path, data}, nil) {
				if err != nil {
					yield(Visit{}, err)
				}
				return
			}
			for _, name := range slices.Backward(names) {
				todo = append(todo, &visit{path: join(v.path, name)})
			}
		}
	}
}

// A visit is a node that was not come to yet.
type visit struct {
	path     string
	data     *Future[Data]
	children *Future[Listing]
}

type walk struct {
	c   *Client
	ctx context.Context
}

func (w *walk) begin(v *visit) {
	if v.data == nil {
		v.data = w.c.Async().Get(w.ctx, v.path, nil)
		v.children = w.c.Async().Children(w.ctx, v.path, nil)
	}
}

func (w *walk) finish(v *visit) (Data, []string, error) {
	data, err := v.data.Wait(w.ctx)
	if err != nil {
		return data, nil, err
	}
	list, err := v.children.Wait(w.ctx)
	slices.Sort(list.Names)
	return data, list.Names, err
}

// join is the path of a child.
func join(parent, name string) string {
	if parent == "/" {
		return "/" + name
	}
	return parent + "/" + name
}

// MakePath creates the node at path and those above it that are not there, without
// data. It is no error if it is there.
func (c *Client) MakePath(ctx context.Context, path string, options ...CreateOption) error {
	if path == "/" {
		return c.rootThere(ctx)
	}
	_, err := c.Create(ctx, path, nil, options...)
	if !errors.Is(err, ErrNoNode) {
		return c.unlessThere(ctx, path, err)
	}
	parent, _ := wire.SplitPath(path)
	if err := c.MakePath(ctx, parent); err != nil {
		return err
	}
	_, err = c.Create(ctx, path, nil, options...)
	return c.unlessThere(ctx, path, err)
}

// unlessThere is why a node could not be made, nil if it is there. Servers look first
// whether one may make it.
func (c *Client) unlessThere(ctx context.Context, path string, err error) error {
	if errors.Is(err, ErrNoAuth) || errors.Is(err, ErrNotReadOnly) {
		if _, there, lookErr := c.Exists(ctx, path); lookErr == nil && there {
			return nil
		}
	}
	return unless(err, ErrNodeExists)
}

// rootThere says whether there is the root, which nobody makes by MakePath: a wrong
// connect string would make a tree of its own.
func (c *Client) rootThere(ctx context.Context) error {
	_, there, err := c.Exists(ctx, "/")
	if err == nil && !there {
		err = &Error{Op: wire.OpCreate2.String(), Path: "/", Root: c.chroot, Err: ErrNoNode}
	}
	return err
}

func unless(err, fine error) error {
	if errors.Is(err, fine) {
		return nil
	}
	return err
}

// RemoveAll removes the node at path and all below it. It is no error if it is not
// there.
func (c *Client) RemoveAll(ctx context.Context, path string) error {
	names, _, err := c.Children(ctx, path)
	if err != nil {
		return unless(err, ErrNoNode)
	}
	for _, name := range names {
		if err := c.RemoveAll(ctx, join(path, name)); err != nil {
			return err
		}
	}
	err = c.Delete(ctx, path, AnyVersion)
	if errors.Is(err, ErrNotEmpty) && ctx.Err() == nil {
		return c.RemoveAll(ctx, path) // a child came meanwhile
	}
	return unless(err, ErrNoNode)
}
