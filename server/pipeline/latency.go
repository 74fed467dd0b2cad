package pipeline

import (
	"strconv"
	"time"

	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A leaderClock measures how long proposals take to be acknowledged. The core's
// goroutine owns it.
type leaderClock struct {
	metrics *metrics.Metrics
	made    [4096]stamp                 // of the last proposals, by zxid
	acks    map[zab.Conn]*metrics.Timer // by follower
}

type stamp struct {
	zxid wire.Zxid
	at   time.Duration
}

func newLeaderClock(m *metrics.Metrics) *leaderClock {
	return &leaderClock{metrics: m, acks: map[zab.Conn]*metrics.Timer{}}
}

func (c *leaderClock) stamp(z wire.Zxid) *stamp { return &c.made[uint64(z)%uint64(len(c.made))] }

// proposed notes a proposal.
func (c *leaderClock) proposed(p *proposal) {
	*c.stamp(p.zxid) = stamp{p.zxid, p.at}
	c.metrics.ProposalCount.Inc(0)
	c.metrics.ProposalSize.Observe(0, int64(len(p.txn.Raw)))
}

// received looks for acknowledgements. Of those that arrived together only the last
// is measured.
func (c *leaderClock) received(conn zab.Conn, pkts []wire.QuorumPacket, now time.Duration) {
	last := wire.Zxid(0)
	for i := range pkts {
		switch p := &pkts[i]; p.Type {
		case wire.PacketAck:
			last = p.Zxid
		case wire.PacketFollowerInfo:
			var info wire.LearnerInfo
			d := wire.NewDecoder(p.Data)
			if info.DecodeFrom(&d); d.Err() == nil {
				c.acks[conn] = c.metrics.AckLatency.With(strconv.FormatInt(int64(info.SID), 10))
			}
		}
	}
	if last == 0 {
		return
	}
	if s, t := c.stamp(last), c.acks[conn]; t != nil && s.zxid == last {
		t.Observe(0, now-s.at)
	}
}

// gone forgets a connection.
func (c *leaderClock) gone(conn zab.Conn) { delete(c.acks, conn) }

// committed notes that a quorum has acknowledged a proposal.
func (c *leaderClock) committed(z wire.Zxid, now time.Duration) {
	if s := c.stamp(z); s.zxid == z {
		c.metrics.QuorumAckLatency.Observe(0, now-s.at)
	}
}

// propagated measures how old a transaction is, by the leader's clock and this
// server's, when it is applied.
func (c *Core) propagated(h *wire.TxnHeader) {
	now := c.wall.Add(c.clock - c.woke).UnixMilli()
	c.metrics.PropagationLatency.Observe(0, time.Duration(now-h.Time)*time.Millisecond)
}

// Lag is how many transactions of this epoch each follower has not acknowledged yet.
func (l *Leadership) Lag() map[wire.SID]int64 {
	lag := map[wire.SID]int64{}
	l.r.Call(func() {
		if l.r.role == role(l.r) {
			last := l.r.machine.Last()
			for _, f := range l.r.machine.Followers() {
				if !f.Observer && f.UpToDate {
					lag[f.SID] = int64(last - max(f.Acked, wire.MakeZxid(last.Epoch(), 0)))
				}
			}
		}
	})
	return lag
}

// PendingSyncs counts the sync requests that wait for their moment.
func (l *Leadership) PendingSyncs() (n int64) {
	l.r.Call(func() {
		if l.r.role == role(l.r) {
			n = int64(l.r.machine.PendingSyncs())
		}
	})
	return n
}
