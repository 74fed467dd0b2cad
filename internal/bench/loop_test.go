package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A wireTap collects what a loop sends and answers it by hand.
type wireTap struct {
	l   *loop
	out []byte
}

func tap(work workload, outstanding int) *wireTap {
	c := &conn{rng: 1, session: 7}
	t := &wireTap{l: newLoop([]*conn{c}, work, outstanding)}
	t.l.send = func(_ *conn, b []byte) { t.out = append(t.out, b...) }
	return t
}

// requests decodes and removes what was sent, as "xid op".
func (w *wireTap) requests(t *testing.T) string {
	t.Helper()
	var all []string
	var c conn
	err := c.frames(w.out, func(f []byte) error {
		var h wire.RequestHeader
		d := wire.NewDecoder(f)
		h.DecodeFrom(&d)
		all = append(all, fmt.Sprintf("%d %v", h.Xid, h.Op))
		return d.Err()
	})
	if err != nil || len(c.partial) > 0 {
		t.Fatalf("bad request frames: %v, rest %x", err, c.partial)
	}
	w.out = nil
	return strings.Join(all, ", ")
}

func testReads() *readWrite {
	o := Defaults()
	return &readWrite{layout: newLayout("/zabra-bench-0", &o, 3, 0), reads: 1 << 16}
}

func dataReply(xid wire.Xid, size int) []byte {
	body := wire.GetDataResponse{Data: make([]byte, size)}
	return wire.AppendReply(nil, wire.ReplyHeader{Xid: xid}, &body)
}

func TestWindowIsKeptFull(t *testing.T) {
	w := tap(testReads(), 3)
	w.l.begin(0)
	if got, want := w.requests(t), "1 getData, 2 getData, 3 getData"; got != want {
		t.Fatalf("sent %s, want %s", got, want)
	}
	c := w.l.conns[0]
	w.l.arrived(c, append(dataReply(1, 100), dataReply(2, 100)...), 10)
	if got, want := w.requests(t), "4 getData, 5 getData"; got != want {
		t.Fatalf("sent %s, want %s", got, want)
	}
	if n := w.l.hist[histReads].Count(); n != 2 || c.dead != nil {
		t.Errorf("%d operations, %v", n, c.dead)
	}
}

