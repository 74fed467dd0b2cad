package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
)

func TestSessionOutlivesConnections(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	c := r.open(client.Options{})
	states := c.States(ctx)
	must(c.Create(ctx, "/e", nil, client.Ephemeral))(t)
	s := c.Session()
	for range 5 {
		await(t, states, client.Connected)
		r.Cut(false)
		await(t, states, client.Connecting)
		if _, ok, err := c.Exists(ctx, "/e"); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if c.Session() != s || !s.Alive() {
		t.Error("another session")
	}
}

func TestSessionOutlivesTheServer(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	c := r.open(client.Options{SessionTimeout: 20 * time.Second})
	must(c.Create(ctx, "/e", nil, client.Ephemeral))(t)
	s := c.Session()
	r.Stop()
	r.Start()
	if _, ok, err := c.Exists(ctx, "/e"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if c.Session() != s {
		t.Error("another session")
	}
}

// Of writes under way when the connection breaks each either happened, or is said to
// be unknown; none is said to have happened that did not, and none happens twice.
func TestWritesWhileConnectionsBreak(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	c := r.open(client.Options{})
	must(c.Create(ctx, "/w", nil))(t)
	var made, unknown atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for g := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				_, err := c.Create(ctx, fmt.Sprintf("/w/%d-%d", g, i), nil)
				switch {
				case err == nil:
					made.Add(1)
				case errors.Is(err, client.ErrConnectionLost):
					unknown.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	for pause, n := 10*time.Millisecond, 0; n < 30 || made.Load() == 0; n++ {
		time.Sleep(pause)
		r.Cut(false)
		if n >= 30 { // it takes longer to connect here
			pause *= 2
		}
	}
	close(stop)
	wg.Wait()
	n := must(c.Count(ctx, "/w"))(t)
	if int64(n) < made.Load() || int64(n) > made.Load()+unknown.Load() || made.Load() == 0 {
		t.Errorf("%d nodes, %d made, %d unknown", n, made.Load(), unknown.Load())
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := newRig(t)
	c := r.open(client.Options{SessionTimeout: brief})
	states := c.States(ctx)
	must(c.Create(ctx, "/e", nil, client.Ephemeral))(t)
	old := c.Session()
	r.Cut(true)
	await(t, states, client.Expired)
	if old.Alive() {
		t.Error("alive")
	}
	r.Unblock()
	if ch := await(t, states, client.Connected); ch.Session == old.ID {
		t.Error("the same session again")
	}
	if _, ok, err := c.Exists(ctx, "/e"); ok || err != nil {
		t.Error("the old session's node is there:", ok, err)
	}
	if !c.Session().Alive() {
		t.Error("the new session is not alive")
	}
}

// brief is the timeout of a session that a test lets end. It does not end by itself because
// the machine has more to do than it can.
const brief = 2 * time.Second

// lateness is how much later than it should a timer may be noticed on such a machine.
const lateness = brief / 2

// A client that is cut off gives its session up before the server does.
func TestClientGivesUpBeforeTheServer(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := newRig(t)
	judge := r.open(client.Options{Dial: r.Server.Way().Dial})
	for range 3 {
		holder := r.open(client.Options{SessionTimeout: brief})
		must(holder.Create(ctx, "/lock", nil, client.Ephemeral))(t)
		_, ok, w, err := judge.ExistsW(ctx, "/lock")
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		s := holder.Session()
		r.Cut(true)
		if e := next(t, w); e.Type != client.EventDeleted {
			t.Error(e)
		}
		select {
		case <-s.Done():
		case <-time.After(lateness):
			if s.Alive() { // both may have come at once
				t.Error("the holder believes in its session")
			}
		}
		r.Unblock()
	}
}

// A client that asks for nothing keeps its session, and its connection.
func TestIdleSessionIsKept(t *testing.T) {
	t.Parallel()
	const timeout = 9 * time.Second
	r := newRig(t)
	var dialled atomic.Int64
	c := r.open(client.Options{SessionTimeout: timeout, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Add(1)
		return r.Dial(ctx, network, address)
	}})
	s := c.Session()
	dialled.Store(0) // a busy machine may have needed more than one attempt
	time.Sleep(timeout * 3 / 2)
	if !s.Alive() || c.Session() != s || c.State() != client.Connected || dialled.Load() != 0 {
		t.Errorf("an idle client is %v after %d more connections, its session alive: %v", c.State(), dialled.Load(), s.Alive())
	}
}

// A server that says nothing any more is left for another, in time to keep the session.
func TestSilentServerIsLeft(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r := newRig(t)
	c := r.open(client.Options{SessionTimeout: 15 * time.Second})
	must(c.Create(ctx, "/e", nil, client.Ephemeral))(t)
	s := c.Session()
	r.Freeze()
	if _, ok, err := c.Exists(ctx, "/e"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if c.Session() != s || !s.Alive() {
		t.Error("the session is another")
	}
}

// A call that belongs to a session is not carried out in the next one.
func TestCallsOfASession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.open(client.Options{SessionTimeout: brief})
	old := c.Session()
	ctx := client.InSession(t.Context(), old)
	must(c.Create(ctx, "/a", nil))(t)
	states := c.States(t.Context())
	r.Cut(true)
	await(t, states, client.Expired)
	r.Unblock()
	if _, err := c.Create(ctx, "/b", nil); !errors.Is(err, client.ErrSessionExpired) {
		t.Error(err)
	}
	await(t, states, client.Connected) // no call waits for that longer than a session lasts
	if _, ok, err := c.Exists(t.Context(), "/b"); ok || err != nil {
		t.Error(ok, err)
	}
	if _, err := c.Create(ctx, "/b", nil); !errors.Is(err, client.ErrSessionExpired) {
		t.Error(err)
	}
}

func TestAuth(t *testing.T) {
	ctx := t.Context()
	r := newRig(t)
	c := r.open(client.Options{Auth: []client.Auth{{Scheme: "digest", Data: []byte("ann:secret")}}})
	must(c.Create(ctx, "/mine", []byte("x"), client.WithACL(client.Creator(client.PermAll)...)))(t)
	other := r.open(client.Options{})
	if _, _, err := other.Get(ctx, "/mine"); !errors.Is(err, client.ErrNoAuth) {
		t.Error(err)
	}
	if err := other.AddAuth(ctx, client.Auth{Scheme: "digest", Data: []byte("ann:secret")}); err != nil {
		t.Fatal(err)
	}
	r.Cut(false)
	for _, c := range []*client.Client{c, other} {
		if _, _, err := c.Get(ctx, "/mine"); err != nil {
			t.Error(err)
		}
	}
	who := must(c.WhoAmI(ctx))(t)
	if len(who) == 0 {
		t.Error(who)
	}
	if s := fmt.Sprintf("%v %+v %#v", client.Auth{Scheme: "digest", Data: []byte("ann:secret")}, client.Options{Auth: []client.Auth{{Data: []byte("secret")}}}, client.Auth{Data: []byte("secret")}); strings.Contains(s, "secret") {
		t.Error(s)
	}
}
