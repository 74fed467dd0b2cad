package pipeline

import (
	"strings"
	"time"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/watch"
	"github.com/zabra/zabra/wire"
)

// answer answers a read from the tree into the outbox. The caller holds the
// tree's lock, shared or not, until the reply is in the outbox: so no event of
// a later change can stand before it, and none of an earlier one behind it.
func (c *Client) answer(xid wire.Xid, op wire.OpCode, body []byte, at time.Duration) {
	if op == wire.OpSetWatches || op == wire.OpSetWatches2 {
		c.answerSetWatches(xid, op, body, at)
		return
	}
	h := wire.ReplyHeader{Xid: xid, Zxid: c.core.tree.LastZxid()}
	b, mark := wire.BeginFrame(c.outbox(readBox))
	b = h.AppendTo(b)
	start := len(b)
	b, code := c.read(b, op, body)
	if code != wire.OK {
		b = b[:start]
		wire.AppendInt(b[:start-4], int32(code))
	}
	c.mu.out = wire.EndFrame(b, mark)
	c.sent(at)
}

// read appends the reply's record to b, or returns why there is none.
func (c *Client) read(b []byte, op wire.OpCode, body []byte) ([]byte, wire.Code) {
	switch op {
	case wire.OpExists, wire.OpGetData, wire.OpGetChildren, wire.OpGetChildren2:
		var r wire.PathWatchRequest
		if code := DecodeRead(op, body, &r); code != wire.OK {
			return b, code
		}
		return c.readNode(b, op, r)
	case wire.OpGetACL, wire.OpGetAllChildrenNumber, wire.OpGetEphemerals:
		req, code := DecodeRequest(op, body)
		if code != wire.OK {
			return b, code
		}
		return c.readPath(b, op, req.Body.(*wire.PathRequest).Path)
	case wire.OpMultiRead:
		return c.multiRead(b, body)
	case wire.OpWhoAmI:
		r := wire.WhoAmIResponse{Clients: c.core.schemes.WhoAmI(c.asker())}
		return r.AppendTo(b), wire.OK
	case wire.OpAddWatch:
		return c.addWatch(b, body)
	case wire.OpCheckWatches, wire.OpRemoveWatches:
		return c.watchType(b, op, body)
	}
	return b, wire.Unimplemented
}

func (c *Client) readNode(b []byte, op wire.OpCode, r wire.PathWatchRequest) ([]byte, wire.Code) {
	t := c.core.tree
	n, ok := t.Find(r.Path)
	if !ok {
		if op == wire.OpExists && r.Watch {
			c.watch(r.Path, watch.Data)
		}
		return b, wire.NoNode
	}
	if !c.allowed(t.ACL(n), wire.PermRead) {
		return b, wire.NoAuth
	}
	stat, read := t.Stat(n), -len(b)
	switch op {
	case wire.OpExists:
		b, read = stat.AppendTo(b), 0
	case wire.OpGetData:
		b, read = stat.AppendTo(wire.AppendBuffer(b, t.Data(n))), int(stat.DataLength)
	case wire.OpGetChildren:
		b = t.AppendChildren(b, n)
		read += len(b)
	case wire.OpGetChildren2:
		b = t.AppendChildren(b, n)
		read += len(b)
		b = stat.AppendTo(b)
	}
	c.mu.reads.add(&c.core.metrics.ReadPerNamespace, c.stripe, r.Path, read)
	if r.Watch {
		c.watchRead(op, r.Path)
	}
	return b, wire.OK
}

// watchRead leaves the one-shot watch of a read that succeeded.
func (c *Client) watchRead(op wire.OpCode, path string) {
	mode := watch.Data
	if op == wire.OpGetChildren || op == wire.OpGetChildren2 {
		mode = watch.Child
	}
	if plant.In(plant.WatchAfterRead) {
		c.core.apart(func() { c.watch(path, mode) })
		return
	}
	c.watch(path, mode)
}

func (c *Client) readPath(b []byte, op wire.OpCode, path string) ([]byte, wire.Code) {
	t := c.core.tree
	if op == wire.OpGetEphemerals {
		return wire.AppendStrings(b, c.ephemerals(path)), wire.OK
	}
	n, ok := t.Find(path)
	if !ok {
		return b, wire.NoNode
	}
	if op == wire.OpGetACL {
		return c.getACL(b, t.ACL(n), t.Stat(n))
	}
	if !c.allowed(t.ACL(n), wire.PermRead) {
		return b, wire.NoAuth
	}
	count := t.Descendants(n)
	if path == "" { // ZooKeeper has the root under both names, and one begins with the other
		count++
	}
	return wire.AppendInt(b, int32(count)), wire.OK
}

func (c *Client) getACL(b []byte, acl []wire.ACL, stat wire.Stat) ([]byte, wire.Code) {
	admin := c.allowed(acl, wire.PermAdmin)
	if !admin && !c.allowed(acl, wire.PermRead) {
		return b, wire.NoAuth
	}
	if !admin {
		acl = auth.Redact(acl)
	}
	r := wire.GetACLResponse{ACL: acl, Stat: stat}
	return r.AppendTo(b), wire.OK
}

// ephemerals are the session's own ephemeral nodes whose path starts with the
// prefix as a plain string; null, blank and the root mean all.
func (c *Client) ephemerals(prefix string) []string {
	all := c.core.tree.Ephemerals(c.Session())
	if blank := strings.TrimSpace(prefix); prefix == wire.NullString || blank == "" || blank == "/" {
		prefix = ""
	}
	paths := make([]string, 0, len(all))
	for _, p := range all {
		if strings.HasPrefix(p, prefix) {
			paths = append(paths, p)
		}
	}
	return paths
}

// multiRead answers several reads; each may fail on its own. Their watch flags
// are ignored. One request could ask for the same large node ten thousand times:
// it fails as a whole where the answer would exceed what may wait for a client.
func (c *Client) multiRead(b []byte, body []byte) ([]byte, wire.Code) {
	req, code := DecodeRequest(wire.OpMultiRead, body)
	if code != wire.OK {
		return b, code
	}
	whole := len(b)
	for _, op := range req.Multi {
		if len(b)-whole > c.core.opts.MaxOutbox {
			return b, wire.MarshallingError
		}
		r := *op.Body.(*wire.PathWatchRequest)
		r.Watch = false
		start := len(b)
		b = wire.AppendMultiResult(b, op.Op, nil)
		var code wire.Code
		if b, code = c.readNode(b, op.Op, r); code != wire.OK {
			b = wire.AppendMultiError(b[:start], code)
		}
	}
	return wire.AppendMultiEnd(b), wire.OK
}

func (c *Client) allowed(acl []wire.ACL, perm int32) bool {
	return plant.In(plant.ReadUnchecked) || c.core.schemes.Allowed(acl, c.asker(), perm)
}

// asker is the identities with which the read came that is being answered.
func (c *Client) asker() []wire.ID {
	if c.mu.asking != nil {
		return *c.mu.asking
	}
	return c.IDs()
}
