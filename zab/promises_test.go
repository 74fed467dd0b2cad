package zab

import (
	"testing"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// A leader that has a configuration under way in its log cannot know whether it is
// committed. Others may, and may have begun an epoch with a quorum of that one alone: so
// the epoch that follows is chosen by both, and promised to it by both. Who is a voter
// of the new one only, and says that it observes, does not know it yet, and counts.
func TestPromisesAreOfBothConfigurations(t *testing.T) {
	const follows, observes = wire.PacketFollowerInfo, wire.PacketObserverInfo
	type promise struct {
		sid wire.SID
		how wire.PacketType
	}
	for name, tt := range map[string]struct {
		committed, proposed []wire.SID
		leader              wire.SID
		short               []promise // which are not enough
		last                promise
	}{
		"fewer voters": {
			[]wire.SID{1, 2, 3, 4, 5}, []wire.SID{1, 4, 5}, 3,
			[]promise{{2, follows}, {4, follows}}, promise{5, follows},
		},
		"more voters": {
			[]wire.SID{1, 2, 3}, []wire.SID{1, 2, 3, 4, 5}, 3,
			[]promise{{1, follows}}, promise{4, observes},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 5, 0)
			reconfig := wire.MakeZxid(1, 1)
			l, err := NewLeader(LeaderConfig{
				ID: tt.leader, Log: &c.node(tt.leader).disk, InitLimit: 10, SyncLimit: 5,
				State: State{AcceptedEpoch: 1, CurrentEpoch: 1, Last: reconfig},
				Active: quorum.Active{
					Committed: configText(tt.committed, 5, 0), Proposed: configText(tt.proposed, 5, int64(reconfig)),
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			wrote := map[WriteOp]bool{}
			persist := func() {
				for {
					r, ok := l.Ready()
					if !ok {
						return
					}
					for _, w := range r.Writes {
						wrote[w.Op] = true
					}
					l.Persisted(r.ID)
				}
			}
			tells := func(p promise) {
				info := wire.LearnerInfo{SID: p.sid, Protocol: wire.ProtocolVersion}
				l.Connected(Conn(p.sid))
				l.Receive(Conn(p.sid), &wire.QuorumPacket{Type: p.how, Zxid: wire.MakeZxid(1, 0), Data: info.AppendTo(nil)})
				persist()
			}
			promises := func(p promise) {
				l.Receive(Conn(p.sid), &wire.QuorumPacket{Type: wire.PacketAckEpoch, Data: wire.AppendPacketInt(nil, 0)})
				persist()
			}
			for _, p := range tt.short {
				tells(p)
			}
			if wrote[WriteAcceptedEpoch] {
				t.Fatal("an epoch was chosen without a quorum of the configuration under way")
			}
			tells(tt.last)
			if !wrote[WriteAcceptedEpoch] {
				t.Fatal("no epoch was chosen")
			}
			for _, p := range tt.short {
				promises(p)
			}
			if wrote[WriteCurrentEpoch] {
				t.Fatal("an epoch began without a quorum of the configuration under way")
			}
			if promises(tt.last); !wrote[WriteCurrentEpoch] {
				t.Fatal("the epoch did not begin")
			}
			acks := func(p promise) {
				l.Receive(Conn(p.sid), &wire.QuorumPacket{Type: wire.PacketAck, Zxid: wire.MakeZxid(l.Epoch(), 0)})
				persist()
			}
			for _, p := range append(tt.short, tt.last) {
				acks(p)
			}
			if tt.last.how == follows {
				return // it is not to lead by the new one
			}
			// An observer may acknowledge what it has not logged: Apache ZooKeeper's did.
			if l.Established() {
				t.Fatal("established by the word of an observer")
			}
			voter := promise{5, follows}
			tells(voter)
			promises(voter)
			if acks(voter); !l.Established() {
				t.Fatal("not established by a quorum of both")
			}
		})
	}
}
