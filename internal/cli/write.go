package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"github.com/zabra/zabra/client"
)

func writeCommands() []*command {
	return []*command{
		{name: "create", args: "[-s] [-e] [-c] [-t ttl] path [data] [acl]", help: "make a node",
			options: []option{{"e", "", "ephemeral: it goes with this session"}, {"s", "", "sequential: digits are added to the name"},
				{"c", "", "container: it goes when its last child has gone"}, {"t", "ttl", "milliseconds without a change after which it goes"}},
			paths: 1, min: 1, max: 3, run: create},
		{name: "set", args: "path data [-s] [-v version] [-b]", help: "replace a node's data",
			options: []option{optStat, optVersion, {"b", "", "the data is given as base64"}},
			paths:   1, min: 2, max: 2, run: set},
		{name: "delete", args: "[-v version] path", help: "remove a node without children",
			options: []option{optVersion}, paths: 1, min: 1, max: 2, run: remove},
		{name: "deleteall", args: "path [-b batch size]", help: "remove a node and all below it",
			options: []option{{"b", "batch size", "nodes in one transaction, 1000 if not given"}},
			paths:   1, min: 1, max: 1, run: removeAll},
		{name: "setAcl", args: "[-s] [-v version] [-R] path acl", help: "say who may do what: scheme:id:perms[,...]",
			options: []option{optStat, {"v", "version", "only if the version of the ACL is this one"}, {"R", "", "for all nodes below, too"}},
			paths:   1, min: 2, max: 2, run: setACL},
	}
}

// creation turns the options of create into those of the client.
func (c *call) creation() ([]client.CreateOption, error) {
	ttl, err := c.ttl()
	switch {
	case err != nil:
		return nil, err
	case c.has("c") && (c.has("s") || c.has("e")):
		return nil, c.usage("-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.")
	case ttl != 0 && c.has("e"):
		return nil, c.usage("TTLs cannot be used with Ephemeral znodes")
	case ttl != 0 && c.has("c"):
		return nil, c.usage("TTLs cannot be used with Container znodes")
	}
	var o []client.CreateOption
	if c.has("c") {
		o = append(o, client.Container)
	}
	if c.has("e") {
		o = append(o, client.Ephemeral)
	}
	if c.has("s") {
		o = append(o, client.Sequential)
	}
	if ttl != 0 {
		o = append(o, client.TTL(ttl))
	}
	return o, nil
}

// A createdView tells a new node's path; as text to standard error, as zkCli does.
type createdView struct {
	Path string `json:"path"`
}

func (v createdView) text(p *printer) { p.notice("Created %s", v.Path) }

func create(ctx context.Context, c *call) error {
	options, err := c.creation()
	if err != nil {
		return err
	}
	if len(c.args) > 2 {
		acl, err := parseACL(c.args[2])
		if err != nil {
			return c.usage(err.Error())
		}
		options = append(options, client.WithACL(acl...))
	}
	var data []byte
	if len(c.args) > 1 {
		data = []byte(c.args[1])
	}
	path, err := c.svc.Create(ctx, c.path(), data, options...)
	if err != nil {
		return err
	}
	return c.show(createdView{path})
}

func set(ctx context.Context, c *call) error {
	version, err := c.version()
	if err != nil {
		return err
	}
	data := []byte(c.args[1])
	if c.has("b") {
		if data, err = base64.StdEncoding.DecodeString(c.args[1]); err != nil {
			return c.usage("the data is no base64: " + err.Error())
		}
	}
	st, err := c.svc.Set(ctx, c.path(), data, version)
	return c.showStat(st, err)
}

// showStat prints the stat behind a change, if that is asked for.
func (c *call) showStat(st client.Stat, err error) error {
	if err != nil || !c.has("s") {
		return err
	}
	return c.showNode(nodeView{}, st)
}

