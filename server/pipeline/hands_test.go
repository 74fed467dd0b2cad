package pipeline

import (
	"testing"
	"testing/synctest"

	"github.com/zabra/zabra/wire"
)

// left has one write handled, and left with the core by somebody who is going to work.
func (p *peer) left(c call) {
	p.rig.t.Helper()
	var writes Batch
	if _, _, err := p.c.HandleSome(encode(c), p.rig.core.Now(), &writes); err != nil {
		p.rig.t.Fatal(err)
	}
	if !p.rig.core.Leave(&writes) {
		p.rig.t.Fatal("the log is not quick")
	}
}

// quicken writes until the log is quick. In a bubble every sync is, unless it is held.
func (p *peer) quicken() {
	for i := range quickSyncs {
		p.send(call{wire.Xid(1 + i), wire.OpSetData, set("/", "x")})
		p.take()
	}
}

// Whoever works for the core sees his write to its end, and nothing of it is seen
// before it is durable.
func TestVisitorAnswersOnlyAfterSync(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p, other := r.connect(10_000), r.connect(10_000)
		p.quicken()
		working, syncs := false, 0
		r.log.stall = func() {
			if syncs++; !working {
				t.Error("somebody was woken for the sync")
			}
			r.core.bell.ring() // whoever else may do something does it now
			other.send(call{1, wire.OpExists, get("/a", false)})
			if got := other.take(); len(got) != 1 || got[0].h.Err != wire.NoNode {
				t.Errorf("while the log syncs another client sees %v", got)
			}
			if got := p.take(); len(got) != 0 {
				t.Errorf("answered before the sync: %v", got)
			}
		}
		p.left(call{50, wire.OpCreate, create("/a")})
		working = true
		r.core.Work()
		working = false
		if got := p.sock.frames(t); len(got) != 1 || got[0].h.Err != wire.OK || syncs != 1 {
			t.Errorf("behind Work: %v, %d syncs", got, syncs)
		}
		r.log.stall = nil
	})
}

// While a visitor is stuck in the log, the core goes on with everything else, and the log
// with what came meanwhile once he is through.
func TestStuckVisitorHoldsUpOnlyTheLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p, other := r.connect(10_000), r.connect(10_000)
		p.quicken()
		r.log.hold = make(chan struct{})
		p.left(call{50, wire.OpCreate, create("/a")})
		back := make(chan struct{})
		go func() { r.core.Work(); close(back) }()
		synctest.Wait()
		other.send(call{1, wire.OpCreate, create("/b")}, call{wire.XidPing, wire.OpPing, nil})
		if got := xids(other.take()); len(got) != 1 || got[0] != wire.XidPing {
			t.Errorf("while the log syncs: %v", got)
		}
		if !r.core.Call(func() {}) {
			t.Fatal("the core has stopped")
		}
		close(r.log.hold)
		<-back
		if a, b := xids(p.take()), xids(other.take()); len(a) != 1 || len(b) != 1 {
			t.Errorf("answers %v and %v", a, b)
		}
	})
}

// A log that was slow once is not waited for by those who have something else to do.
func TestSlowLogIsNotVisited(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		w := r.core.writer
		for range quickSyncs {
			w.judge(quickSync)
		}
		if !w.quick.Load() {
			t.Error("not quick")
		}
		w.judge(quickSync + 1)
		for range quickSyncs - 1 {
			w.judge(0)
		}
		if w.quick.Load() {
			t.Error("quick again too soon")
		}
	})
}
