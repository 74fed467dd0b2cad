package sim

import (
	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A hosting is what a follower is to the observers that learn from it
// (zab.ObserverMaster): their connections.
type hosting struct {
	*learning
	core  *pipeline.Hosting
	lanes map[zab.Conn]*lane
	last  zab.Conn
}

// serveObservers lets observers connect to a follower that serves.
func (r *learning) serveObservers() {
	if !r.cluster.opts.Masters || r.observer() {
		return
	}
	r.hosting = &hosting{learning: r, core: r.learning.Hosting(), lanes: map[zab.Conn]*lane{}}
	r.net.Listen(r.host(), masterPort, r.hosting.accept)
}

func (h *hosting) accept(e *simnet.End) {
	h.last++
	c := h.last
	h.lanes[c] = &lane{server: h.server, end: e}
	h.core.Connected(c)
	e.OnMessage = func(m any) { h.do(func() { h.receive(c, m) }) }
	e.OnClose = func() {
		h.do(func() {
			delete(h.lanes, c)
			h.core.Disconnected(c)
			h.wake()
		})
	}
	h.wake()
}

func (h *hosting) receive(c zab.Conn, m any) {
	p, err := decode(m.([]byte))
	if err != nil {
		h.cluster.fail("wire", "server %d cannot read a packet: %v", h.id, err)
		return
	}
	h.core.Receive(c, []wire.QuorumPacket{*p}, nil)
	h.wake()
}

// drop ends the connection of an observer.
func (h *hosting) drop(c zab.Conn, why error) {
	if l := h.lanes[c]; l != nil {
		h.say("drops its observer %d: "+why.Error(), int64(l.end.Remote()))
		l.end.Close()
		delete(h.lanes, c)
		h.core.Disconnected(c)
	}
}

// end ends all of them.
func (h *hosting) end() {
	h.net.Unlisten(h.host(), masterPort)
	for c := zab.Conn(1); c <= h.last; c++ {
		if l := h.lanes[c]; l != nil {
			l.end.Close()
		}
	}
}

// masterDials is how often an observer tries to learn from a follower before it turns to
// the leader.
const masterDials = 5

// master is whom a learner dials: its leader, or, if it observes, at first some follower.
func (r *learning) master() (wire.SID, simnet.Port) {
	if !r.cluster.opts.Masters || !r.observer() || r.dials > masterDials {
		return r.leader, quorumPort
	}
	var followers []wire.SID
	for _, id := range r.active.Committed.Voters() {
		if id != r.leader {
			followers = append(followers, id)
		}
	}
	if len(followers) == 0 {
		return r.leader, quorumPort
	}
	return followers[r.rng.IntN(len(followers))], masterPort
}
