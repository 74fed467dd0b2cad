package client

import (
	"context"
	"fmt"

	"github.com/zabra/zabra/wire"
)

// A Txn is a list of changes that all happen or none, in their order. Its methods add
// one and return it:
//
//	results, err := c.Commit(ctx, new(client.Txn).
//		Check("/lock", version).
//		Set("/state", data, client.AnyVersion))
type Txn struct {
	ops []txnOp
}

type txnOp struct {
	op      wire.OpCode
	path    string
	data    []byte
	version int32
	create  creation
}

// Create adds the creation of a node.
func (t *Txn) Create(path string, data []byte, options ...CreateOption) *Txn {
	cr := newCreation(options)
	t.ops = append(t.ops, txnOp{op: cr.op(), path: path, data: data, create: cr})
	return t
}

// Set adds a replacement of a node's data.
func (t *Txn) Set(path string, data []byte, version int32) *Txn {
	t.ops = append(t.ops, txnOp{op: wire.OpSetData, path: path, data: data, version: version})
	return t
}

// Delete adds the removal of a node.
func (t *Txn) Delete(path string, version int32) *Txn {
	t.ops = append(t.ops, txnOp{op: wire.OpDelete, path: path, version: version})
	return t
}

// Check adds the condition that a node has the version.
func (t *Txn) Check(path string, version int32) *Txn {
	t.ops = append(t.ops, txnOp{op: wire.OpCheck, path: path, version: version})
	return t
}

// Len is how many operations there are.
func (t *Txn) Len() int { return len(t.ops) }

// A Result is what one operation of a Txn or of Reads led to.
type Result struct {
	Path     string   // of a created node, or the one that was asked for
	Stat     Stat     // of a created or changed node, or of one whose data was read
	Data     []byte   // that was read
	Children []string // that were read
	Err      error    // of a read that failed; the others have their results
}

// Commit makes the changes of t. If one cannot be made none is; the *Error says which,
// by its path, and Index in the *TxnError within.
func (c *Client) Commit(ctx context.Context, t *Txn) ([]Result, error) {
	k, err := c.committing(t)
	if err != nil {
		return nil, err
	}
	d, err := c.do(ctx, k)
	var results []Result
	if err == nil {
		results, err = c.decodeTxn(t, &d)
	}
	if failed, ok := err.(*TxnError); ok {
		k.path = t.ops[failed.Index].path
	}
	if err = c.conclude(k, &d, err); err != nil {
		return nil, err
	}
	return results, nil
}

func (c *Client) committing(t *Txn) (*call, error) {
	ops := make([]wire.MultiOp, 0, len(t.ops))
	for i := range t.ops {
		o := &t.ops[i]
		if o.create.valid(o.path) {
			ops = append(ops, wire.MultiOp{Op: o.op, Body: o.body(c)})
			continue
		}
		return nil, &Error{Op: wire.OpMulti.String(), Path: o.path, Err: &PathError{}}
	}
	k := c.newCall(wire.OpMulti, "")
	k.frame = wire.AppendMulti(k.frame, ops)
	k.keep = true
	return k, nil
}

func (o *txnOp) body(c *Client) wire.Record {
	full := c.prefix(o.path)
	switch o.op {
	case wire.OpSetData:
		return &wire.SetDataRequest{Path: full, Data: o.data, Version: o.version}
	case wire.OpDelete, wire.OpCheck:
		return &wire.PathVersionRequest{Path: full, Version: o.version}
	}
	return o.create.request(c.place(o.path), o.data, c.opts.ACL)
}

// A TxnError says which operation of a Txn failed, so that none was made.
type TxnError struct {
	Index int // of the operation, from 0
	Err   error
}

// Error says which one, and why.
func (e *TxnError) Error() string {
	return fmt.Sprintf("operation %d of the transaction: %s", e.Index, reason(e.Err))
}

// Unwrap is why it failed.
func (e *TxnError) Unwrap() error { return e.Err }

// decodeTxn reads the answer to a multi: the results, or which one failed.
func (c *Client) decodeTxn(t *Txn, d *wire.Decoder) ([]Result, error) {
	results := make([]Result, 0, len(t.ops))
	var failed *TxnError
	for i := range t.ops {
		r, err := c.decodeResult(d)
		if d.Err() != nil {
			return nil, d.Err()
		}
		if err == nil && r.Path == "" {
			r.Path = t.ops[i].path
		}
		// The one that failed has its reason; others bear OK before it and
		// RuntimeInconsistency behind it.
		if err != nil && err != wire.OK && (failed == nil || failed.Err == ErrRolledBack) {
			failed = &TxnError{Index: i, Err: err}
		}
		if cr := &t.ops[i].create; cr.stat != nil {
			*cr.stat = r.Stat
		}
		results = append(results, r)
	}
	if failed != nil {
		return nil, failed
	}
	return results, nil
}

// decodeResult reads one result. A failed one is a wire.Code, even OK, as the error.
func (c *Client) decodeResult(d *wire.Decoder) (r Result, err error) {
	var h wire.MultiHeader
	h.DecodeFrom(d)
	switch h.Op {
	case wire.OpError:
		return r, wire.Code(d.Int())
	case wire.OpCreate:
		r.Path = c.outside(d.String())
	case wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL:
		r.Path = c.outside(d.String())
		r.Stat.DecodeFrom(d)
	case wire.OpSetData:
		r.Stat.DecodeFrom(d)
	case wire.OpGetData:
		r.Data = d.Buffer()
		r.Stat.DecodeFrom(d)
	case wire.OpGetChildren:
		r.Children = d.Strings()
	}
	return r, nil
}

// Reads is a list of reads that are answered from one state of the tree.
type Reads struct {
	ops []txnOp
}

// Get adds a read of a node's data.
func (t *Reads) Get(path string) *Reads {
	t.ops = append(t.ops, txnOp{op: wire.OpGetData, path: path})
	return t
}

// Children adds a read of the names of a node's children.
func (t *Reads) Children(path string) *Reads {
	t.ops = append(t.ops, txnOp{op: wire.OpGetChildren, path: path})
	return t
}

// Read answers all of t at one moment. A read that fails has an Err of its own.
func (c *Client) Read(ctx context.Context, t *Reads) ([]Result, error) {
	ops := make([]wire.MultiOp, len(t.ops))
	for i, o := range t.ops {
		full, err := c.inside(wire.OpMultiRead, o.path)
		if err != nil {
			return nil, err
		}
		ops[i] = wire.MultiOp{Op: o.op, Body: &wire.PathWatchRequest{Path: full}}
	}
	k := c.newCall(wire.OpMultiRead, "")
	k.frame = wire.AppendMulti(k.frame, ops)
	k.again, k.keep = true, true
	d, err := c.do(ctx, k)
	results := make([]Result, len(ops))
	for i := range results {
		var failed error
		results[i], failed = c.decodeResult(&d)
		results[i].Path = t.ops[i].path
		if failed != nil {
			results[i].Err = &Error{Op: t.ops[i].op.String(), Path: t.ops[i].path, Err: failed}
		}
	}
	if err = c.conclude(k, &d, err); err != nil {
		return nil, err
	}
	return results, nil
}
