package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A fakeLog keeps transactions in memory. While held, Sync does not return.
type fakeLog struct {
	mu   sync.Mutex
	txns []wire.Txn
	hold chan struct{} // if not nil, Sync takes one token for each call
	fail error

	stall func() // if not nil, called by every Sync
}

var errSocketClosed = errors.New("closed")

func (l *fakeLog) Append(txns []zab.Txn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range txns {
		txn, err := wire.DecodeTxn(txns[i].Raw)
		if err != nil || txn.Header.Zxid != txns[i].Zxid {
			return fmt.Errorf("transaction %v: %+v, %w", txns[i].Zxid, txn.Header, err)
		}
		l.txns = append(l.txns, txn)
	}
	return nil
}

func (l *fakeLog) Sync() error {
	if l.hold != nil {
		<-l.hold
	}
	if l.stall != nil {
		l.stall()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fail
}

func (l *fakeLog) Settle() error { return nil }

func (l *fakeLog) failWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// A fakeSocket collects what is written to it. While blocked it takes nothing.
type fakeSocket struct {
	mu       sync.Mutex
	got      []byte
	block    chan struct{}
	goodbye  chan struct{} // if not nil, Finish waits for it
	closed   bool
	finished bool
	wrote    func() // if not nil, called after every write
}

func (s *fakeSocket) TryWrite(b []byte) (int, error) {
	if s.block != nil {
		return 0, nil
	}
	return s.Write(b)
}

func (s *fakeSocket) Write(b []byte) (int, error) {
	if s.block != nil {
		<-s.block
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return 0, errors.New("closed")
	}
	s.got = append(s.got, b...)
	s.mu.Unlock()
	if s.wrote != nil {
		s.wrote()
	}
	return len(b), nil
}

func (s *fakeSocket) Finish() {
	if s.goodbye != nil {
		<-s.goodbye
	}
	s.mu.Lock()
	s.finished = true
	s.mu.Unlock()
}

func (s *fakeSocket) Abort() error { return s.Close() }

func (s *fakeSocket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// A frameSeen is one reply or event of a client.
type frameSeen struct {
	h    wire.ReplyHeader
	body []byte
}

func (s *fakeSocket) frames(t testing.TB) []frameSeen {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var seen []frameSeen
	for b := s.got; len(b) > 0; {
		n := binary.BigEndian.Uint32(b)
		d := wire.NewDecoder(b[4 : 4+n])
		var f frameSeen
		f.h.DecodeFrom(&d)
		f.body = d.Rest()
		seen = append(seen, f)
		b = b[4+n:]
	}
	s.got = nil
	return seen
}

// A coreRig is a core with a fake log, in a synctest bubble.
type coreRig struct {
	t    testing.TB
	core *Core
	log  *fakeLog
	err  error // of Run, once stopped
	stop context.CancelFunc
	done chan struct{}
}

func newCoreRig(t testing.TB, o Options) *coreRig {
	t.Helper()
	return newGuardedRig(t, auth.Config{}, o)
}

// newGuardedRig is a coreRig with ways to authenticate.
func newGuardedRig(t testing.TB, cfg auth.Config, o Options) *coreRig {
	t.Helper()
	log := &fakeLog{}
	r := newRigOn(t, cfg, log, o)
	r.log = log
	return r
}

// newLoggedRig is for a log of the caller's.
func newLoggedRig(t testing.TB, log Log, o Options) *coreRig {
	t.Helper()
	return newRigOn(t, auth.Config{}, log, o)
}

func newRigOn(t testing.TB, cfg auth.Config, log Log, o Options) *coreRig {
	t.Helper()
	schemes, err := auth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &coreRig{t: t, done: make(chan struct{})}
	ev := Events{
		ClientDropped:  func(string, wire.SessionID, error) {},
		SessionExpired: func(wire.SessionID, int32) {},
		SoftQuota:      func(QuotaWarning) {},
		AuthFailed:     func(string, string, int64) {},
		Applied:        func(wire.Zxid, int, int) {},

		SessionUpgraded: func(wire.SessionID) {},
	}
	r.core = New(datatree.New(), log, schemes, metrics.New(), ev, o)
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go func() {
		r.err = r.core.Run(ctx)
		close(r.done)
	}()
	return r
}

// close stops the core and waits.
func (r *coreRig) close() {
	r.stop()
	<-r.done
}

// A peer is a client of the coreRig.
type peer struct {
	rig  *coreRig
	c    *Client
	sock *fakeSocket
}

// connect opens a session.
func (r *coreRig) connect(timeout int32) *peer {
	r.t.Helper()
	p := &peer{rig: r, sock: &fakeSocket{}}
	p.c = r.core.NewClient(p.sock, "test", auth.Peer{IP: wire.ID{Scheme: "ip", ID: "127.0.0.1"}})
	if err := p.c.Connect(&wire.ConnectRequest{Timeout: timeout}); err != nil {
		r.t.Fatal(err)
	}
	p.c.Flush(true)
	synctest.Wait()
	p.sock.mu.Lock()
	p.sock.got = nil // the connect response
	p.sock.mu.Unlock()
	if p.c.Session() == 0 {
		r.t.Fatal("no session")
	}
	return p
}

type call struct {
	xid  wire.Xid
	op   wire.OpCode
	body wire.Record
}

func encode(calls ...call) []byte {
	var b []byte
	for _, c := range calls {
		var mark int
		b, mark = wire.BeginFrame(b)
		h := wire.RequestHeader{Xid: c.xid, Op: c.op}
		b = h.AppendTo(b)
		if c.body != nil {
			b = c.body.AppendTo(b)
		}
		b = wire.EndFrame(b, mark)
	}
	return b
}

// send hands requests to the client as one read of its connection.
func (p *peer) send(calls ...call) {
	p.rig.t.Helper()
	b := encode(calls...)
	for len(b) > 0 {
		n, full, err := p.c.Handle(b, p.rig.core.Now())
		if err != nil {
			p.rig.t.Error(err) // not Fatal: tests send from goroutines of their own too
			return
		}
		b = b[n:]
		p.c.Flush(true)
		if full {
			p.c.WaitRoom()
		}
	}
}

// sync waits until nothing moves and returns what the client was sent.
func (p *peer) take() []frameSeen {
	synctest.Wait()
	return p.sock.frames(p.rig.t)
}

func create(path string) wire.Record {
	return &wire.CreateRequest{Path: path, Data: []byte("x"), ACL: wire.WorldAnyone(wire.PermAll)}
}

func set(path, data string) wire.Record {
	return &wire.SetDataRequest{Path: path, Data: []byte(data), Version: -1}
}

func get(path string, watch bool) wire.Record {
	return &wire.PathWatchRequest{Path: path, Watch: watch}
}

func xids(frames []frameSeen) []wire.Xid {
	var ids []wire.Xid
	for _, f := range frames {
		ids = append(ids, f.h.Xid)
	}
	return ids
}

func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func TestWriteIsAnsweredOnlyAfterSync(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		p.send(call{1, wire.OpCreate, create("/a")})
		if got := p.take(); len(got) != 0 {
			t.Fatalf("answered before the sync: %v", got)
		}
		r.log.hold <- struct{}{}
		got := p.take()
		if len(got) != 1 || got[0].h != (wire.ReplyHeader{Xid: 1, Zxid: 2}) {
			t.Fatalf("got %+v", got)
		}
		close(r.log.hold)
	})
}

