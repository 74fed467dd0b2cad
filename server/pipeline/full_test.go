package pipeline

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A fullLog has no room while full.
type fullLog struct {
	fakeLog
	full  atomic.Bool
	tries atomic.Int64 // that failed
}

func (l *fullLog) Append(txns []zab.Txn) error {
	if l.full.Load() {
		l.tries.Add(1)
		return fmt.Errorf("log.5: %w: %w", ErrNoSpace, syscall.ENOSPC)
	}
	return l.fakeLog.Append(txns)
}

// appended are the transactions with an operation that are in the log.
func (l *fullLog) appended(op wire.OpCode) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.txns {
		if l.txns[i].Header.Op == op {
			n++
		}
	}
	return n
}

// inFullBubble runs f with a core whose log has no room once full is set, ticks of
// one second, and clients that may wait for ten.
func inFullBubble(t *testing.T, f func(t *testing.T, r *coreRig, log *fullLog)) {
	t.Helper()
	bubble(t, func(t *testing.T) {
		log := new(fullLog)
		r := newLoggedRig(t, log, Options{Tick: time.Second, MaxFullWait: 10 * time.Second})
		defer r.close()
		f(t, r, log)
	})
}

func (p *peer) closed() bool {
	synctest.Wait()
	p.sock.mu.Lock()
	defer p.sock.mu.Unlock()
	return p.sock.closed
}

// resumed is a new connection of the peer's session, nil if it is no more.
func (p *peer) resumed(timeout int32) *peer {
	r := p.rig
	p.c.Gone()
	synctest.Wait()
	id := p.c.Session()
	passwd := session.Password(id)
	next := &peer{rig: r, sock: &fakeSocket{}}
	next.c = r.core.NewClient(next.sock, "test", auth.Peer{IP: wire.ID{Scheme: "ip", ID: "127.0.0.1"}})
	if err := next.c.Connect(&wire.ConnectRequest{Timeout: timeout, Session: id, Passwd: passwd[:]}); err != nil {
		r.t.Fatal(err)
	}
	next.c.Flush(true)
	next.sock.got = nil
	if next.c.Session() != id {
		return nil
	}
	return next
}

func mustAnswer(t *testing.T, p *peer, xids ...wire.Xid) {
	t.Helper()
	got := p.take()
	if len(got) != len(xids) {
		t.Fatalf("%d answers, want %d: %+v", len(got), len(xids), got)
	}
	for i, x := range xids {
		if got[i].h.Xid != x || got[i].h.Err != wire.OK {
			t.Errorf("answer %d is %+v, want xid %d", i, got[i].h, x)
		}
	}
}

func TestFullLogHoldsUpWritesOnly(t *testing.T) {
	inFullBubble(t, func(t *testing.T, r *coreRig, log *fullLog) {
		writer, late, reader := r.connect(10_000), r.connect(10_000), r.connect(10_000)
		log.full.Store(true)
		writer.send(call{1, wire.OpCreate, create("/a")}, call{2, wire.OpExists, &wire.PathWatchRequest{Path: "/a"}})
		time.Sleep(time.Second)
		late.send(call{1, wire.OpCreate, create("/b")}, call{2, wire.OpSync, &wire.PathRequest{Path: "/"}})
		for i := range wire.Xid(8) {
			reader.send(call{i, wire.OpGetData, &wire.PathWatchRequest{Path: "/"}})
			mustAnswer(t, reader, i)
			writer.send(call{wire.XidPing, wire.OpPing, nil})
			late.send(call{wire.XidPing, wire.OpPing, nil})
			mustAnswer(t, writer, wire.XidPing)
			mustAnswer(t, late, wire.XidPing)
			time.Sleep(time.Second)
		}
		if n := log.appended(wire.OpCreate); n > 0 || log.tries.Load() < 5 || log.tries.Load() > 20 {
			t.Errorf("%d writes in a full log after %d tries", n, log.tries.Load())
		}
		log.full.Store(false)
		time.Sleep(lastRetry)
		mustAnswer(t, writer, 1, 2)
		mustAnswer(t, late, 1, 2)
		if n := r.core.Outstanding(); n != 0 {
			t.Errorf("%d outstanding", n)
		}
	})
}

