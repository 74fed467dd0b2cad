package pipeline

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/zabra/zabra/wire"
)

// In a bubble no time passes while anybody waits for the others (synctest.Wait): no tick
// and no timer wakes a hand that was not called. So whatever lies there when nobody moves
// any more was forgotten.

// ways are how a write, or something else, may come to the core.
var ways = []func(p *peer, b []byte) error{
	func(p *peer, b []byte) error { // from an event loop that has a lone write
		var writes Batch
		if _, _, err := p.c.HandleSome(b, p.rig.core.Now(), &writes); err != nil {
			return err
		}
		if !p.rig.core.Leave(&writes) {
			return fmt.Errorf("the log is not quick, or %d writes", writes.Len())
		}
		p.rig.core.Work()
		return nil
	},
	func(p *peer, b []byte) error { // from one that has many
		_, _, err := p.c.Handle(b, p.rig.core.Now())
		return err
	},
	func(p *peer, b []byte) error { // from one who gives the core a turn, and no more
		p.rig.core.inbox.lay(message{call: func() {
			var writes Batch
			if _, _, err := p.c.HandleSome(b, p.rig.core.Now(), &writes); err != nil {
				p.rig.t.Error(err)
			}
			for _, req := range writes.requests {
				p.rig.core.outstanding.Add(1)
				p.rig.core.propose(req)
			}
		}})
		p.rig.core.visit(false)
		return nil
	},
}

// An eager peer brings the next as soon as it has an answer: just when the hands are about
// to sleep.
type eager struct {
	*peer
	answered chan struct{}
	xid      wire.Xid
}

func (r *coreRig) eager() *eager {
	e := &eager{r.connect(10_000), make(chan struct{}, 1), 0}
	e.sock.wrote = func() { e.answered <- struct{}{} }
	return e
}

// bring brings n writes, one after the other.
func (e *eager) bring(n int, rng *rand.Rand) {
	for range n {
		for range rng.IntN(3) * rng.IntN(200) {
			runtime.KeepAlive(e) // not quite at once
		}
		e.xid++
		b := encode(call{e.xid, wire.OpSetData, set("/", "x")})
		if err := ways[rng.IntN(len(ways))](e.peer, b); err != nil {
			e.rig.t.Error(err)
			return
		}
		<-e.answered
	}
}

// Whoever brings what, and whoever else is at it at that moment: it is done.
func TestNothingIsForgotten(t *testing.T) {
	const each = 20
	rounds := 1000
	if testing.Short() || raceEnabled {
		rounds = 50
	}
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		r.connect(10_000).quicken()
		var peers []*eager
		for range 4 {
			peers = append(peers, r.eager())
		}
		r.log.stall = runtime.Gosched
		rng := rand.New(rand.NewPCG(1, 2))
		for round := range rounds {
			present, answered := peers[:1+rng.IntN(len(peers))], make([]wire.Xid, 0, len(peers))
			for _, p := range present {
				answered = append(answered, p.xid)
				go p.bring(each, rand.New(rand.NewPCG(rng.Uint64(), 0)))
			}
			synctest.Wait()
			for i, p := range present {
				got := xids(p.sock.frames(t))
				if len(got) != each || got[each-1] != answered[i]+each {
					t.Errorf("round %d, with %d peers: %d of %d writes of peer %d were answered", round, len(present), len(got), each, i)
				}
			}
			if n := r.core.Outstanding(); n != 0 || t.Failed() {
				t.Fatalf("round %d: %d requests outstanding", round, n)
			}
		}
	})
}

// A ring is kept for whoever is about to wait, and one is enough.
func TestBellKeepsARing(t *testing.T) {
	b := newBell()
	b.ring()
	b.ring()
	for _, want := range []bool{true, false} {
		select {
		case <-b:
			if !want {
				t.Error("two rings were kept")
			}
		default:
			if want {
				t.Error("nobody was there, and the ring is lost")
			}
		}
	}
}

// A visitor who leaves something for the core calls somebody, also if there is nothing for
// the log.
func TestVisitorRingsForWhatHeLeaves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		synctest.Wait()
		done := false
		r.core.inbox.lay(message{call: func() {
			r.core.inbox.lay(message{call: func() { done = true }})
		}})
		r.core.visit(false)
		if synctest.Wait(); !done {
			t.Error("it was forgotten")
		}
	})
}

