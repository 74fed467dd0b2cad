package sim

import (
	"io"

	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// leading is the role of a server that was elected: its connections, which it carries
// packets over for the core (pipeline.Peers).
type leading struct {
	*server
	machine    *zab.Leader
	at         zab.State
	leadership *pipeline.Leadership
	lanes      map[zab.Conn]*lane
	last       zab.Conn

	known       bool // to the ledger, as leader of its epoch
	established bool
}

func newLeading(s *server, at zab.State) (*leading, error) {
	o := s.cluster.opts
	m, err := zab.NewLeader(zab.LeaderConfig{
		ID: s.id, State: at, Log: s.storage.log, Active: s.active, Reconfig: o.Reconfig,
		InitLimit: o.InitLimit, SyncLimit: o.SyncLimit, LastCounter: o.LastCounter,
	})
	return &leading{server: s, machine: m, at: at, lanes: map[zab.Conn]*lane{}}, err
}

func (r *leading) name() string { return "leading" }

func (r *leading) phase() string {
	switch {
	case r.established:
		return "broadcast"
	case r.machine.Epoch() == 0:
		return "discovery"
	}
	return "synchronisation"
}

// begin gives the core its role and lets learners connect.
func (r *leading) begin() {
	r.leadership = r.core.Lead(r.machine, r, r.storage, r.settings(), r.report())
	r.net.Listen(r.host(), quorumPort, r.accept)
	r.wake()
}

func (s *server) settings() pipeline.Settings {
	return pipeline.Settings{Config: s.active.Committed, StandaloneEnabled: true}
}

func (r *leading) report() pipeline.Report {
	report := r.server.report(r)
	report.Proposed = func(t zab.Txn) {
		r.ledger.proposed(r.id, t.Zxid, t.Raw, r.machine.Active())
		r.cluster.proposedAt(t.Zxid)
	}
	served := report.Serving
	report.Serving = func(e wire.Epoch) {
		r.established = true
		r.ledger.forms(r.id, e)
		served(e)
	}
	return report
}

func (r *leading) end() {
	r.net.Unlisten(r.host(), quorumPort)
	for c := zab.Conn(1); c <= r.last; c++ {
		if l := r.lanes[c]; l != nil {
			l.end.Close()
		}
	}
}

func (r *leading) accept(e *simnet.End) {
	r.last++
	c := r.last
	r.lanes[c] = &lane{server: r.server, end: e}
	r.leadership.Connected(c)
	e.OnMessage = func(m any) { r.do(func() { r.receive(c, m) }) }
	e.OnClose = func() {
		r.do(func() {
			delete(r.lanes, c)
			r.leadership.Disconnected(c)
			r.wake()
		})
	}
	r.wake()
}

func (r *leading) receive(c zab.Conn, m any) {
	p, err := decode(m.([]byte))
	if err != nil {
		r.cluster.fail("wire", "server %d cannot read a packet: %v", r.id, err)
		return
	}
	r.leadership.Receive(c, []wire.QuorumPacket{*p}, nil)
	r.wake()
}

// Send sends packets to a learner.
func (r *leading) Send(to zab.Conn, pkts ...wire.QuorumPacket) {
	if l := r.lanes[to]; l != nil {
		l.send(pkts)
	}
}

// Stream sends a learner what f writes.
func (r *leading) Stream(to zab.Conn, f func(w io.Writer) error) {
	if l := r.lanes[to]; l != nil {
		l.stream(f)
	}
}

// Close ends a learner's connection.
func (r *leading) Close(to zab.Conn, why error) {
	if l := r.lanes[to]; l != nil {
		r.say("drops %d: "+why.Error(), int64(l.end.Remote()))
		l.end.Close()
		delete(r.lanes, to)
		r.leadership.Disconnected(to)
	}
}

// vouch lets the ledger know of the epoch that this server leads, before anybody can
// act on it, and check what it promises.
func (r *leading) vouch(p *wire.QuorumPacket) {
	switch p.Type {
	case wire.PacketLeaderInfo:
		r.ledger.promises(r.id, p.Zxid.Epoch())
	case wire.PacketNewLeader:
		r.reigns(p.Zxid.Epoch())
	}
}

func (r *leading) reigns(e wire.Epoch) {
	if !r.known {
		r.known = true
		r.ledger.leads(r.id, e, r.at.Last)
	}
}

// deserted is called when somebody who elected this server looks for a leader again.
func (r *leading) deserted() {
	connected := map[wire.SID]bool{r.id: true}
	for _, f := range r.machine.Followers() {
		connected[f.SID] = true
	}
	if !r.established && !r.election.CanLead(func(id wire.SID) bool { return connected[id] }) {
		r.leadership.Resign(zab.ErrNoElectors)
		r.wake()
	}
}
