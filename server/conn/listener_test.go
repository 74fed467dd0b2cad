package conn

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
)

// The answers to what was taken in before a stop reach clients that go on sending:
// each gets the replies to all that was carried out for it, and then an end and not
// a reset.
func TestStopUnderLoad(t *testing.T) {
	r := newRig(t, nil, Options{}, pipeline.Options{MaxQueued: 200})
	var clients sync.WaitGroup
	const n = 8
	var sessions [n]wire.SessionID
	var answered [n]int
	var before sync.WaitGroup
	before.Add(n)
	for i := range n {
		c := r.dial()
		sessions[i] = c.open(wire.ConnectResponse{}).Session
		go func() {
			for xid := wire.Xid(1); ; {
				var b []byte
				for range 1 + xid%40 {
					b = append(b, set(xid, "/", []byte("x"))...)
					xid++
				}
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}()
		clients.Go(func() {
			for {
				f, err := readFrame(c)
				if err == io.EOF {
					c.Close()
					if answered[i] < 100 {
						before.Done()
					}
					return
				}
				if err != nil {
					t.Errorf("client %d after %d replies: %v", i, answered[i], err)
					return
				}
				d := wire.NewDecoder(f)
				var h wire.ReplyHeader
				h.DecodeFrom(&d)
				answered[i]++
				if h.Xid != wire.Xid(answered[i]) || h.Err != wire.OK {
					t.Errorf("client %d: reply %d is %+v", i, answered[i], h)
				}
				if answered[i] == 100 {
					before.Done()
				}
			}
		})
	}
	before.Wait()
	r.port.Stop()
	clients.Wait()
	for i, s := range sessions {
		if logged := r.log.written(s, wire.OpSetData); logged != answered[i] {
			t.Errorf("client %d: %d writes carried out, %d answered", i, logged, answered[i])
		}
	}
}

// A stop does not wait longer than it may for a log that stalls, whatever the
// connections wait for: an answer to a handshake, or room for one more request.
func TestStopWhileTheLogStalls(t *testing.T) {
	r := newRig(t, nil, Options{StopGrace: 50 * time.Millisecond}, pipeline.Options{MaxQueued: 2, MaxRequests: 100})
	full, half := r.dial(), r.dial()
	full.open(wire.ConnectResponse{})
	r.log.stall(true)
	half.write(hello(wire.ConnectResponse{}))
	for xid := range wire.Xid(10) {
		full.write(set(xid, "/", nil))
	}
	r.eventually("three requests under way", func() bool { return r.core.Outstanding() >= 3 })
	stopped := make(chan struct{})
	go func() { r.port.Stop(); close(stopped) }()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Error("the stop hangs")
	}
	r.log.stall(false)
}

// A connection that is accepted while the port stops is closed and not served.
func TestConnectionAcceptedDuringStop(t *testing.T) {
	ln := newPipeListener()
	r := newRig(t, ln, Options{}, pipeline.Options{})
	r.port.Stop()
	near, far := net.Pipe()
	r.port.accepted(far)
	if _, err := near.Write([]byte("ruok")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("it is open: %v", err)
	}
}

// Accepting goes on after a shortage of file descriptors.
func TestAcceptGoesOnAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener()
		r := newRig(t, ln, Options{}, pipeline.Options{})
		began := time.Now()
		for range 12 {
			ln.conns <- acceptance{err: errNoDescriptor}
		}
		c := ln.dial(t)
		c.open(wire.ConnectResponse{})
		if took := time.Since(began); took < time.Second || took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		if n := r.lines.FilterMessage("cannot accept a connection").Len(); n != 12 {
			t.Errorf("%d lines", n)
		}
		c.Close()
		r.stop()
	})
}

func TestServeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener()
		r := newRig(t, ln, Options{}, pipeline.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.port.Serve(ctx) }()
		ln.conns <- acceptance{err: errNoDescriptor} // of either Serve
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		r.stop()
	})
}

func TestTooManyConnections(t *testing.T) {
	r := newRig(t, nil, Options{MaxPerAddr: 2}, pipeline.Options{})
	a, b := r.dial(), r.dial()
	a.open(wire.ConnectResponse{})
	b.open(wire.ConnectResponse{})
	began := time.Now()
	for range 50 {
		c := r.dial()
		if got, _ := io.ReadAll(c); len(got) > 0 {
			t.Errorf("answered %x", got)
		}
	}
	if n := r.metrics.ConnectionRejected.Load(); n != 50 {
		t.Errorf("%d counted", n)
	}
	most := 2 + int(time.Since(began).Seconds())
	if n := r.lines.FilterMessage("too many connections, refused one").Len(); n < 1 || n > min(most, 49) {
		t.Errorf("%d lines about 50 refusals, want %d at most", n, most)
	}
	a.Close()
	r.eventually("room", func() bool { return r.port.Connections() == 1 })
	r.dial().open(wire.ConnectResponse{})
}

func TestLimits(t *testing.T) {
	x, y := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("::1")
	l := newLimits(2, 3)
	got := []bool{l.add(x), l.add(x), l.add(x), l.add(y), l.add(y)}
	if want := []bool{true, true, false, true, false}; !slices.Equal(got, want) {
		t.Errorf("admitted %v, want %v", got, want)
	}
	l.remove(x)
	l.remove(y)
	if l.count() != 1 || len(l.byAddr) != 1 || !l.add(y) || !l.add(x) || l.add(x) {
		t.Errorf("after two went: %d, %v", l.count(), l.byAddr)
	}
	free := newLimits(0, 0)
	for range 100 {
		if !free.add(x) {
			t.Fatal("refused without a limit")
		}
	}
}

func TestSeldom(t *testing.T) {
	var s seldom
	now := time.Unix(1000, 0)
	for range 5 {
		s.due(now)
	}
	if more, ok := s.due(now.Add(time.Second)); !ok || more != 4 {
		t.Errorf("a second later: %v, %d not written", ok, more)
	}
	if _, ok := s.due(now.Add(1900 * time.Millisecond)); ok {
		t.Error("two lines in a second")
	}
}

func TestListIsInTheOrderOfAcceptance(t *testing.T) {
	r := newRig(t, nil, Options{}, pipeline.Options{})
	var ids []wire.SessionID
	for range 20 {
		ids = append(ids, r.dial().open(wire.ConnectResponse{}).Session)
	}
	idle := r.dial() // says nothing
	r.eventually("21 connections", func() bool { return len(r.port.List()) == 21 })
	list := r.port.List()
	for i, id := range ids {
		if got := list[i].Client.Session(); got != id {
			t.Errorf("place %d: %v, want %v", i, got, id)
		}
	}
	if last := list[20]; last.Client != nil || last.Remote.String() != idle.LocalAddr().String() {
		t.Errorf("the last is %+v", last)
	}
}

// A peer that does not close its side behind the last reply is let go all the same.
func TestPeerThatDoesNotClose(t *testing.T) {
	r := newRig(t, nil, Options{}, pipeline.Options{})
	c := r.dial()
	c.open(wire.ConnectResponse{})
	c.write(ping()) // behind it a loop serves the connection
	c.reply()
	c.write(closeSession(1))
	c.reply()
	c.ends()
	r.eventually("the connection to be let go", func() bool { return r.port.Connections() == 0 })
}
