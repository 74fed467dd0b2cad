package sim

import (
	"bytes"
	"io"
	"time"

	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/wire"
)

// An image is the stream that follows a SNAP packet.
type image []byte

// A lane is a server's way to another one: packets, and streams, which are made when
// their turn comes.
type lane struct {
	*server
	end   *simnet.End
	queue []cargo
	snap  bool // what is streamed next is the image of a SNAP packet
}

// A cargo is a packet, or what writes a stream.
type cargo struct {
	packet wire.QuorumPacket
	stream func(w io.Writer) error
}

// send sends packets behind whatever is on its way.
func (l *lane) send(pkts []wire.QuorumPacket) {
	for i := range pkts {
		if len(l.queue) > 0 {
			l.queue = append(l.queue, cargo{packet: pkts[i]})
		} else {
			l.transmit(&pkts[i])
		}
	}
}

func (l *lane) stream(f func(w io.Writer) error) {
	l.queue = append(l.queue, cargo{stream: f})
	if len(l.queue) == 1 {
		l.carryOn()
	}
}

// streamTime is how long a stream takes to be made, at most: the server goes on
// meanwhile.
const streamTime = 5 * time.Millisecond

// carryOn makes the stream at the head of the queue, a little later, and sends what
// stands behind it.
func (l *lane) carryOn() {
	l.kernel.After(time.Duration(l.rng.Int64N(int64(streamTime))), l.life, func() {
		l.do(func() {
			var b bytes.Buffer
			if err := l.queue[0].stream(&b); err != nil {
				l.say("cannot read its log: " + err.Error())
				l.end.Close()
				if l.end.OnClose != nil {
					l.end.OnClose()
				}
				return
			}
			l.sendStream(b.Bytes())
			l.queue = l.queue[1:]
			for len(l.queue) > 0 && l.queue[0].stream == nil {
				l.transmit(&l.queue[0].packet)
				l.queue = l.queue[1:]
			}
			if len(l.queue) > 0 {
				l.carryOn()
			}
			l.wake() // the tree lets go of a snapshot
		})
	})
}

func (l *lane) sendStream(b []byte) {
	if l.snap {
		l.snap = false
		if !l.end.Closed() {
			l.end.Send(image(b))
		}
		return
	}
	for d := wire.NewDecoder(b); len(d.Rest()) > 0; {
		var p wire.QuorumPacket
		if p.DecodeFrom(&d); d.Err() != nil {
			l.cluster.fail("wire", "server %d streams what is no packet: %v", l.id, d.Err())
			return
		}
		l.transmit(&p)
	}
}

// transmit puts a packet on the wire, if the connection stands.
func (l *lane) transmit(p *wire.QuorumPacket) {
	l.snap = l.snap || p.Type == wire.PacketSnap
	if l.end.Closed() {
		return
	}
	l.say("sends "+p.Type.String()+" %#x to %d", int64(p.Zxid), int64(l.end.Remote()))
	l.vouch(p)
	l.cluster.watchPacket(l.server, l.end, p)
	l.end.Send(p.AppendTo(nil))
	l.cluster.nemesis.passes(l.server)
}

// vouch lets the ledger check what a packet says about this server.
func (s *server) vouch(p *wire.QuorumPacket) {
	switch r := s.role.(type) {
	case *leading:
		r.vouch(p)
	case *learning:
		r.vouch(p)
	}
}

func decode(b []byte) (*wire.QuorumPacket, error) {
	var p wire.QuorumPacket
	d := wire.NewDecoder(b)
	p.DecodeFrom(&d)
	return &p, d.Err()
}