func remove(ctx context.Context, c *call) error {
	version, err := c.version()
	if err != nil {
		return err
	}
	if len(c.args) > 1 {
		c.out.notice("'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.")
		// zkCli deletes any version then, which is not what was said.
		n, err := strconv.ParseInt(c.args[1], 10, 32)
		if err != nil {
			return c.usage("the version is no number: " + c.args[1])
		}
		version = int32(n)
	}
	return c.svc.Delete(ctx, c.path(), version)
}

//lint:ignore ST1005 these are zkCli's words
var errSubtree = errors.New("Failed to delete some node(s) in the subtree!")

// defaultBatch is how many changes go into one transaction.
const defaultBatch = 1000

// removeAll deletes a subtree in transactions, children before parents.
func removeAll(ctx context.Context, c *call) error {
	batch, err := c.number("b", defaultBatch, 1, 1<<20)
	if err != nil {
		return err
	}
	deleted, err := c.deleteTree(ctx, c.path(), int(batch), nil)
	switch {
	case err == nil || errors.Is(err, client.ErrNoNode) && deleted == 0:
		return err
	case errors.Is(err, context.Canceled):
		return partly("deleted", deleted, err)
	}
	return &explained{text: fmt.Sprintf("%v\n%s", errSubtree, firstLine(explain(c.path(), err))), hint: fmt.Sprintf("%d nodes are deleted, the others are there", deleted), err: err}
}

// deleteTree deletes path and all below it, batch nodes at a time, and returns how
// many. A batch is not interrupted in the middle, so that this is known. allowed may
// refuse a node. The root of the tree itself stays.
func (c *call) deleteTree(ctx context.Context, path string, batch int, allowed func(*visit) error) (deleted int, err error) {
	t, n, size := new(client.Txn), 0, 0
	commit := func() error {
		if n == 0 {
			return nil
		}
		if _, err := c.svc.Commit(context.WithoutCancel(ctx), t); err != nil {
			return err
		}
		deleted += n
		t, n, size = new(client.Txn), 0, 0
		c.progress("deleted", deleted)
		return nil
	}
	for v := range c.walk(ctx, path, walkOptions{leave: true}) {
		if v.err != nil {
			return deleted, v.err
		}
		if !v.leaving || v.path == "/" {
			continue
		}
		version := int32(client.AnyVersion)
		if allowed != nil {
			if err := allowed(v); err != nil {
				return deleted, errors.Join(commit(), err)
			}
			version = v.stat.Version
		}
		t.Delete(v.path, version)
		size += len(v.path)
		if n++; n == batch || size >= copyBytes { // paths of deep trees are long
			if err := commit(); err != nil {
				return deleted, err
			}
		}
	}
	if ctx.Err() != nil {
		return deleted, context.Cause(ctx)
	}
	err = commit()
	c.endProgress()
	return deleted, err
}

func setACL(ctx context.Context, c *call) error {
	version, err := c.version()
	if err != nil {
		return err
	}
	acl, err := parseACL(c.args[1])
	if err != nil {
		return c.usage(err.Error())
	}
	if !c.has("R") {
		st, err := c.svc.SetACL(ctx, c.path(), acl, version)
		return c.showStat(st, err)
	}
	return c.setACLBelow(ctx, acl, version)
}

// setACLBelow sets the ACL of a subtree, and goes on where it may not.
func (c *call) setACLBelow(ctx context.Context, acl []client.ACL, version int32) error {
	var last error
	n := 0
	failed := func(path string, err error) {
		c.out.notice("%s", firstLine(explain(path, err)))
		last = err
		n++
	}
	for v := range c.walk(ctx, c.path(), walkOptions{}) {
		if v.err != nil {
			if v.path == c.path() {
				return v.err
			}
			failed(v.path, v.err)
			continue
		}
		if _, err := c.svc.SetACL(ctx, v.path, acl, version); err != nil {
			failed(v.path, err)
		}
	}
	if last != nil {
		return &explained{text: fmt.Sprintf("setAcl -R %s: %d nodes do not have the ACL, the others have", c.path(), n), err: last}
	}
	return ctx.Err()
}
