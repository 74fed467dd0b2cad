package pipeline

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
)

// newPeer is a connection before its handshake.
func (r *coreRig) newPeer() *peer {
	p := &peer{rig: r, sock: &fakeSocket{}}
	p.c = r.core.NewClient(p.sock, "test", auth.Peer{IP: wire.ID{Scheme: "ip", ID: "127.0.0.1"}})
	return p
}

func (p *peer) resume(id wire.SessionID, timeout int32) error {
	pw := session.Password(id)
	return p.c.Connect(&wire.ConnectRequest{Session: id, Passwd: pw[:], Timeout: timeout})
}

// leftovers is what the core keeps of clients, sessions and watches.
func (r *coreRig) leftovers(t *testing.T, sessions int) {
	t.Helper()
	synctest.Wait()
	if n := len(r.core.Clients()); n != 0 {
		t.Errorf("%d clients are left", n)
	}
	r.core.Call(func() {
		if n := len(r.core.owners); n != 0 {
			t.Errorf("%d sessions belong to connections that are gone", n)
		}
		if n := r.core.tracker.Len(); n != sessions {
			t.Errorf("%d sessions are tracked, want %d", n, sessions)
		}
		if n := r.core.tree.SessionCount(); n != sessions {
			t.Errorf("%d sessions exist, want %d", n, sessions)
		}
	})
	if n := r.core.watches.Summary().Watches; n != 0 {
		t.Errorf("%d watches are left", n)
	}
	if n := r.core.Outstanding(); n != 0 {
		t.Errorf("%d requests are outstanding", n)
	}
}

// A connection may go at any moment of its handshake: the session that comes of
// it belongs to nobody, and ends.
func TestClientGoneDuringCreateSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		r.log.hold = make(chan struct{})
		p := r.newPeer()
		connected := make(chan error)
		go func() { connected <- p.c.Connect(&wire.ConnectRequest{Timeout: 10_000}) }()
		synctest.Wait()
		p.c.Kill(nil)
		if err := <-connected; err != nil {
			t.Error(err)
		}
		if _, _, err := p.c.Handle(encode(call{1, wire.OpPing, nil}), 0); !errors.Is(err, ErrClosing) {
			t.Errorf("a killed client handles requests: %v", err)
		}
		p.c.Gone()
		close(r.log.hold)
		r.leftovers(t, 1)
		time.Sleep(20 * time.Second)
		r.leftovers(t, 0)
	})
}

// The same, with the death of the connection between the transaction and the
// answer, and its end after both.
func TestClientKilledAsItsSessionBegins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.newPeer()
		if err := p.c.Connect(&wire.ConnectRequest{Timeout: 10_000}); err != nil {
			t.Fatal(err)
		}
		p.c.Kill(nil)
		p.c.Gone()
		r.leftovers(t, 1)
	})
}

func TestResumeOfADeadConnectionTakesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		owner := r.connect(10_000)
		late := r.newPeer()
		late.c.Kill(nil)
		if err := late.resume(owner.c.Session(), 10_000); err != nil {
			t.Fatal(err)
		}
		late.c.Gone()
		synctest.Wait()
		if owner.dead() {
			t.Error("a dead connection took the session away")
		}
		owner.c.Gone()
		r.leftovers(t, 1)
	})
}

// Of two that resume one session the later has it.
func TestTwoResumesAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		first := r.connect(10_000)
		id := first.c.Session()
		first.sock.block = make(chan struct{}) // and is still writing
		first.handle(call{1, wire.OpGetData, get("/", true)}, call{2, wire.OpSetData, set("/", "x")})
		go first.c.Flush(true)
		var peers []*peer
		var done []chan error
		for range 5 {
			p, c := r.newPeer(), make(chan error, 1)
			peers, done = append(peers, p), append(done, c)
			go func() { c <- p.resume(id, 10_000) }()
		}
		for i, c := range done {
			if err := <-c; err != nil {
				t.Error(err)
			}
			peers[i].c.Flush(true)
		}
		close(first.sock.block)
		synctest.Wait()
		var alive []*peer
		for _, p := range append(peers, first) {
			if !p.dead() {
				alive = append(alive, p)
			}
		}
		if len(alive) != 1 || alive[0] == first {
			t.Fatalf("%d connections have the session", len(alive))
		}
		alive[0].take1()
		alive[0].send(call{3, wire.OpGetData, get("/", false)})
		if got := alive[0].take(); len(got) != 1 || got[0].h.Err != wire.OK {
			t.Errorf("got %v", got)
		}
		for _, p := range append(peers, first) {
			p.c.Gone()
		}
		r.leftovers(t, 1)
	})
}

// take1 drops what was sent: a connect response is no reply.
func (p *peer) take1() {
	synctest.Wait()
	p.sock.mu.Lock()
	defer p.sock.mu.Unlock()
	p.sock.got = nil
}

func TestResumeWhileTheSessionIsClosing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		first := r.connect(10_000)
		r.log.hold = make(chan struct{})
		first.send(call{1, wire.OpCloseSession, nil})
		second := r.newPeer()
		if err := second.resume(first.c.Session(), 10_000); err != nil {
			t.Fatal(err)
		}
		second.c.Flush(true)
		if second.c.Session() != 0 || !second.sock.finished {
			t.Error("a closing session was resumed")
		}
		close(r.log.hold)
		if got := xids(first.take()); len(got) != 1 || !first.sock.finished {
			t.Errorf("closeSession was answered with %v, finished %v", got, first.sock.finished)
		}
		first.c.Gone()
		second.c.Gone()
		r.leftovers(t, 0)
	})
}

// When the core stops nobody is left waiting: not in a handshake, and not for
// room.
func TestWaitersEndWithTheCore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{MaxQueued: 1})
		p, stalled := r.connect(10_000), r.newPeer()
		r.log.hold = make(chan struct{})
		r.log.failWith(errors.New("disk is gone"))
		b := encode(call{1, wire.OpSetData, set("/", "x")}, call{2, wire.OpSetData, set("/", "y")})
		if used, full, _ := p.c.Handle(b, 0); !full || used != len(b)/2 {
			t.Fatalf("full %v, used %d", full, used)
		}
		ended := make(chan error, 2)
		go func() { p.c.WaitRoom(); ended <- nil }()
		go func() { ended <- stalled.c.Connect(&wire.ConnectRequest{Timeout: 10_000}) }()
		synctest.Wait()
		close(r.log.hold)
		<-r.done
		synctest.Wait()
		if len(ended) != 2 {
			t.Errorf("%d of two waiters ended", len(ended))
		}
		if _, _, err := p.c.Handle(b, 0); !errors.Is(err, ErrClosing) {
			t.Errorf("Handle of a stopped core: %v", err)
		}
		if !p.sock.closed {
			t.Error("the connection is open")
		}
		r.stop()
	})
}
