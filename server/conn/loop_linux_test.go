package conn

import (
	"slices"
	"testing"

	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
)

// A client that asks for much at once does not keep a loop from the others: requests
// that may take long are answered one in a round.
func TestLoopGivesEveryoneATurn(t *testing.T) {
	r := newRig(t, nil, Options{Loops: -1}, pipeline.Options{})
	l, err := newLoop(r.core)
	if err != nil {
		t.Fatal(err)
	}
	r.port.mu.Lock()
	r.port.loops.all = append(r.port.loops.all, l)
	r.port.mu.Unlock()
	defer func() { go l.run() }() // which Close waits for

	c := r.dial()
	c.open(wire.ConnectResponse{})
	c.write(ping()) // behind it the connection is the loop's
	c.reply()
	const many = 5
	long := request(1, wire.OpGetAllChildrenNumber, &wire.PathRequest{Path: "/"})
	c.write(slices.Repeat(long, many))
	sent := r.core.Clients()[0].Stats().Sent
	for end := sent + many; sent < end; {
		if err := l.wait(); err != nil {
			t.Fatal(err)
		}
		l.sort()
		l.round()
		now := r.core.Clients()[0].Stats().Sent
		if now > sent+1 {
			t.Fatalf("%d answers in one round", now-sent)
		}
		sent = now
	}
}
