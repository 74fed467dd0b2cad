package bench

import (
	"fmt"
	"slices"

	"github.com/zabra/zabra/wire"
)

// A workload decides what the connections of one loop ask. A loop is single
// threaded, and so is its workload; what loops share is in the layout, which
// does not change during a run.
type workload interface {
	// next appends the body of the next request of c. It reports false, and
	// appends nothing, if c has nothing to ask now.
	next(l *loop, c *conn, b []byte) ([]byte, wire.OpCode, bool)
	// reply says whether an answer without error is one that counts. It returns
	// an error if the body is not what was asked for.
	reply(l *loop, c *conn, op wire.OpCode, body []byte) (counts bool, err error)
	// event is told of each notification.
	event(l *loop, c *conn, now int64) error
}

// Workloads are the names that Run knows, in the order of the documentation.
func Workloads() []string {
	return []string{"read", "set", "create", "delete", "ephemeral", "mixed", "multi", "watch", "connect", "idle"}
}

// A layout is where the nodes of a run are: /zabra-bench-<random> with the
// folder k for keys and, where each connection has nodes of its own, one folder
// for each connection.
type layout struct {
	root   string
	keys   []string
	value  []byte
	folder []string // by connection
}

func newLayout(root string, o *Options, keys, folders int) *layout {
	y := &layout{root: root, value: make([]byte, o.Size)}
	r := rng(1)
	for i := range y.value {
		y.value[i] = byte(r.next() >> 56)
	}
	for i := range keys {
		y.keys = append(y.keys, fmt.Sprintf("%s/k/%08d", root, i))
	}
	for i := range folders {
		y.folder = append(y.folder, fmt.Sprintf("%s/c%06d", root, i))
	}
	return y
}

const nameDigits = 10

// appendName appends the jute string of node n in folder, without making one.
func appendName(b []byte, folder string, n uint64) []byte {
	b = wire.AppendInt(b, int32(len(folder)+1+nameDigits))
	b = append(append(b, folder...), '/')
	b = slices.Grow(b, nameDigits)
	b = b[:len(b)+nameDigits]
	for i := range nameDigits {
		b[len(b)-1-i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

// worldAnyone is the encoded list that every node of a run has.
var worldAnyone = appendWorldAnyone(nil)

func appendWorldAnyone(b []byte) []byte {
	acl := wire.WorldAnyone(wire.PermAll)
	b = wire.AppendInt(b, int32(len(acl)))
	for i := range acl {
		b = acl[i].AppendTo(b)
	}
	return b
}

// appendCreate appends a CreateRequest for node n in folder.
func appendCreate(b []byte, folder string, n uint64, value []byte, mode wire.CreateMode) []byte {
	b = appendName(b, folder, n)
	b = wire.AppendBuffer(b, value)
	b = append(b, worldAnyone...)
	return wire.AppendInt(b, int32(mode))
}

// appendDelete appends a PathVersionRequest for node n in folder.
func appendDelete(b []byte, folder string, n uint64) []byte {
	return wire.AppendInt(appendName(b, folder, n), -1)
}

// quiet is the part of a workload that most have in common: every reply
// counts, and there are no events.
type quiet struct{}

func (quiet) reply(*loop, *conn, wire.OpCode, []byte) (bool, error) { return true, nil }

func (quiet) event(*loop, *conn, int64) error {
	return fmt.Errorf("an event, though no watch was set")
}

// readWrite reads and sets random keys: read, set and mixed.
type readWrite struct {
	quiet
	*layout
	reads uint64 // share of reads, of 1<<16
}

func (w *readWrite) next(_ *loop, c *conn, b []byte) ([]byte, wire.OpCode, bool) {
	key := w.keys[c.rng.below(len(w.keys))]
	if w.reads > 0 && c.rng.next()>>48 < w.reads {
		req := wire.PathWatchRequest{Path: key}
		return req.AppendTo(b), wire.OpGetData, true
	}
	req := wire.SetDataRequest{Path: key, Data: w.value, Version: -1}
	return req.AppendTo(b), wire.OpSetData, true
}

func (w *readWrite) reply(_ *loop, _ *conn, op wire.OpCode, body []byte) (bool, error) {
	if op != wire.OpGetData {
		return true, nil
	}
	d := wire.NewDecoder(body)
	if n := int(d.Int()); d.Err() != nil || n != len(w.value) {
		return false, fmt.Errorf("getData answered %d bytes of data, expected %d", n, len(w.value))
	}
	return true, nil
}

// creator creates nodes in the connection's folder.
type creator struct {
	quiet
	*layout
}

func (w *creator) next(_ *loop, c *conn, b []byte) ([]byte, wire.OpCode, bool) {
	return appendCreate(b, w.folder[c.id], c.seq, w.value, wire.ModePersistent), wire.OpCreate, true
}

// deleter deletes the nodes that were prepared in the connection's folder,
// until there are none.
type deleter struct {
	quiet
	*layout
	nodes func(conn int) uint64 // in a connection's folder
}

func (w *deleter) next(_ *loop, c *conn, b []byte) ([]byte, wire.OpCode, bool) {
	if c.seq == w.nodes(c.id) {
		return b, 0, false
	}
	return appendDelete(b, w.folder[c.id], c.seq), wire.OpDelete, true
}

// ephemeral creates an ephemeral node and deletes it, in turns.
type ephemeral struct {
	quiet
	*layout
}

func (w *ephemeral) next(_ *loop, c *conn, b []byte) ([]byte, wire.OpCode, bool) {
	if n := c.seq / 2; c.seq%2 == 0 {
		return appendCreate(b, w.folder[c.id], n, w.value, wire.ModeEphemeral), wire.OpCreate, true
	} else {
		return appendDelete(b, w.folder[c.id], n), wire.OpDelete, true
	}
}

// multiSet sets several random keys in one multi.
type multiSet struct {
	quiet
	*layout
	ops int
}

func (w *multiSet) next(_ *loop, c *conn, b []byte) ([]byte, wire.OpCode, bool) {
	for range w.ops {
		h := wire.MultiHeader{Op: wire.OpSetData, Err: -1}
		req := wire.SetDataRequest{Path: w.keys[c.rng.below(len(w.keys))], Data: w.value, Version: -1}
		b = req.AppendTo(h.AppendTo(b))
	}
	return wire.AppendMultiEnd(b), wire.OpMulti, true
}

func (w *multiSet) reply(_ *loop, _ *conn, _ wire.OpCode, body []byte) (bool, error) {
	d := wire.NewDecoder(body)
	var h wire.MultiHeader
	if h.DecodeFrom(&d); d.Err() != nil {
		return false, fmt.Errorf("multi: %w", d.Err())
	}
	if h.Op != wire.OpSetData {
		return false, h.Err
	}
	return true, nil
}

// silent asks nothing: the sessions live on pings alone.
type silent struct{ quiet }

func (silent) next(_ *loop, _ *conn, b []byte) ([]byte, wire.OpCode, bool) { return b, 0, false }
