package pipeline

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// A leader that has no zxid left drops a request that was forwarded to it, and may
// still answer the sync behind it. The client must not take that for the answer to its
// write: it is dropped, and knows that it does not know.
func TestNoAnswerTakesTheTurnOfALostRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		r.log.hold = make(chan struct{})
		defer close(r.log.hold)
		p.send(call{1, wire.OpSetData, set("/", "x")}, call{2, wire.OpSync, &wire.PathRequest{Path: "/"}})
		sync := &Request{Session: p.c.Session(), Cxid: 2, Op: wire.OpSync, Body: &wire.PathRequest{Path: "/"}, Origin: p.c}
		r.core.Call(func() { r.core.answerSync(sync) })
		if got := p.take(); len(got) != 0 {
			t.Errorf("got %v", got)
		}
		if !p.dead() {
			t.Error("the client lives")
		}
	})
}
