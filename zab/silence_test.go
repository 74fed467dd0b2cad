package zab

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// A talker is a learner that says what it likes, to a leader or to an observer master.
type talker struct {
	c        *cluster
	host     *node
	observer bool
}

const talkerConn Conn = 99

func (p *talker) connect() {
	if p.host.leader != nil {
		p.host.leader.Connected(talkerConn)
	} else {
		p.host.learner.Master().Connected(talkerConn)
	}
	p.host.drain()
}

func (p *talker) say(typ wire.PacketType, z wire.Zxid, data []byte) {
	pkt := &wire.QuorumPacket{Type: typ, Zxid: z, Data: data}
	if p.host.leader != nil {
		p.host.leader.Receive(talkerConn, pkt)
	} else {
		p.host.learner.Master().Receive(talkerConn, pkt)
	}
	p.host.drain()
}

func (p *talker) progress() {
	if p.host.leader != nil {
		p.host.leader.Progress(talkerConn)
	} else {
		p.host.learner.Master().Progress(talkerConn)
	}
}

func (p *talker) dropped() bool {
	if p.host.leader != nil {
		return p.host.leader.peer(talkerConn) == nil
	}
	return p.host.learner.Master().peer(talkerConn) == nil
}

// joins brings the talker to a stage.
func (p *talker) joins(to stage) {
	p.connect()
	if to >= told {
		typ := wire.PacketFollowerInfo
		if p.observer {
			typ = wire.PacketObserverInfo
		}
		p.say(typ, 0, (&wire.LearnerInfo{SID: 77, Protocol: wire.ProtocolVersion}).AppendTo(nil))
		p.c.flush(p.host.id)
	}
	if to >= syncing {
		p.say(wire.PacketAckEpoch, wire.MakeZxid(1, 1), wire.AppendPacketInt(nil, 1))
	}
	if to == live {
		p.say(wire.PacketAck, wire.MakeZxid(1, 0), nil)
	}
}

// lasts is how many ticks the talker is kept that says only what is not asked, and does
// something before each tick.
func (p *talker) lasts(typ wire.PacketType, before func()) int {
	for n := 0; ; n++ {
		if p.dropped() || n > 1000 {
			return n
		}
		before()
		if typ != 0 {
			p.say(typ, wire.MakeZxid(1, 1), nil)
		}
		p.c.tick()
		p.c.settle()
	}
}

// Whoever talks, and does not say what it is asked for, is given up when its time has
// come, and no later; whoever is still being sent what it is to answer has that time
// when it has got it.
func TestTalkIsNoAnswer(t *testing.T) {
	nothing := func() {}
	const ack, unknown = wire.PacketAck, wire.PacketType(97)
	for name, host := range map[string]wire.SID{"leader": 3, "observer master": 1} {
		for what, v := range map[string]struct {
			to   stage
			says wire.PacketType
			want int // half ticks
		}{
			"that connects":                        {connected, unknown, 20},
			"that registers":                       {told, unknown, 20},
			"that acknowledges other transactions": {syncing, ack, 20},
			"that says what nobody knows":          {syncing, unknown, 20},
			"that serves and says nothing":         {live, 0, 10},
		} {
			t.Run(name+"/one "+what, func(t *testing.T) {
				start := func() *talker {
					c := newCluster(t, 3, 0)
					c.form(1, 2, 3)
					c.proposals(3, 1)
					p := &talker{c, c.node(host), host != 3}
					p.joins(v.to)
					if p.dropped() {
						t.Fatal("it was dropped at once")
					}
					return p
				}
				p := start()
				if n := p.lasts(v.says, nothing); n != v.want+1 {
					t.Errorf("it lasted %d half ticks, not %d", n, v.want+1)
				}
				p = start()
				left := 50
				n := p.lasts(v.says, func() {
					if left--; left >= 0 {
						p.progress()
					}
				})
				want := v.want + 1
				if v.to >= syncing {
					want += 49
				}
				if n != want {
					t.Errorf("with progress it lasted %d half ticks, not %d", n, want)
				}
			})
		}
	}
}

// However many sessions a learner has heard of, its answers to PINGs stay such that a
// leader takes them, and tell of all sessions in the end.
func TestManySessionsHeardOf(t *testing.T) {
	c := newCluster(t, 3, 0)
	c.form(1, 2, 3)
	l := c.node(1).learner
	const sessions = 200_000
	for id := range wire.SessionID(sessions) {
		l.Touch(id, 4000)
		l.Touch(id, 4000)
	}
	told := map[wire.SessionID]bool{}
	for pings := 0; len(told) < sessions; pings++ {
		l.Receive(&wire.QuorumPacket{Type: wire.PacketPing, Zxid: wire.MakeZxid(1, 0)})
		r, ok := l.Ready()
		if !ok || len(r.Send) != 1 || pings > 100 {
			t.Fatalf("answer %d: %d packets; %d sessions told", pings, len(r.Send), len(told))
		}
		pkt := r.Send[0].Packet()
		touches, err := wire.DecodeTouches(pkt.Data)
		if err != nil || len(pkt.Data) > 1<<20 {
			t.Fatalf("an answer of %d bytes: %v", len(pkt.Data), err)
		}
		for _, s := range touches {
			if told[s.Session] {
				t.Fatalf("session %v is told twice", s.Session)
			}
			told[s.Session] = true
		}
		l.Touch(touches[len(touches)-1].Session+sessions, 4000) // some are heard of meanwhile
		if pings == 0 {
			l.Touch(sessions-1, 4000) // which waits already
		}
	}
}