// A client whose write waits for too long is disconnected. What was prepared
// happens when there is room, what was held does not.
func TestFullLogGivesUpClients(t *testing.T) {
	inFullBubble(t, func(t *testing.T, r *coreRig, log *fullLog) {
		first, second := r.connect(4_000), r.connect(4_000)
		log.full.Store(true)
		first.send(call{1, wire.OpCreate, create("/prepared")})
		time.Sleep(time.Second)
		second.send(call{1, wire.OpCreate, create("/held")})
		for range 8 {
			first.send(call{wire.XidPing, wire.OpPing, nil})
			second.send(call{wire.XidPing, wire.OpPing, nil})
			time.Sleep(time.Second)
		}
		if first.closed() || second.closed() {
			t.Fatal("given up too early")
		}
		time.Sleep(3 * time.Second)
		if !first.closed() || !second.closed() {
			t.Fatal("a write waits for ever")
		}
		if first, second = first.resumed(4_000), second.resumed(4_000); first == nil || second == nil {
			t.Fatal("a session ended although its client was there all the time")
		}
		first.send(call{5, wire.OpExists, &wire.PathWatchRequest{Path: "/"}})
		mustAnswer(t, first, 5)
		log.full.Store(false)
		time.Sleep(lastRetry)
		first.send(call{6, wire.OpExists, &wire.PathWatchRequest{Path: "/prepared"}})
		mustAnswer(t, first, 6)
		first.send(call{7, wire.OpExists, &wire.PathWatchRequest{Path: "/held"}})
		if got := first.take(); len(got) != 1 || got[0].h.Err != wire.NoNode {
			t.Errorf("a write that was given up before it was prepared: %+v", got)
		}
		if n := r.core.Outstanding(); n != 0 {
			t.Errorf("%d outstanding", n)
		}
	})
}

// Sessions live while their clients do and end when they do not, however long the
// disk is full, and each ends once.
func TestSessionsOfAFullLog(t *testing.T) {
	inFullBubble(t, func(t *testing.T, r *coreRig, log *fullLog) {
		alive, silent := r.connect(4_000), r.connect(4_000)
		for _, p := range []*peer{alive, silent} {
			p.send(call{1, wire.OpCreate, &wire.CreateRequest{
				Path: fmt.Sprintf("/e%d", p.c.Session()), ACL: wire.WorldAnyone(wire.PermAll), Flags: int32(wire.ModeEphemeral),
			}})
			mustAnswer(t, p, 1)
		}
		log.full.Store(true)
		r.connect2(4_000)
		for range 600 {
			alive.send(call{wire.XidPing, wire.OpPing, nil})
			time.Sleep(time.Second)
		}
		if again := silent.resumed(4_000); again != nil {
			t.Error("a session lives ten minutes after its client was heard of last")
		}
		log.full.Store(false)
		time.Sleep(lastRetry)
		if n := log.appended(wire.OpCloseSession); n != 1 {
			t.Errorf("%d sessions ended, want that of the silent client", n)
		}
		alive.send(call{2, wire.OpGetChildren, &wire.PathWatchRequest{Path: "/"}})
		time.Sleep(time.Millisecond)
		if n := r.core.tree.EphemeralCount(); n != 1 || alive.closed() {
			t.Errorf("%d ephemeral nodes; the client that pinged is closed: %v", n, alive.closed())
		}
	})
}

// connect2 asks for a session and does not wait for it.
func (r *coreRig) connect2(timeout int32) *peer {
	p := &peer{rig: r, sock: &fakeSocket{}}
	p.c = r.core.NewClient(p.sock, "test", auth.Peer{IP: wire.ID{Scheme: "ip", ID: "127.0.0.1"}})
	go func() {
		_ = p.c.Connect(&wire.ConnectRequest{Timeout: timeout})
		_, _, _ = p.c.Handle(nil, r.core.Now())
		p.c.Gone()
	}()
	return p
}

// Clients that come again and again with writes and for sessions leave nothing
// behind.
func TestFullLogHoldsNoMoreThanIsConnected(t *testing.T) {
	inFullBubble(t, func(t *testing.T, r *coreRig, log *fullLog) {
		log.full.Store(true)
		r.connect2(4_000) // the one that is prepared
		synctest.Wait()
		for range 300 {
			for range 10 {
				r.connect2(4_000)
			}
			time.Sleep(time.Second)
		}
		held := 0
		r.core.Call(func() { held = len(r.core.held) })
		if n := r.core.Outstanding(); held > 120 || n > 121 {
			t.Errorf("%d requests held, %d outstanding: those of clients that have left too", held, n)
		}
		time.Sleep(15 * time.Second)
		if n := r.core.Outstanding(); n != 1 {
			t.Errorf("%d outstanding, want the one that was prepared", n)
		}
		log.full.Store(false)
		time.Sleep(time.Minute)
		if n := log.appended(wire.OpCreateSession); n != 1 {
			t.Errorf("%d sessions were opened for clients that are gone", n)
		}
	})
}

