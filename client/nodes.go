package client

import (
	"context"
	"time"

	"github.com/zabra/zabra/wire"
)

// Get returns the data of the node at path. Nil data is null, which is not empty.
func (c *Client) Get(ctx context.Context, path string) ([]byte, Stat, error) {
	k, err := c.reading(wire.OpGetData, path, nil)
	if err != nil {
		return nil, Stat{}, err
	}
	var r wire.GetDataResponse
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	return r.Data, r.Stat, c.conclude(k, &d, err)
}

// GetW is Get, and leaves a watch for the next change of the data or the end of the
// node.
func (c *Client) GetW(ctx context.Context, path string) ([]byte, Stat, *Watch, error) {
	k, w, err := c.watching(wire.OpGetData, path, dataWatch)
	if err != nil {
		return nil, Stat{}, nil, err
	}
	var r wire.GetDataResponse
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	if err = c.conclude(k, &d, err); err != nil {
		w.Close()
		return nil, Stat{}, nil, err
	}
	return r.Data, r.Stat, w, nil
}

// Exists reports whether there is a node at path.
func (c *Client) Exists(ctx context.Context, path string) (Stat, bool, error) {
	k, err := c.reading(wire.OpExists, path, nil)
	if err != nil {
		return Stat{}, false, err
	}
	return c.exists(ctx, k)
}

// ExistsW is Exists, and leaves a watch for the creation, the next change of the data,
// or the end of the node.
func (c *Client) ExistsW(ctx context.Context, path string) (Stat, bool, *Watch, error) {
	k, w, err := c.watching(wire.OpExists, path, dataWatch)
	if err != nil {
		return Stat{}, false, nil, err
	}
	st, ok, err := c.exists(ctx, k)
	if err != nil {
		w.Close()
		return Stat{}, false, nil, err
	}
	return st, ok, w, nil
}

func (c *Client) exists(ctx context.Context, k *call) (Stat, bool, error) {
	k.keep, k.absent = false, true
	d, err := c.do(ctx, k)
	p := decodePresence(&d)
	return p.Stat, p.Exists, c.conclude(k, &d, err)
}

// decodePresence reads the answer to exists, which is empty if there is no node.
func decodePresence(d *wire.Decoder) (p Presence) {
	if len(d.Rest()) > 0 {
		p.Stat.DecodeFrom(d)
		p.Exists = true
	}
	return p
}

// Children returns the names of the node's children, in no order, and its Stat.
func (c *Client) Children(ctx context.Context, path string) ([]string, Stat, error) {
	k, err := c.reading(wire.OpGetChildren2, path, nil)
	if err != nil {
		return nil, Stat{}, err
	}
	var r wire.Children2Response
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	return r.Names, r.Stat, c.conclude(k, &d, err)
}

// ChildrenW is Children, and leaves a watch for the next child that comes or goes, or
// the end of the node.
func (c *Client) ChildrenW(ctx context.Context, path string) ([]string, Stat, *Watch, error) {
	k, w, err := c.watching(wire.OpGetChildren2, path, childWatch)
	if err != nil {
		return nil, Stat{}, nil, err
	}
	var r wire.Children2Response
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	if err = c.conclude(k, &d, err); err != nil {
		w.Close()
		return nil, Stat{}, nil, err
	}
	return r.Names, r.Stat, w, nil
}

// reading makes a read that may be sent again, and whose answer the caller keeps.
func (c *Client) reading(op wire.OpCode, path string, w *Watch) (*call, error) {
	full, err := c.inside(op, path)
	if err != nil {
		return nil, err
	}
	req := wire.PathWatchRequest{Path: full, Watch: w != nil}
	k := c.newCall(op, path)
	k.frame = req.AppendTo(k.frame)
	k.again, k.keep, k.watch = true, true, w
	return k, nil
}

func (c *Client) watching(op wire.OpCode, path string, kind watchKind) (*call, *Watch, error) {
	w := c.newWatch(kind, c.prefix(path))
	k, err := c.reading(op, path, w)
	if err == nil {
		c.watches.ask(w)
	}
	return k, w, err
}

// Count returns how many nodes there are below path, at any depth.
func (c *Client) Count(ctx context.Context, path string) (int, error) {
	k, err := c.readingPath(wire.OpGetAllChildrenNumber, path)
	if err != nil {
		return 0, err
	}
	var r wire.CountResponse
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	return int(r.Total), c.conclude(k, &d, err)
}

// Ephemerals returns the paths of the session's ephemeral nodes that begin with prefix, as
// text: /a has those at /a, below it, and at /ab.
func (c *Client) Ephemerals(ctx context.Context, prefix string) ([]string, error) {
	k, err := c.readingPath(wire.OpGetEphemerals, prefix)
	if err != nil {
		return nil, err
	}
	var r wire.ChildrenResponse
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	for i := range r.Names {
		r.Names[i] = c.outside(r.Names[i])
	}
	return r.Names, c.conclude(k, &d, err)
}

// GetACL returns the node's ACL. Digests are hidden from those who may not set it.
func (c *Client) GetACL(ctx context.Context, path string) ([]ACL, Stat, error) {
	k, err := c.readingPath(wire.OpGetACL, path)
	if err != nil {
		return nil, Stat{}, err
	}
	var r wire.GetACLResponse
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	return r.ACL, r.Stat, c.conclude(k, &d, err)
}

// Sync returns when this connection's server has all that was written before Sync was
// called.
func (c *Client) Sync(ctx context.Context, path string) error {
	k, err := c.readingPath(wire.OpSync, path)
	if err != nil {
		return err
	}
	return c.just(ctx, k)
}

