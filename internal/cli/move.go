package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/zabra/zabra/client"
)

// What is at most moved in one transaction.
const (
	moveNodes = 1000
	moveBytes = 512 << 10
)

// moveTree moves in one transaction if it is small enough. If not it copies, and then
// deletes what was not changed since.
func moveTree(ctx context.Context, c *call) error {
	from, to := c.args[0], c.args[1]
	if inside(to, from) || from == "/" {
		return c.usage(to + " is at or below " + from)
	}
	nodes, small, err := c.gather(ctx, from)
	if err != nil {
		return err
	}
	if !small {
		return c.moveMuch(ctx, from, to)
	}
	t := new(client.Txn)
	for _, v := range nodes {
		acl, err := wholeACL(v)
		if err != nil {
			return err
		}
		t.Create(below(v.path, from, to), v.data, client.WithACL(acl...))
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		t.Delete(nodes[i].path, nodes[i].stat.Version)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Not interrupted in the middle, so that it is known whether it was done.
	if _, err := c.svc.Commit(context.WithoutCancel(ctx), t); err != nil {
		return err
	}
	c.sayPersistent("moved")
	return c.show(doneView{Nodes: len(nodes), what: "moved"})
}

// errEphemeral is why a subtree cannot be moved.
func errEphemeral(v *visit) error {
	return &explained{text: fmt.Sprintf("%s is ephemeral, and belongs to session 0x%x: it cannot be moved", v.path, v.stat.EphemeralOwner),
		err: errors.New("ephemeral")}
}

// gather reads a subtree, unless it is too much for one transaction.
func (c *call) gather(ctx context.Context, path string) (nodes []*visit, small bool, err error) {
	size := 0
	for v := range c.walk(ctx, path, walkOptions{data: true, acl: true}) {
		switch {
		case v.err != nil:
			return nil, false, v.err
		case v.stat.EphemeralOwner != 0:
			return nil, false, errEphemeral(v)
		}
		nodes = append(nodes, v)
		size += 2*len(v.path) + len(v.data) + 64
		if len(nodes) > moveNodes || size > moveBytes {
			return nil, false, nil
		}
	}
	return nodes, true, ctx.Err()
}

// moveMuch copies and then deletes. That nothing was changed meanwhile is told by
// zxids: what was read behind the creation of the new root, and is not younger than
// that when it is deleted, is as it was read. The old root is read before, and so has
// to be exactly what it was.
func (c *call) moveMuch(ctx context.Context, from, to string) error {
	data, root, err := c.svc.Get(ctx, from)
	if err != nil {
		return err
	}
	acl, _, err := c.svc.GetACL(ctx, from)
	if err != nil {
		return err
	}
	if _, err = wholeACL(&visit{path: from, acl: acl}); err != nil {
		return err
	}
	var begun client.Stat
	if _, err := c.svc.Create(ctx, to, data, client.WithACL(acl...), client.StatTo(&begun)); err != nil {
		return err
	}
	s := c.sink(c.svc, "copied")
	s.done = 1
	skipped, err := c.each(ctx, from, func(v *visit, acl []client.ACL) error {
		if v.depth == 0 {
			return nil
		}
		return s.put(ctx, below(v.path, from, to), &record{data: v.data, acl: acl})
	})
	if err == nil && skipped > 0 {
		err = errors.New("there are ephemeral nodes, which cannot be moved")
	}
	if err == nil {
		err = s.flush(ctx)
	}
	if err != nil {
		return partly("copied to "+to+", none is deleted of "+from, s.done, err)
	}
	deleted, err := c.deleteTree(ctx, from, defaultBatch, func(v *visit) error {
		if v.depth == 0 && v.stat.Mzxid != root.Mzxid || v.depth > 0 && v.stat.Mzxid > begun.Czxid {
			return &explained{text: v.path + " was changed while it was copied", err: client.ErrBadVersion}
		}
		return nil
	})
	if err != nil {
		return partly(fmt.Sprintf("copied to %s, and %d deleted of %s", to, deleted, from), s.done, err)
	}
	c.sayPersistent("moved")
	return c.show(doneView{Nodes: s.done, what: "moved"})
}
