package server

import (
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/watch"
)

// gauges says where the metrics that are read on demand come from.
func (s *Server) gauges() {
	m := s.metrics
	tree := func(f func(t *datatree.Tree) int64) func() int64 {
		return func() (v int64) {
			s.core.View(func(t *datatree.Tree) { v = f(t) })
			return v
		}
	}
	m.ZnodeCount.Set(tree(func(t *datatree.Tree) int64 { return int64(t.NodeCount()) + 1 }))
	m.EphemeralsCount.Set(tree(func(t *datatree.Tree) int64 { return int64(t.EphemeralCount()) }))
	m.ApproximateDataSize.Set(tree(func(t *datatree.Tree) int64 { return t.DataSize() }))
	m.GlobalSessions.Set(tree(func(t *datatree.Tree) int64 { return int64(t.SessionCount()) }))
	m.LocalSessions.Set(s.core.LocalCount)
	m.NumAliveConnections.Set(func() int64 { return int64(s.connections()) })
	m.OutstandingRequests.Set(s.core.Outstanding)
	m.OutstandingTLSHandshake.Set(s.handshakes)
	m.ConnDropProbability.Set(s.dropProbability)
	m.Uptime.Set(func() int64 { return time.Since(s.started).Milliseconds() })
	m.LogFullTime.Set(func() int64 { return s.data.shortage.lasted().Milliseconds() })
	s.quotaGauges()
	s.memberGauges()
	m.WatchCount.Set(func() (n int64) {
		s.core.Watches(func(w *watch.Manager) { n = int64(w.Counts().Total()) })
		return n
	})
}

func (s *Server) connections() int {
	n := 0
	for _, p := range s.ports {
		n += p.Connections()
	}
	return n
}

func (s *Server) handshakes() (n int64) {
	for _, p := range s.ports {
		n += p.Handshakes()
	}
	return n
}

func (s *Server) dropProbability() float64 {
	p := 0.0
	for _, port := range s.ports {
		p = max(p, port.DropProbability())
	}
	return p
}
