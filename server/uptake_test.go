package server

import (
	"io"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A pipe is a connection whose bytes move when the test says so.
type pipe struct {
	written, taken, received int64
	marks                    []func(io.Writer) error
}

func (p *pipe) SendStream(f func(io.Writer) error) { p.marks = append(p.marks, f) }
func (p *pipe) Written() int64                     { return p.written }
func (p *pipe) Taken() int64                       { return p.taken }
func (p *pipe) Received() int64                    { return p.received }

// write hands everything that waits to the system.
func (p *pipe) write(n int64) {
	p.written += n
	for _, f := range p.marks {
		_ = f(io.Discard)
	}
	p.marks = nil
}

func packets(types ...wire.PacketType) (v []wire.QuorumPacket) {
	for _, typ := range types {
		v = append(v, wire.QuorumPacket{Type: typ})
	}
	return v
}

// TestUptake follows a learner through a history that is long on its way.
func TestUptake(t *testing.T) {
	p := &pipe{}
	u := &uptake{conn: p}
	expect := func(want bool, when string) {
		t.Helper()
		if u.progress() != want {
			t.Errorf("progress is %v: %s", !want, when)
		}
	}
	takes := func(n int64, want bool, when string) {
		t.Helper()
		p.taken += n
		expect(want, when)
	}
	expect(false, "nothing was asked")
	u.sent(packets(wire.PacketDiff, wire.PacketProposal, wire.PacketNewLeader))
	u.sent(packets(wire.PacketPing))
	takes(0, false, "nothing was taken")
	takes(leastUptake, true, "a part was taken, and nobody knows of how much")
	takes(1, false, "it trickles")
	takes(leastUptake-1, true, "it trickled long enough")
	p.write(4 * leastUptake)
	takes(leastUptake, true, "a part was taken of what the system holds")
	p.received += 100
	u.sent(packets(wire.PacketPing))
	takes(leastUptake-1, false, "not quite a part")
	takes(1, true, "the last part was taken")
	u.sent(packets(wire.PacketPing))
	p.write(leastUptake)
	takes(leastUptake, false, "it has had NEWLEADER, and was sent PINGs")

	u.sent(packets(wire.PacketUpToDate))
	p.write(leastUptake)
	takes(leastUptake, false, "nothing is asked")
	u.sent(packets(wire.PacketPing, wire.PacketProposal))
	p.write(10)
	takes(10, true, "it got the PING")
	for range 3 {
		u.sent(packets(wire.PacketPing))
		p.write(leastUptake)
		takes(leastUptake, false, "it has had a PING, and said nothing")
	}
	p.received++
	u.sent(packets(wire.PacketPing))
	p.write(2 * leastUptake)
	takes(leastUptake, true, "it has answered, and the next PING is on its way")
}