func TestStopWithAFullLog(t *testing.T) {
	inFullBubble(t, func(t *testing.T, r *coreRig, log *fullLog) {
		p := r.connect(10_000)
		log.full.Store(true)
		p.send(call{1, wire.OpCreate, create("/a")})
		p.send(call{2, wire.OpCreate, create("/b")})
		time.Sleep(5 * time.Second)
		began := time.Now()
		r.close()
		if took := time.Since(began); r.err != nil || took > 2*time.Second {
			t.Errorf("stopped after %v with %v", took, r.err)
		}
		if got := p.take(); len(got) > 0 {
			t.Errorf("answered although nothing is in the log: %+v", got)
		}
	})
}

// A failure of the disk while there is no room is a failure.
func TestFullLogThatFails(t *testing.T) {
	inFullBubble(t, func(t *testing.T, r *coreRig, log *fullLog) {
		p := r.connect(10_000)
		log.full.Store(true)
		p.send(call{1, wire.OpCreate, create("/a")})
		time.Sleep(3 * time.Second)
		log.failWith(syscall.EIO)
		log.full.Store(false)
		<-r.done
		if r.err != syscall.EIO || len(p.take()) > 0 {
			t.Errorf("the core ended with %v", r.err)
		}
	})
}

// What stands before a call in the log's queue is durable when the call runs, and
// what stands behind it is not there yet.
func TestLogAloneComesInTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		syncs, at := 0, -1
		r.log.stall = func() { syncs++ }
		txn := func(z wire.Zxid) logItem {
			return logItem{txn: zab.Txn{Zxid: z, Raw: wire.EncodeTxn(nil, wire.TxnHeader{Zxid: z, Op: wire.OpError}, &wire.ErrorTxn{}).Raw}}
		}
		w := newLogWriter(r.core)
		if !w.work([]logItem{txn(1), txn(2), {call: func() error { at = syncs*100 + len(r.log.txns); return nil }}, txn(3)}) {
			t.Error("the log has failed")
		}
		if at != 102 || syncs != 2 || len(r.log.txns) != 3 {
			t.Errorf("the call ran at %d (100 for each sync, 1 for each transaction); %d syncs of %d in all", at, syncs, len(r.log.txns))
		}
	})
}

// A client that the server does not listen to, since it has too much under way, has
// not been silent.
func TestFullLogGivesUpABarredClient(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := new(fullLog)
		r := newLoggedRig(t, log, Options{Tick: time.Second, MaxFullWait: 14 * time.Second, MaxQueued: 1})
		defer r.close()
		p := r.connect(4_000)
		log.full.Store(true)
		p.send(call{1, wire.OpCreate, create("/a")})
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, full, err := p.c.Handle(encode(call{2, wire.OpCreate, create("/b")}), r.core.Now())
			if !full || err != nil {
				t.Errorf("a request too many: full %v, %v", full, err)
			}
			p.c.WaitRoom()
		}()
		<-done
		if !p.closed() {
			t.Fatal("not given up")
		}
		time.Sleep(3 * time.Second)
		if p.resumed(4_000) == nil {
			t.Error("its session expired")
		}
	})
}

// What needs the log to itself waits for room, too, and what comes behind it waits with it.
func TestACallWaitsForRoom(t *testing.T) {
	inFullBubble(t, func(t *testing.T, r *coreRig, log *fullLog) {
		p := r.connect(10_000)
		var tries atomic.Int64
		r.core.writer.inbox.put(logItem{call: func() error {
			if tries.Add(1) < 4 {
				return fmt.Errorf("epoch: %w: %w", ErrNoSpace, syscall.ENOSPC)
			}
			return nil
		}})
		p.send(call{1, wire.OpCreate, create("/a")})
		synctest.Wait()
		if got := p.take(); len(got) > 0 || tries.Load() != 1 {
			t.Errorf("answered %v after %d tries", got, tries.Load())
		}
		time.Sleep(4 * lastRetry)
		mustAnswer(t, p, 1)
		if n := tries.Load(); n != 4 {
			t.Errorf("%d tries", n)
		}
	})
}
