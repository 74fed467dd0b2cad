package pipeline

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// heldPeers count what is sent, by its type. With agree they have the learner acknowledge
// every proposal; its PINGs the test answers.
type heldPeers struct {
	noPeers
	agree func(z wire.Zxid)

	mu   sync.Mutex
	sent map[wire.PacketType]int
}

func (s *heldPeers) Send(_ zab.Conn, pkts ...wire.QuorumPacket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent == nil {
		s.sent = map[wire.PacketType]int{}
	}
	for i := range pkts {
		s.sent[pkts[i].Type]++
		if pkts[i].Type == wire.PacketProposal && s.agree != nil {
			go s.agree(pkts[i].Zxid)
		}
	}
}

// count waits until nothing moves.
func (s *heldPeers) count(typ wire.PacketType) int {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[typ]
}

// A quorumRig is a core that leads three voters, one of which follows it.
type quorumRig struct {
	*coreRig
	role  *leading
	peers *heldPeers
}

const followerID wire.SID = 1

func newQuorumRig(t testing.TB, o Options) *quorumRig {
	t.Helper()
	o.Member, o.ServerID, o.Tick = true, leaderID, time.Second
	r := &quorumRig{coreRig: newCoreRig(t, o), peers: &heldPeers{}}
	config, err := quorum.Parse([]byte("server.1=h:1:2:participant\nserver.2=i:1:2:participant\nserver.5=j:1:2:participant\nversion=0"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := zab.NewLeader(zab.LeaderConfig{
		ID: leaderID, Log: noHistory{}, Active: quorum.Active{Committed: config}, InitLimit: 5, SyncLimit: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	l := r.core.Lead(m, r.peers, emptyVault{}, Settings{Config: config}, Report{
		Serving: func(wire.Epoch) {}, Activated: func(*zab.Activation) {}, Ended: func(error) {},
	})
	r.role = l.r
	r.peers.agree = func(z wire.Zxid) { l.Receive(1, []wire.QuorumPacket{{Type: wire.PacketAck, Zxid: z}}, nil) }
	l.Connected(1)
	r.hears(wire.PacketFollowerInfo, 0, (&wire.LearnerInfo{SID: followerID, Protocol: wire.ProtocolVersion}).AppendTo(nil))
	r.hears(wire.PacketAckEpoch, 0, wire.AppendPacketInt(nil, 0))
	r.hears(wire.PacketAck, wire.MakeZxid(1, 0), nil)
	if !r.core.Serving() {
		t.Fatal("it does not lead")
	}
	return r
}

// hears takes a packet of the follower.
func (r *quorumRig) hears(typ wire.PacketType, z wire.Zxid, data []byte) {
	(&Leadership{r.role}).Receive(1, []wire.QuorumPacket{{Type: typ, Zxid: z, Data: data}}, nil)
	synctest.Wait()
}

// atOnce has everything that f leaves for the core arrive there at once.
func (r *coreRig) atOnce(f func()) {
	goOn := make(chan struct{})
	go r.core.Call(func() { <-goOn })
	synctest.Wait()
	f()
	synctest.Wait()
	close(goOn)
	synctest.Wait()
}

// reads are so many reads of the root, for one read of a connection.
func reads(n int) (calls []call) {
	for i := range n {
		calls = append(calls, call{wire.Xid(1 + i), wire.OpGetData, get("/", false)})
	}
	return calls
}

// Reads that are to be linearizable, and arrive together, of one client and of several,
// are confirmed by one round of PINGs. None is answered before a quorum has answered
// those.
func TestReadsThatArriveTogetherShareARound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newQuorumRig(t, Options{Linearizable: true})
		defer r.close()
		clients := []*peer{r.connect(4000), r.connect(4000), r.connect(4000)}
		before := r.peers.count(wire.PacketPing)
		r.atOnce(func() {
			for _, p := range clients {
				p.send(reads(5)...)
			}
		})
		if n := r.peers.count(wire.PacketPing) - before; n != 1 {
			t.Errorf("%d PINGs for 15 reads of 3 clients, want 1", n)
		}
		for range before + 1 {
			for _, p := range clients {
				if got := p.take(); len(got) != 0 {
					t.Errorf("%d reads are answered although nobody has confirmed them", len(got))
				}
			}
			r.hears(wire.PacketPing, wire.MakeZxid(1, 0), []byte{}) // answers the oldest PING
		}
		for _, p := range clients {
			if got := p.take(); len(got) != 5 {
				t.Errorf("%d of 5 reads are answered", len(got))
			}
		}
	})
}

// What comes at a learner in one read of a connection is one question to the leader.
func TestReadsAtALearnerShareAQuestion(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peers := &heldPeers{}
		r := newLearningRigOf(t, Options{Linearizable: true}, peers)
		defer r.close()
		id := idOf(leaderID, 1)
		r.proposed(1, id, 0, wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: 10_000})
		r.committed(1)
		p := r.comes(id)
		before := peers.count(wire.PacketRequest)
		p.send(reads(5)...)
		if n := peers.count(wire.PacketRequest) - before; n != 1 {
			t.Errorf("%d questions for 5 reads, want 1", n)
		}
		if got := p.take(); len(got) != 0 {
			t.Errorf("%d reads are answered although the leader has not confirmed them", len(got))
		}
		r.hears(wire.PacketSync, 0, nil)
		if got := p.take(); len(got) != 5 {
			t.Errorf("%d of 5 reads are answered", len(got))
		}
		p.send(reads(1)...) // which has come later, and is confirmed by itself
		if n := peers.count(wire.PacketRequest) - before; n != 2 {
			t.Errorf("%d questions for two lots of reads, want 2", n)
		}
	})
}