func TestRepliesInPieces(t *testing.T) {
	w := tap(testReads(), 4)
	w.l.begin(0)
	var in []byte
	for xid := range wire.Xid(2000) {
		in = append(in, dataReply(xid+1, 100)...)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	c := w.l.conns[0]
	for rest := in; len(rest) > 0; {
		n := min(len(rest), 1+rng.IntN(300))
		w.l.arrived(c, rest[:n], 1)
		rest = rest[n:]
		if c.dead != nil {
			t.Fatalf("after %d bytes: %v", len(in)-len(rest), c.dead)
		}
	}
	if n := w.l.hist[histReads].Count(); n != 2000 {
		t.Errorf("%d operations, want 2000", n)
	}
}

// What a server must not send ends the connection and is reported.
func TestBadReplies(t *testing.T) {
	event := wire.AppendEvent(nil, wire.EventNodeDataChanged, 1, "/a")
	for name, in := range map[string][]byte{
		"out of order":         dataReply(2, 100),
		"reply 0 to nothing":   dataReply(0, 100),
		"wrong size":           dataReply(1, 99),
		"no body":              wire.AppendReply(nil, wire.ReplyHeader{Xid: 1}, nil),
		"event without watch":  event,
		"negative length":      {0xff, 0xff, 0xff, 0xff},
		"length out of bounds": {0x7f, 0xff, 0xff, 0xff},
		"short header":         {0, 0, 0, 2, 0, 0},
	} {
		w := tap(testReads(), 2)
		w.l.begin(0)
		c := w.l.conns[0]
		w.l.arrived(c, in, 5)
		if c.dead == nil || w.l.failure == nil || w.l.lost != 1 || w.l.inflight != 0 || !w.l.done() {
			t.Errorf("%s: dead %v, failure %v, lost %d, under way %d", name, c.dead, w.l.failure, w.l.lost, w.l.inflight)
		}
	}
}

func TestErrorsAndPingsInBetween(t *testing.T) {
	w := tap(testReads(), 1)
	w.l.begin(0)
	c := w.l.conns[0]
	in := wire.AppendReply(nil, wire.ReplyHeader{Xid: wire.XidPing}, nil)
	in = wire.AppendReply(in, wire.ReplyHeader{Xid: 1, Err: wire.NoNode}, nil)
	w.l.arrived(c, in, 5)
	if w.l.errors[wire.NoNode] != 1 || w.l.ops.Load() != 0 || w.l.fails.Load() != 1 || c.dead != nil {
		t.Errorf("errors %v, %d operations, %v", w.l.errors, w.l.ops.Load(), c.dead)
	}
}

func TestOnlyTheWindowIsMeasured(t *testing.T) {
	w := tap(testReads(), 1)
	w.l.start, w.l.end = 100, 200
	w.l.begin(0)
	for i, now := range []int64{99, 100, 199, 200} {
		w.l.arrived(w.l.conns[0], dataReply(wire.Xid(i+1), 100), now)
	}
	if n := w.l.hist[histReads].Count(); n != 2 || w.l.ops.Load() != 4 {
		t.Errorf("%d measured of %d; want 2 of 4", n, w.l.ops.Load())
	}
}

func TestIdleSessionsPing(t *testing.T) {
	w := tap(silent{}, 1)
	w.l.patient, w.l.pingAfter = true, 10e9
	w.l.begin(0)
	for s := range int64(26) {
		w.l.tick(s * 1e9)
	}
	if got, want := w.requests(t), "-2 ping, -2 ping"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

// The latency of a request that had to wait for its turn counts from when it
// was due.
func TestRateCountsFromWhenItWasDue(t *testing.T) {
	w := tap(testReads(), 1)
	w.l.interval = 100
	w.l.begin(0)
	c := w.l.conns[0]
	w.l.tick(250) // two more are due, but the window is full
	w.l.arrived(c, dataReply(1, 100), 300)
	w.l.arrived(c, dataReply(2, 100), 310)
	if h := w.l.hist[histReads]; h.Count() != 2 || h.Max() != 300 || h.Quantile(0.5) != 210 {
		t.Errorf("%d operations, max %d, median %d; want 2, 300, 210", h.Count(), h.Max(), h.Quantile(0.5))
	}
}

func TestSessionsAreClosedAtTheEnd(t *testing.T) {
	w := tap(testReads(), 1)
	w.l.begin(0)
	w.requests(t)
	w.l.stop(1)
	if w.l.done() {
		t.Fatal("done while a request is under way")
	}
	c := w.l.conns[0]
	w.l.arrived(c, dataReply(1, 100), 2)
	if w.l.done() {
		t.Fatal("done before the session is closed")
	}
	if got, want := w.requests(t), "2 closeSession"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	w.l.arrived(c, wire.AppendReply(nil, wire.ReplyHeader{Xid: 2}, nil), 3)
	if !w.l.done() || w.l.lost != 0 {
		t.Errorf("done %v, lost %d", w.l.done(), w.l.lost)
	}
}

// A step of the load allocates nothing.
func TestNoAllocationForAnOperation(t *testing.T) {
	o := Defaults()
	y := newLayout("/zabra-bench-0", &o, 100, 1)
	for name, work := range map[string]workload{
		"read":      &readWrite{layout: y, reads: 1 << 16},
		"set":       &readWrite{layout: y},
		"create":    &creator{layout: y},
		"ephemeral": &ephemeral{layout: y},
		"multi":     &multiSet{layout: y, ops: 10},
	} {
		w := tap(work, 8)
		w.l.send = func(*conn, []byte) {}
		w.l.begin(0)
		c := w.l.conns[0]
		reply := answer(name, 100)
		n := testing.AllocsPerRun(1000, func() {
			due := c.xid - wire.Xid(c.pending.n) + 1
			wire.AppendInt(reply[4:4], int32(due))
			w.l.arrived(c, reply, 1)
		})
		if n != 0 || c.dead != nil {
			t.Errorf("%s: %v allocations for an operation, %v", name, n, c.dead)
		}
	}
}

// answer is a reply to a request of a workload, with xid 0.
func answer(workload string, size int) []byte {
	switch workload {
	case "read":
		return dataReply(0, size)
	case "multi":
		b, mark := wire.BeginFrame(nil)
		b = append(b, make([]byte, 16)...)
		b = wire.AppendMultiResult(b, wire.OpSetData, &wire.StatResponse{})
		return wire.EndFrame(wire.AppendMultiEnd(b), mark)
	}
	return wire.AppendReply(nil, wire.ReplyHeader{}, &wire.StatResponse{})
}

func BenchmarkStep(b *testing.B) {
	w := tap(testReads(), 16)
	w.l.send = func(*conn, []byte) {}
	w.l.begin(0)
	c := w.l.conns[0]
	reply := dataReply(0, 100)
	b.ReportAllocs()
	for b.Loop() {
		wire.AppendInt(reply[4:4], int32(c.xid-wire.Xid(c.pending.n)+1))
		w.l.arrived(c, reply, 1)
	}
}

// The next change waits for the answer to the last one and for every event.
func TestFanoutWaitsForAll(t *testing.T) {
	o := Defaults()
	w := &wireTap{}
	w.l = newLoop([]*conn{{}, {slot: 1}, {slot: 2}}, &fanout{layout: newLayout("/zabra-bench-0", &o, 1, 0)}, 4)
	w.l.send = func(_ *conn, b []byte) { w.out = append(w.out, b...) }
	ok := func(xid wire.Xid) []byte {
		return wire.AppendReply(nil, wire.ReplyHeader{Xid: xid}, &wire.StatResponse{})
	}
	event := wire.AppendEvent(nil, wire.EventNodeDataChanged, 1, w.l.work.(*fanout).keys[0])
	w.l.begin(0)
	for i, step := range []struct {
		conn int
		in   []byte
		sent string
	}{
		{0, nil, "1 addWatch, 1 addWatch"},
		{0, ok(1), ""},
		{1, ok(1), "1 setData"},
		{2, ok(1), ""},
		{0, event, ""},
		{1, event, "2 setData"},
		{1, event, ""},
		{0, event, ""}, // all have it, but the set is not answered
		{2, ok(2), "3 setData"},
	} {
		w.l.arrived(w.l.conns[step.conn], step.in, int64(i))
		if got := w.requests(t); got != step.sent {
			t.Fatalf("step %d: sent %q, want %q", i, got, step.sent)
		}
	}
	if n := w.l.hist[histWrites].Count(); n != 4 || w.l.lost != 0 {
		t.Errorf("%d events, %d lost, %v", n, w.l.lost, w.l.failure)
	}
	w.l.arrived(w.l.conns[0], append(event, event...), 20)
	if w.l.lost != 1 {
		t.Error("two events for one change are accepted")
	}
}

func TestMultiError(t *testing.T) {
	good := wire.AppendMultiEnd(wire.AppendMultiResult(nil, wire.OpDelete, nil))
	if err := multiError(good); err != nil {
		t.Error(err)
	}
	bad := wire.AppendMultiError(nil, wire.OK)
	bad = wire.AppendMultiError(bad, wire.NotEmpty)
	bad = wire.AppendMultiEnd(wire.AppendMultiError(bad, wire.RuntimeInconsistency))
	if err := multiError(bad); err != wire.NotEmpty {
		t.Errorf("got %v", err)
	}
	if err := multiError(bad[:5]); err == nil {
		t.Error("a cut result is a success")
	}
}