func TestReadWaitsForOwnWriteAndDoesNotSeeTheNext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		p.send(call{1, wire.OpCreate, create("/a")})
		p.take()
		r.log.hold = make(chan struct{})
		p.send(
			call{2, wire.OpSetData, set("/a", "two")},
			call{3, wire.OpGetData, get("/a", false)},
			call{4, wire.OpSetData, set("/a", "four")},
			call{5, wire.OpGetData, get("/a", false)},
			call{6, wire.OpExists, get("/none", false)},
		)
		close(r.log.hold)
		got := p.take()
		if want := []wire.Xid{2, 3, 4, 5, 6}; !slices.Equal(xids(got), want) {
			t.Fatalf("order %v, want %v", xids(got), want)
		}
		for i, want := range map[int]string{1: "two", 3: "four"} {
			d := wire.NewDecoder(got[i].body)
			if data := string(d.Buffer()); data != want {
				t.Errorf("reply %d reads %q, want %q", i, data, want)
			}
		}
		if got[4].h.Err != wire.NoNode {
			t.Errorf("exists of a missing node: %v", got[4].h.Err)
		}
	})
}

func TestOtherSessionsReadWhileAWriteSyncs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		writer, reader := r.connect(10_000), r.connect(10_000)
		r.log.hold = make(chan struct{})
		writer.send(call{1, wire.OpCreate, create("/a")})
		reader.send(call{1, wire.OpGetChildren, get("/", false)})
		if got := reader.take(); len(got) != 1 {
			t.Fatalf("the reader waits for somebody else's write: %v", got)
		}
		close(r.log.hold)
	})
}

