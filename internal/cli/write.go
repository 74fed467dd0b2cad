package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/zabra/zabra/wire"
)

func create(ctx context.Context, c *call) error {
	switch {
	case c.container && (c.sequential || c.ephemeral):
		return &UsageError{Reason: "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential."}
	case c.ttl != 0 && (c.ephemeral || c.container):
		return &UsageError{Reason: "TTLs cannot be used with Ephemeral or Container znodes"}
	}
	acl := wire.WorldAnyone(wire.PermAll)
	if len(c.args) > 2 {
		var err error
		if acl, err = parseACL(c.args[2]); err != nil {
			return err
		}
	}
	var data []byte
	if len(c.args) > 1 {
		data = []byte(c.args[1])
	}
	path, err := c.create(ctx, data, acl)
	if err != nil {
		return err
	}
	if c.cfg.JSON {
		return c.out.object(nodeJSON{Path: path})
	}
	c.out.notice("Created %s", path)
	return nil
}

// create sends the request that the flags choose and returns the real path.
func (c *call) create(ctx context.Context, data []byte, acl []wire.ACL) (string, error) {
	if c.ttl != 0 {
		mode := wire.ModePersistentTTL
		if c.sequential {
			mode = wire.ModePersistentSequentialTTL
		}
		var resp wire.PathStatResponse
		err := c.do(ctx, wire.OpCreateTTL, &wire.CreateTTLRequest{Path: c.path, Data: data, ACL: acl, Flags: int32(mode), TTL: c.ttl}, &resp)
		return resp.Path, err
	}
	op, mode := wire.OpCreate, wire.ModePersistent
	switch {
	case c.container:
		op, mode = wire.OpCreateContainer, wire.ModeContainer
	case c.sequential && c.ephemeral:
		mode = wire.ModeEphemeralSequential
	case c.sequential:
		mode = wire.ModePersistentSequential
	case c.ephemeral:
		mode = wire.ModeEphemeral
	}
	// The reply to createContainer goes on with a stat, which is ignored here.
	var resp wire.PathResponse
	err := c.do(ctx, op, &wire.CreateRequest{Path: c.path, Data: data, ACL: acl, Flags: int32(mode)}, &resp)
	return resp.Path, err
}

func set(ctx context.Context, c *call) error {
	var resp wire.StatResponse
	req := wire.SetDataRequest{Path: c.path, Data: []byte(c.args[1]), Version: c.version}
	if err := c.do(ctx, wire.OpSetData, &req, &resp); err != nil || !c.stat {
		return err
	}
	return c.show("", nodeJSON{}, &resp.Stat)
}

func remove(ctx context.Context, c *call) error {
	return c.do(ctx, wire.OpDelete, &wire.PathVersionRequest{Path: c.path, Version: c.version}, nil)
}

//lint:ignore ST1005 these are zkCli's words
var errSubtree = errors.New("Failed to delete some node(s) in the subtree!")

// removeAll deletes a subtree in multis, children before parents.
func removeAll(ctx context.Context, c *call) error {
	if c.batch < 1 {
		return &UsageError{Reason: "the batch size is at least 1"}
	}
	paths, err := c.subtree(ctx, c.path)
	if err != nil {
		return err
	}
	for n := len(paths); n > 0; n = len(paths) {
		from := max(n-c.batch, 0)
		if err := c.deleteAll(ctx, paths[from:]); err != nil {
			return fmt.Errorf("%w %w", errSubtree, err)
		}
		paths = paths[:from]
	}
	return nil
}

// deleteAll deletes paths in one multi, the last first. The root of the tree
// cannot be deleted; its children can.
func (c *call) deleteAll(ctx context.Context, paths []string) error {
	var m multi
	for i := len(paths) - 1; i >= 0; i-- {
		m.ops = append(m.ops, wire.MultiOp{Op: wire.OpDelete, Body: &wire.PathVersionRequest{Path: paths[i], Version: -1}})
	}
	var results multiResults
	if err := c.do(ctx, wire.OpMulti, &m, &results); err != nil {
		return err
	}
	if results.err != wire.OK {
		return about(paths[len(paths)-1-results.culprit], results.err)
	}
	return nil
}

// A multi is the body of a multi request, as a record.
type multi struct{ ops []wire.MultiOp }

func (m *multi) AppendTo(b []byte) []byte   { return wire.AppendMulti(b, m.ops) }
func (m *multi) DecodeFrom(d *wire.Decoder) { m.ops, _ = wire.DecodeMulti(d, false) }

// multiResults are the results of a multi of deletes: OK, or which failed.
type multiResults struct {
	err     wire.Code
	culprit int
}

func (m *multiResults) AppendTo(b []byte) []byte { return b }

func (m *multiResults) DecodeFrom(d *wire.Decoder) {
	for i := 0; ; i++ {
		var h wire.MultiHeader
		if h.DecodeFrom(d); d.Err() != nil || h.Done {
			return
		}
		if h.Op != wire.OpError {
			continue
		}
		if code := wire.Code(d.Int()); code != wire.OK && m.err == wire.OK {
			m.err, m.culprit = code, i
		}
	}
}

func setACL(ctx context.Context, c *call) error {
	acl, err := parseACL(c.args[1])
	if err != nil {
		return err
	}
	paths := []string{c.path}
	if c.recursive {
		if paths, err = c.subtree(ctx, c.path); err != nil {
			return err
		}
	}
	var resp wire.StatResponse
	for _, path := range paths {
		if err := c.do(ctx, wire.OpSetACL, &wire.SetACLRequest{Path: path, ACL: acl, Version: c.version}, &resp); err != nil {
			return about(path, err)
		}
	}
	if !c.stat {
		return nil
	}
	return c.show("", nodeJSON{}, &resp.Stat)
}

func addAuth(ctx context.Context, c *call) error {
	return c.addAuth(ctx, c.args[0], c.args[1])
}
