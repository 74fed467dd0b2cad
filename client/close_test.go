package client_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/wire"
)

// Who depends on a session knows that it is over before the service does: what it held may
// be somebody else's from then on.
func TestCloseEndsTheSessionFirst(t *testing.T) {
	alive := make(chan bool, 1)
	var c *client.Client
	opened := make(chan struct{})
	f := play(t, func(fc *fakeConn) {
		for h := range fc.requests(1) {
			<-opened
			if h.Op == wire.OpCloseSession {
				alive <- c.Session().Alive()
			}
			fc.answer(h)
		}
	})
	c = openFake(t, f, client.Options{})
	close(opened)
	c.Close() // its error, if the machine is too busy, is not what this is about
	if <-alive {
		t.Error("it lives while the service ends it")
	}
}

// A client that is closed has not lost its connection.
func TestCloseIsNoLoss(t *testing.T) {
	r := newRig(t)
	for range 20 {
		c := r.open(client.Options{})
		states := c.States(t.Context())
		c.Close()
		var seen []client.State
		for ch := range states {
			seen = append(seen, ch.State)
		}
		if want := []client.State{client.Connected, client.Closed}; !slices.Equal(seen, want) {
			t.Fatalf("%v, want %v", seen, want)
		}
	}
}

// A client that has as many calls under way as it may closes its session nevertheless.
func TestCloseOfAFullClient(t *testing.T) {
	asked := make(chan wire.OpCode, 10)
	f := play(t, func(fc *fakeConn) {
		for h := range fc.requests(1) {
			if asked <- h.Op; h.Op == wire.OpCloseSession {
				fc.reply(h.Xid-1, wire.OK, &wire.GetDataResponse{})
				fc.answer(h)
			}
		}
	})
	c := openFake(t, f, client.Options{MaxCalls: 1})
	c.Async().Get(t.Context(), "/a", nil)
	<-asked
	c.Close()
	for told := false; !told; {
		select {
		case op := <-asked:
			told = op == wire.OpCloseSession
		case <-time.After(time.Minute):
			t.Fatal("the service was not told")
		}
	}
}

// Many may close a client, and all find it closed.
func TestCloseByMany(t *testing.T) {
	r := newRig(t)
	for range 20 {
		c := r.open(client.Options{})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := c.Close(); errors.Is(err, client.ErrClosed) {
					t.Error(err)
				}
				if c.State() != client.Closed {
					t.Error(c.State())
				}
			})
		}
		wg.Wait()
		if _, _, err := c.Get(t.Context(), "/"); !errors.Is(err, client.ErrClosed) {
			t.Error(err)
		}
	}
}