// A leader that a reconfiguration has replaced, and that is still to be taken away, does
// not tell learners that a session is over which may live: others decide about it.
func TestLeaderThatIsReplacedRefusesNoSession(t *testing.T) {
	for name, known := range map[string]bool{"one it knows": true, "one it has not heard of": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newQuorumRig(t, Options{})
				defer r.close()
				id := idOf(followerID, 7)
				if known {
					id = r.connect(4000).c.Session()
				}
				question := wire.AppendRevalidation(nil, wire.Revalidation{Session: id, Timeout: 4000})
				r.core.Call(func() { r.proposeConfig("server.1=h:1:2:participant") })
				synctest.Wait()
				if r.role.machine.Established() {
					t.Fatal("it was not replaced")
				}
				r.hears(wire.PacketRevalidate, wire.NoZxid, question)
				if n := r.peers.count(wire.PacketRevalidate); n != 0 {
					t.Errorf("%d answers about a session", n)
				}
			})
		})
	}
}

// proposeConfig proposes a configuration of these servers.
func (r *quorumRig) proposeConfig(servers string) {
	m := r.role.machine
	z := m.Last() + 1
	text := fmt.Sprintf("%s\nversion=%x", servers, int64(z))
	txn := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: z, Op: wire.OpReconfig}, &wire.SetDataTxn{Path: configPath, Data: []byte(text)})
	if err := m.Propose(zab.Txn{Zxid: z, Raw: txn.Raw}); err != nil {
		r.t.Error(err)
	}
}

// A leader knows how far behind each follower is that takes what it is sent.
func TestLagOfAFollower(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newQuorumRig(t, Options{})
		defer r.close()
		l := &Leadership{r.role}
		lag := func() int64 {
			synctest.Wait()
			n, ok := l.Lag()[followerID]
			if !ok {
				t.Fatal("nothing is known of the follower")
			}
			return n
		}
		r.connect(4000)
		if n := lag(); n != 0 {
			t.Errorf("%d behind, and everything is acknowledged", n)
		}
		r.peers.mu.Lock()
		r.peers.agree = nil
		r.peers.mu.Unlock()
		last := r.role.machine.Last()
		r.core.Call(func() {
			for n := range wire.Zxid(3) {
				z := last + 1 + n
				txn := wire.EncodeTxn(nil, wire.TxnHeader{Zxid: z, Op: wire.OpSetData}, &wire.SetDataTxn{Path: "/", Version: int32(n)})
				if err := r.role.machine.Propose(zab.Txn{Zxid: z, Raw: txn.Raw}); err != nil {
					t.Error(err)
				}
			}
		})
		if n := lag(); n != 3 {
			t.Errorf("%d behind, and 3 are not acknowledged", n)
		}
		r.hears(wire.PacketAck, last+2, nil)
		if n := lag(); n != 1 {
			t.Errorf("%d behind, and one is not acknowledged", n)
		}
	})
}
