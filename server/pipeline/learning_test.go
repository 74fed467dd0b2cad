package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A learningRig is a core that follows a leader whose part the test plays.
type learningRig struct {
	*coreRig
	role *Learning
}

func newLearningRig(t testing.TB) *learningRig {
	t.Helper()
	return newLearningRigOf(t, Options{}, noPeers{})
}

func newLearningRigOf(t testing.TB, o Options, peers Peers) *learningRig {
	t.Helper()
	o.Member, o.ServerID, o.Tick = true, 1, time.Second
	r := &learningRig{coreRig: newCoreRig(t, o)}
	config, err := quorum.Parse([]byte("server.1=h:1:2:participant\nserver.5=g:1:2:participant\nversion=0"))
	if err != nil {
		t.Fatal(err)
	}
	m := zab.NewLearner(zab.LearnerConfig{
		ID: 1, Leader: leaderID, Log: noHistory{}, Active: quorum.Active{Committed: config}, InitLimit: 5, SyncLimit: 5,
	})
	r.role = r.core.Learn(m, peers, emptyVault{}, Settings{Config: config}, Report{
		Serving: func(wire.Epoch) {}, Ended: func(err error) { t.Errorf("it follows no longer: %v", err) },
	})
	epoch := wire.MakeZxid(1, 0)
	r.hears(wire.PacketLeaderInfo, epoch, wire.AppendPacketInt(nil, wire.ProtocolVersion))
	r.hears(wire.PacketDiff, 0, nil)
	r.hears(wire.PacketNewLeader, epoch, nil)
	r.hears(wire.PacketUpToDate, wire.NoZxid, nil)
	if !r.core.Serving() {
		t.Fatal("it does not follow")
	}
	return r
}

// hears takes a packet of the leader.
func (r *learningRig) hears(typ wire.PacketType, z wire.Zxid, data []byte) {
	r.role.Receive([]wire.QuorumPacket{{Type: typ, Zxid: z, Data: data}})
	synctest.Wait()
}

// proposed takes the proposal of transaction n of the epoch, which bears the number that
// the session gave its request.
func (r *learningRig) proposed(n uint32, s wire.SessionID, xid wire.Xid, op wire.OpCode, body wire.Record) {
	z := wire.MakeZxid(1, n)
	r.hears(wire.PacketProposal, z, wire.EncodeTxn(nil, wire.TxnHeader{Session: s, Cxid: xid, Zxid: z, Op: op}, body).Raw)
}

func (r *learningRig) committed(n uint32) { r.hears(wire.PacketCommit, wire.MakeZxid(1, n), nil) }

// comes is a client that goes on with a session of the ensemble.
func (r *learningRig) comes(s wire.SessionID) *peer {
	r.t.Helper()
	p := r.newPeer()
	met := make(chan error, 1)
	go func() { met <- p.resume(s, 10_000) }()
	synctest.Wait()
	r.hears(wire.PacketRevalidate, wire.NoZxid, (&wire.Revalidated{Session: s, Valid: true}).AppendTo(nil))
	if err := <-met; err != nil {
		r.t.Fatal(err)
	}
	p.c.Flush(true)
	synctest.Wait()
	p.sock.mu.Lock()
	p.sock.got = nil // the connect response
	p.sock.mu.Unlock()
	return p
}

// A client that numbers its requests anew on each connection is not answered with what
// it has asked of another server before, whether that was proposed before it came here
// or later.
func TestLearnerAnswersItsOwnRequests(t *testing.T) {
	id := idOf(leaderID, 1)
	root := &wire.SetDataTxn{Path: "/", Data: []byte("asked elsewhere"), Version: 1}
	for name, of := range map[string]struct {
		early, late bool // when the other server's transaction is proposed
		op          wire.OpCode
		ask         wire.Record
		body        wire.Record
	}{
		"proposed before it came":      {early: true, op: wire.OpSetData, ask: set("/", "y"), body: &wire.SetDataTxn{Path: "/", Data: []byte("y"), Version: 2}},
		"of another kind":              {late: true, op: wire.OpCreate, ask: create("/a"), body: &wire.CreateTxn{Path: "/a", ACL: wire.WorldAnyone(wire.PermAll)}},
		"of another kind than a multi": {late: true, op: wire.OpMulti, ask: multiRead(nil), body: &wire.MultiTxn{}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newLearningRig(t)
				defer r.close()
				r.proposed(1, id, 0, wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: 10_000})
				r.committed(1)
				if of.early {
					r.proposed(2, id, 1, wire.OpSetData, root)
				}
				p := r.comes(id)
				p.send(call{1, of.op, of.ask})
				if of.late {
					r.proposed(2, id, 1, wire.OpSetData, root)
				}
				r.committed(2)
				if got := p.take(); len(got) != 0 || p.ended() {
					t.Fatalf("answered with what another server was asked: %v, ended %v", got, p.ended())
				}
				r.proposed(3, id, 1, of.op, of.body)
				r.committed(3)
				if got := p.take(); len(got) != 1 || got[0].h != (wire.ReplyHeader{Xid: 1, Zxid: wire.MakeZxid(1, 3)}) {
					t.Errorf("instead of its answer: %v", got)
				}
			})
		})
	}
}

// A transaction that says what the tree should be is compared with it, but not one of
// those that a snapshot may have run ahead of.
func TestLearnerComparesItsTree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rig := newCoreRig(t, Options{})
		defer rig.close()
		var told []wire.Zxid
		r := &learning{Core: rig.core, trusted: 5, report: Report{
			Mismatch: func(z wire.Zxid, _, _ uint64) { told = append(told, z) },
		}}
		right := &wire.TxnDigest{Version: 2, Digest: int64(rig.core.tree.Digest())}
		wrong := &wire.TxnDigest{Version: 2, Digest: right.Digest + 1}
		r.verify(4, wrong)
		r.verify(5, wrong)
		r.verify(6, right)
		r.verify(7, nil)
		if len(told) > 0 {
			t.Fatalf("told of %v", told)
		}
		r.verify(8, wrong)
		r.verify(9, wrong)
		if len(told) != 1 || told[0] != 8 {
			t.Errorf("told of %v, want 8 once", told)
		}
		if n := rig.core.metrics.DigestMismatches.Load(); n != 2 {
			t.Errorf("counted %d, want 2", n)
		}
	})
}
