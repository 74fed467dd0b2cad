package cli

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/wire"
)

func copyCommands() []*command {
	return []*command{
		{name: "cp", args: "[-f] [-no-acl] path path|host:port/path", help: "copy a node and all below it, ephemeral ones left out",
			options: []option{optForce, optNoACL}, paths: 1, min: 2, max: 2, run: copyTree},
		{name: "mv", args: "path path", help: "move a node and all below it", paths: 2, min: 2, max: 2, run: moveTree},
		{name: "export", args: "[-dir] [-f] [-no-acl] path file|directory|-", help: "write a node and all below it to a file, or as directories",
			options: []option{{"dir", "", "as directories and files"}, {"f", "", "in place of a file that is there"}, optNoACL},
			paths:   1, min: 2, max: 2, run: export},
		{name: "import", args: "[-f] [-no-acl] file|directory|- path", help: "make the nodes of an export below a path",
			options: []option{optForce, optNoACL}, min: 2, max: 2, run: importTree},
	}
}

var (
	optForce = option{"f", "", "change nodes that are there already"}
	optNoACL = option{"no-acl", "", "leave ACLs aside: what is made is open to everybody"}
)

// Bounds of one transaction of a copy, far below what servers take by default.
const (
	copyNodes = 100
	copyBytes = 256 << 10
)

// A sink makes nodes, many in one transaction. Each of them is made whole or not at
// all.
type sink struct {
	c     *call
	svc   Service
	force bool // change nodes that are there
	what  string

	txn   *client.Txn
	nodes int // in txn
	bytes int
	done  int // that are made
}

func (c *call) sink(svc Service, what string) *sink {
	return &sink{c: c, svc: svc, force: c.has("f"), what: what, txn: new(client.Txn)}
}

// put makes a node at path, or changes the one there. It may wait in the transaction
// for others.
func (s *sink) put(ctx context.Context, path string, n *record) error {
	if s.nodes > 0 && s.bytes+len(n.data) > copyBytes {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	if s.force || len(n.data) > copyBytes { // alone, so that an error names it
		return s.putOne(ctx, path, n)
	}
	s.txn.Create(path, n.data, n.options()...)
	s.nodes++
	s.bytes += len(path) + len(n.data)
	if s.nodes < copyNodes && s.done > 0 { // the first alone: if it is there, nothing is made
		return nil
	}
	return s.flush(ctx)
}

func (s *sink) putOne(ctx context.Context, path string, n *record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	whole := context.WithoutCancel(ctx)
	_, err := s.svc.Create(whole, path, n.data, n.options()...)
	if s.force && errors.Is(err, client.ErrNodeExists) {
		_, err = s.svc.Set(whole, path, n.data, client.AnyVersion)
		if err == nil && len(n.acl) > 0 {
			_, err = s.svc.SetACL(whole, path, n.acl, client.AnyVersion)
		}
	}
	if err == nil {
		s.done++
		s.c.progress(s.what, s.done)
	}
	return err
}

// flush makes the nodes that wait. It is not interrupted in the middle, so that it is
// known what was made.
func (s *sink) flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil || s.nodes == 0 {
		return err
	}
	if _, err := s.svc.Commit(context.WithoutCancel(ctx), s.txn); err != nil {
		return err
	}
	s.done += s.nodes
	s.txn, s.nodes, s.bytes = new(client.Txn), 0, 0
	s.c.progress(s.what, s.done)
	return nil
}

// partly says what was done when not all could be.
func partly(what string, done int, err error) error {
	if done == 0 {
		return err
	}
	return &PartError{done, what, err}
}

// A doneView is how much a command has done.
type doneView struct {
	Nodes   int `json:"nodes"`
	Skipped int `json:"skipped,omitempty"` // ephemeral ones

	what string
}

func (v doneView) text(p *printer) {
	p.printf("%d nodes are %s\n", v.Nodes, v.what)
	if v.Skipped > 0 {
		p.printf("%d ephemeral nodes are left out: they belong to their sessions\n", v.Skipped)
	}
}

