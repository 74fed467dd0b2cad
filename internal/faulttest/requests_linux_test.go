package faulttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zabra/zabra/internal/sim/history"
	"github.com/zabra/zabra/wire"
)

func (c *client) value() []byte {
	c.values++
	return fmt.Appendf(nil, "%d.%d", c.id, c.values)
}

func (c *client) register() string { return registers[c.rng.IntN(len(registers))] }
func (c *client) anyPath() string  { return fmt.Sprintf("/n%d", c.rng.IntN(8)) }

func (c *client) doSomething() {
	if c.reads || c.quiet.Load() {
		c.look(wire.OpGetData, c.register())
		return
	}
	switch p := c.rng.IntN(100); {
	case p < 26:
		c.set(c.register(), -1)
	case p < 32:
		c.set(c.register(), c.rng.Int32N(2000))
	case p < 36:
		c.set(c.anyPath(), -1)
	case p < 46:
		c.create(c.anyPath(), wire.ModePersistent)
	case p < 52:
		c.create(c.anyPath(), wire.ModeEphemeral)
	case p < 55:
		c.create("/q/e", wire.ModeEphemeralSequential)
	case p < 63:
		path := c.anyPath()
		c.ask(&history.Op{Op: wire.OpDelete, Path: path, Version: -1}, &wire.PathVersionRequest{Path: path, Version: -1})
	case p < 67:
		c.multi()
	case p < 75:
		path := c.register()
		c.ask(&history.Op{Op: wire.OpSync, Path: path}, &wire.PathRequest{Path: path})
		c.look(wire.OpGetData, path)
	case p < 87:
		c.look(wire.OpGetData, c.register())
	case p < 92:
		c.look(wire.OpGetData, c.anyPath())
	case p < 97:
		c.look(wire.OpExists, c.anyPath())
	default:
		c.look(wire.OpGetChildren2, [...]string{"/", "/q"}[c.rng.IntN(2)])
	}
}

func (c *client) set(path string, version int32) {
	v := c.value()
	c.ask(&history.Op{Op: wire.OpSetData, Path: path, Data: v, Version: version},
		&wire.SetDataRequest{Path: path, Data: v, Version: version})
}

func (c *client) create(path string, mode wire.CreateMode) {
	v := c.value()
	c.ask(&history.Op{Op: wire.OpCreate, Path: path, Data: v, Mode: mode},
		&wire.CreateRequest{Path: path, Data: v, ACL: open, Flags: int32(mode)})
}

var open = wire.WorldAnyone(wire.PermAll)

func (c *client) look(op wire.OpCode, path string) {
	watched := c.rng.IntN(3) == 0
	c.ask(&history.Op{Op: op, Path: path, Watch: watched}, &wire.PathWatchRequest{Path: path, Watch: watched})
}

func (c *client) multi() {
	path := c.anyPath()
	c.ask(&history.Op{Op: wire.OpMulti, Multi: []wire.MultiOp{
		{Op: wire.OpSetData, Body: &wire.SetDataRequest{Path: "/m", Data: c.value(), Version: -1}},
		{Op: wire.OpCreate, Body: &wire.CreateRequest{Path: path, Data: c.value(), ACL: open}},
		{Op: wire.OpDelete, Body: &wire.PathVersionRequest{Path: c.anyPath(), Version: -1}},
	}}, nil)
}

// decode keeps of an answer what the history is judged by.
func decode(o *history.Op, body []byte) error {
	d := wire.NewDecoder(body)
	switch o.Op {
	case wire.OpGetData:
		var r wire.GetDataResponse
		r.DecodeFrom(&d)
		o.Stat, o.Value = r.Stat, slices.Clone(r.Data)
	case wire.OpExists, wire.OpSetData:
		var r wire.StatResponse
		r.DecodeFrom(&d)
		o.Stat = r.Stat
	case wire.OpGetChildren2:
		var r wire.Children2Response
		r.DecodeFrom(&d)
		o.Stat = r.Stat
		for _, n := range r.Names {
			o.Names = append(o.Names, strings.Clone(n))
		}
	case wire.OpCreate:
		var r wire.PathResponse
		r.DecodeFrom(&d)
		o.Created = strings.Clone(r.Path)
	}
	if o.Op == wire.OpMulti {
		o.Err = multiError(&d)
	}
	return d.Err()
}

// multiError is the first error among the results of a multi.
func multiError(d *wire.Decoder) wire.Code {
	for d.Err() == nil {
		var h wire.MultiHeader
		h.DecodeFrom(d)
		if h.Done {
			break
		}
		switch h.Op {
		case wire.OpError:
			var r wire.ErrorResponse
			if r.DecodeFrom(d); r.Err != wire.OK && r.Err != wire.RuntimeInconsistency {
				return r.Err
			}
		case wire.OpCreate:
			var r wire.PathResponse
			r.DecodeFrom(d)
		case wire.OpSetData:
			var r wire.StatResponse
			r.DecodeFrom(d)
		}
	}
	return wire.OK
}
