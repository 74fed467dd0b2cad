package conn

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
)

// A loop that does a lone write itself serves its connections although the disk begins to
// stall meanwhile, and its write is answered when the disk is back.
func TestLoopIsRelievedWhenTheLogStalls(t *testing.T) {
	r := newRig(t, nil, Options{Loops: 1}, pipeline.Options{})
	writer, other := r.dial(), r.dial()
	for _, c := range []*client{writer, other} {
		c.open(wire.ConnectResponse{})
		c.write(ping()) // behind it the connection is the loop's
		c.reply()
	}
	l := r.port.loops.all[0]
	xid := wire.Xid(1)
	for relieved := false; !relieved; xid++ {
		before := (l.away.Load() + 1) &^ 1 // it may be about to come back
		r.log.stall(true)
		writer.write(set(xid, "/", nil))
		r.eventually("the write to be with the log", r.log.holds)
		relieved = l.away.Load() > before // else the machine was too busy for the log to be quick
		for _, c := range []*client{other, writer} {
			c.write(ping())
			if h := c.reply(); h.Xid != wire.XidPing {
				t.Fatalf("instead of the answer to a ping: %v", h)
			}
		}
		r.log.stall(false)
		if h := writer.reply(); h.Xid != xid || h.Err != wire.OK {
			t.Fatalf("instead of the answer to write %d: %v", xid, h)
		}
		for range 20 { // until the log is quick again
			xid++
			writer.write(set(xid, "/", nil))
			if h := writer.reply(); h.Xid != xid {
				t.Fatalf("instead of the answer to write %d: %v", xid, h)
			}
		}
	}
}

// Whoever has the loop, its connections are served one request after the other, also if it
// changes hands all the time. The race detector sees two who have it at once.
func TestLoopChangesHands(t *testing.T) {
	r := newRig(t, nil, Options{Loops: 1}, pipeline.Options{})
	var clients []*client
	for range 4 {
		c := r.dial()
		c.open(wire.ConnectResponse{})
		clients = append(clients, c)
	}
	var writing sync.WaitGroup
	var over atomic.Bool
	for _, c := range clients {
		writing.Go(func() {
			for xid := wire.Xid(1); !over.Load(); xid++ {
				if _, err := c.Write(set(xid, "/", nil)); err != nil {
					t.Error(err)
					return
				}
				f, err := readFrame(c)
				if err != nil {
					t.Errorf("instead of the answer to write %d: %v", xid, err)
					return
				}
				d := wire.NewDecoder(f)
				var h wire.ReplyHeader
				if h.DecodeFrom(&d); h.Xid != xid || h.Err != wire.OK {
					t.Errorf("instead of the answer to write %d: %v", xid, h)
					return
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 30 { // about as long as it takes until a loop is relieved
		time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		r.log.stall(true)
		time.Sleep(lookEvery + time.Duration(rng.Int64N(int64(2*lookEvery))))
		r.log.stall(false)
	}
	over.Store(true)
	writing.Wait()
}
