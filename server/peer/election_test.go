package peer

import (
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/zabra/zabra/wire"
)

func TestVotesArriveWhoeverDials(t *testing.T) {
	for _, tt := range []struct{ from, to wire.SID }{{1, 2}, {2, 1}} {
		noLeaks(t)
		a, b := newVoter(t, tt.from, nil, nil), newVoter(t, tt.to, nil, nil)
		acquaint(a, b)
		a.Send(tt.to, vote(7))
		b.hears(t, tt.from, 7)
		b.Send(tt.from, vote(8))
		a.hears(t, tt.to, 8)
		eventually(t, "both to know", func() bool { return a.isUp(tt.to) && b.isUp(tt.from) })
		if got := b.all(tt.from); len(got) != 1 {
			t.Errorf("%d to %d: heard %v, want one notification", tt.from, tt.to, got)
		}
	}
}

func TestSimultaneousDials(t *testing.T) {
	noLeaks(t)
	for range 20 {
		a, b, c := newVoter(t, 1, nil, nil), newVoter(t, 2, nil, nil), newVoter(t, 3, nil, nil)
		acquaint(a, b, c)
		var all sync.WaitGroup
		for _, v := range []*voter{a, b, c} {
			for _, to := range []wire.SID{1, 2, 3} {
				all.Go(func() { v.Send(to, vote(int64(v.sid))) })
			}
		}
		all.Wait()
		for _, v := range []*voter{a, b, c} {
			for _, from := range []wire.SID{1, 2, 3} {
				if from != v.sid {
					v.hears(t, from, int64(from))
				}
			}
		}
		for _, v := range []*voter{a, b, c} {
			v.Close()
		}
	}
}

// A server that comes back on the same port, with nothing to say, hears the last
// vote again as soon as there is a connection.
func TestLastVoteIsRepeated(t *testing.T) {
	for _, tt := range []struct{ stays, leaves wire.SID }{{1, 2}, {2, 1}} {
		noLeaks(t)
		a, b := newVoter(t, tt.stays, nil, nil), newVoter(t, tt.leaves, nil, nil)
		acquaint(a, b)
		a.Send(b.sid, vote(1))
		a.Send(b.sid, vote(2))
		b.hears(t, a.sid, 2)
		b.Close()
		eventually(t, "the loss to be noticed", func() bool { return !a.isUp(b.sid) })
		if n, err := a.down(b.sid); n == 0 || err == nil {
			t.Errorf("unreachable %d times, last because of %v", n, err)
		}
		ln, err := net.Listen("tcp", b.addr)
		if err != nil {
			t.Skip(err) // somebody else got the port
		}
		again := newVoter(t, tt.leaves, ln, nil)
		acquaint(a, again)
		again.Send(a.sid, vote(9))
		a.hears(t, b.sid, 9)
		again.hears(t, a.sid, 2)
	}
}

// What could not be delivered is delivered when the server is there.
func TestWaitingVoteIsDelivered(t *testing.T) {
	noLeaks(t)
	ln := listen(t)
	addr := ln.Addr().String()
	ln.Close()
	a := newVoter(t, 1, nil, nil)
	a.SetServers(map[wire.SID][]string{1: {a.addr}, 2: {addr}})
	for round := range int64(5) {
		a.Send(2, vote(round))
	}
	eventually(t, "dialling to fail a few times", func() bool { n, _ := a.down(2); return n > 2 })
	if _, err := a.down(2); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("unreachable because of %v", err)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skip(err)
	}
	b := newVoter(t, 2, ln, nil)
	b.hears(t, 1, 4)
	if got := b.all(1); !slices.Equal(got, []int64{4}) {
		t.Errorf("heard %v, want the newest only", got)
	}
}
