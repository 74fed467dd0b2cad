package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zabra/zabra/wire"
)

// show prints a node as text or as JSON; the stat only if it was asked for.
func (c *call) show(text string, n nodeJSON, st *wire.Stat) error {
	if !c.stat {
		st = nil
	}
	if c.cfg.JSON {
		n.Path, n.Stat = c.path, statForJSON(st)
		return c.out.object(n)
	}
	if st != nil {
		text += statText(st)
	}
	c.out.print(text)
	return nil
}

func (c *call) children(ctx context.Context, path string, watch bool) (wire.Children2Response, error) {
	var resp wire.Children2Response
	err := c.do(ctx, wire.OpGetChildren2, &wire.PathWatchRequest{Path: path, Watch: watch}, &resp)
	slices.Sort(resp.Names)
	return resp, err
}

func ls(ctx context.Context, c *call) error {
	if c.recursive {
		return lsRecursive(ctx, c)
	}
	resp, err := c.children(ctx, c.path, c.watch)
	if err != nil {
		return err
	}
	names := append([]string{}, resp.Names...)
	return c.show(listText(names), nodeJSON{Children: &names}, &resp.Stat)
}

// lsRecursive prints each path on a line, parents before children.
func lsRecursive(ctx context.Context, c *call) error {
	paths, err := c.subtree(ctx, c.path)
	if err != nil {
		return err
	}
	if c.cfg.JSON {
		return c.out.object(paths)
	}
	c.out.print(strings.Join(paths, "\n") + "\n")
	return nil
}

// subtree lists path and what is below it, depth first, children sorted. A node
// that vanishes meanwhile is left out, unless it is path itself.
func (c *call) subtree(ctx context.Context, path string) ([]string, error) {
	resp, err := c.children(ctx, path, false)
	if err != nil {
		return nil, err
	}
	paths := []string{path}
	for _, name := range resp.Names {
		below, err := c.subtree(ctx, strings.TrimSuffix(path, "/")+"/"+name)
		if errors.Is(err, wire.NoNode) {
			continue
		}
		if err != nil {
			return nil, err
		}
		paths = append(paths, below...)
	}
	return paths, nil
}

func get(ctx context.Context, c *call) error {
	var resp wire.GetDataResponse
	if err := c.do(ctx, wire.OpGetData, &wire.PathWatchRequest{Path: c.path, Watch: c.watch}, &resp); err != nil {
		return err
	}
	var n nodeJSON
	n.setData(resp.Data)
	return c.show(dataText(resp.Data), n, &resp.Stat)
}

func stat(ctx context.Context, c *call) error {
	var resp wire.StatResponse
	if err := c.do(ctx, wire.OpExists, &wire.PathWatchRequest{Path: c.path, Watch: c.watch}, &resp); err != nil {
		return err
	}
	c.stat = true
	return c.show("", nodeJSON{}, &resp.Stat)
}

func getACL(ctx context.Context, c *call) error {
	var resp wire.GetACLResponse
	if err := c.do(ctx, wire.OpGetACL, &wire.PathRequest{Path: c.path}, &resp); err != nil {
		return err
	}
	return c.show(aclText(resp.ACL), nodeJSON{ACL: aclForJSON(resp.ACL)}, &resp.Stat)
}

func ephemerals(ctx context.Context, c *call) error {
	if c.path == "" {
		c.path = "/"
	}
	var resp wire.ChildrenResponse
	if err := c.do(ctx, wire.OpGetEphemerals, &wire.PathRequest{Path: c.path}, &resp); err != nil {
		return err
	}
	paths := append([]string{}, resp.Names...)
	slices.Sort(paths)
	if c.cfg.JSON {
		return c.out.object(paths)
	}
	c.out.print(listText(paths))
	return nil
}

func countAll(ctx context.Context, c *call) error {
	var resp wire.CountResponse
	if err := c.do(ctx, wire.OpGetAllChildrenNumber, &wire.PathRequest{Path: c.path}, &resp); err != nil {
		return err
	}
	c.out.print(fmt.Sprintln(resp.Total))
	return nil
}

func whoAmI(ctx context.Context, c *call) error {
	var resp wire.WhoAmIResponse
	if err := c.do(ctx, wire.OpWhoAmI, nil, &resp); err != nil {
		return err
	}
	if c.cfg.JSON {
		ids := []map[string]string{}
		for _, id := range resp.Clients {
			ids = append(ids, map[string]string{"scheme": id.Scheme, "user": id.User})
		}
		return c.out.object(ids)
	}
	text := "Auth scheme: User\n"
	for _, id := range resp.Clients {
		text += id.Scheme + ": " + id.User + "\n"
	}
	c.out.print(text)
	return nil
}

func syncPath(ctx context.Context, c *call) error {
	err := c.do(ctx, wire.OpSync, &wire.PathRequest{Path: c.path}, nil)
	var code wire.Code
	if errors.As(err, &code) {
		//lint:ignore ST1005 these are zkCli's words
		return fmt.Errorf("Sync has failed. rc=%d", int32(code))
	}
	if err == nil {
		c.out.print("Sync is OK\n")
	}
	return err
}

func addWatch(ctx context.Context, c *call) error {
	modes := map[string]wire.AddWatchMode{
		"PERSISTENT":           wire.WatchPersistent,
		"PERSISTENT_RECURSIVE": wire.WatchPersistentRecursive,
	}
	mode, ok := modes[strings.ToUpper(c.mode)]
	if !ok {
		return &UsageError{Reason: "unknown mode " + c.mode}
	}
	return c.do(ctx, wire.OpAddWatch, &wire.AddWatchRequest{Path: c.path, Mode: mode}, nil)
}
