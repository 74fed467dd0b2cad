package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// Preparing and cleaning up: many nodes made or deleted by multis, several of
// which are under way at once.
const (
	multiBytes = 256 << 10 // of requests in one multi, at most
	multiOps   = 1000      // operations in one multi, at most
	multiAhead = 8         // multis under way
)

// rootPrefix begins the name of every node that the load generator makes at
// the top of the tree.
const rootPrefix = "/zabra-bench-"

// newRoot makes up the root of one run.
func newRoot() string {
	var b [6]byte
	rand.Read(b[:])
	return rootPrefix + hex.EncodeToString(b[:])
}

// connectAny opens a session at the first server that answers.
func connectAny(ctx context.Context, o *Options) (*rawclient.Conn, error) {
	var errs []error
	for _, addr := range o.Servers {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		c, err := rawclient.Dial(ctx, addr, rawclient.Options{Timeout: o.Timeout})
		cancel()
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// A bulk sends operations in multis.
type bulk struct {
	ctx   context.Context
	c     *rawclient.Conn
	buf   []byte
	ops   int
	done  func(ops int) // may be nil
	sizes []int         // operations in each multi under way
}

func newBulk(ctx context.Context, c *rawclient.Conn) *bulk { return &bulk{ctx: ctx, c: c} }

// add appends one operation; body appends its request record.
func (u *bulk) add(op wire.OpCode, body func([]byte) []byte) error {
	h := wire.MultiHeader{Op: op, Err: -1}
	u.buf = body(h.AppendTo(u.buf))
	if u.ops++; u.ops < multiOps && len(u.buf) < multiBytes {
		return nil
	}
	return u.send()
}

func (u *bulk) create(path string, data []byte) error {
	return u.add(wire.OpCreate, func(b []byte) []byte {
		req := wire.CreateRequest{Path: path, Data: data, ACL: anyone}
		return req.AppendTo(b)
	})
}

// createIn makes node n in a folder.
func (u *bulk) createIn(folder string, n uint64, data []byte) error {
	return u.add(wire.OpCreate, func(b []byte) []byte {
		return appendCreate(b, folder, n, data, wire.ModePersistent)
	})
}

var anyone = wire.WorldAnyone(wire.PermAll)

func (u *bulk) delete(path string) error {
	return u.add(wire.OpDelete, func(b []byte) []byte {
		req := wire.PathVersionRequest{Path: path, Version: -1}
		return req.AppendTo(b)
	})
}

func (u *bulk) send() error {
	if u.ops == 0 {
		return nil
	}
	if err := u.ctx.Err(); err != nil {
		return err
	}
	u.c.SendFunc(wire.OpMulti, func(b []byte) []byte {
		return wire.AppendMultiEnd(append(b, u.buf...))
	})
	u.sizes = append(u.sizes, u.ops)
	u.buf, u.ops = u.buf[:0], 0
	if err := u.c.Flush(); err != nil {
		return err
	}
	if len(u.sizes) < multiAhead {
		return nil
	}
	return u.receive()
}

// flush sends what is left and waits for every answer, also after one that
// failed. It returns the first error.
func (u *bulk) flush() error {
	err := u.send()
	for len(u.sizes) > 0 {
		more := u.receive()
		if err == nil {
			err = more
		}
		if _, ok := more.(wire.Code); more != nil && !ok {
			break
		}
	}
	return err
}

func (u *bulk) receive() error {
	h, body, err := u.c.Recv()
	if err != nil {
		return err
	}
	ops := u.sizes[0]
	u.sizes = u.sizes[1:]
	if h.Err != wire.OK {
		return h.Err
	}
	if err := multiError(body); err != nil {
		return err
	}
	if u.done != nil {
		u.done(ops)
	}
	return nil
}

// multiError finds the error that undid a multi. A multi that failed has a
// failed result for every operation: 0 before the culprit, -2 after it.
func multiError(body []byte) error {
	d := wire.NewDecoder(body)
	for {
		var h wire.MultiHeader
		h.DecodeFrom(&d)
		switch {
		case d.Err() != nil:
			return fmt.Errorf("multi: %w", d.Err())
		case h.Done, h.Op != wire.OpError:
			return nil
		case h.Err != wire.OK:
			return h.Err
		}
		d.Int()
	}
}

// create makes one node and calls it a success if it is there already.
func create(c *rawclient.Conn, path string) error {
	req := wire.CreateRequest{Path: path, Data: []byte{}, ACL: anyone}
	if err := c.Do(wire.OpCreate, &req, nil); err != nil && err != wire.NodeExists {
		return fmt.Errorf("create %s: %w", path, err)
	}
	return nil
}

func children(c *rawclient.Conn, path string) ([]string, error) {
	req := wire.PathWatchRequest{Path: path}
	var resp wire.ChildrenResponse
	if err := c.Do(wire.OpGetChildren, &req, &resp); err != nil {
		return nil, fmt.Errorf("children of %s: %w", path, err)
	}
	names := make([]string, len(resp.Names))
	for i, n := range resp.Names {
		names[i] = join(path, n)
	}
	return names, nil
}

func join(parent, name string) string {
	if parent == "/" {
		return "/" + name
	}
	return parent + "/" + name
}

// treeDepth is how far below its root a run makes nodes: root, folder, node.
const treeDepth = 2

// removeTree deletes a run's root and what is below it, children first. It
// lists before it deletes, so it needs to know nothing of how the run went. It
// begins again if a node vanishes meanwhile, as an ephemeral node may.
func removeTree(ctx context.Context, c *rawclient.Conn, root string, done func(int)) error {
	var err error
	for range 3 {
		if err = removeOnce(ctx, c, root, done); !errors.Is(err, wire.NoNode) && !errors.Is(err, wire.NotEmpty) {
			break
		}
	}
	return err
}

func removeOnce(ctx context.Context, c *rawclient.Conn, root string, done func(int)) error {
	paths, err := listTree(ctx, c, root)
	if err != nil {
		return err
	}
	u := newBulk(ctx, c)
	u.done = done
	for i := len(paths) - 1; i >= 0 && err == nil; i-- {
		err = u.delete(paths[i])
	}
	// What is under way is waited for also after an error: replies must be
	// taken in order.
	if err = errors.Join(err, u.flush()); err != nil {
		return fmt.Errorf("delete below %s: %w", root, err)
	}
	return nil
}

// listTree returns root and the paths below it, each after its parent; none if
// there is no root.
func listTree(ctx context.Context, c *rawclient.Conn, root string) ([]string, error) {
	paths, level := []string{root}, []string{root}
	for depth := range treeDepth {
		var next []string
		for _, parent := range level {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			below, err := children(c, parent)
			if errors.Is(err, wire.NoNode) && depth == 0 {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			next = append(next, below...)
		}
		paths, level = append(paths, next...), next
	}
	return paths, nil
}
