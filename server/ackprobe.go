package server

import (
	"sync"
	"time"

	"github.com/zabra/zabra/wire"
)

// An ackProbe measures how long a proposal takes from its arrival to its
// acknowledgement: one at a time, since all that arrive together are synced together.
type ackProbe struct {
	mu   sync.Mutex
	zxid wire.Zxid // that is waited for; 0 for none
	came time.Time
}

// arrived is told the last proposal of a batch.
func (p *ackProbe) arrived(z wire.Zxid) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.zxid == 0 {
		p.zxid, p.came = z, time.Now()
	}
}

// acknowledged reports how long the proposal took that was waited for, if it is among
// the packets that go out.
func (p *ackProbe) acknowledged(pkts []wire.QuorumPacket) (d time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range pkts {
		if p.zxid != 0 && pkts[i].Type == wire.PacketAck && pkts[i].Zxid >= p.zxid {
			p.zxid = 0
			return time.Since(p.came), true
		}
	}
	return 0, false
}
