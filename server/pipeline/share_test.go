package pipeline

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// joins makes a connection that of an observer who serves.
func joins(l *Leadership, conn zab.Conn, id wire.SID) {
	say := func(typ wire.PacketType, z wire.Zxid, data []byte) {
		l.Receive(conn, []wire.QuorumPacket{{Type: typ, Zxid: z, Data: data}}, nil)
		synctest.Wait()
	}
	l.Connected(conn)
	say(wire.PacketObserverInfo, 0, (&wire.LearnerInfo{SID: id, Protocol: wire.ProtocolVersion}).AppendTo(nil))
	say(wire.PacketAckEpoch, 0, wire.AppendPacketInt(nil, 0))
	say(wire.PacketAck, wire.MakeZxid(1, 0), nil)
}

// requestPacket is a request that fails, with a body of so many bytes.
func requestPacket(op wire.OpCode, body int) wire.QuorumPacket {
	f := wire.ForwardedRequest{Session: 7, Cxid: 1, Op: op, Body: make([]byte, body)}
	return wire.QuorumPacket{Type: wire.PacketRequest, Zxid: wire.NoZxid, Data: f.AppendTo(nil), Auth: []wire.ID{{Scheme: "ip", ID: "::1"}}}
}

// A flood sends a packet again and again, up to a number of times.
type flood struct {
	sent  atomic.Int64
	ended chan struct{}
}

func newFlood(l *Leadership, conn zab.Conn, pkt wire.QuorumPacket, most int64) *flood {
	f := &flood{ended: make(chan struct{})}
	go func() {
		for range most {
			l.Receive(conn, []wire.QuorumPacket{pkt}, f.ended)
			f.sent.Add(1)
		}
	}()
	return f
}

// withStuckLog runs a test of a leader with that many observers who serve, connections 1
// and so on, and a log that stands still until release is called.
func withStuckLog(t *testing.T, observers zab.Conn, test func(t *testing.T, l *Leadership, release func())) {
	bubble(t, func(t *testing.T) {
		r, role := newLeadingRig(t, Options{})
		defer r.close()
		l := &Leadership{role}
		for conn := zab.Conn(1); conn <= observers; conn++ {
			joins(l, conn, wire.SID(conn)+7)
		}
		hold := make(chan struct{})
		release := sync.OnceFunc(func() { close(hold) })
		defer release()
		r.core.Call(func() { r.log.hold = hold })
		synctest.Wait()
		test(t, l, release)
	})
}

// While nothing is committed, what a learner sends takes so much memory and no more; the
// others are heard. When the core gets on, so does the learner.
func TestAFloodOfRequestsIsHeldBack(t *testing.T) {
	withStuckLog(t, 2, func(t *testing.T, l *Leadership, release func()) {
		pkt := requestPacket(wire.OpSetData, 1<<20)
		each, _ := weigh([]wire.QuorumPacket{pkt})
		most := laxShare/each + 50
		f := newFlood(l, 1, pkt, most)
		synctest.Wait()
		if n, want := f.sent.Load(), fullShare/each+1; n != want {
			t.Errorf("%d requests of a megabyte were taken, want %d", n, want)
		}
		l.Receive(2, []wire.QuorumPacket{requestPacket(wire.OpSetData, 1)}, nil)
		synctest.Wait()
		if n := l.r.shares.at(2).bytes.Load(); n == 0 {
			t.Error("the request of the other was not taken")
		}
		time.Sleep(l.r.opts.Tick) // which may be in vain because of what stands behind the requests
		synctest.Wait()
		if n, want := f.sent.Load(), laxShare/each+1; n != want {
			t.Errorf("%d requests of a megabyte were taken while nothing ended, want %d", n, want)
		}
		release()
		synctest.Wait()
		if n := f.sent.Load(); n != most {
			t.Errorf("%d requests were taken in all, want %d", n, most)
		}
		for conn := zab.Conn(1); conn <= 2; conn++ {
			if n := l.r.shares.at(conn).bytes.Load(); n != 0 {
				t.Errorf("connection %d has %d bytes under way, and nothing is", conn, n)
			}
		}
	})
}

// A learner's syncs count until they are answered, and everything else until the core
// has taken it.
func TestWhatIsUnderWayEnds(t *testing.T) {
	withStuckLog(t, 1, func(t *testing.T, l *Leadership, release func()) {
		l.Receive(1, []wire.QuorumPacket{requestPacket(wire.OpSetData, 100), requestPacket(wire.OpSync, 1<<20)}, nil)
		l.Receive(1, []wire.QuorumPacket{{Type: wire.PacketPing, Data: []byte{}}, {Type: wire.PacketAck, Zxid: wire.MakeZxid(1, 0)}}, nil)
		synctest.Wait()
		write, _ := weigh([]wire.QuorumPacket{requestPacket(wire.OpSetData, 100)})
		if n := l.r.shares.at(1).bytes.Load(); n != write+syncWeight {
			t.Errorf("%d bytes under way, want %d for a write and a sync behind it", n, write+syncWeight)
		}
		release()
		synctest.Wait()
		if n := l.r.shares.at(1).bytes.Load(); n != 0 {
			t.Errorf("%d bytes under way in the end", n)
		}
	})
}

// A connection that ends is not held back any longer.
func TestHeldBackUntilTheEnd(t *testing.T) {
	withStuckLog(t, 1, func(t *testing.T, l *Leadership, _ func()) {
		f := newFlood(l, 1, requestPacket(wire.OpSetData, fullShare), 2)
		synctest.Wait()
		if n := f.sent.Load(); n != 1 {
			t.Fatalf("%d requests were taken, want 1", n)
		}
		close(f.ended)
		synctest.Wait()
		if n := f.sent.Load(); n != 2 {
			t.Error("it is held back still")
		}
	})
}
