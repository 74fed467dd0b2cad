package pipeline

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// What stands around a leader whose quorum is itself.
type (
	noPeers    struct{}
	emptyVault struct{}
	noHistory  struct{}
)

func (noPeers) Send(zab.Conn, ...wire.QuorumPacket)       {}
func (noPeers) Stream(zab.Conn, func(w io.Writer) error)  {}
func (noPeers) Close(zab.Conn, error)                     {}
func (emptyVault) SetEpoch(zab.WriteOp, wire.Epoch) error { return nil }
func (emptyVault) Truncate(wire.Zxid) error               { return nil }
func (emptyVault) Replace(*datatree.Tree) error           { return nil }
func (emptyVault) Read(zab.Range, func(wire.Zxid, []byte) error) error {
	return nil
}
func (noHistory) Base() wire.Zxid                    { return 0 }
func (noHistory) Floor(wire.Zxid) (wire.Zxid, error) { return 0, nil }

const leaderID wire.SID = 5

// newLeadingRig is a core that leads an ensemble of one.
func newLeadingRig(t testing.TB, o Options) (*coreRig, *leading) {
	t.Helper()
	o.Member, o.ServerID, o.Tick = true, leaderID, time.Second
	r := newCoreRig(t, o)
	config, err := quorum.Parse([]byte("server.5=h:1:2:participant\nversion=0"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := zab.NewLeader(zab.LeaderConfig{
		ID: leaderID, Log: noHistory{}, Active: quorum.Active{Committed: config}, InitLimit: 5, SyncLimit: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	l := r.core.Lead(m, noPeers{}, emptyVault{}, Settings{Config: config}, Report{Serving: func(wire.Epoch) {}, Ended: func(error) {}})
	synctest.Wait()
	if !r.core.Serving() {
		t.Fatal("it does not lead")
	}
	return r, l.r
}

// idOf is a session id of a server.
func idOf(server wire.SID, n int64) wire.SessionID { return wire.SessionID(int64(server)<<56 | n) }

// forwarded lets a request come through a learner, and returns the code of its
// transaction.
func (r *coreRig) forwarded(l *leading, through wire.SID, s wire.SessionID, op wire.OpCode, body wire.Record) wire.Code {
	r.t.Helper()
	var at int
	r.core.Call(func() {
		at = len(r.log.txns)
		req := &Request{Session: s, Cxid: 1, Op: op, Body: body}
		r.core.outstanding.Add(1)
		l.request(req, through, wire.OK)
	})
	synctest.Wait()
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	txn, err := wire.DecodeTxn(r.log.txns[at].Raw)
	if err != nil {
		r.t.Fatal(err)
	}
	return codeOf(txn)
}

// A leader takes a session that it does not know for another server's local one, but
// not for its own, and never for one that may own nodes. It keeps nothing about it.
func TestLeaderServesLocalSessionsOfOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, local := range []bool{true, false} {
			r, l := newLeadingRig(t, Options{LocalSessions: local, UpgradeSessions: true})
			other, own := idOf(7, 1), idOf(leaderID, 1)
			unknown := wire.OK
			if !local {
				unknown = wire.SessionExpired
			}
			for i, c := range []struct {
				through wire.SID
				session wire.SessionID
				body    wire.Record
				want    wire.Code
			}{
				{7, other, create("/a"), unknown},
				{8, other, create("/b"), unknown}, // nobody knows whose it is
				{7, own, create("/c"), wire.SessionExpired},
				{7, other, ephemeral("/e"), wire.SessionExpired},
			} {
				if got := r.forwarded(l, c.through, c.session, wire.OpCreate, c.body); got != c.want {
					t.Errorf("local sessions %v, request %d: %v, want %v", local, i, got, c.want)
				}
			}
			r.core.Call(func() {
				if len(l.speaks) > 0 {
					t.Errorf("kept: %v", l.speaks)
				}
				if l.claim(other, 4000, 8) {
					t.Error("a session that nobody has upgraded is resumed")
				}
			})
			r.close()
		}
	})
}

// A session lives from the moment its upgrade is under way, and speaks through the
// server that has it.
func TestLeaderKnowsASessionThatIsUpgraded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, l := newLeadingRig(t, Options{LocalSessions: true, UpgradeSessions: true})
		defer r.close()
		id := idOf(7, 1)
		r.log.hold = make(chan struct{})
		r.core.Call(func() {
			for _, req := range []*Request{
				{Session: id, Op: wire.OpCreateSession, Body: &wire.CreateSessionTxn{Timeout: 4000}},
				{Session: id, Cxid: 1, Op: wire.OpCreate, Body: ephemeral("/e")},
			} {
				r.core.outstanding.Add(1)
				l.request(req, 7, wire.OK)
			}
			if !l.claim(id, 4000, 8) {
				t.Error("the session is refused while its upgrade is under way")
			}
			if got := l.speaks[id]; got != 8 {
				t.Errorf("it speaks through %d", got)
			}
		})
		close(r.log.hold)
		synctest.Wait()
		if got := r.forwarded(l, 8, id, wire.OpCreate, ephemeral("/f")); got != wire.OK {
			t.Errorf("through its server: %v", got)
		}
		if got := r.forwarded(l, 7, id, wire.OpCreate, ephemeral("/g")); got != wire.SessionMoved {
			t.Errorf("through the one it has left: %v", got)
		}
		var nodes []string
		r.core.View(func(tree *datatree.Tree) { nodes = tree.Ephemerals(id) })
		if !slices.Equal(nodes, []string{"/e", "/f"}) {
			t.Errorf("it owns %v", nodes)
		}
		time.Sleep(7 * time.Second)
		synctest.Wait()
		r.core.View(func(tree *datatree.Tree) { nodes = tree.Ephemerals(id) })
		if len(nodes) != 0 {
			t.Errorf("it has expired and owns %v", nodes)
		}
	})
}

// The leader's own clients have their sessions upgraded without a detour.
func TestLeadersOwnLocalSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, l := newLeadingRig(t, Options{LocalSessions: true, UpgradeSessions: true})
		defer r.close()
		p := r.connect(4000)
		p.send(call{1, wire.OpCreate, create("/a")})
		if got := p.take(); len(got) != 1 || got[0].h.Err != wire.OK || len(l.speaks) != 0 || r.core.LocalCount() != 1 {
			t.Errorf("got %+v; %v; %d local sessions", got, l.speaks, r.core.LocalCount())
		}
		p.send(call{2, wire.OpCreate, ephemeral("/e")}, call{3, wire.OpCloseSession, nil})
		if got := p.take(); len(got) != 2 || got[0].h.Err != wire.OK || got[1].h.Err != wire.OK || r.core.LocalCount() != 0 {
			t.Errorf("got %+v; %d local sessions", got, r.core.LocalCount())
		}
	})
}

// A leader that has given up, and is still to be taken away, does not know what becomes of a
// session: who comes back to it is sent elsewhere, and not told that the session is over.
func TestLeaderThatHasGivenUpRefusesNoSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, l := newLeadingRig(t, Options{})
		defer r.close()
		p, q := r.connect(4000), r.newPeer()
		h := &handshake{renew: p.c.Session(), valid: true, timeout: 4000, done: make(chan struct{})}
		r.core.Call(func() {
			l.machine.Resign(io.EOF) // as it does when it wakes after a pause
			r.core.resume(q.c, h)
		})
		<-h.done
		q.c.mu.Lock()
		defer q.c.mu.Unlock()
		if q.c.mu.finish || !q.c.mu.dead {
			t.Errorf("answered: %v, sent away: %v", q.c.mu.finish, q.c.mu.dead)
		}
	})
}
