package pipeline

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/zabra/zabra/wire"
)

// A write that is applied between a flusher's look at the queue and its write to
// the socket marks the client again: else the read behind it waits for ever.
func TestWriteAppliedDuringAFlushMarksAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		p.send(call{1, wire.OpSetData, set("/", "x")}, call{2, wire.OpGetData, get("/", false)})
		p.c.mu.Lock()
		p.c.mark() // by an event, say
		p.c.mu.Unlock()
		p.c.catchUp()     // the flusher looks,
		close(r.log.hold) // the core applies,
		synctest.Wait()
		p.c.Flush(false) // the flusher writes
		if got := xids(p.take()); !slices.Equal(got, []wire.Xid{1, 2}) {
			t.Errorf("answered %v: the read is forgotten", got)
		}
	})
}