func TestPingIsAnsweredWhileAWriteSyncs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		p.send(call{1, wire.OpCreate, create("/a")}, call{77, wire.OpPing, nil})
		if got := p.take(); len(got) != 1 || got[0].h.Xid != wire.XidPing {
			t.Fatalf("got %v", got)
		}
		close(r.log.hold)
	})
}

func TestEventStandsBeforeReplyAndAfterWatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		p.send(call{1, wire.OpCreate, create("/a")})
		p.take()
		p.send(
			call{2, wire.OpGetData, get("/a", true)},
			call{3, wire.OpSetData, set("/a", "y")},
			call{4, wire.OpGetData, get("/a", false)},
		)
		got := p.take()
		if want := []wire.Xid{2, wire.XidNotification, 3, 4}; !slices.Equal(xids(got), want) {
			t.Fatalf("order %v, want %v", xids(got), want)
		}
		var ev wire.WatcherEvent
		d := wire.NewDecoder(got[1].body)
		ev.DecodeFrom(&d)
		if ev != (wire.WatcherEvent{Type: wire.EventNodeDataChanged, State: 3, Path: "/a"}) || got[1].h.Zxid != 3 {
			t.Errorf("event %+v at %v", ev, got[1].h.Zxid)
		}
	})
}

func TestWatchOfWaitingReadIsSetBehindTheWrite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		p.send(call{1, wire.OpCreate, create("/a")}, call{2, wire.OpExists, get("/a", true)})
		close(r.log.hold)
		if got := p.take(); !slices.Equal(xids(got), []wire.Xid{1, 2}) || got[1].h.Err != wire.OK {
			t.Fatalf("got %v: the watch saw the write before it", got)
		}
	})
}

func TestFailedSyncStopsTheServerAndAnswersNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		p := r.connect(10_000)
		r.log.failWith(errors.New("disk is gone"))
		p.send(call{1, wire.OpCreate, create("/a")})
		<-r.done
		if r.err == nil || r.err.Error() != "disk is gone" {
			t.Errorf("Run returned %v", r.err)
		}
		if got := p.take(); len(got) != 0 {
			t.Errorf("answered %v after the sync failed", got)
		}
		r.stop()
	})
}

