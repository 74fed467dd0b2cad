package zab

import (
	"fmt"
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

// establishedLeader is a leader of three with both followers up to date.
func establishedLeader(b testing.TB) *Leader {
	c := newCluster(b, 3, 0)
	l, err := NewLeader(LeaderConfig{ID: 3, Log: &c.node(3).disk, Active: c.node(3).active(), InitLimit: 10, SyncLimit: 5})
	if err != nil {
		b.Fatal(err)
	}
	persist := func() {
		r, _ := l.Ready()
		l.Persisted(r.ID)
	}
	for id := wire.SID(1); id <= 2; id++ {
		info := wire.LearnerInfo{SID: id, Protocol: wire.ProtocolVersion}
		l.Connected(Conn(id))
		l.Receive(Conn(id), &wire.QuorumPacket{Type: wire.PacketFollowerInfo, Data: info.AppendTo(nil)})
		persist()
		l.Receive(Conn(id), &wire.QuorumPacket{Type: wire.PacketAckEpoch, Data: wire.AppendPacketInt(nil, 0)})
		persist()
		l.Receive(Conn(id), &wire.QuorumPacket{Type: wire.PacketAck, Zxid: wire.MakeZxid(1, 0)})
		persist()
	}
	if !l.Established() {
		b.Fatal("not established")
	}
	return l
}

// BenchmarkLeader is one transaction's way through a leader of three, in batches of 64:
// proposed, acknowledged by both followers one by one and by the own log, delivered.
func BenchmarkLeader(b *testing.B) {
	for _, strangers := range []int{0, 600} { // as many as package server lets in
		b.Run(fmt.Sprint("strangers=", strangers), func(b *testing.B) { benchmarkLeader(b, strangers) })
	}
}

func benchmarkLeader(b *testing.B, strangers int) {
	const batch = 64
	l := establishedLeader(b)
	for i := range strangers {
		l.Connected(Conn(100 + i))
		info := wire.LearnerInfo{SID: wire.SID(100 + i), Protocol: wire.ProtocolVersion}
		l.Receive(Conn(100+i), &wire.QuorumPacket{Type: wire.PacketObserverInfo, Data: info.AppendTo(nil)})
	}
	slices.Reverse(l.peers) // they came first
	l.Ready()
	l.cfg.LastCounter = wire.MaxCounter - 1
	raw := txn(0, "payload").Raw
	b.ReportAllocs()
	for n := 0; n < b.N; n += batch {
		first := l.Last() + 1
		for i := range wire.Zxid(batch) {
			if err := l.Propose(Txn{first + i, withZxid(raw, first+i)}); err != nil {
				b.Fatal(err)
			}
		}
		r, _ := l.Ready()
		for conn := Conn(1); conn <= 2; conn++ {
			for i := range wire.Zxid(batch) {
				l.Receive(conn, &wire.QuorumPacket{Type: wire.PacketAck, Zxid: first + i})
			}
		}
		l.Persisted(r.ID)
		if r, _ := l.Ready(); len(r.Deliver) != batch {
			b.Fatalf("%d delivered", len(r.Deliver))
		}
	}
}

// withZxid changes the zxid in a header, in place.
func withZxid(raw []byte, z wire.Zxid) []byte {
	wire.AppendLong(raw[:zxidAt], int64(z))
	return raw
}

// BenchmarkLearner is one transaction's way through a follower, in batches of 64.
func BenchmarkLearner(b *testing.B) {
	const batch = 64
	c := newCluster(b, 3, 0)
	n := c.node(1)
	l := NewLearner(LearnerConfig{ID: 1, Leader: 3, Log: &n.disk, Active: n.active(), InitLimit: 10, SyncLimit: 5})
	for _, p := range []wire.QuorumPacket{
		{Type: wire.PacketLeaderInfo, Zxid: wire.MakeZxid(1, 0), Data: wire.AppendPacketInt(nil, wire.ProtocolVersion)},
		{Type: wire.PacketDiff}, {Type: wire.PacketNewLeader, Zxid: wire.MakeZxid(1, 0)}, {Type: wire.PacketUpToDate, Zxid: wire.NoZxid},
	} {
		l.Receive(&p)
		r, _ := l.Ready()
		l.Persisted(r.ID)
	}
	raw := txn(0, "payload").Raw
	b.ReportAllocs()
	z := wire.MakeZxid(1, 0)
	for i := 0; i < b.N; i += batch {
		for j := range wire.Zxid(batch) {
			l.Receive(&wire.QuorumPacket{Type: wire.PacketProposal, Zxid: z + j + 1, Data: withZxid(raw, z+j+1)})
		}
		r, _ := l.Ready()
		l.Persisted(r.ID)
		for range batch {
			z++
			l.Receive(&wire.QuorumPacket{Type: wire.PacketCommit, Zxid: z})
		}
		if r, _ := l.Ready(); len(r.Deliver) != batch {
			b.Fatalf("%d delivered", len(r.Deliver))
		}
	}
}
