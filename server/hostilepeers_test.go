package server_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// port is the address of a port of server id, by its place in the server line: 1 is the
// quorum port, 2 the election port.
func (s *site) port(id, place int) string {
	_, line, _ := strings.Cut(s.config, fmt.Sprintf("server.%d=", id))
	parts := strings.Split(strings.SplitN(line, "\n", 2)[0], ":")
	return net.JoinHostPort(parts[0], parts[place])
}

// An impostor is a connection of somebody who is no member to a port between servers.
type impostor struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

func attack(t *testing.T, addr string) *impostor {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	return &impostor{t, nc, bufio.NewReader(nc)}
}

// say sends bytes; the server may have hung up already.
func (i *impostor) say(b []byte) { _, _ = i.nc.Write(b) }

func (i *impostor) packet(typ wire.PacketType, z wire.Zxid, data []byte) {
	p := wire.QuorumPacket{Type: typ, Zxid: z, Data: data}
	i.say(p.AppendTo(nil))
}

// dropped waits for the server to hang up.
func (i *impostor) dropped(why string) {
	i.t.Helper()
	if _, err := io.Copy(io.Discard, i.r); os.IsTimeout(err) {
		i.t.Errorf("%s: the connection stands", why)
	}
}

// hears reads one packet.
func (i *impostor) hears() (p wire.QuorumPacket, ok bool) {
	var b []byte
	for {
		n, whole, err := wire.PacketLen(b, 1<<20)
		if err != nil {
			return p, false
		}
		if whole {
			d := wire.NewDecoder(b[:n])
			p.DecodeFrom(&d)
			return p, d.Err() == nil
		}
		c, err := i.r.ReadByte()
		if err != nil {
			return p, false
		}
		b = append(b, c)
	}
}

// joins registers as a learner, and returns the epoch that it is told.
func (i *impostor) joins(id wire.SID) wire.Epoch {
	i.t.Helper()
	return i.joinsAs(wire.PacketFollowerInfo, id)
}

// joinsAs registers with one of the packets that do.
func (i *impostor) joinsAs(typ wire.PacketType, id wire.SID) wire.Epoch {
	i.t.Helper()
	info := wire.LearnerInfo{SID: id, Protocol: wire.ProtocolVersion}
	i.packet(typ, 0, info.AppendTo(nil))
	p, ok := i.hears()
	if !ok || p.Type != wire.PacketLeaderInfo {
		i.t.Fatalf("registered, and heard %v, %v", p.Type, ok)
	}
	return p.Zxid.Epoch()
}

// syncs takes over history up to NEWLEADER. It asks for a DIFF of nothing.
func (i *impostor) syncs(end wire.Zxid) {
	i.t.Helper()
	i.packet(wire.PacketAckEpoch, end, wire.AppendInt(nil, 0))
	for {
		p, ok := i.hears()
		if !ok || p.Type == wire.PacketSnap {
			i.t.Fatalf("no DIFF: %v, %v", p.Type, ok)
		}
		if p.Type == wire.PacketNewLeader {
			return
		}
	}
}

