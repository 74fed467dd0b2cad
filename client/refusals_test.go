package client_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/wire"
)

// A read whose sync failed is not answered, although the server answers it; a read
// behind a sync that goes well is.
func TestReadWhoseSyncFailed(t *testing.T) {
	var mu sync.Mutex
	fails := true
	f := play(t, func(c *fakeConn) {
		for h := range c.requests(1) {
			mu.Lock()
			fail := fails && h.Op == wire.OpSync
			mu.Unlock()
			if fail {
				c.reply(h.Xid, wire.NotReadOnly)
			} else {
				c.answer(h)
			}
		}
	})
	ctx := soon(t, time.Minute)
	c := openFake(t, f, client.Options{Linearizable: true})
	data, _, err := c.Get(ctx, "/a")
	var failed *client.SyncError
	if !errors.As(err, &failed) || !errors.Is(err, client.ErrNotReadOnly) || data != nil {
		t.Errorf("%q, %v", data, err)
	}
	if _, _, w, err := c.GetW(ctx, "/a"); !errors.As(err, &failed) || w != nil {
		t.Error(w, err)
	}
	if err := c.Sync(ctx, "/a"); !errors.Is(err, client.ErrNotReadOnly) || errors.As(err, &failed) {
		t.Error(err)
	}
	if p, err := c.Async().Exists(ctx, "/a", nil).Wait(ctx); !errors.As(err, &failed) {
		t.Error(p, err)
	}
	if _, err := c.Set(ctx, "/a", nil, 0); err == nil || errors.As(err, &failed) {
		t.Error("a write has nothing to do with a sync:", err) // its answer has no Stat
	}
	mu.Lock()
	fails = false
	mu.Unlock()
	if data, _, err := c.Get(ctx, "/a"); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
}

// A session that was opened on a connection that broke before it was used does nothing
// to the one that came after it.
func TestSessionThatWasNeverUsed(t *testing.T) {
	t.Parallel()
	f := play(t, func(c *fakeConn) {
		if c.n == 0 {
			c.grant(brief)
			return // while the client authenticates
		}
		c.serve(2)
	})
	c := openFake(t, f, client.Options{SessionTimeout: 20 * time.Second, Auth: []client.Auth{{Scheme: "digest"}}})
	s := c.Session()
	if s.ID != 2 {
		t.Fatal(s.ID)
	}
	states := c.States(t.Context())
	await(t, states, client.Connected)
	select {
	case ch := <-states:
		t.Error(ch)
	case <-time.After(brief * 3 / 2):
	}
	if c.Session() != s || !s.Alive() {
		t.Error("the session was ended by another one")
	}
}

// An identity that is refused long after Open, behind several connections, ends the
// Client: its calls fail, and Close returns.
func TestRefusalAfterReconnecting(t *testing.T) {
	f := play(t, func(c *fakeConn) {
		for h := range c.requests(1) {
			if h.Op == wire.OpAuth && c.n == 3 {
				c.reply(h.Xid, wire.AuthFailed)
				return
			}
			c.answer(h)
			if h.Op != wire.OpAuth && c.n < 3 {
				return
			}
		}
	})
	ctx := soon(t, time.Minute)
	c := openFake(t, f, client.Options{Auth: []client.Auth{{Scheme: "digest", Data: []byte("a:b")}}})
	var err error
	for range 10 {
		if _, _, err = c.Get(ctx, "/"); err != nil && !errors.Is(err, client.ErrConnectionLost) {
			break
		}
	}
	var refused *client.AuthError
	if !errors.Is(err, client.ErrAuthFailed) || !errors.As(err, &refused) || refused.Scheme != "digest" || refused.Server != f.addr {
		t.Error(err)
	}
	closed := make(chan struct{})
	go func() { c.Close(); close(closed) }()
	select {
	case <-closed:
	case <-ctx.Done():
		t.Fatal("Close does not return")
	}
	if st := c.State(); st != client.Closed {
		t.Error(st)
	}
}

// An answer that cannot be read fails its call in the end, and does not go round for ever.
func TestAnswerThatIsTooLarge(t *testing.T) {
	f := play(t, func(c *fakeConn) {
		for h := range c.requests(1) {
			if h.Op == wire.OpGetData {
				c.reply(h.Xid, wire.OK, &wire.GetDataResponse{Data: make([]byte, 4<<10)})
				continue
			}
			c.answer(h)
		}
	})
	ctx := soon(t, time.Minute)
	c := openFake(t, f, client.Options{MaxReply: 1 << 10})
	_, _, err := c.Get(ctx, "/large")
	var broken *client.ProtocolError
	if !errors.As(err, &broken) || !errors.Is(err, client.ErrConnectionLost) {
		t.Error(err)
	}
	if _, ok, err := c.Exists(ctx, "/small"); ok || err != nil {
		t.Error(ok, err)
	}
}

