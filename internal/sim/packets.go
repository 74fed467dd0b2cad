package sim

import (
	"io"
	"time"

	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

func msec(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// An image is the stream that follows a SNAP packet.
type image []byte

// encode returns a packet as it stands on the wire.
func encode(p *wire.QuorumPacket) []byte { return p.AppendTo(nil) }

func decode(b []byte) (*wire.QuorumPacket, error) {
	var p wire.QuorumPacket
	d := wire.NewDecoder(b)
	p.DecodeFrom(&d)
	return &p, d.Err()
}

// between calls f for the transactions of the log in a range.
func (s *storage) between(r zab.Range, f func(z wire.Zxid, raw []byte)) error {
	if r.Empty() {
		return nil
	}
	rd, err := s.log.Read(r.After)
	if err != nil {
		return err
	}
	defer func() { _ = rd.Close() }() // in memory
	for last := r.After; last < r.To; {
		rec, err := rd.Next()
		if err == io.EOF || err == nil && rec.Zxid > r.To {
			return nil
		}
		if err != nil {
			return err
		}
		last = rec.Zxid
		f(rec.Zxid, append([]byte(nil), rec.Payload...))
	}
	return nil
}

// send sends a packet, if the connection stands.
func (s *server) send(e *simnet.End, p *wire.QuorumPacket) {
	if e == nil || e.Closed() {
		return
	}
	s.say("sends "+p.Type.String()+" %#x to %d", int64(p.Zxid), int64(e.Remote()))
	s.cluster.watchPacket(s, e, p)
	e.Send(encode(p))
	s.cluster.nemesis.passes(s)
}
