package cli

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/zabra/zabra/client"
)

func readCommands() []*command {
	return []*command{
		{name: "ls", args: "[-s] [-w] [-R] path", help: "list a node's children",
			options: []option{optStat, optWatch, {"R", "", "all nodes below, one path a line"}},
			paths:   1, min: 1, max: 2, run: ls},
		{name: "get", args: "[-s] [-w] [-b] [-x] path", help: "print a node's data",
			options: []option{optStat, optWatch, {"b", "", "as base64"}, {"x", "", "as a hex dump"}},
			paths:   1, min: 1, max: 2, run: get},
		{name: "stat", args: "[-w] path", help: "print a node's stat",
			options: []option{optWatch}, paths: 1, min: 1, max: 2, run: stat},
		{name: "getAcl", args: "[-s] path", help: "print who may do what",
			options: []option{optStat}, paths: 1, min: 1, max: 1, run: getACL},
		{name: "getAllChildrenNumber", args: "path", help: "count the nodes below",
			paths: 1, min: 1, max: 1, run: countAll},
		{name: "getEphemerals", args: "path", help: "list this session's ephemeral nodes",
			paths: 1, max: 1, run: ephemerals},
	}
}

// oldWatch takes a second word for -w, as versions of zkCli before 3.5 had it.
func (c *call) oldWatch(instead string) bool {
	if len(c.args) > 1 {
		c.out.notice("'%s path [watch]' has been deprecated. Please use '%s' instead.", c.cmd.name, instead)
		return true
	}
	return c.has("w")
}

func ls(ctx context.Context, c *call) error {
	watch := c.oldWatch("ls [-w] path")
	if c.has("R") {
		return c.lsAll(ctx, watch)
	}
	names, st, err := c.children(ctx, c.path(), watch)
	if err != nil {
		return err
	}
	slices.Sort(names)
	if names == nil {
		names = []string{}
	}
	return c.showNode(nodeView{plain: listText(names), Children: &names}, st)
}

// showNode prints what was read of a node, with the stat if that is asked for.
func (c *call) showNode(n nodeView, st client.Stat) error {
	n.Path = c.path()
	if c.has("s") {
		n.Stat = statForJSON(&st)
	}
	return c.show(n)
}

func (c *call) lsAll(ctx context.Context, watch bool) error {
	for v := range c.walk(ctx, c.path(), walkOptions{}) {
		if v.leaving {
			continue
		}
		if v.err != nil {
			return v.err
		}
		if watch {
			if _, _, err := c.children(ctx, v.path, true); err != nil {
				return err
			}
		}
		if err := c.show(pathView{Path: v.path}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// A pathView is a line with a path.
type pathView struct {
	Path string `json:"path"`
}

func (v pathView) text(p *printer) { p.printf("%s\n", v.Path) }

func get(ctx context.Context, c *call) error {
	data, st, err := c.data(ctx, c.path(), c.oldWatch("get [-s] [-w] path"))
	if err != nil {
		return err
	}
	var n nodeView
	n.setData(data)
	shown := data
	if data == nil {
		shown = []byte("null") // and so in every form, as zkCli has it
	}
	switch {
	case c.has("x"):
		n.plain = hexText(shown) + "\n"
	case c.has("b"):
		n.plain = base64.StdEncoding.EncodeToString(shown) + "\n"
	default:
		n.plain = string(shown) + "\n"
	}
	return c.showNode(n, st)
}

func stat(ctx context.Context, c *call) error {
	st, ok, err := c.exists(ctx, c.path(), c.oldWatch("stat [-w] path"))
	if err == nil && !ok {
		err = client.ErrNoNode
	}
	if err != nil {
		return err
	}
	return c.show(nodeView{Path: c.path(), Stat: statForJSON(&st)})
}

func getACL(ctx context.Context, c *call) error {
	acl, st, err := c.svc.GetACL(ctx, c.path())
	if err != nil {
		return err
	}
	return c.showNode(nodeView{plain: aclText(acl), ACL: aclForJSON(acl)}, st)
}

// A listView is a list of paths, as Java prints one.
type listView []string

func (v listView) text(p *printer) { p.printf("%s", listText(v)) }

func ephemerals(ctx context.Context, c *call) error {
	paths, err := c.svc.Ephemerals(ctx, c.path())
	if err != nil {
		return err
	}
	paths = append([]string{}, paths...)
	slices.Sort(paths)
	return c.show(listView(paths))
}

// A countView is how many nodes there are below a path.
type countView struct {
	Path  string `json:"path"`
	Nodes int    `json:"nodes"`
}

func (v countView) text(p *printer) { p.printf("%s\n", strconv.Itoa(v.Nodes)) }

func countAll(ctx context.Context, c *call) error {
	n, err := c.svc.Count(ctx, c.path())
	if err != nil {
		return err
	}
	return c.show(countView{c.path(), n})
}
