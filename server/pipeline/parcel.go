package pipeline

import (
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A parcel gathers the packets of one Ready by connection, so that each connection is
// looked for, and woken, once.
type parcel struct {
	bundles []bundle
	of      map[zab.Conn]int // where a connection's is
	last    int              // that was added to
}

type bundle struct {
	to   zab.Conn
	pkts []wire.QuorumPacket
}

func (p *parcel) add(to zab.Conn, pkt wire.QuorumPacket) {
	b := p.bundle(to)
	b.pkts = append(b.pkts, pkt)
}

// bundle is that of a connection. Most packets go to the same one as the one before, or,
// as each transaction goes to all, to the next: those need not be looked up.
func (p *parcel) bundle(to zab.Conn) *bundle {
	n := len(p.bundles)
	for _, i := range [...]int{p.last, p.last + 1, 0} {
		if i < n && p.bundles[i].to == to {
			p.last = i
			return &p.bundles[i]
		}
	}
	i, ok := p.of[to]
	if !ok {
		if p.of == nil {
			p.of = map[zab.Conn]int{}
		}
		i = n
		p.of[to] = i
		if n < cap(p.bundles) {
			p.bundles = p.bundles[:n+1] // with the room of one that was sent
		} else {
			p.bundles = append(p.bundles, bundle{})
		}
		p.bundles[i].to = to
	}
	p.last = i
	return &p.bundles[i]
}

// send hands over what was gathered. The lists are used again, so long as they are
// not very long.
func (p *parcel) send(peers Peers) {
	for i := range p.bundles {
		b := &p.bundles[i]
		peers.Send(b.to, b.pkts...)
		clear(b.pkts)
		if b.pkts = b.pkts[:0]; cap(b.pkts) > keepParcel {
			b.pkts = nil
		}
	}
	p.bundles, p.last = p.bundles[:0], 0
	clear(p.of)
}

// keepParcel is how many packets a list may have room for that is kept.
const keepParcel = 4096
