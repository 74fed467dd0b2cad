package recipes

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/zabra/zabra/client"
)

// A Value is a node's data that many change, each knowing what it replaces.
type Value struct {
	tree client.Tree
	path string
}

// NewValue makes a value of the node at path, which need not be there.
func NewValue(tree client.Tree, path string) *Value { return &Value{tree, path} }

// Get returns the data, nil if there is no node.
func (v *Value) Get(ctx context.Context) ([]byte, error) {
	data, _, err := v.tree.Get(ctx, v.path)
	return data, unless(err, client.ErrNoNode)
}

// Update replaces the data by what change makes of it, which is called again when
// somebody else was quicker, and happens exactly once although answers may be lost. The
// data is nil if there is no node. It returns what is there now. If an answer is lost
// and the session ends with it, nobody can know any more whether it happened: then it
// fails with ErrUnknown.
func (v *Value) Update(ctx context.Context, change func([]byte) ([]byte, error)) ([]byte, error) {
	for {
		data, st, err := v.tree.Get(ctx, v.path)
		absent := errors.Is(err, client.ErrNoNode)
		if err != nil && !absent {
			return nil, err
		}
		now, err := change(data)
		if err != nil {
			return nil, err
		}
		if absent {
			if err := makePath(ctx, v.tree, v.path); err != nil {
				return nil, err
			}
			// Whoever makes it with data is not quicker than version 0.
			_, st, err = v.tree.Get(ctx, v.path)
			if err != nil || st.Version != 0 || st.DataLength != 0 {
				continue
			}
		}
		err = once(ctx, v.tree, v.path, func(t *client.Txn) { t.Set(v.path, now, st.Version) })
		if errors.Is(err, client.ErrBadVersion) || errors.Is(err, client.ErrNoNode) {
			continue
		}
		return now, err
	}
}

// A Counter is a number that many change.
type Counter struct {
	value  *Value
	naming Naming
}

// NewCounter makes a counter of the node at path, which need not be there. Curator's
// are 8 bytes, the most significant first, as its DistributedAtomicLong writes them;
// kazoo's are decimal digits.
func NewCounter(tree client.Tree, path string, naming Naming) *Counter {
	return &Counter{NewValue(tree, path), naming}
}

// Get returns the number, 0 if there is no node.
func (c *Counter) Get(ctx context.Context) (int64, error) {
	data, err := c.value.Get(ctx)
	if err != nil {
		return 0, err
	}
	return c.parse(data)
}

// Add adds to the number and returns it. It happens exactly once, or fails like Update.
func (c *Counter) Add(ctx context.Context, delta int64) (int64, error) {
	var now int64
	_, err := c.value.Update(ctx, func(data []byte) ([]byte, error) {
		n, err := c.parse(data)
		now = n + delta
		return c.format(now), err
	})
	return now, err
}

func (c *Counter) parse(data []byte) (int64, error) {
	switch {
	case len(data) == 0:
		return 0, nil
	case c.naming == Kazoo:
		n, err := strconv.ParseInt(string(data), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("recipes: counter %s: %w", c.value.path, err)
		}
		return n, nil
	case len(data) != 8:
		return 0, fmt.Errorf("recipes: counter %s: %d bytes, want 8", c.value.path, len(data))
	}
	return int64(binary.BigEndian.Uint64(data)), nil
}

func (c *Counter) format(n int64) []byte {
	if c.naming == Kazoo {
		return strconv.AppendInt(nil, n, 10)
	}
	return binary.BigEndian.AppendUint64(nil, uint64(n))
}
