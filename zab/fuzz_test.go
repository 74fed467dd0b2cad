package zab

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// steps makes packets, and other events, of fuzzed bytes: whatever comes, a machine
// must not panic, and what it vouches for must be true.
func steps(b []byte, event func(kind byte), packet func(conn byte, p *wire.QuorumPacket)) {
	for len(b) >= 6 {
		kind, conn, epoch, counter, size := b[0], b[1], b[2], b[3], int(b[4])
		b = b[5:]
		if kind >= 200 {
			event(kind)
			continue
		}
		size = min(size, len(b))
		p := wire.QuorumPacket{Type: wire.PacketType(kind % 22), Zxid: wire.MakeZxid(wire.Epoch(int8(epoch)), uint32(counter)), Data: b[:size]}
		if kind < 100 {
			p.Data = seedData(p)
		}
		packet(conn%4, &p)
		b = b[size:]
	}
}

// seedData is data as it should be.
func seedData(p wire.QuorumPacket) []byte {
	switch p.Type {
	case wire.PacketFollowerInfo, wire.PacketObserverInfo:
		info := wire.LearnerInfo{SID: wire.SID(p.Zxid.Counter() % 5), Protocol: wire.ProtocolVersion}
		return info.AppendTo(nil)
	case wire.PacketAckEpoch:
		return wire.AppendPacketInt(nil, 0)
	case wire.PacketLeaderInfo:
		return wire.AppendPacketInt(nil, wire.ProtocolVersion)
	case wire.PacketProposal, wire.PacketInform:
		return txn(p.Zxid, "x").Raw
	case wire.PacketInformAndActivate:
		a := wire.Activation{Leader: 1, Raw: reconfigTxn(p.Zxid, configText([]wire.SID{1, 2}, 3, max(0, int64(p.Zxid)))).Raw}
		return a.AppendTo(nil)
	case wire.PacketCommitAndActivate:
		return wire.AppendLong(nil, 2)
	case wire.PacketPing:
		return wire.AppendTouches(nil, nil)
	}
	return nil
}

func FuzzLearner(f *testing.F) {
	follow := []byte{17, 0, 1, 0, 0, 201, 0, 0, 0, 0, 13, 0, 0, 0, 0, 10, 0, 1, 0, 0, 201, 0, 0, 0, 0, 12, 0, 1, 0, 0}
	f.Add(append(follow, 2, 0, 1, 1, 0, 4, 0, 1, 1, 0, 201, 0, 0, 0, 0, 0), false)
	f.Add(append(follow, 8, 0, 1, 1, 0, 19, 0, 1, 2, 0, 0), true)
	f.Fuzz(func(t *testing.T, b []byte, observer bool) {
		c := newCluster(t, 3, 0)
		c.alone = true
		n := c.node(1)
		n.link = &link{learner: n, leader: c.node(3)}
		n.learner = NewLearner(LearnerConfig{ID: 1, Leader: 3, Observer: observer, State: n.state(), Log: &n.disk,
			Active: n.active(), InitLimit: 5, SyncLimit: 2, MaxBuffer: 64})
		c.links = []*link{n.link}
		steps(b, func(kind byte) {
			switch {
			case kind == 200:
				c.tick(1)
			case len(n.jobs) > 0:
				n.writeJob()
			}
			n.drain()
		}, func(_ byte, p *wire.QuorumPacket) {
			if n.learner == nil {
				return
			}
			if p.Type == wire.PacketSnap {
				n.snap = &item{pkt: *p}
			}
			n.learner.Receive(p)
			n.learner.SnapshotRead()
			n.drain()
		})
	})
}

func FuzzLeader(f *testing.F) {
	lead := []byte{11, 1, 0, 1, 0, 201, 0, 0, 0, 0, 18, 1, 0, 0, 0, 201, 0, 0, 0, 0, 3, 1, 1, 0, 0}
	f.Add(append(lead, 202, 0, 0, 0, 0, 201, 0, 0, 0, 0, 3, 1, 1, 1, 0, 0))
	f.Add(append(lead, 16, 2, 0, 2, 0, 18, 2, 0, 0, 0, 3, 2, 1, 0, 0, 203, 0, 0, 0, 0, 5, 1, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newCluster(t, 3, 1)
		c.alone = true
		n := c.node(3)
		l := c.lead(3)
		for conn := range Conn(4) {
			l.Connected(conn)
		}
		steps(b, func(kind byte) {
			switch kind {
			case 200:
				c.tick(3)
			case 202:
				_ = l.Propose(txn(l.Last()+1, "x"))
			case 203:
				l.Sync(1)
			case 204:
				l.Disconnected(1)
			default:
				if len(n.jobs) > 0 {
					n.writeJob()
				}
			}
			n.drain()
		}, func(conn byte, p *wire.QuorumPacket) {
			l.Receive(Conn(conn), p)
			n.drain()
		})
	})
}