func TestSilentSessionExpiresAndItsNodesGoOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{Tick: time.Second, MinTimeout: time.Second})
		defer r.close()
		silent, other := r.connect(4000), r.connect(40_000)
		eph := &wire.CreateRequest{Path: "/e", ACL: wire.WorldAnyone(wire.PermAll), Flags: 1}
		silent.send(call{1, wire.OpCreate, eph})
		silent.take()
		other.send(call{1, wire.OpExists, get("/e", true)})
		other.take()

		time.Sleep(3900 * time.Millisecond)
		if got := other.take(); len(got) != 0 {
			t.Fatalf("expired before its timeout: %v", got)
		}
		time.Sleep(1400 * time.Millisecond)
		if got := other.take(); len(got) != 1 || got[0].h.Xid != wire.XidNotification {
			t.Fatalf("got %v, want the deletion within a tick of the timeout", got)
		}
		silent.sock.mu.Lock()
		defer silent.sock.mu.Unlock()
		if !silent.sock.closed {
			t.Error("the connection of the expired session is open")
		}
	})
}

func TestReadsKeepASessionAlive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{Tick: time.Second, MinTimeout: time.Second})
		defer r.close()
		p := r.connect(4000)
		for range 10 {
			time.Sleep(3 * time.Second)
			p.send(call{-2, wire.OpPing, nil})
			if got := p.take(); len(got) != 1 {
				t.Fatalf("got %v", got)
			}
		}
	})
}

func TestCloseSessionIsAnsweredAndThenFinished(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		p.send(call{9, wire.OpCloseSession, nil})
		got := p.take()
		if len(got) != 1 || got[0].h.Xid != 9 || got[0].h.Err != wire.OK {
			t.Fatalf("got %v", got)
		}
		if !p.sock.finished || p.sock.closed {
			t.Errorf("finished %v closed %v: the reply may be lost", p.sock.finished, p.sock.closed)
		}
		if _, _, err := p.c.Handle(encode(call{10, wire.OpPing, nil}), 0); !errors.Is(err, ErrClosing) {
			t.Errorf("a request behind closeSession: %v", err)
		}
	})
}

func TestUnknownOperationIsAnsweredInTurnAndEndsTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		b := encode(call{1, wire.OpCreate, create("/a")}, call{2, 55, nil})
		if _, _, err := p.c.Handle(b, 0); err != nil {
			t.Fatal(err)
		}
		close(r.log.hold)
		got := p.take()
		if len(got) != 2 || got[1].h != (wire.ReplyHeader{Xid: 2, Zxid: -1, Err: wire.Unimplemented}) {
			t.Fatalf("got %v", got)
		}
		if !p.sock.finished {
			t.Error("the connection goes on")
		}
	})
}

func TestClientThatDoesNotReadIsDropped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{MaxOutbox: 4096})
		defer r.close()
		writer, deaf := r.connect(10_000), r.connect(10_000)
		deaf.send(call{1, wire.OpAddWatch, &wire.AddWatchRequest{Path: "/", Mode: wire.WatchPersistentRecursive}})
		deaf.take()
		deaf.sock.block = make(chan struct{})
		writer.send(call{1, wire.OpCreate, create("/a")})
		for i := range 1000 {
			writer.send(call{wire.Xid(2 + i), wire.OpSetData, set("/a", "y")})
			writer.take()
		}
		deaf.c.mu.Lock()
		dead, kept := deaf.c.mu.dead, len(deaf.c.mu.out)
		deaf.c.mu.Unlock()
		if !dead || kept > 0 {
			t.Errorf("dead %v with %d bytes kept", dead, kept)
		}
		close(deaf.sock.block)
	})
}

func TestSessionIsResumedOnlyWithItsPassword(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		first := r.connect(10_000)
		id := first.c.Session()

		wrong := &peer{rig: r, sock: &fakeSocket{}}
		wrong.c = r.core.NewClient(wrong.sock, "wrong", auth.Peer{})
		if err := wrong.c.Connect(&wire.ConnectRequest{Session: id, Passwd: make([]byte, 16), Timeout: 10_000}); err != nil {
			t.Fatal(err)
		}
		wrong.c.Flush(true)
		synctest.Wait()
		if first.sock.closed || !wrong.sock.finished || wrong.c.Session() != 0 {
			t.Fatalf("a wrong password: owner closed %v, stranger refused %v", first.sock.closed, wrong.sock.finished)
		}

		back := &peer{rig: r, sock: &fakeSocket{}}
		back.c = r.core.NewClient(back.sock, "back", auth.Peer{})
		pw := session.Password(id)
		if err := back.c.Connect(&wire.ConnectRequest{Session: id, Passwd: pw[:], Timeout: 10_000}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if back.c.Session() != id || !first.sock.closed {
			t.Fatalf("session %v, old connection closed %v", back.c.Session(), first.sock.closed)
		}
		first.c.Gone()
		back.c.Flush(true)
		back.take()
		back.send(call{1, wire.OpCreate, create("/b")})
		if got := back.take(); len(got) != 1 || got[0].h.Err != wire.OK {
			t.Fatalf("after resuming: %v", got)
		}
	})
}

