package peer

import (
	"context"
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
	addr := freePort(t)
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

// Votes that are sent faster than they can be written replace each other, and never
// overtake each other.
func TestVotesDoNotOvertake(t *testing.T) {
	noLeaks(t)
	a, b := newVoter(t, 1, nil, nil), newVoter(t, 2, nil, nil)
	acquaint(a, b)
	const rounds = 2000
	for round := range int64(rounds) {
		a.Send(2, vote(round+1))
		if round%500 == 250 { // b believes that there is no connection, and has it made anew
			dropLink(b.Election, 1)
			b.Send(1, vote(round))
		}
	}
	b.hears(t, 1, rounds)
	if got := b.all(1); !slices.IsSorted(got) {
		t.Errorf("heard out of order: %v", got)
	}
}

// dropLink breaks the connection to a server.
func dropLink(e *Election, sid wire.SID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.remotes[sid]; r != nil && r.link != nil {
		r.link.nc.Close()
	}
}

// A vote that was written to a connection that then broke is delivered again.
func TestVoteInDoubtIsSentAgain(t *testing.T) {
	for _, tt := range []struct{ from, to wire.SID }{{1, 2}, {2, 1}} {
		noLeaks(t)
		a, b := newVoter(t, tt.from, nil, nil), newVoter(t, tt.to, nil, nil)
		acquaint(a, b)
		a.Send(tt.to, vote(5))
		b.hears(t, tt.from, 5)
		dropLink(b.Election, tt.from)
		eventually(t, "the vote again", func() bool { return slices.Equal(b.all(tt.from), []int64{5, 5}) })
	}
}

// A callback that blocks holds up the votes of one server, and nobody else.
func TestReceiveMayBlock(t *testing.T) {
	noLeaks(t)
	release := make(chan struct{})
	var b *voter
	a, c := newVoter(t, 1, nil, nil), newVoter(t, 3, nil, nil)
	b = newVoter(t, 2, nil, func(c *ElectionConfig) {
		receive := c.Receive
		c.Receive = func(from wire.SID, n wire.Notification) {
			if from == 1 {
				<-release
			}
			receive(from, n)
		}
	})
	acquaint(a, b, c)
	a.Send(2, vote(1))
	a.Send(2, vote(2))
	c.Send(2, vote(3))
	b.hears(t, 3, 3)
	b.Send(1, vote(4))
	a.hears(t, 2, 4)
	close(release)
	b.hears(t, 1, 2)
}

// dials records the addresses that are dialled, and lets only some be reached.
type dials struct {
	mu      sync.Mutex
	dialled []string
	route   map[string]string // host:port to where it leads; "" is into nowhere
}

func (d *dials) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d.mu.Lock()
	d.dialled = append(d.dialled, addr)
	to, ok := d.route[addr]
	d.mu.Unlock()
	switch {
	case !ok:
		return nil, errors.New("no such host")
	case to == "":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

func (d *dials) lead(addr, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.route[addr] = to
}

func (d *dials) count(addr string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.dialled {
		if a == addr {
			n++
		}
	}
	return n
}

// A server that has several addresses is reached by the one that answers, whether
// the others refuse or are silent.
func TestSeveralAddresses(t *testing.T) {
	noLeaks(t)
	b := newVoter(t, 1, nil, nil)
	paths := &dials{route: map[string]string{"silent:1": "", "[2001:db8::1]:1": "", "good:1": b.addr}}
	a := newVoter(t, 2, nil, func(c *ElectionConfig) { c.Transport.Dial = paths.dial })
	a.SetServers(map[wire.SID][]string{1: {"silent:1", "refused:1", "[2001:db8::1]:1", "good:1"}})
	a.Send(1, vote(1))
	b.hears(t, 2, 1)
}

// A name is handed to the dialler for every attempt, so that it is resolved anew.
func TestNamesAreResolvedForEveryAttempt(t *testing.T) {
	noLeaks(t)
	b := newVoter(t, 1, nil, nil)
	paths := &dials{route: map[string]string{}}
	a := newVoter(t, 2, nil, func(c *ElectionConfig) { c.Transport.Dial = paths.dial })
	a.SetServers(map[wire.SID][]string{1: {"zk1:3888"}})
	a.Send(1, vote(1))
	eventually(t, "failures", func() bool { n, _ := a.down(1); return n >= 2 })
	paths.lead("zk1:3888", b.addr)
	b.hears(t, 2, 1)
	if n := paths.count("zk1:3888"); n < 3 {
		t.Errorf("the name was dialled %d times", n)
	}
}

// New addresses are dialled at once, although the old one does not even refuse.
func TestAddressesChange(t *testing.T) {
	noLeaks(t)
	b := newVoter(t, 1, nil, nil)
	paths := &dials{route: map[string]string{"old:1": "", "new:1": b.addr}}
	a := newVoter(t, 2, nil, func(c *ElectionConfig) {
		c.Transport.Dial = paths.dial
		c.Transport.DialTimeout = 100 * patience
	})
	a.SetServers(map[wire.SID][]string{1: {"old:1"}})
	a.Send(1, vote(1))
	eventually(t, "the old address to be dialled", func() bool { return paths.count("old:1") == 1 })
	a.SetServers(map[wire.SID][]string{1: {"new:1"}})
	b.hears(t, 2, 1)
	if n, err := a.down(1); n != 0 {
		t.Errorf("reported as unreachable %d times, last because of %v", n, err)
	}
}

// A server that is unknown here is called at the address that it tells, and can be
// answered.
func TestStrangers(t *testing.T) {
	for _, tt := range []struct{ stranger, member wire.SID }{{1, 2}, {2, 1}} {
		noLeaks(t)
		s, m := newVoter(t, tt.stranger, nil, nil), newVoter(t, tt.member, nil, nil)
		s.SetServers(map[wire.SID][]string{tt.member: {m.addr}})
		s.Send(tt.member, vote(1))
		m.hears(t, tt.stranger, 1)
		m.Send(tt.stranger, vote(2))
		s.hears(t, tt.member, 2)
		s.Close()
		eventually(t, "the stranger to be forgotten", func() bool { return m.known() == 0 })
		m.Send(tt.stranger, vote(3)) // goes nowhere
		if n := m.known(); n != 0 {
			t.Errorf("%d strangers are known", n)
		}
	}
}

// known counts the servers that an Election remembers.
func (v *voter) known() int {
	v.Election.mu.Lock()
	defer v.Election.mu.Unlock()
	return len(v.remotes)
}

func TestListenersMove(t *testing.T) {
	noLeaks(t)
	a, b := newVoter(t, 1, nil, nil), newVoter(t, 2, nil, nil)
	acquaint(a, b)
	ln := listen(t)
	b.SetListeners(ln)
	if nc, err := net.Dial("tcp", b.addr); err == nil {
		nc.Close()
		t.Error("the old listener is open")
	}
	b.addr = ln.Addr().String()
	acquaint(a, b)
	a.Send(2, vote(1))
	b.hears(t, 1, 1)
}

func TestIPv6(t *testing.T) {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip(err)
	}
	noLeaks(t)
	a, b := newVoter(t, 1, ln, nil), newVoter(t, 2, nil, nil)
	acquaint(a, b)
	a.Send(2, vote(1))
	b.Send(1, vote(2))
	b.hears(t, 1, 1)
	a.hears(t, 2, 2)
}
