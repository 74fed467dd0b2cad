package pipeline

import (
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A Hosting takes what arrives for a follower from observers that learn from it
// (zab.ObserverMaster). Its methods may be called by any goroutine, and do nothing once
// the role is over.
type Hosting struct{ r *learning }

// Hosting is the learner's service to observers.
func (l *Learning) Hosting() *Hosting { return &Hosting{l.r} }

// Connected tells of a new connection of an observer. They are numbered from 1; 0 is
// the leader.
func (h *Hosting) Connected(conn zab.Conn) {
	h.r.shares.open(conn)
	h.r.later(func() { h.r.machine.Master().Connected(conn) })
}

// Disconnected tells that a connection is gone.
func (h *Hosting) Disconnected(conn zab.Conn) {
	h.r.shares.close(conn)
	h.r.later(func() { h.r.machine.Master().Disconnected(conn) })
}

// Receive takes packets that came by a connection. It keeps them. While the core has not
// taken too many of those that came before it waits, until ended is closed at the latest.
// Requests go on to the leader, and what waits for that connection is not counted here.
func (h *Hosting) Receive(conn zab.Conn, pkts []wire.QuorumPacket, ended <-chan struct{}) {
	s := h.r.shares.at(conn)
	requests, others := weigh(pkts)
	s.take(requests+others, ended)
	h.r.later(func() {
		defer s.end(requests + others)
		for i := range pkts {
			h.r.machine.Master().Receive(conn, &pkts[i])
		}
	})
}

// Progress tells that a learner gets on with what it was sent: see zab.Leader.Progress.
func (h *Hosting) Progress(conn zab.Conn) {
	h.r.later(func() { h.r.machine.Master().Progress(conn) })
}

// Backlog tells how many bytes wait to be sent on a connection.
func (h *Hosting) Backlog(conn zab.Conn, bytes int64) {
	h.r.later(func() { h.r.machine.Master().Backlog(conn, bytes) })
}

// Followers says how the observers are doing.
func (h *Hosting) Followers() (v []zab.Follower) {
	h.r.Call(func() {
		if h.r.role == role(h.r) {
			v = h.r.machine.Master().Followers()
		}
	})
	return v
}
