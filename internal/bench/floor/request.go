package floor

import (
	"errors"

	"github.com/zabra/zabra/wire"
)

// errEnd ends a connection after closeSession has been answered.
var errEnd = errors.New("session closed")

func (c *conn) request(f []byte) error {
	var h wire.RequestHeader
	d := wire.NewDecoder(f)
	if h.DecodeFrom(&d); d.Err() != nil {
		return d.Err()
	}
	t := c.s.tree
	switch h.Op {
	case wire.OpPing:
		h.Xid = wire.XidPing
	case wire.OpGetData, wire.OpExists, wire.OpGetChildren:
		return c.read(h, &d)
	case wire.OpAddWatch:
		return c.addWatch(h, &d)
	case wire.OpMulti:
		return c.multi(h, &d)
	case wire.OpCloseSession:
		t.RLock()
		c.reply(h.Xid, t.zxid, wire.OK, nil)
		t.RUnlock()
		return errEnd
	case wire.OpCreate, wire.OpDelete, wire.OpSetData:
		return c.write(h, &d)
	default:
		c.reply(h.Xid, wire.NoZxid, wire.Unimplemented, nil)
		return errProtocol
	}
	t.RLock()
	defer t.RUnlock()
	c.reply(h.Xid, t.zxid, wire.OK, nil)
	return nil
}

func (c *conn) reply(xid wire.Xid, zxid wire.Zxid, code wire.Code, body wire.Record) {
	if code != wire.OK {
		body = nil
	}
	c.replies = wire.AppendReply(c.replies, wire.ReplyHeader{Xid: xid, Zxid: zxid, Err: code}, body)
}

func (c *conn) read(h wire.RequestHeader, d *wire.Decoder) error {
	var req wire.PathWatchRequest
	if req.DecodeFrom(d); d.Err() != nil {
		return d.Err()
	}
	t := c.s.tree
	if req.Watch {
		t.Lock()
		defer t.Unlock()
	} else {
		t.RLock()
		defer t.RUnlock()
	}
	n := t.nodes[req.Path]
	if n == nil {
		c.reply(h.Xid, t.zxid, wire.NoNode, nil)
		return nil
	}
	if req.Watch {
		n.watch(c, false)
		c.watched = append(c.watched, keep(req.Path))
	}
	// Without an interface: this is the path whose cost is measured.
	b, mark := wire.BeginFrame(c.replies)
	head := wire.ReplyHeader{Xid: h.Xid, Zxid: t.zxid}
	b = head.AppendTo(b)
	switch h.Op {
	case wire.OpGetData:
		b = n.stat.AppendTo(wire.AppendBuffer(b, n.data))
	case wire.OpExists:
		b = n.stat.AppendTo(b)
	default:
		b = wire.AppendStrings(b, n.names())
	}
	c.replies = wire.EndFrame(b, mark)
	return nil
}

func (c *conn) addWatch(h wire.RequestHeader, d *wire.Decoder) error {
	var req wire.AddWatchRequest
	if req.DecodeFrom(d); d.Err() != nil {
		return d.Err()
	}
	t := c.s.tree
	t.Lock()
	defer t.Unlock()
	if n := t.nodes[req.Path]; n != nil {
		n.watch(c, true)
		c.watched = append(c.watched, keep(req.Path))
	}
	c.reply(h.Xid, t.zxid, wire.OK, &wire.ErrorResponse{})
	return nil
}

func (c *conn) write(h wire.RequestHeader, d *wire.Decoder) error {
	t := c.s.tree
	t.Lock()
	defer t.Unlock()
	body, code, err := c.apply(h.Op, d)
	if err != nil {
		return err
	}
	c.reply(h.Xid, t.zxid, code, body)
	return nil
}

// apply makes one change; the tree is locked.
func (c *conn) apply(op wire.OpCode, d *wire.Decoder) (wire.Record, wire.Code, error) {
	t := c.s.tree
	switch op {
	case wire.OpCreate:
		var req wire.CreateRequest
		if req.DecodeFrom(d); d.Err() != nil {
			return nil, 0, d.Err()
		}
		path, owner := keep(req.Path), wire.SessionID(0)
		if wire.CreateMode(req.Flags).Ephemeral() {
			owner = c.session
			c.ephemerals = append(c.ephemerals, path)
		}
		return &wire.PathResponse{Path: path}, t.create(path, clone(req.Data), owner), nil
	case wire.OpDelete:
		var req wire.PathVersionRequest
		if req.DecodeFrom(d); d.Err() != nil {
			return nil, 0, d.Err()
		}
		return nil, t.delete(req.Path), nil
	case wire.OpSetData:
		var req wire.SetDataRequest
		if req.DecodeFrom(d); d.Err() != nil {
			return nil, 0, d.Err()
		}
		stat, code := t.set(req.Path, clone(req.Data))
		return &wire.StatResponse{Stat: stat}, code, nil
	}
	return nil, wire.Unimplemented, nil
}

// multi applies operations one after another. It undoes nothing: this server
// keeps no promises.
func (c *conn) multi(h wire.RequestHeader, d *wire.Decoder) error {
	t := c.s.tree
	t.Lock()
	defer t.Unlock()
	b, mark := wire.BeginFrame(c.replies)
	head := wire.ReplyHeader{Xid: h.Xid, Zxid: t.zxid}
	b = head.AppendTo(b)
	for {
		var op wire.MultiHeader
		if op.DecodeFrom(d); d.Err() != nil {
			return d.Err()
		}
		if op.Done {
			c.replies = wire.EndFrame(wire.AppendMultiEnd(b), mark)
			return nil
		}
		body, code, err := c.apply(op.Op, d)
		switch {
		case err != nil:
			return err
		case code != wire.OK:
			b = wire.AppendMultiError(b, code)
		default:
			b = wire.AppendMultiResult(b, op.Op, body)
		}
	}
}