// errHidden says that an ACL cannot be copied.
type errHidden struct{ path string }

func (e *errHidden) Error() string {
	return "the ACL of " + e.path + " has digests that are hidden from you\nhint: authenticate as one who may set it, or leave ACLs aside with -no-acl"
}

// wholeACL is a node's ACL, nil for one that is open to everybody.
func wholeACL(v *visit) ([]client.ACL, error) {
	for _, a := range v.acl {
		if a.ID.Scheme == "digest" && strings.HasSuffix(a.ID.ID, ":x") {
			return nil, &errHidden{v.path}
		}
	}
	if len(v.acl) == 1 && v.acl[0] == client.World(client.PermAll)[0] {
		return nil, nil
	}
	return v.acl, nil
}

// each walks through what can be copied: not ephemeral nodes, whose number it returns,
// and not what servers keep below /zookeeper.
func (c *call) each(ctx context.Context, path string, f func(*visit, []client.ACL) error) (skipped int, err error) {
	for v := range c.walk(ctx, path, walkOptions{data: true, acl: !c.has("no-acl")}) {
		if v.err != nil {
			return skipped, v.err
		}
		if v.stat.EphemeralOwner != 0 {
			skipped++
			continue
		}
		if v.path == "/zookeeper" || strings.HasPrefix(v.path, "/zookeeper/") {
			continue
		}
		acl, err := wholeACL(v)
		if err == nil {
			err = f(v, acl)
		}
		if err != nil {
			return skipped, err
		}
	}
	return skipped, ctx.Err()
}

// other is a path, and the service it is of: this one, or that of host:port/path.
func (c *call) other(ctx context.Context, where string) (svc Service, path string, closing func(), err error) {
	if strings.HasPrefix(where, "/") {
		return c.svc, where, func() {}, nil
	}
	servers, path, found := strings.Cut(where, "/")
	if !found {
		return nil, "", nil, c.usage(where + ": want /path or host:port/path")
	}
	svc, err = c.reach(ctx, servers)
	if err != nil {
		return nil, "", nil, err
	}
	return svc, "/" + path, func() { svc.Close() }, nil
}

func copyTree(ctx context.Context, c *call) error {
	svc, to, closing, err := c.other(ctx, c.args[1])
	if err != nil {
		return err
	}
	defer closing()
	from := c.path()
	if svc == c.svc && inside(to, from) {
		return c.usage(to + " is at or below " + from)
	}
	if svc != c.svc {
		if err := c.apart(ctx, from, svc, to); err != nil {
			return err
		}
	}
	s := c.sink(svc, "copied")
	skipped, err := c.each(ctx, from, func(v *visit, acl []client.ACL) error {
		at := below(v.path, from, to)
		if at == "/" {
			return nil
		}
		return s.put(ctx, at, &record{data: v.data, acl: acl})
	})
	if err == nil {
		err = s.flush(ctx)
	}
	if err != nil {
		return partly("copied", s.done, err)
	}
	c.sayPersistent("copied")
	return c.show(doneView{s.done, skipped, "copied"})
}

// apart fails if what is at the other service's to would be a part of what is to be copied
// from this one, since both are the same: such a copy would not come to its end. The parent
// of to tells, by its stat.
func (c *call) apart(ctx context.Context, from string, other Service, to string) error {
	parent, _ := wire.SplitPath(to)
	_, root, _ := strings.Cut(c.servers, "/")
	if root != "" {
		root = "/" + root
	}
	if to == "/" || !inside(parent, below(from, "/", cmp.Or(root, "/"))) {
		return nil
	}
	theirs, there, err := other.Exists(ctx, parent)
	if err != nil || !there {
		return err
	}
	ours, there, err := c.svc.Exists(ctx, cmp.Or(strings.TrimPrefix(parent, root), "/"))
	if err == nil && there && ours == theirs {
		err = c.usage(to + " is below " + from + ", and in the same service")
	}
	return err
}

// inside reports whether path is at or below top.
func inside(path, top string) bool {
	return top == "/" || path == top || strings.HasPrefix(path, top+"/")
}
