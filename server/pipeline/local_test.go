package pipeline

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
)

// newLocalRig is a core that opens local sessions. It decides alone, which leaves out
// nothing of what it does about them.
func newLocalRig(t testing.TB, upgrade bool) *coreRig {
	t.Helper()
	r := newCoreRig(t, Options{Tick: time.Second, LocalSessions: true, UpgradeSessions: upgrade})
	r.core.Call(r.core.serve)
	return r
}

// logged is what the log holds: the operations by session and cxid.
func (r *coreRig) logged() (ops []wire.OpCode) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	for i := range r.log.txns {
		ops = append(ops, r.log.txns[i].Header.Op)
	}
	return ops
}

// resume tries to go on with a session by another connection.
func (r *coreRig) resume(p *peer, o wire.ConnectRequest) (*peer, error) {
	r.t.Helper()
	q := &peer{rig: r, sock: &fakeSocket{}}
	q.c = r.core.NewClient(q.sock, "test", auth.Peer{IP: wire.ID{Scheme: "ip", ID: "127.0.0.1"}})
	o.Session, o.Timeout = p.c.Session(), p.c.Timeout()
	passwd := session.Password(o.Session)
	o.Passwd = passwd[:]
	err := q.c.Connect(&o)
	synctest.Wait()
	q.sock.mu.Lock()
	q.sock.got = nil
	q.sock.mu.Unlock()
	return q, err
}

func (p *peer) ended() bool {
	synctest.Wait()
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	return p.c.mu.dead || p.c.mu.finish
}

func ephemeral(path string) wire.Record {
	return &wire.CreateRequest{Path: path, ACL: wire.WorldAnyone(wire.PermAll), Flags: int32(wire.ModeEphemeral)}
}

// The end of a local session is answered behind the writes before it, and leaves
// nothing in the log.
func TestLocalCloseComesInItsTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newLocalRig(t, true)
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		p.send(call{1, wire.OpCreate, create("/a")}, call{2, wire.OpGetData, get("/a", false)}, call{3, wire.OpCloseSession, nil})
		if got := p.take(); len(got) != 0 {
			t.Fatalf("answered before the write: %v", got)
		}
		close(r.log.hold)
		got := p.take()
		if !slices.Equal(xids(got), []wire.Xid{1, 2, 3}) || got[2].h != (wire.ReplyHeader{Xid: 3, Zxid: 1}) {
			t.Errorf("answered %+v", got)
		}
		if !p.ended() || r.core.LocalCount() != 0 || !slices.Equal(r.logged(), []wire.OpCode{wire.OpCreate}) {
			t.Errorf("dead %v, %d local sessions, log %v", p.ended(), r.core.LocalCount(), r.logged())
		}
	})
}

// An upgrade stands just before the request that needs it, once.
func TestUpgradeStandsBeforeTheRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newLocalRig(t, true)
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		p.send(call{1, wire.OpCreate, create("/a")}, call{2, wire.OpCreate, ephemeral("/e")}, call{3, wire.OpExists, get("/e", false)},
			call{4, wire.OpCreate2, ephemeral("/f")}, call{5, wire.OpCloseSession, nil})
		close(r.log.hold)
		got := p.take()
		if !slices.Equal(xids(got), []wire.Xid{1, 2, 3, 4, 5}) || slices.ContainsFunc(got, func(f frameSeen) bool { return f.h.Err != wire.OK }) {
			t.Errorf("answered %+v", got)
		}
		want := []wire.OpCode{wire.OpCreate, wire.OpCreateSession, wire.OpCreate, wire.OpCreate2, wire.OpCloseSession}
		if ops := r.logged(); !slices.Equal(ops, want) {
			t.Fatalf("the log holds %v, want %v", ops, want)
		}
		up := r.log.txns[1]
		if h := up.Header; h.Session != r.log.txns[0].Header.Session || h.Cxid != 0 || up.Body.(*wire.CreateSessionTxn).Timeout != 10_000 {
			t.Errorf("upgraded by %+v", up)
		}
	})
}

func TestNoUpgradeWhereItIsOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newLocalRig(t, false)
		defer r.close()
		p := r.connect(10_000)
		p.send(call{1, wire.OpCreate, ephemeral("/e")}, call{2, wire.OpCreate, create("/a")})
		got := p.take()
		if len(got) != 2 || got[0].h.Err != wire.EphemeralOnLocalSession || got[1].h.Err != wire.OK || r.core.LocalCount() != 1 {
			t.Errorf("answered %+v, %d local sessions", got, r.core.LocalCount())
		}
	})
}

// A learner's leader knows only that it does not know the session; the client is told
// why that is.
func TestRefusedUpgradeIsToldByTheLearner(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newLocalRig(t, false)
		defer r.close()
		p := r.connect(10_000)
		p.c.mu.Lock()
		p.c.push(pending{kind: kindWrite, op: wire.OpCreate, xid: 1})
		p.c.mu.Unlock()
		r.core.Call(func() {
			req := &Request{Session: p.c.Session(), Cxid: 1, Op: wire.OpCreate, Refused: wire.EphemeralOnLocalSession, Origin: p.c}
			txn, err := r.core.prep.Refuse(req, wire.SessionExpired, 1)
			if err != nil {
				t.Error(err)
			}
			r.core.outstanding.Add(1)
			r.core.inflight.push(proposal{req: req, zxid: txn.Header.Zxid, txn: txn})
			r.core.decided = txn.Header.Zxid
		})
		if got := p.take(); len(got) != 1 || got[0].h.Err != wire.EphemeralOnLocalSession {
			t.Errorf("answered %+v", got)
		}
	})
}

// A session that is closed by a connection which has lost it is closed for the one that
// has it.
func TestLateCloseOfAResumedLocalSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newLocalRig(t, true)
		defer r.close()
		p := r.connect(10_000)
		q, err := r.resume(p, wire.ConnectRequest{})
		if err != nil || q.c.Session() != p.c.Session() || !p.ended() {
			t.Fatalf("resumed: %v, %v", q.c.Session(), err)
		}
		r.core.submit([]*Request{{Session: p.c.Session(), Cxid: 1, Op: wire.OpCloseSession, Origin: p.c}})
		if !q.ended() || r.core.LocalCount() != 0 {
			t.Errorf("%d local sessions", r.core.LocalCount())
		}
	})
}

// A local session lives while its client is heard of, with or without a connection,
// and ends without a transaction.
func TestLocalSessionsExpire(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newLocalRig(t, true)
		defer r.close()
		silent, alive, gone := r.connect(4000), r.connect(4000), r.connect(4000)
		gone.c.Gone()
		for range 8 {
			time.Sleep(time.Second)
			alive.send(call{wire.XidPing, wire.OpPing, nil})
		}
		if !silent.ended() || alive.ended() || r.core.LocalCount() != 1 || len(r.logged()) != 0 {
			t.Errorf("silent ended %v, alive ended %v, %d local sessions, log %v", silent.ended(), alive.ended(), r.core.LocalCount(), r.logged())
		}
		if q, err := r.resume(gone, wire.ConnectRequest{}); err != nil || q.c.Session() != 0 {
			t.Errorf("an expired session is resumed: %v", err)
		}
		if dump, ok := r.core.LocalSessions(); !ok || len(dump) != 1 || !slices.Equal(dump[0].IDs, []wire.SessionID{alive.c.Session()}) {
			t.Errorf("listed: %v", dump)
		}
	})
}

func TestOpeningSessionIsKnownToThePreparer(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	if r.p.Opening(55) {
		t.Error("before")
	}
	r.prepare(sessionRequest(55))
	if !r.p.Opening(55) {
		t.Error("under way")
	}
	r.closing(55)
	if r.p.Opening(55) {
		t.Error("closing")
	}
	r.apply(len(r.pending))
}

func newMemberRig(t testing.TB, o Options) *coreRig {
	t.Helper()
	o.Member = true
	return newCoreRig(t, o)
}

