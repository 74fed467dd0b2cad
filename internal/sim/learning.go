package sim

import (
	"bytes"
	"errors"
	"io"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// learning is the role of a follower or an observer: its connection, which it carries
// packets over for the core (pipeline.Peers).
type learning struct {
	*server
	leader   wire.SID
	at       zab.State
	dials    int
	machine  *zab.Learner // nil until the connection stands
	learning *pipeline.Learning
	lane     *lane
	via      wire.SID // whom it is connected to, or wants to be: the leader, or a follower of it
	hosting  *hosting // nil if it serves no observers

	snapshot wire.Zxid // that of the image to come
	serving  bool
}

// dialAttempts is how often a leader is dialled that does not listen yet.
const dialAttempts = 5

func newLearning(s *server, leader wire.SID, at zab.State) *learning {
	r := &learning{server: s, leader: leader, at: at}
	s.role = r
	r.dial()
	return r
}

func (r *learning) name() string {
	if r.observer() {
		return "observing"
	}
	return "following"
}

func (r *learning) phase() string {
	switch {
	case r.serving:
		return "broadcast"
	case r.machine == nil || r.machine.Epoch() == 0:
		return "discovery"
	}
	return "synchronisation"
}

func (r *learning) dial() {
	r.dials++
	dialled := r.kernel.Now()
	via, port := r.master()
	r.via = via
	r.net.Dial(r.host(), simnet.Host(via), port, r.life, func(e *simnet.End) {
		switch {
		case r.role != r:
			if e != nil {
				e.Close()
			}
		case e != nil:
			r.connected(e)
		case r.via == r.leader && r.kernel.Now()-dialled >= r.net.Weather.DialTimeout:
			r.leave(r, errSilent)
		case r.dials < dialAttempts || r.via != r.leader:
			r.kernel.After(msec(100), r.life, func() {
				if r.role == r {
					r.dial()
				}
			})
		default:
			r.leave(r, errNoLeader)
		}
	})
}

var (
	errSilent     = errors.New("the leader does not answer")
	errNoLeader   = errors.New("the leader cannot be reached")
	errConnection = errors.New("the connection to the leader is broken")
)

// connected gives the core its role.
func (r *learning) connected(e *simnet.End) {
	o := r.cluster.opts
	r.lane = &lane{server: r.server, end: e}
	r.machine = zab.NewLearner(zab.LearnerConfig{
		ID: r.id, Leader: r.leader, Observer: r.observer(), State: r.at, Log: r.storage.log, Active: r.active,
		InitLimit: o.InitLimit, SyncLimit: o.SyncLimit, MaxBuffer: o.MaxBuffer,
	})
	r.learning = r.core.Learn(r.machine, r, r.storage, r.settings(), r.report())
	e.OnMessage = func(m any) { r.do(func() { r.receive(m) }) }
	e.OnClose = func() {
		r.do(func() {
			r.learning.Disconnected(errConnection)
			r.wake()
		})
	}
	r.wake()
}

func (r *learning) report() pipeline.Report {
	report := r.server.report(r)
	served := report.Serving
	report.Serving = func(e wire.Epoch) {
		r.serving = true
		if r.via != r.leader {
			r.cluster.grid.did("observer of a follower")
		}
		r.serveObservers()
		served(e)
	}
	return report
}

func (r *learning) end() {
	if r.lane != nil {
		r.lane.end.Close()
	}
	if r.hosting != nil {
		r.hosting.end()
	}
}

func (r *learning) receive(m any) {
	switch m := m.(type) {
	case image:
		tree, err := datatree.ReadStream(bytes.NewReader(m), r.snapshot, treeOptions)
		if err != nil {
			r.cluster.fail("wire", "server %d cannot read a snapshot: %v", r.id, err)
			return
		}
		r.learning.Snapshot(tree)
	case []byte:
		p, err := decode(m)
		if err != nil {
			r.cluster.fail("wire", "server %d cannot read a packet: %v", r.id, err)
			return
		}
		if p.Type == wire.PacketSnap {
			r.snapshot = p.Zxid
		}
		r.learning.Receive([]wire.QuorumPacket{*p})
	}
	r.wake()
}

// Send sends packets to the leader, or to an observer.
func (r *learning) Send(to zab.Conn, pkts ...wire.QuorumPacket) {
	if l := r.laneTo(to); l != nil {
		l.send(pkts)
	}
}

// Stream sends an observer what f writes.
func (r *learning) Stream(to zab.Conn, f func(io.Writer) error) {
	if l := r.laneTo(to); l != nil {
		l.stream(f)
	}
}

// laneTo is the way to the leader, 0, or to an observer, nil if there is none.
func (r *learning) laneTo(to zab.Conn) *lane {
	switch {
	case to == 0:
		return r.lane
	case r.hosting == nil:
		return nil
	}
	return r.hosting.lanes[to]
}

// Close ends the connection to the leader, or that of an observer.
func (r *learning) Close(to zab.Conn, why error) {
	if to != 0 {
		if r.hosting != nil {
			r.hosting.drop(to, why)
		}
		return
	}
	r.say("gives its leader up: " + why.Error())
	r.lane.end.Close()
	r.learning.Disconnected(why)
}

// vouch lets the ledger check what a packet says about this server's disk.
func (r *learning) vouch(p *wire.QuorumPacket) {
	switch p.Type {
	case wire.PacketAck:
		if !r.observer() || p.Zxid.Counter() == 0 {
			r.ledger.acks(r.id, p.Zxid)
		}
	case wire.PacketLeaderInfo: // to an observer
		r.ledger.promises(r.id, p.Zxid.Epoch())
	case wire.PacketAckEpoch:
		if v, err := wire.DecodePacketInt(p.Data); err == nil && v >= 0 {
			r.ledger.promises(r.id, r.machine.Epoch())
			if !r.untrust {
				r.ledger.votes(r.id, p.Zxid, "ACKEPOCH")
			}
		}
	}
}