// A hand that finds more to do for the core has the other one do what the log was given.
func TestLogDoesNotWaitForTheCore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		before, release := len(r.log.txns), make(chan struct{})
		r.core.inbox.lay(message{call: func() {
			r.core.inbox.lay(message{call: func() { <-release }})
		}})
		p.send(call{1, wire.OpCreate, create("/a")})
		synctest.Wait()
		if n := len(r.log.txns) - before; n != 1 {
			t.Errorf("%d transactions in the log while the core is busy", n)
		}
		close(release)
		if got := xids(p.take()); len(got) != 1 {
			t.Errorf("answered %v", got)
		}
	})
}

// Nor if it was given something while a batch was synced, and the hand that comes back
// from that goes to the core.
func TestLogDoesNotWaitForTheCoreBehindASync(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		before, release := len(r.log.txns), make(chan struct{})
		r.log.hold = make(chan struct{})
		for xid, path := range []string{"/a", "/b"} {
			p.send(call{wire.Xid(xid), wire.OpCreate, create(path)})
			synctest.Wait()
		}
		r.core.inbox.lay(message{call: func() { <-release }})
		close(r.log.hold)
		synctest.Wait()
		if n := len(r.log.txns) - before; n != 2 {
			t.Errorf("%d transactions in the log while the core is busy", n)
		}
		close(release)
		if got := xids(p.take()); len(got) != 2 {
			t.Errorf("answered %v", got)
		}
	})
}

// What was durable before the log is wanted by somebody alone is answered meanwhile, and
// what else there is for the core is done.
func TestCoreDoesNotWaitForTheLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		p.send(call{1, wire.OpCreate, create("/a")})
		synctest.Wait()
		p.send(call{2, wire.OpCreate, create("/b")})
		synctest.Wait()
		release, back := make(chan struct{}), make(chan error)
		go func() { back <- r.core.LogAlone(func() error { <-release; return nil }) }()
		synctest.Wait()
		r.log.hold <- struct{}{}
		synctest.Wait() // now one is about to sync /b, with the call behind it, and the other sleeps
		close(r.log.hold)
		if got := xids(p.take()); len(got) != 2 {
			t.Errorf("answered %v while somebody has the log to himself", got)
		}
		p.send(call{3, wire.OpCreate, create("/c")})
		if !r.core.Call(func() {}) {
			t.Error("the core has stopped")
		}
		close(release)
		if err := <-back; err != nil {
			t.Error(err)
		}
		if got := xids(p.take()); len(got) != 1 {
			t.Errorf("answered %v", got)
		}
	})
}

// A visitor does nothing for the log but a lone write.
func TestVisitorLeavesTheLogWhatMayTakeLong(t *testing.T) {
	write := call{50, wire.OpCreate, create("/a")}
	for name, c := range map[string]struct {
		before func(r *coreRig, p *peer, release chan struct{})
		brings call
	}{
		"a call": {
			func(r *coreRig, _ *peer, release chan struct{}) {
				r.core.writer.do(func() error { <-release; return nil })
			},
			call{50, wire.OpSync, &wire.PathRequest{Path: "/"}}, // of which the log gets nothing
		},
		"a log that was slow just now": {
			func(r *coreRig, _ *peer, _ chan struct{}) {
				r.core.inbox.lay(message{call: func() { r.core.writer.quick.Store(false) }})
			},
			write,
		},
		"many writes": {func(r *coreRig, p *peer, _ chan struct{}) { r.queue(p, 3) }, write},
		"more for the core": {
			func(r *coreRig, _ *peer, _ chan struct{}) {
				r.core.inbox.lay(message{call: func() { r.core.inbox.lay(message{call: func() {}}) }})
			},
			write,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newCoreRig(t, Options{})
				defer r.close()
				p, other := r.connect(10_000), r.connect(10_000)
				p.quicken()
				release, back := make(chan struct{}), make(chan struct{})
				r.log.hold = make(chan struct{})
				c.before(r, other, release)
				p.left(c.brings)
				go func() { r.core.Work(); close(back) }()
				synctest.Wait()
				select {
				case <-back:
				default:
					t.Error("the visitor waits for the log")
				}
				close(release)
				close(r.log.hold)
				if got := xids(p.take()); len(got) != 1 {
					t.Errorf("answered %v", got)
				}
				<-back
			})
		})
	}
}

// queue has the core take n writes of the peer with what comes next.
func (r *coreRig) queue(p *peer, n int) {
	for i := range n {
		var writes Batch
		if _, _, err := p.c.HandleSome(encode(call{wire.Xid(1 + i), wire.OpSetData, set("/", "x")}), r.core.Now(), &writes); err != nil {
			r.t.Fatal(err)
		}
		if !r.core.Leave(&writes) {
			r.t.Fatal("the log is not quick")
		}
	}
}
