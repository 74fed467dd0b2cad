package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/wire"
)

// A session does not expire while the server refuses to read what its client
// sends, however long the disk stalls.
func TestThrottledSessionDoesNotExpire(t *testing.T) {
	for name, o := range map[string]Options{
		"own queue":   {MaxQueued: 1},
		"outstanding": {OutstandingLimit: 1},
		"requests":    {MaxRequests: 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o.Tick, o.MinTimeout = time.Second, time.Second
				r := newCoreRig(t, o)
				defer r.close()
				p := r.connect(4000)
				r.log.hold = make(chan struct{})
				p.handle(call{1, wire.OpSetData, set("/", "x")})
				go p.send(call{-2, wire.OpPing, nil})
				time.Sleep(time.Minute)
				close(r.log.hold)
				if got := xids(p.take()); len(got) != 2 || p.dead() {
					t.Errorf("answered %v, dropped %v", got, p.dead())
				}
				time.Sleep(6 * time.Second)
				if !p.dead() {
					t.Error("a silent session lives on")
				}
			})
		})
	}
}

// A client that does not read what it is sent is not excused: its server waits
// for it, not the other way round.
func TestSessionThatDoesNotReadExpires(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{Tick: time.Second, MinTimeout: time.Second})
		defer r.close()
		p := r.connect(4000)
		p.send(call{1, wire.OpCreate, bigCreate("/big")})
		p.take()
		p.sock.block = make(chan struct{})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b := encode(times(1000, call{2, wire.OpGetData, get("/big", false)})...)
			for {
				n, _, err := p.c.Handle(b, r.core.Now())
				if err != nil {
					return
				}
				b = b[n:]
				p.c.Flush(false)
				p.c.WaitRoom()
			}
		}()
		synctest.Wait()
		if n := p.unread(); n > 2*large {
			t.Errorf("%d bytes wait", n)
		}
		time.Sleep(6 * time.Second)
		if !p.dead() {
			t.Error("it lives on")
			p.c.Kill(nil)
		}
		close(p.sock.block)
		<-ended
	})
}

// A server that was stopped for a while reads what its clients have sent before
// it judges them.
func TestNoSessionExpiresForThePauseOfTheServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{Tick: time.Second, MinTimeout: time.Second})
		defer r.close()
		silent, alive := r.connect(4000), r.connect(4000)
		paused := make(chan struct{})
		go r.core.Call(func() { <-paused })
		time.Sleep(time.Minute)
		close(paused)
		time.Sleep(100 * time.Millisecond)
		if silent.dead() || alive.dead() {
			t.Fatalf("dropped at once: %v, %v", silent.dead(), alive.dead())
		}
		alive.send(call{-2, wire.OpPing, nil})
		time.Sleep(time.Second)
		if !silent.dead() || alive.dead() {
			t.Errorf("a moment later: the silent one dropped %v, the other %v", silent.dead(), alive.dead())
		}
	})
}

func TestLateServerExpiresSessionsStill(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{Tick: time.Second, MinTimeout: time.Second})
		defer r.close()
		p := r.connect(4000)
		for range 10 {
			r.core.Call(func() { time.Sleep(2 * time.Second) })
		}
		if !p.dead() {
			t.Error("a silent session lives on")
		}
	})
}
