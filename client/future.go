package client

import (
	"context"

	"github.com/zabra/zabra/wire"
)

// A Future is a call under way.
type Future[T any] struct {
	done  chan struct{}
	then  func(T, error) // nil if nobody is to be told
	value T
	err   error
}

// Done is closed when the call has ended, and its then has returned.
func (f *Future[T]) Done() <-chan struct{} { return f.done }

// Wait returns what the call led to, or the context's error if that ends first: the
// call goes on then.
func (f *Future[T]) Wait(ctx context.Context) (T, error) {
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
	}
	select {
	case <-f.done:
		return f.value, f.err
	default:
		var none T
		return none, context.Cause(ctx)
	}
}

// Data is what Get returns.
type Data struct {
	Bytes []byte
	Stat  Stat
}

// Listing is what Children returns.
type Listing struct {
	Names []string
	Stat  Stat
}

// Presence is what Exists returns.
type Presence struct {
	Stat   Stat
	Exists bool
}

// start makes a call whose end fills the Future, then calls then if that is not nil.
// Only its taking a place in the order may wait: when Options.MaxCalls are under way.
func start[T any](ctx context.Context, c *Client, k *call, err error, decode func(*wire.Decoder) T, then func(T, error)) *Future[T] {
	f := &Future[T]{done: make(chan struct{}), then: then}
	end := func(err error) {
		var d wire.Decoder
		if err == nil {
			d = wire.NewDecoder(k.body)
			f.value = decode(&d)
		}
		f.conclude(c, c.conclude(k, &d, err))
	}
	if err == nil {
		k.then, k.tells = func() { end(k.err) }, then != nil
		if err = c.submit(ctx, k); err == nil {
			return f
		}
	}
	if then != nil {
		c.untold.Add(1)
	}
	if k == nil {
		f.conclude(c, err)
	} else {
		end(err)
	}
	return f
}

// conclude has the caller told, by the goroutine for that.
func (f *Future[T]) conclude(c *Client, err error) {
	f.err = err
	if f.then == nil {
		close(f.done)
		return
	}
	c.told(f)
}

// tell is the end of the call, for its caller.
func (f *Future[T]) tell() {
	f.then(f.value, f.err)
	close(f.done)
}

// An Async makes calls without waiting for them. Each method is that of Client with
// the same name. Requests are carried out in the order in which they were made. then
// may be nil; if not, it is called when the call has ended: by a goroutine for that, one
// at a time, in the order of the answers. It may make calls and wait for them, and close
// the Client; others are told later then, also after Close has returned. The context
// bounds only the wait for a place when Options.MaxCalls are under way, or have callbacks
// that were not called yet.
type Async struct{ c *Client }

// Async makes calls without waiting for them.
func (c *Client) Async() Async { return Async{c} }

// Get reads a node's data.
func (a Async) Get(ctx context.Context, path string, then func(Data, error)) *Future[Data] {
	k, err := a.c.reading(wire.OpGetData, path, nil)
	return start(ctx, a.c, k, err, func(d *wire.Decoder) Data {
		var r wire.GetDataResponse
		r.DecodeFrom(d)
		return Data{r.Data, r.Stat}
	}, then)
}

// Exists looks for a node. Its absence is no error.
func (a Async) Exists(ctx context.Context, path string, then func(Presence, error)) *Future[Presence] {
	k, err := a.c.reading(wire.OpExists, path, nil)
	if err == nil {
		k.absent = true
	}
	return start(ctx, a.c, k, err, decodePresence, then)
}

// Children reads the names of a node's children.
func (a Async) Children(ctx context.Context, path string, then func(Listing, error)) *Future[Listing] {
	k, err := a.c.reading(wire.OpGetChildren2, path, nil)
	return start(ctx, a.c, k, err, func(d *wire.Decoder) Listing {
		var r wire.Children2Response
		r.DecodeFrom(d)
		return Listing{r.Names, r.Stat}
	}, then)
}

// Set replaces a node's data.
func (a Async) Set(ctx context.Context, path string, data []byte, version int32, then func(Stat, error)) *Future[Stat] {
	k, err := a.c.setting(path, data, version)
	return start(ctx, a.c, k, err, decodeStat, then)
}

func decodeStat(d *wire.Decoder) Stat {
	var r wire.StatResponse
	r.DecodeFrom(d)
	return r.Stat
}

// Create makes a node.
func (a Async) Create(ctx context.Context, path string, data []byte, then func(string, error), options ...CreateOption) *Future[string] {
	k, cr, err := a.c.creating(path, data, options)
	return start(ctx, a.c, k, err, func(d *wire.Decoder) string { return a.c.created(d, cr) }, then)
}

// Delete removes a node.
func (a Async) Delete(ctx context.Context, path string, version int32, then func(struct{}, error)) *Future[struct{}] {
	k, err := a.c.deleting(path, version)
	return start(ctx, a.c, k, err, func(*wire.Decoder) struct{} { return struct{}{} }, then)
}

// Sync brings this connection's server up to what was written before.
func (a Async) Sync(ctx context.Context, path string, then func(struct{}, error)) *Future[struct{}] {
	k, err := a.c.readingPath(wire.OpSync, path)
	return start(ctx, a.c, k, err, func(*wire.Decoder) struct{} { return struct{}{} }, then)
}