func (c *Client) readingPath(op wire.OpCode, path string) (*call, error) {
	full, err := c.inside(op, path)
	if err != nil {
		return nil, err
	}
	req := wire.PathRequest{Path: full}
	k := c.newCall(op, path)
	k.frame = req.AppendTo(k.frame)
	k.again, k.keep = true, true
	return k, nil
}

// Set replaces the node's data if its version is the expected one; AnyVersion always
// is.
func (c *Client) Set(ctx context.Context, path string, data []byte, version int32) (Stat, error) {
	k, err := c.setting(path, data, version)
	if err != nil {
		return Stat{}, err
	}
	var r wire.StatResponse
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	return r.Stat, c.conclude(k, &d, err)
}

func (c *Client) setting(path string, data []byte, version int32) (*call, error) {
	full, err := c.inside(wire.OpSetData, path)
	if err != nil {
		return nil, err
	}
	req := wire.SetDataRequest{Path: full, Data: data, Version: version}
	k := c.newCall(wire.OpSetData, path)
	k.frame = req.AppendTo(k.frame)
	return k, nil
}

// SetACL replaces the node's ACL if the version of that is the expected one.
func (c *Client) SetACL(ctx context.Context, path string, acl []ACL, version int32) (Stat, error) {
	full, err := c.inside(wire.OpSetACL, path)
	if err != nil {
		return Stat{}, err
	}
	req := wire.SetACLRequest{Path: full, ACL: acl, Version: version}
	k := c.newCall(wire.OpSetACL, path)
	k.frame = req.AppendTo(k.frame)
	var r wire.StatResponse
	d, err := c.do(ctx, k)
	r.DecodeFrom(&d)
	return r.Stat, c.conclude(k, &d, err)
}

// Delete removes a node that has no children if its version is the expected one.
func (c *Client) Delete(ctx context.Context, path string, version int32) error {
	k, err := c.deleting(path, version)
	if err != nil {
		return err
	}
	return c.just(ctx, k)
}

func (c *Client) deleting(path string, version int32) (*call, error) {
	full, err := c.inside(wire.OpDelete, path)
	if err != nil {
		return nil, err
	}
	req := wire.PathVersionRequest{Path: full, Version: version}
	k := c.newCall(wire.OpDelete, path)
	k.frame = req.AppendTo(k.frame)
	return k, nil
}

// Create makes a node and returns its path, which a sequential one has from the
// server. A node is persistent and has the Client's ACL unless options say otherwise.
func (c *Client) Create(ctx context.Context, path string, data []byte, options ...CreateOption) (string, error) {
	k, cr, err := c.creating(path, data, options)
	if err != nil {
		return "", err
	}
	d, err := c.do(ctx, k)
	if err != nil {
		return "", c.conclude(k, &d, err)
	}
	return c.created(&d, cr), c.conclude(k, &d, nil)
}

func (c *Client) creating(path string, data []byte, options []CreateOption) (*call, creation, error) {
	cr := newCreation(options)
	if !cr.valid(path) {
		return nil, cr, &Error{Op: cr.op().String(), Path: path, Err: &PathError{}}
	}
	k := c.newCall(cr.op(), path)
	k.frame = cr.request(c.place(path), data, c.opts.ACL).AppendTo(k.frame)
	k.keep = true
	return k, cr, nil
}

// created reads the answer to a create, and returns the new node's path.
func (c *Client) created(d *wire.Decoder, cr creation) string {
	path := d.String()
	if cr.stat != nil {
		cr.stat.DecodeFrom(d)
	}
	return c.outside(path)
}

// A CreateOption says what kind of node Create makes.
type CreateOption func(*creation)

// A creation is what a request to create a node says besides path and data.
type creation struct {
	mode wire.CreateMode
	ttl  time.Duration
	acl  []ACL
	stat *Stat
}

// Ephemeral nodes go with the session, and have no children.
func Ephemeral(c *creation) { c.mode |= wire.ModeEphemeral }

// Sequential nodes get ten digits behind their name, larger than all before below
// the same parent.
func Sequential(c *creation) { c.mode |= wire.ModePersistentSequential }

// Container nodes are removed by the service when their last child is gone.
func Container(c *creation) { c.mode = wire.ModeContainer }

// TTL nodes are removed by the service when they have no children and were not
// changed for so long: 1 ms to 34 years. The server must allow it.
func TTL(d time.Duration) CreateOption { return func(c *creation) { c.ttl = d } }

// WithACL gives the node an ACL of its own.
func WithACL(acl ...ACL) CreateOption { return func(c *creation) { c.acl = acl } }

// StatTo has the new node's Stat stored.
func StatTo(st *Stat) CreateOption { return func(c *creation) { c.stat = st } }

func newCreation(options []CreateOption) creation {
	var c creation
	for _, o := range options {
		o(&c)
	}
	return c
}

func (c *creation) op() wire.OpCode {
	switch {
	case c.ttl != 0:
		return wire.OpCreateTTL
	case c.mode == wire.ModeContainer:
		return wire.OpCreateContainer
	}
	return wire.OpCreate2
}

// valid reports whether there can be such a node. A sequential one's name may be empty,
// as digits follow.
func (c *creation) valid(path string) bool {
	if c.mode.Sequential() {
		return wire.ValidPath(path + "0")
	}
	return wire.ValidPath(path)
}

func (c *creation) request(full string, data []byte, acl []ACL) wire.Record {
	if c.acl != nil {
		acl = c.acl
	}
	if c.ttl == 0 {
		return &wire.CreateRequest{Path: full, Data: data, ACL: acl, Flags: int32(c.mode)}
	}
	mode := wire.ModePersistentTTL
	if c.mode.Sequential() {
		mode = wire.ModePersistentSequentialTTL
	}
	return &wire.CreateTTLRequest{Path: full, Data: data, ACL: acl, Flags: int32(mode), TTL: c.ttl.Milliseconds()}
}
