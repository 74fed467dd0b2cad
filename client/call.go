package client

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/wire"
)

// headLen is what stands before the body of a request: length, xid and opcode.
const headLen = 12

// lengthLen is how many bytes of the head say how many follow.
const lengthLen = 4

// A call is a request and, once it is finished, its answer.
type call struct {
	op     wire.OpCode
	path   string   // the caller's, for errors
	frame  []byte   // length, xid, opcode, body
	again  bool     // it may be sent a second time
	keep   bool     // what the answer decodes to aliases body, which is the caller's then
	watch  *Watch   // to be set when the answer says that the server watches
	absent bool     // NoNode is an answer, and no error
	auth   *Auth    // to be taken when the answer says that the server takes it
	in     *Session // that it is to be carried out in, nil for any
	sync   *call    // that a linearizable read stands behind
	sends  int      // connections that broke after it was sent
	before func()   // called right before the request takes its place in the order

	began  time.Time
	left   atomic.Bool // its caller went before it was finished
	queued time.Time   // when it began to wait to be sent, for want of a connection; else zero

	body   []byte
	small  []byte // what body is a part of unless keep
	err    error
	done   chan struct{} // capacity 1
	then   func()        // called instead of a send to done, by the goroutine that reads
	tells  bool          // a callback of its caller's follows
	hidden bool          // nobody waits, and it does not count
}

// newCall begins a request of a client's; its body is appended to frame. Each Client
// reuses its own calls: their channels belong where they were made, which may be a bubble
// of testing/synctest.
func (c *Client) newCall(op wire.OpCode, path string) *call {
	if k, ok := c.calls.Get().(*call); ok {
		return k.begin(op, path)
	}
	return newCall(op, path)
}

// newCall is a call that was not one before.
func newCall(op wire.OpCode, path string) *call {
	k := &call{done: make(chan struct{}, 1)}
	return k.begin(op, path)
}

func (k *call) begin(op wire.OpCode, path string) *call {
	k.op, k.path = op, path
	k.frame = append(k.frame[:0], 0, 0, 0, 0, 0, 0, 0, 0)
	k.frame = wire.AppendInt(k.frame, int32(op))
	return k
}

// free gives a call back that nobody else can know any more.
func (c *Client) free(k *call) {
	if cap(k.frame) > 4096 || k.then != nil {
		return
	}
	k.frame, k.small = k.frame[:0], k.small[:0]
	k.again, k.keep, k.absent, k.hidden = false, false, false, false
	k.watch, k.before, k.body, k.err = nil, nil, nil, nil
	k.auth, k.in = nil, nil
	k.sync, k.sends, k.queued = nil, 0, time.Time{}
	c.calls.Put(k)
}

func (k *call) seal(xid wire.Xid) { putHead(k.frame, xid) }
func (k *call) xid() wire.Xid     { return wire.Xid(int32(binary.BigEndian.Uint32(k.frame[4:]))) }

func putHead(frame []byte, xid wire.Xid) {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	binary.BigEndian.PutUint32(frame[4:], uint32(xid))
}

// answer takes the body of the reply, which is valid only now.
func (k *call) answer(body []byte, code wire.Code) {
	switch {
	case k.unsynced():
		k.err = &SyncError{k.sync.err}
	case code == wire.NoNode && k.absent:
		k.body = nil
	case code != wire.OK:
		k.err = code
	case k.keep:
		k.body = append([]byte(nil), body...)
	default:
		k.small = append(k.small[:0], body...)
		k.body = k.small
	}
}

// unsynced reports whether the sync that the call stands behind has failed.
func (k *call) unsynced() bool { return k.sync != nil && k.sync.err != nil }

// finish tells whoever waits. The call is theirs afterwards.
func (k *call) finish() {
	switch {
	case k.hidden:
	case k.then != nil:
		k.then()
	default:
		k.done <- struct{}{}
	}
}

// do sends a request and waits for its answer, whose body the decoder reads; after an
// error there is none to read. conclude must follow.
func (c *Client) do(ctx context.Context, k *call) (wire.Decoder, error) {
	if err := c.wait(ctx, k); err != nil {
		return wire.Decoder{}, err
	}
	return wire.NewDecoder(k.body), nil
}

// conclude makes the caller's error of do's, or of what was wrong with the answer.
// The call is gone afterwards.
func (c *Client) conclude(k *call, d *wire.Decoder, err error) error {
	if err == nil && d.Err() != nil {
		err = &ProtocolError{What: "answer", Err: d.Err()}
	}
	if err != nil {
		err = &Error{Op: k.op.String(), Path: k.path, Root: c.rootOf(k.path), Err: err}
	}
	if c.opts.Metrics != nil {
		c.opts.Metrics.Call(k.op.String(), time.Since(k.began), err)
	}
	if !k.left.Load() {
		c.free(k)
	}
	return err
}

// just is do for an answer that says nothing.
func (c *Client) just(ctx context.Context, k *call) error {
	d, err := c.do(ctx, k)
	return c.conclude(k, &d, err)
}

// wait submits a call and waits for its end. If the context ends first the call goes
// on without its caller.
func (c *Client) wait(ctx context.Context, k *call) error {
	if err := c.submit(ctx, k); err != nil {
		return err
	}
	select {
	case <-k.done:
		return k.err
	case <-ctx.Done():
	}
	select {
	case <-k.done: // an answer that is there is not thrown away
		return k.err
	default:
		k.left.Store(true)
		return context.Cause(ctx)
	}
}
