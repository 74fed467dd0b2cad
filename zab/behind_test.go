package zab

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// What a learner is sent while its log is slow costs as much for each transaction as ever:
// one that is behind would else only fall further behind.
func TestBehindIsNotSlower(t *testing.T) {
	for name, observer := range map[string]bool{"follower": false, "observer": true} {
		t.Run(name, func(t *testing.T) {
			l := followingLearner(t, observer)
			const n = 4096
			var at *Txn
			moved := 0
			for z := wire.MakeZxid(1, 1); z <= wire.MakeZxid(1, n); z++ {
				raw := txn(z, "payload").Raw
				if observer {
					l.Receive(&wire.QuorumPacket{Type: wire.PacketInform, Zxid: z, Data: raw})
				} else {
					l.Receive(&wire.QuorumPacket{Type: wire.PacketProposal, Zxid: z, Data: raw})
					l.Receive(&wire.QuorumPacket{Type: wire.PacketCommit, Zxid: z})
				}
				if at != &l.queue[0] {
					at, moved = &l.queue[0], moved+1
				}
			}
			if len(l.queue) != n {
				t.Fatalf("%d transactions wait for the log, want %d", len(l.queue), n)
			}
			if moved > 64 {
				t.Errorf("all that waits was copied %d times for %d transactions", moved, n)
			}
		})
	}
}

// followingLearner is a learner that serves in epoch 1, with nothing in its log.
func followingLearner(t testing.TB, observer bool) *Learner {
	t.Helper()
	c := newCluster(t, 3, 1)
	id := wire.SID(1)
	if observer {
		id = 4
	}
	l := NewLearner(LearnerConfig{
		ID: id, Leader: 3, Observer: observer, Log: &c.node(id).disk, Active: c.node(id).active(), InitLimit: 10, SyncLimit: 5,
	})
	for _, pkt := range []wire.QuorumPacket{
		{Type: wire.PacketLeaderInfo, Zxid: wire.MakeZxid(1, 0), Data: wire.AppendPacketInt(nil, wire.ProtocolVersion)},
		{Type: wire.PacketDiff},
		{Type: wire.PacketNewLeader, Zxid: wire.MakeZxid(1, 0)},
		{Type: wire.PacketUpToDate, Zxid: wire.NoZxid},
	} {
		l.Receive(&pkt)
		for r, ok := l.Ready(); ok; r, ok = l.Ready() {
			l.Persisted(r.ID)
		}
	}
	if !l.Following() {
		t.Fatal("it does not follow")
	}
	return l
}