func TestManyClientsManyWrites(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{OutstandingLimit: 50})
		defer r.close()
		root := r.connect(10_000)
		root.send(call{1, wire.OpCreate, create("/c")})
		root.take()
		var wg sync.WaitGroup
		for range 20 {
			p := r.connect(10_000)
			wg.Go(func() {
				for i := range 100 {
					p.send(
						call{wire.Xid(2*i + 1), wire.OpCreate, &wire.CreateRequest{Path: "/c/n", ACL: wire.WorldAnyone(31), Flags: 2}},
						call{wire.Xid(2*i + 2), wire.OpExists, get("/c", false)},
					)
				}
			})
			defer func() {
				got := p.take()
				if len(got) != 200 {
					t.Errorf("%d replies", len(got))
				}
				for i, f := range got {
					if f.h.Xid != wire.Xid(i+1) || f.h.Err != wire.OK {
						t.Fatalf("reply %d is %+v", i, f.h)
					}
				}
			}()
		}
		wg.Wait()
		synctest.Wait()
		r.core.View(func(tr *datatree.Tree) {
			n, _ := tr.Find("/c")
			if got := tr.NumChildren(n); got != 2000 {
				t.Errorf("%d children", got)
			}
		})
		if n := r.core.Outstanding(); n != 0 {
			t.Errorf("%d requests outstanding at the end", n)
		}
	})
}

func TestRequestsOfOthersWaitAboveMaxRequests(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{MaxRequests: 1, OpWaitTime: time.Second})
		defer r.close()
		a, b := r.connect(10_000), r.connect(10_000)
		r.log.hold = make(chan struct{})
		a.send(call{1, wire.OpCreate, create("/a")})
		go b.send(call{1, wire.OpGetData, get("/", false)}, call{2, wire.OpGetData, get("/", false)})
		if got := b.take(); len(got) != 0 {
			t.Fatalf("answered %v", got)
		}
		time.Sleep(2 * time.Second)
		close(r.log.hold)
		time.Sleep(time.Second)
		got := b.take()
		if len(got) != 2 || got[0].h.Err != wire.Throttled || got[1].h.Err != wire.OK {
			t.Fatalf("got %+v, want the one that waited refused and the next served", got)
		}
	})
}

func TestLargeRequestsAreBoundedInAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{LargeRequest: 1000, LargeBytes: 3000})
		defer r.close()
		p, q := r.connect(10_000), r.connect(10_000)
		r.log.hold = make(chan struct{})
		big := &wire.CreateRequest{Path: "/big", Data: make([]byte, 2000), ACL: wire.WorldAnyone(31)}
		p.send(call{1, wire.OpCreate, big})
		if _, _, err := q.c.Handle(encode(call{1, wire.OpCreate, big}), 0); !errors.Is(err, ErrLargeRequests) {
			t.Errorf("the second large request: %v", err)
		}
		close(r.log.hold)
		p.take()
		p.send(call{2, wire.OpSetData, &wire.SetDataRequest{Path: "/big", Data: make([]byte, 2000), Version: -1}})
		if got := p.take(); len(got) != 1 || got[0].h.Err != wire.OK {
			t.Errorf("after the first was answered: %v", got)
		}
	})
}
