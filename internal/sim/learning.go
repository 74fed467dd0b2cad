package sim

import (
	"bytes"
	"errors"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// learning is the role of a follower or an observer.
type learning struct {
	*server
	leader  wire.SID
	at      zab.State
	machine *zab.Learner // nil until the connection stands
	end0    *simnet.End
	dials   int

	driving  bool
	serving  bool
	expected *wire.Zxid // of the snapshot that is on its way
	image    image      // received and not the state yet
	syncs    map[uint64]func()
	lastSync uint64
}

// dialAttempts is how often a leader is dialled that does not listen yet.
const dialAttempts = 5

func newLearning(s *server, leader wire.SID, at zab.State) *learning {
	r := &learning{server: s, leader: leader, at: at, syncs: map[uint64]func(){}}
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
	r.net.Dial(r.host(), simnet.Host(r.leader), quorumPort, r.life, func(e *simnet.End) {
		switch {
		case r.role != r:
			if e != nil {
				e.Close()
			}
		case e != nil:
			r.connected(e)
		case r.dials < dialAttempts:
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

func (r *learning) connected(e *simnet.End) {
	r.end0 = e
	o := r.cluster.opts
	r.machine = zab.NewLearner(zab.LearnerConfig{
		ID: r.id, Leader: r.leader, Observer: r.observer(), State: r.at, Log: r.storage.log, Active: r.active,
		InitLimit: o.InitLimit, SyncLimit: o.SyncLimit, MaxBuffer: o.MaxBuffer,
	})
	e.OnMessage = func(m any) { r.do(func() { r.receive(m) }) }
	e.OnClose = func() { r.do(func() { r.leave(r, errConnection) }) }
	r.drive()
}

var errConnection = errors.New("the connection to the leader is broken")

func (r *learning) end() {
	if r.end0 != nil {
		r.end0.Close()
	}
}

func (r *learning) receive(m any) {
	if r.role != r {
		return
	}
	switch m := m.(type) {
	case image:
		r.image = m
		if r.expected != nil {
			r.expected = nil
			r.machine.SnapshotRead()
		}
	case []byte:
		p, err := decode(m)
		if err != nil {
			r.cluster.fail("wire", "server %d cannot read a packet: %v", r.id, err)
			return
		}
		r.machine.Receive(p)
	}
	r.drive()
}

func (r *learning) tick() {
	if r.machine != nil {
		r.machine.Tick()
		r.drive()
	}
}

func (r *learning) drive() {
	if r.driving {
		return
	}
	r.driving = true
	for r.role == r && r.up() {
		rd, ok := r.machine.Ready()
		if !ok {
			break
		}
		r.do1(&rd)
	}
	r.driving = false
}

func (r *learning) do1(rd *zab.LearnerReady) {
	for i := range rd.Send {
		p := rd.Send[i].Packet()
		r.send(r.end0, &p)
	}
	if rd.Snapshot != nil {
		r.expected = rd.Snapshot
	}
	r.persist(&rd.Ready)
	if !r.up() {
		return
	}
	r.deliver(&rd.Ready)
	if rd.Activated != nil {
		r.activate(rd.Activated)
	}
	if rd.Serving {
		r.serving = true
		r.say("serves in epoch %d", int64(rd.Epoch))
		r.force, r.untrust = false, false
		r.election.Synced(rd.Epoch)
		r.service.serve(r)
	}
	for _, v := range rd.Revalidated {
		r.service.revalidated(v.Session, v.Valid)
	}
	for _, a := range rd.Synced {
		r.syncs[a.ID]()
		delete(r.syncs, a.ID)
	}
	if rd.Stop != nil {
		var resync *zab.ResyncError
		if errors.As(rd.Stop, &resync) {
			r.distrust()
		}
		r.stopFor(rd.Stop)
	}
}

func (r *learning) persist(rd *zab.Ready) {
	var img image
	for i := range rd.Writes {
		if rd.Writes[i].Op == zab.WriteSnapshot {
			img = r.image
			r.load(rd.Writes[i].Zxid)
		}
	}
	if len(rd.Writes) == 0 && len(rd.Then) == 0 || !r.up() {
		return
	}
	r.storage.submit(rd.Writes, img, func() {
		if r.role != r {
			return
		}
		for i := range rd.Then {
			for p := range rd.Then[i].Packets() {
				r.vouch(&p)
				r.send(r.end0, &p)
			}
		}
		r.machine.Persisted(rd.ID)
		r.drive()
	})
}

// vouch lets the ledger check what a packet says about this server's disk.
func (r *learning) vouch(p *wire.QuorumPacket) {
	switch p.Type {
	case wire.PacketAck:
		if !r.observer() || p.Zxid.Counter() == 0 {
			r.ledger.acks(r.id, p.Zxid)
		}
	case wire.PacketAckEpoch:
		if v, err := wire.DecodePacketInt(p.Data); err == nil && v >= 0 {
			r.ledger.promises(r.id, r.machine.Epoch())
			if !r.untrust {
				r.ledger.votes(r.id, p.Zxid, "ACKEPOCH")
			}
		}
	}
}

// load makes a received snapshot the tree. Nobody is served from it before it is
// durable, and a server that dies before that begins again with the old one.
func (r *learning) load(z wire.Zxid) {
	tree, err := datatree.ReadStream(bytes.NewReader(r.image), z, datatree.Options{})
	if err != nil {
		r.cluster.fail("wire", "server %d cannot read a snapshot: %v", r.id, err)
		return
	}
	r.tree, r.image = tree, nil
	r.ledger.loaded(r.id, z, tree.Digest())
}

// What the service asks its role for.

func (r *learning) forward(f *wire.ForwardedRequest) bool {
	ok := r.machine.Forward(*f, nil, 0)
	r.drive()
	return ok
}

func (r *learning) sync(f *wire.ForwardedRequest, done func()) bool {
	if plant.In(plant.SyncAnsweredLocally) {
		done()
		return true
	}
	r.lastSync++
	r.syncs[r.lastSync] = done
	ok := r.machine.Forward(*f, nil, r.lastSync)
	r.drive()
	return ok
}

func (r *learning) revalidate(id wire.SessionID, timeout int32) {
	r.machine.Revalidate(id, timeout)
	r.drive()
}

func (r *learning) touch(id wire.SessionID, timeout int32) { r.machine.Touch(id, timeout) }

func (r *learning) applied(txn *wire.Txn) {
	if txn.Header.Op == wire.OpCreateSession {
		r.machine.Touch(txn.Header.Session, txn.Body.(*wire.CreateSessionTxn).Timeout)
	}
}
