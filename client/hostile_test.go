package client_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/wire"
)

// settles wants everything that f started to end.
func settles(t *testing.T, f func()) {
	t.Helper()
	before := runtime.NumGoroutine()
	f()
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<18)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// ends wants f to return.
func ends(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		buf := make([]byte, 1<<18)
		t.Fatalf("%s hangs:\n%s", what, buf[:runtime.Stack(buf, true)])
	}
}

// silent waits until the client goes.
func (c *fakeConn) silent() {
	for c.frame() != nil {
	}
}

func (c *fakeConn) garbage() {
	for _, err := c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")); err == nil; _, err = c.Write(make([]byte, 1<<10)) {
	}
}

func (c *fakeConn) huge() {
	c.Write([]byte{0x7f, 0xff, 0xff, 0xff})
	c.silent()
}

func (c *fakeConn) negative() {
	c.Write([]byte{0xff, 0xff, 0xff, 0xff})
	c.silent()
}

func (c *fakeConn) half() {
	c.Write([]byte{0, 0, 0, 100, 1, 2, 3})
	c.silent()
}

func (c *fakeConn) empty() {
	c.Write([]byte{0, 0, 0, 0})
	c.silent()
}

// Servers that no client should meet. opens says whether they let it open a session.
var hostile = []struct {
	name  string
	opens bool
	serve func(c *fakeConn)
}{
	{"closes at once", false, func(c *fakeConn) {}},
	{"says nothing", false, (*fakeConn).silent},
	{"says something else", false, (*fakeConn).garbage},
	{"says how much it will say", false, (*fakeConn).huge},
	{"says less than nothing", false, (*fakeConn).negative},
	{"says half of it", false, (*fakeConn).half},
	{"says a frame of nothing", false, (*fakeConn).empty},
	{"refuses sessions", false, func(c *fakeConn) { c.hello(0) }},
	{"closes behind the session", true, func(c *fakeConn) { c.hello(1) }},
	{"says nothing behind the session", true, func(c *fakeConn) { c.hello(1); c.silent() }},
	{"says something else behind the session", true, func(c *fakeConn) { c.hello(1); c.garbage() }},
	{"says how much behind the session", true, func(c *fakeConn) { c.hello(1); c.huge() }},
	{"says half of it behind the session", true, func(c *fakeConn) { c.hello(1); c.half() }},
	{"says a frame of nothing behind the session", true, func(c *fakeConn) { c.hello(1); c.empty() }},
	{"answers pings only", true, func(c *fakeConn) {
		c.hello(1)
		for _, _, ok := c.next(); ok; _, _, ok = c.next() {
		}
	}},
	{"answers what nobody asked", true, func(c *fakeConn) {
		c.hello(1)
		for h, _, ok := c.next(); ok; h, _, ok = c.next() {
			c.reply(h.Xid+7, wire.OK)
		}
	}},
	{"answers with nothing in it", true, func(c *fakeConn) {
		c.hello(1)
		for h, _, ok := c.next(); ok; h, _, ok = c.next() {
			c.reply(h.Xid, wire.OK)
		}
	}},
	{"tells of events that are none", true, func(c *fakeConn) {
		c.hello(1)
		for _, _, ok := c.next(); ok; _, _, ok = c.next() {
			c.reply(wire.XidNotification, wire.OK)
		}
	}},
	{"reads nothing", true, func(c *fakeConn) { c.hello(1); time.Sleep(300 * time.Millisecond) }},
}

// Whatever a server does, calls end with their context or with the Client, Close returns,
// and nothing is left behind.
func TestHostileServers(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			f := play(t, h.serve)
			settles(t, func() {
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				if h.opens { // a busy machine may take its time
					ctx = soon(t, time.Minute)
				}
				var c *client.Client
				var err error
				ends(t, "Open", func() {
					c, err = client.Open(ctx, f.addr, client.Options{SessionTimeout: 2 * time.Second, MaxRequest: 4 << 20})
				})
				if (err == nil) != h.opens {
					t.Fatal(err)
				}
				if err == nil {
					misuse(t, c)
				}
			})
		})
	}
}

// misuse asks for everything at once and then closes the client.
func misuse(t *testing.T, c *client.Client) {
	var wg sync.WaitGroup
	forever := context.Background()
	brief, cancel := context.WithTimeout(forever, 20*time.Millisecond)
	defer cancel()
	for _, ctx := range []context.Context{forever, brief} {
		wg.Go(func() { c.Get(ctx, "/") })
		wg.Go(func() { c.Set(ctx, "/", make([]byte, 2<<20), 0) }) // more than the system buffers
		wg.Go(func() { c.Create(ctx, "/x", nil, client.Ephemeral) })
		wg.Go(func() { c.Commit(ctx, new(client.Txn).Check("/", 0)) })
		wg.Go(func() { c.Read(ctx, new(client.Reads).Get("/")) })
		wg.Go(func() { c.AddWatch(ctx, "/", true) })
		wg.Go(func() { c.ExistsW(ctx, "/") })
		wg.Go(func() { c.MakePath(ctx, "/a/b/c") })
		wg.Go(func() { c.RemoveAll(ctx, "/a") })
		wg.Go(func() {
			for range c.Walk(ctx, "/") {
			}
		})
		wg.Go(func() { c.AddAuth(ctx, client.Auth{Scheme: "digest"}) })
		wg.Go(func() { c.Async().Get(ctx, "/", nil).Wait(ctx) })
		wg.Go(func() {
			for range c.States(ctx) {
			}
		})
	}
	<-brief.Done()
	ends(t, "Close", func() { c.Close() })
	ends(t, "a call", wg.Wait)
}

// A call without a deadline ends by itself when nobody can be reached any more.
func TestCallsEndByThemselves(t *testing.T) {
	for _, h := range hostile {
		if !h.opens || h.name == "answers pings only" {
			continue // of the latter, see AnswerTimeout
		}
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			f := play(t, h.serve)
			c := openFake(t, f, client.Options{SessionTimeout: 500 * time.Millisecond})
			var wg sync.WaitGroup
			wg.Go(func() { c.Set(context.Background(), "/", nil, 0) })
			wg.Go(func() { c.Get(context.Background(), "/") })
			wg.Go(func() { c.AddWatch(context.Background(), "/", true) })
			ends(t, "a call", wg.Wait)
		})
	}
}

// Close at any moment of what a client does leaves nothing behind.
func TestCloseAtEveryStage(t *testing.T) {
	r := newRig(t)
	warm := r.open(client.Options{}) // what the server starts once is started
	warm.Close()
	for i := range 60 {
		after := time.Duration(i) * 100 * time.Microsecond
		settles(t, func() {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			c, err := client.Open(ctx, "127.0.0.1:1", client.Options{Dial: r.Dial})
			if err != nil {
				return
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				for range 20 {
					if _, err := c.Create(t.Context(), r.Root+"/s-", nil, client.Sequential, client.Ephemeral); err != nil {
						return
					}
				}
			})
			wg.Go(func() {
				if w, err := c.AddWatch(t.Context(), "/", true); err == nil {
					for range w.C {
					}
				}
			})
			<-ctx.Done()
			ends(t, "Close", func() { c.Close() })
			ends(t, "a call", wg.Wait)
			if _, _, err := c.Get(t.Context(), "/"); !errors.Is(err, client.ErrClosed) {
				t.Error(err)
			}
		})
	}
}
