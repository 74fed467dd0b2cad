package bench

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// FuzzArrived feeds a loop what a server may send, cut at any place. It must
// not panic, and must account for every request: answered, lost, or under way.
func FuzzArrived(f *testing.F) {
	event := wire.AppendEvent(nil, wire.EventNodeDataChanged, 1, "/a")
	pong := wire.AppendReply(nil, wire.ReplyHeader{Xid: wire.XidPing}, nil)
	f.Add(byte(0), byte(9), append(dataReply(1, 100), dataReply(2, 100)...))
	f.Add(byte(0), byte(1), append(pong, dataReply(7, 100)...))
	f.Add(byte(1), byte(30), event)
	f.Add(byte(2), byte(50), answer("multi", 0))
	f.Add(byte(0), byte(3), []byte{0x7f, 0xff, 0xff, 0xff, 0})
	f.Fuzz(func(t *testing.T, which, step byte, in []byte) {
		o := Defaults()
		y := newLayout("/zabra-bench-0", &o, 3, 1)
		works := []workload{&readWrite{layout: y, reads: 1 << 16}, &fanout{layout: y}, &multiSet{layout: y, ops: 3}}
		w := tap(works[int(which)%len(works)], 4)
		w.l.begin(0)
		c := w.l.conns[0]
		for rest := in; len(rest) > 0; {
			n := min(len(rest), int(step)+1)
			w.l.arrived(c, rest[:n], 1)
			rest = rest[n:]
		}
		if w.l.lost == 0 && w.l.inflight != c.pending.n || w.l.lost == 1 && w.l.inflight != 0 {
			t.Errorf("%d under way, %d in the window, %d lost", w.l.inflight, c.pending.n, w.l.lost)
		}
	})
}