// readOnlyPeer opens a session of a client that is content with reads.
func (r *coreRig) readOnlyPeer() *peer {
	r.t.Helper()
	p := &peer{rig: r, sock: &fakeSocket{}}
	p.c = r.core.NewClient(p.sock, "test", auth.Peer{IP: wire.ID{Scheme: "ip", ID: "127.0.0.1"}})
	if err := p.c.Connect(&wire.ConnectRequest{Timeout: 10_000, ReadOnly: true, HasReadOnly: true}); err != nil {
		r.t.Fatal(err)
	}
	p.c.Flush(true)
	synctest.Wait()
	p.sock.mu.Lock()
	p.sock.got = nil
	p.sock.mu.Unlock()
	return p
}

// serveReadOnly reports whether the core serves read-only clients when it is asked to.
func (r *coreRig) serveReadOnly() bool {
	r.t.Helper()
	err := errors.New("not told")
	r.core.ServeReadOnly(emptyVault{}, 0, func(why error) { err = why })
	synctest.Wait()
	return err == nil
}

func TestReadOnlyRole(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newMemberRig(t, Options{Linearizable: true})
		defer r.close()
		if !r.serveReadOnly() || !r.core.Serving() || !r.core.ReadOnly() {
			t.Fatal("not served")
		}
		if r.serveReadOnly() {
			t.Error("served twice")
		}
		c := r.core.NewClient(&fakeSocket{}, "test", auth.Peer{})
		if err := c.Connect(&wire.ConnectRequest{Timeout: 10_000, HasReadOnly: true}); !errors.Is(err, ErrNotReadOnly) {
			t.Errorf("a writer: %v", err)
		}
		p := r.readOnlyPeer()
		p.send(call{1, wire.OpExists, get("/zookeeper", true)}, call{2, wire.OpCreate, create("/a")}, call{3, wire.OpSync, &wire.PathRequest{Path: "/"}},
			call{4, wire.OpGetChildren, get("/", false)})
		got := p.take()
		want := []wire.Code{wire.OK, wire.NotReadOnly, wire.NotReadOnly, wire.OK}
		for i := range want {
			if len(got) != len(want) || got[i].h.Xid != wire.Xid(i+1) || got[i].h.Err != want[i] {
				t.Fatalf("answered %+v", got)
			}
		}
		r.core.EndReadOnly()
		if !p.ended() || r.core.Serving() || r.core.ReadOnly() || r.core.LocalCount() != 0 || len(r.logged()) != 0 {
			t.Error("something is left")
		}
		r.core.EndReadOnly() // of nothing
		if !r.serveReadOnly() {
			t.Error("not served again")
		}
	})
}

// A connection that got in just as the server became read-only is judged like all.
func TestWriterComesInAsTheServerTurnsReadOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newMemberRig(t, Options{})
		defer r.close()
		for _, renew := range []wire.SessionID{0, 7} {
			sock := &fakeSocket{}
			c := r.core.NewClient(sock, "test", auth.Peer{})
			h := &handshake{timeout: 10_000, renew: renew, valid: true, done: make(chan struct{})}
			r.serveReadOnly()
			r.core.Call(func() {
				if renew == 0 {
					r.core.open(c, h)
				} else {
					r.core.resume(c, h)
				}
			})
			<-h.done
			synctest.Wait()
			if !sock.closed || c.Session() != 0 || r.core.LocalCount() != 0 {
				t.Errorf("closed %v, session %v", sock.closed, c.Session())
			}
		}
	})
}

// A tree of which a leader has not said that all of it is decided is not shown.
func TestUnsettledTreeIsNotShown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newMemberRig(t, Options{Unsettled: true})
		defer r.close()
		if r.serveReadOnly() || r.core.Serving() {
			t.Error("served")
		}
		l := &learning{Core: r.core}
		r.core.Call(func() { r.core.unsettled = false })
		if !r.serveReadOnly() {
			t.Error("not served")
		}
		r.core.EndReadOnly()
		r.core.Call(func() {
			l.received = r.core.tree
			l.install()
		})
		if r.serveReadOnly() {
			t.Error("served from a snapshot that nobody has vouched for")
		}
	})
}