// Whoever reaches the ports between servers, and speaks as no server does, is dropped. The
// ensemble goes on as if nothing were.
func TestHostilePeers(t *testing.T) {
	sites := startEnsemble(t, 3, "syncLimit=10") // for the one that acknowledges nothing
	leader, id, _ := lead(t, sites)
	leader.client().create("/before", "x", wire.ModePersistent)
	quorum, election := leader.port(id, 1), leader.port(id, 2)
	const stranger = 77
	ack := func(z wire.Zxid) func(*impostor) { return func(i *impostor) { i.packet(wire.PacketAck, z, nil) } }

	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 40 {
		junk := make([]byte, 1+rng.IntN(4000))
		for k := range junk {
			junk[k] = byte(rng.Uint32() >> (8 * (n % 3)))
		}
		for _, addr := range []string{quorum, election} {
			i := attack(t, addr)
			i.say(junk)
			i.nc.Close()
		}
	}
	for why, talk := range map[string]func(i *impostor){
		"an oversized packet": func(i *impostor) {
			i.say(append(wire.AppendInt(nil, 1), make([]byte, 8)...))
			i.say([]byte{0x7f, 0xff, 0xff, 0xff})
		},
		"the leader's own id": func(i *impostor) {
			i.packet(wire.PacketFollowerInfo, 0, (&wire.LearnerInfo{SID: wire.SID(id), Protocol: wire.ProtocolVersion}).AppendTo(nil))
		},
		"a negative id": func(i *impostor) {
			i.packet(wire.PacketFollowerInfo, 0, (&wire.LearnerInfo{SID: -5, Protocol: wire.ProtocolVersion}).AppendTo(nil))
		},
		"a later epoch": func(i *impostor) {
			i.packet(wire.PacketFollowerInfo, wire.MakeZxid(1<<30, 0), (&wire.LearnerInfo{SID: stranger, Protocol: wire.ProtocolVersion}).AppendTo(nil))
		},
		"a later configuration": func(i *impostor) {
			i.packet(wire.PacketFollowerInfo, 0, (&wire.LearnerInfo{SID: stranger, Protocol: wire.ProtocolVersion, ConfigVersion: 1 << 60}).AppendTo(nil))
		},
		"half a LearnerInfo": func(i *impostor) { i.packet(wire.PacketFollowerInfo, 0, []byte{1, 2, 3}) },
		"a leader's packet":  func(i *impostor) { i.packet(wire.PacketProposal, 5, []byte("x")) },
		"a COMMIT":           func(i *impostor) { i.joins(stranger); i.packet(wire.PacketCommit, 5, nil) },
		"an ACK out of turn": func(i *impostor) { i.joins(stranger); ack(5)(i) },
		"a request before its time": func(i *impostor) {
			i.joins(stranger)
			i.packet(wire.PacketRequest, wire.NoZxid, (&wire.ForwardedRequest{Session: 1, Op: wire.OpCreate}).AppendTo(nil))
		},
		"two registrations": func(i *impostor) {
			i.joins(stranger)
			i.packet(wire.PacketFollowerInfo, 0, (&wire.LearnerInfo{SID: stranger, Protocol: wire.ProtocolVersion}).AppendTo(nil))
		},
		"an ACK of what was not proposed": func(i *impostor) {
			e := i.joins(stranger)
			i.syncs(wire.MakeZxid(e, 0))
			ack(wire.MakeZxid(e, 0))(i)
			ack(wire.MakeZxid(e, 1<<30))(i)
		},
		"half a request": func(i *impostor) {
			e := i.joins(stranger)
			i.syncs(wire.MakeZxid(e, 0))
			ack(wire.MakeZxid(e, 0))(i)
			i.packet(wire.PacketRequest, wire.NoZxid, []byte{1})
		},
		"touches that are cut off": func(i *impostor) {
			e := i.joins(stranger)
			i.syncs(wire.MakeZxid(e, 0))
			ack(wire.MakeZxid(e, 0))(i)
			i.packet(wire.PacketPing, 0, []byte{1, 2, 3})
		},
		"no ACK of the history": func(i *impostor) {
			e := i.joins(stranger)
			i.syncs(wire.MakeZxid(e, 0))
		},
		"no answer to PINGs": func(i *impostor) {
			e := i.joinsAs(wire.PacketObserverInfo, stranger)
			i.syncs(wire.MakeZxid(e, 0))
			ack(wire.MakeZxid(e, 0))(i)
		},
		"a flood of requests, and then nothing": func(i *impostor) {
			e := i.joinsAs(wire.PacketObserverInfo, stranger)
			i.syncs(wire.MakeZxid(e, 0))
			ack(wire.MakeZxid(e, 0))(i)
			for range 64 {
				i.packet(wire.PacketRequest, wire.NoZxid, (&wire.ForwardedRequest{Session: 1, Op: wire.OpSetData, Body: make([]byte, 1<<20)}).AppendTo(nil))
			}
		},
		"no ACK of what is proposed": func(i *impostor) {
			e := i.joins(stranger)
			i.syncs(wire.MakeZxid(e, 0))
			ack(wire.MakeZxid(e, 0))(i)
			leader.client().create("/meanwhile", "x", wire.ModePersistent)
		},
	} {
		i := attack(t, quorum)
		talk(i)
		i.dropped(why)
	}

	// Votes of a server that is none are answered, and change nothing.
	i := attack(t, election)
	hello := wire.InitialMessage{SID: stranger, Addresses: []string{"127.0.0.1:1"}}
	b, err := hello.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	i.say(b)
	for _, state := range []wire.ServerState{wire.Looking, wire.Leading, wire.Following, 9} {
		n := wire.Notification{State: state, Leader: stranger, Zxid: 1 << 60, Round: 1 << 61, PeerEpoch: 1 << 30, Version: wire.NotificationVersion}
		i.say(n.AppendFrame(nil))
	}
	i.say(wire.AppendInt(nil, -1))
	i.dropped("a negative frame of votes")

	for _, s := range sites {
		s.eventually("the server to serve", s.serves)
	}
	leader.client().create("/after", "y", wire.ModePersistent)
	agree(t, sites, "/after", "y")
}
