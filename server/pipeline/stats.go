package pipeline

import (
	"time"

	"github.com/zabra/zabra/wire"
)

// Stats are what cons shows of a connection. A Client's are guarded by its mu.
type Stats struct {
	Received, Sent         int64
	Established            time.Time
	LastOp                 wire.OpCode
	LastCxid               wire.Xid // of a request of the client's own; see HasCxid
	HasCxid                bool
	LastZxid               wire.Zxid     // newest the client was answered with
	LastResponse           time.Duration // when it was answered last, on the core's clock
	LastLatency            time.Duration
	MinLatency, MaxLatency time.Duration
	total                  time.Duration
	answered               int64
}

// AvgLatency is the mean time from request to reply.
func (s *Stats) AvgLatency() time.Duration {
	if s.answered == 0 {
		return 0
	}
	return s.total / time.Duration(s.answered)
}

func (s *Stats) reset() {
	*s = Stats{Established: s.Established, LastOp: s.LastOp, LastCxid: s.LastCxid, HasCxid: s.HasCxid, LastZxid: s.LastZxid}
}

func (s *Stats) request(op wire.OpCode, xid wire.Xid) {
	s.Received++
	s.LastOp = op
	if xid >= 0 {
		s.LastCxid, s.HasCxid = xid, true
	}
}

// opened notes the request for a new session.
func (s *Stats) opened() { s.LastOp, s.LastCxid, s.HasCxid = wire.OpCreateSession, 0, true }

// sent notes a reply to what came at the given time. The caller holds mu and
// the tree's lock.
func (c *Client) sent(at time.Duration) {
	s := &c.mu.stats
	latency := max(c.mu.clock-at, 0)
	c.mu.tally.reply(len(c.mu.out))
	s.Sent++
	s.LastZxid = c.core.tree.LastZxid()
	s.LastResponse = c.mu.clock
	s.LastLatency = latency
	if s.answered == 0 || latency < s.MinLatency {
		s.MinLatency = latency
	}
	s.MaxLatency = max(s.MaxLatency, latency)
	s.total += latency
	s.answered++
}
