package pipeline

import (
	"io"
	"reflect"
	"testing"

	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
	"pgregory.net/rapid"
)

// sentPeers notes what is sent, and how often.
type sentPeers struct {
	to    map[zab.Conn][]wire.QuorumPacket
	calls int
}

func (s *sentPeers) Send(to zab.Conn, pkts ...wire.QuorumPacket) {
	s.calls++
	s.to[to] = append(s.to[to], pkts...)
}
func (*sentPeers) Stream(zab.Conn, func(io.Writer) error) {}
func (*sentPeers) Close(zab.Conn, error)                  {}

// Every connection gets its packets, in their order, with one call.
func TestParcelKeepsOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var p parcel
		for range rapid.IntRange(1, 4).Draw(rt, "parcels") {
			got, want := &sentPeers{to: map[zab.Conn][]wire.QuorumPacket{}}, map[zab.Conn][]wire.QuorumPacket{}
			for i, to := range rapid.SliceOfN(rapid.Uint64Range(0, 5), 0, 30).Draw(rt, "to") {
				pkt := wire.QuorumPacket{Type: wire.PacketCommit, Zxid: wire.Zxid(i)}
				p.add(zab.Conn(to), pkt)
				want[zab.Conn(to)] = append(want[zab.Conn(to)], pkt)
			}
			p.send(got)
			if !reflect.DeepEqual(got.to, want) || got.calls != len(want) {
				rt.Fatalf("%d calls: %v, want %v", got.calls, got.to, want)
			}
		}
	})
}

// Only an ACK of a transaction is implied, and only by a later one of its epoch.
func TestImpliedAcks(t *testing.T) {
	ack := func(e wire.Epoch, n uint32) wire.QuorumPacket {
		return wire.QuorumPacket{Type: wire.PacketAck, Zxid: wire.MakeZxid(e, n)}
	}
	ping := wire.QuorumPacket{Type: wire.PacketPing, Zxid: wire.MakeZxid(1, 9)}
	for _, c := range []struct {
		p, next wire.QuorumPacket
		want    bool
	}{
		{ack(1, 1), ack(1, 2), true},
		{ack(1, 1), ack(1, 7), true},
		{ack(1, 2), ack(1, 2), false},
		{ack(1, 3), ack(1, 2), false},
		{ack(1, 0), ack(1, 1), false}, // of NEWLEADER or UPTODATE
		{ack(1, 1), ack(1, 0), false},
		{ack(1, 1), ack(2, 2), false},
		{ack(1, 1), ping, false},
		{ping, ack(1, 12), false},
	} {
		if got := implied(&c.p, &c.next); got != c.want {
			t.Errorf("%v %v before %v %v: %v", c.p.Type, c.p.Zxid, c.next.Type, c.next.Zxid, got)
		}
	}
}
