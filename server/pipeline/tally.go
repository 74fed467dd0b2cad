package pipeline

import (
	"strings"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/wire"
)

// A tally is what a client was sent since the metrics were last told, so that
// they are told once for each write to the socket and not for each reply.
type tally struct {
	seen            int   // bytes of the outbox that are counted
	packets         int64 // replies and events
	replies         int64
	bytes           int64 // of replies
	last, low, high int64 // their sizes
}

// reply counts what was appended to the outbox since seen as one reply.
func (t *tally) reply(outbox int) {
	size := int64(outbox - t.seen)
	t.seen = outbox
	if t.replies == 0 || size < t.low {
		t.low = size
	}
	if t.replies == 0 || size > t.high {
		t.high = size
	}
	t.last = size
	t.packets++
	t.replies++
	t.bytes += size
}

// event counts what was appended as an event.
func (t *tally) event(outbox int) {
	t.seen = outbox
	t.packets++
}

// tell adds the tally to the metrics and begins a new one, for an empty outbox.
func (t *tally) tell(m *metrics.Metrics, stripe int) {
	m.PacketsSent.Add(stripe, t.packets)
	if t.replies > 0 {
		m.ResponseBytes.Add(stripe, t.bytes)
		m.ResponseSize.Observe(stripe, t.low)
		if t.replies > 1 {
			m.ResponseSize.Observe(stripe, t.high)
			m.ResponseSize.Observe(stripe, t.last)
		}
	}
	*t = tally{}
}

// A run is how much was read or written below one top-level node, which metrics
// call a namespace, as long as it stays the same: most clients stay in one.
type run struct {
	namespace              string
	n, bytes, lowest, most int64
}

// add counts an access of so many bytes of data. The path must live until the
// run is told.
func (r *run) add(set *metrics.SummarySet, stripe int, path string, data int) {
	ns := namespace(path)
	if ns == "" {
		return
	}
	if ns != r.namespace {
		r.tell(set, stripe)
		r.namespace = ns
	}
	size := int64(len(path) + data)
	if r.n == 0 {
		r.lowest = size
	}
	r.n++
	r.bytes += size
	r.lowest = min(r.lowest, size)
	r.most = max(r.most, size)
}

func (r *run) tell(set *metrics.SummarySet, stripe int) {
	if r.n > 0 {
		set.ObserveMany(stripe, r.namespace, r.n, r.bytes, r.lowest, r.most)
	}
	*r = run{}
}

// namespace is the first component of a path, empty for the root's.
func namespace(path string) string {
	if path == "" {
		return ""
	}
	path = path[1:]
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return path
}

// countWrite counts what a transaction wrote, by namespace.
func (c *Core) countWrite(p *proposal, res *datatree.Result) {
	set := &c.metrics.WritePerNamespace
	switch body := p.txn.Body.(type) {
	case *wire.SetDataTxn:
		c.written.add(set, 0, body.Path, len(body.Data))
	case *wire.CreateTxn:
		c.written.add(set, 0, body.Path, len(body.Data))
	case *wire.CreateContainerTxn:
		c.written.add(set, 0, body.Path, len(body.Data))
	case *wire.CreateTTLTxn:
		c.written.add(set, 0, body.Path, len(body.Data))
	case *wire.DeleteTxn:
		c.written.add(set, 0, body.Path, 0)
	case *wire.MultiTxn:
		for i := range res.Changes {
			c.written.add(set, 0, res.Changes[i].Path, 0)
		}
	case *wire.ErrorTxn:
		// What was asked for is known where it was asked: not by other learners.
		if body.Err == wire.QuotaExceeded && p.req != nil {
			c.metrics.QuotaExceededPerNS.Add(0, namespace(requestPath(p.req.Body)), 1)
		}
	}
}