// A caller may give a watch up in the moment in which its answer comes. The race detector
// watches.
func TestWatchGivenUpAsItsAnswerComes(t *testing.T) {
	c := openFake(t, play(t, func(c *fakeConn) { c.serve(1) }), client.Options{})
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		if _, _, w, err := c.ExistsW(ctx, "/a"); err == nil {
			w.Close()
		}
		cancel()
	}
}

// Numbers of requests go on from one connection to the next. A server that has a session's
// request to answer takes the decision of an earlier one with the same number, sent through
// another server, for its own.
func TestRequestNumbersGoOn(t *testing.T) {
	var mu sync.Mutex
	var said []wire.Xid
	f := play(t, func(c *fakeConn) {
		for h := range c.requests(1) {
			mu.Lock()
			said = append(said, h.Xid)
			mu.Unlock()
			if c.n < 2 {
				return
			}
			c.answer(h)
		}
	})
	ctx := soon(t, time.Minute)
	c := openFake(t, f, client.Options{})
	for range 3 {
		if _, _, err := c.Get(ctx, "/"); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []wire.Xid{1, 2, 3, 4, 5}; !slices.Equal(said, want) {
		t.Errorf("%v, want %v", said, want)
	}
}

// A read whose connections break again and again fails in the end.
func TestReadThatBreaksConnections(t *testing.T) {
	f := play(t, func(c *fakeConn) {
		if c.hello(1) {
			c.next()
		}
	})
	c := openFake(t, f, client.Options{})
	if _, _, err := c.Get(soon(t, 2*time.Minute), "/"); !errors.Is(err, client.ErrConnectionLost) {
		t.Error(err)
	}
}

// A server that answers pings, and nothing else, is left.
func TestServerThatOnlyAnswersPings(t *testing.T) {
	f := play(t, func(c *fakeConn) {
		if c.n == 0 {
			if c.hello(1) {
				for _, _, ok := c.next(); ok; _, _, ok = c.next() {
				}
			}
			return
		}
		c.serve(1)
	})
	c := openFake(t, f, client.Options{SessionTimeout: 6 * time.Second, AnswerTimeout: time.Second})
	if data, _, err := c.Get(soon(t, time.Minute), "/"); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
}

// Who the client is is said first, on every connection: SASL, then Auth, then the watches,
// then what waited.
func TestIdentityIsProvedBeforeAnythingElse(t *testing.T) {
	var mu sync.Mutex
	said := map[int][]wire.OpCode{}
	f := play(t, func(c *fakeConn) {
		for h := range c.requests(1) {
			mu.Lock()
			said[c.n] = append(said[c.n], h.Op)
			mu.Unlock()
			switch {
			case h.Op == wire.OpSASL:
				c.reply(h.Xid, wire.OK, &wire.SASLRequest{Token: []byte("go on")})
			case h.Op == wire.OpGetData && c.n == 0:
				return
			default:
				c.answer(h)
			}
		}
	})
	ctx := soon(t, time.Minute)
	m := &counting{steps: 3}
	c := openFake(t, f, client.Options{SASL: m, Auth: []client.Auth{{Scheme: "digest", Data: []byte("a:b")}}})
	if _, _, _, err := c.ExistsW(ctx, "/w"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Get(ctx, "/"); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []wire.OpCode{wire.OpSASL, wire.OpSASL, wire.OpSASL, wire.OpAuth, wire.OpSetWatches2, wire.OpGetData}
	if !slices.Equal(said[1], want) {
		t.Errorf("%v\nwant %v", said[1], want)
	}
	if m.host != "127.0.0.1" || m.begun != 2 {
		t.Errorf("%q, %d exchanges", m.host, m.begun)
	}
}

// counting is a mechanism of so many steps.
type counting struct {
	steps, begun int
	host         string
}

func (m *counting) Begin(_ context.Context, host string) (client.SASLExchange, error) {
	m.begun, m.host = m.begun+1, host
	return &countingExchange{m.steps}, nil
}

type countingExchange struct{ left int }

func (e *countingExchange) Step(answer []byte) ([]byte, bool, error) {
	if e.left == 0 {
		return nil, true, nil
	}
	e.left--
	return answer, false, nil
}

// A server that says nothing is named when Open gives up, and that Open has given up is
// not taken for what is wrong with it.
func TestOpenNamesASilentServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // the system accepts, and nobody answers
	ctx, giveUp := context.WithCancelCause(t.Context())
	o := client.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		defer giveUp(client.ErrNoConnection)
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	_, err = client.Open(ctx, ln.Addr().String(), o)
	if errors.Is(err, context.Canceled) || !errors.Is(err, client.ErrNoConnection) || !strings.Contains(err.Error(), ln.Addr().String()+": no answer so far") {
		t.Error(err)
	}
}

// grant opens session 1 and says how long it is kept.
func (c *fakeConn) grant(timeout time.Duration) bool {
	if c.frame() == nil {
		return false
	}
	c.send(&wire.ConnectResponse{Timeout: int32(timeout.Milliseconds()), Session: 1, Passwd: make([]byte, 16), HasReadOnly: true})
	return true
}

// A session ends by what the server that it moved to has granted: that is what the service
// goes by, and it would give a lock to somebody else.
func TestSessionGoesByTheLastGrant(t *testing.T) {
	t.Parallel()
	f := play(t, func(c *fakeConn) {
		switch c.n {
		case 0:
			c.grant(time.Hour)
			c.next()
		case 1:
			c.grant(time.Second)
			c.silent()
		}
	})
	c := openFake(t, f, client.Options{SessionTimeout: time.Hour, ConnectTimeout: time.Minute})
	s := c.Session()
	if s.Timeout != time.Hour {
		t.Fatal(s.Timeout)
	}
	ctx := soon(t, time.Minute)
	go c.Get(ctx, "/")
	select {
	case <-s.Done():
	case <-ctx.Done():
		t.Fatal("the session is believed to live although the service has given it up")
	}
}

// A server that answers for another session than it was asked for is not believed.
func TestAnotherSessionThanWasAskedFor(t *testing.T) {
	var used sync.Map
	f := play(t, func(c *fakeConn) {
		id := client.SessionID(1)
		if c.n == 1 {
			id = 2
		}
		for h := range c.requests(id) {
			used.Store(c.n, true)
			c.answer(h)
			if c.n == 0 {
				return
			}
		}
	})
	ctx := soon(t, time.Minute)
	c := openFake(t, f, client.Options{})
	for n := 0; n < 2; { // the second Get is on another connection than the first
		if _, _, err := c.Get(ctx, "/"); err != nil {
			t.Fatal(err)
		}
		n = 0
		used.Range(func(any, any) bool { n++; return true })
	}
	if _, wrong := used.Load(1); wrong || c.Session().ID != 1 || !c.Session().Alive() {
		t.Errorf("session %v, asked through the connection of another: %v", c.Session().ID, wrong)
	}
}

// A session that runs out while the client proves who it is is not gone on with as if it
// lived.
func TestSessionThatEndsInTheHandshake(t *testing.T) {
	f := play(t, func(c *fakeConn) {
		timeout := time.Hour
		if c.n == 0 {
			timeout = 50 * time.Millisecond
		}
		if !c.grant(timeout) {
			return
		}
		for h, _, ok := c.next(); ok; h, _, ok = c.next() {
			if c.n == 0 {
				time.Sleep(2 * 50 * time.Millisecond)
			}
			c.answer(h)
		}
	})
	c := openFake(t, f, client.Options{SessionTimeout: time.Minute, Auth: []client.Auth{{Scheme: "digest"}}})
	if s := c.Session(); !s.Alive() || s.Timeout != time.Hour {
		t.Errorf("connected in a session of %v that is over", s.Timeout)
	}
}

// Who looks for a server with a quorum stops as soon as the connection is lost: servers
// that do not answer must not delay the next one.
func TestSearchForAQuorumEndsWithTheConnection(t *testing.T) {
	f := play(t, func(c *fakeConn) {
		if c.frame() != nil {
			c.send(&wire.ConnectResponse{Timeout: 10000, Session: 1, Passwd: make([]byte, 16), ReadOnly: true, HasReadOnly: true})
			for h, _, ok := c.next(); ok; h, _, ok = c.next() {
				c.answer(h)
			}
		}
	})
	const tries = 20
	ended := make(chan error, 2*tries)
	var mu sync.Mutex
	var now net.Conn // the session's
	c := openFake(t, f, client.Options{ReadOnly: true, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if now == nil {
			var err error
			now, err = new(net.Dialer).DialContext(ctx, network, addr)
			return now, err
		}
		now.Close()
		now = nil
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}})
	defer c.Close()
	for range tries { // a busy machine may take a second to notice
		select {
		case err := <-ended:
			if errors.Is(err, context.Canceled) {
				return
			}
		case <-time.After(time.Minute):
			t.Fatal("nobody looks for a quorum")
		}
	}
	t.Error("the search goes on when the connection is lost")
}
