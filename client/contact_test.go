package client_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/wire"
)

// A session lasts from when something was sent that the service has answered, and not from
// when the answer came: who reads late would believe in it for longer than the service does.
func TestSessionLastsFromWhatWasSent(t *testing.T) {
	const timeout, late = 6 * time.Second, 1500 * time.Millisecond
	for name, asks := range map[string]bool{"a ping": false, "a request": true} {
		synctest.Test(t, func(t *testing.T) {
			sent := make(chan time.Time, 1)
			server := func(fc *fakeConn) {
				fc.hello(1)
				for b := fc.frame(); b != nil; b = fc.frame() {
					var h wire.RequestHeader
					d := wire.NewDecoder(b)
					h.DecodeFrom(&d)
					if asks == (h.Op == wire.OpPing) {
						continue
					}
					select {
					case sent <- time.Now():
						time.Sleep(late)
						fc.answer(h)
					default: // it was the only one to be answered
					}
				}
			}
			var dialled atomic.Bool
			var served sync.WaitGroup
			c, err := client.Open(t.Context(), "127.0.0.1:1", client.Options{SessionTimeout: timeout, Dial: func(context.Context, string, string) (net.Conn, error) {
				if dialled.Swap(true) {
					return nil, errors.New("nobody is there any more")
				}
				near, far := net.Pipe()
				served.Go(func() { server(&fakeConn{Conn: far}) })
				return near, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			s := c.Session()
			if asks {
				go c.Get(t.Context(), "/")
			}
			<-s.Done()
			if after := time.Since(<-sent); after > timeout || after < timeout-time.Second {
				t.Errorf("%s: it ended %v after the request was sent, of %v", name, after, timeout)
			}
			c.Close()
			served.Wait()
		})
	}
}

// A client tells each server how much it has seen, so that one that lags refuses it, and
// watches that are set again tell what came later, and not what it knows.
func TestServersAreToldWhatWasSeen(t *testing.T) {
	var mu sync.Mutex
	var told []wire.Zxid
	f := play(t, func(fc *fakeConn) {
		b := fc.frame()
		if b == nil {
			return
		}
		var r wire.ConnectRequest
		d := wire.NewDecoder(b)
		r.DecodeFrom(&d)
		mu.Lock()
		told = append(told, r.LastZxidSeen)
		mu.Unlock()
		fc.send(&wire.ConnectResponse{Timeout: r.Timeout, Session: 1, Passwd: make([]byte, 16), HasReadOnly: true})
		for h, body, ok := fc.next(); ok; h, body, ok = fc.next() {
			switch h.Op {
			case wire.OpSetWatches2:
				var r wire.SetWatches2Request
				r.DecodeFrom(&body)
				mu.Lock()
				told = append(told, r.RelativeZxid)
				mu.Unlock()
				fc.answer(h)
			case wire.OpGetData:
				fc.send(&wire.ReplyHeader{Xid: h.Xid, Zxid: wire.Zxid(70 + 7*fc.n)}, &wire.GetDataResponse{Data: []byte("x")})
				if fc.n < 2 {
					return
				}
			default:
				fc.answer(h)
			}
		}
	})
	ctx := soon(t, time.Minute)
	c := openFake(t, f, client.Options{})
	for range 3 {
		if _, _, _, err := c.GetW(ctx, "/"); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []wire.Zxid{0, 70, 70, 77, 77}; !slices.Equal(told, want) {
		t.Errorf("%v, want %v", told, want)
	}
}

// A client may live in a bubble of testing/synctest, and others outside of it.
func TestClientsInBubbles(t *testing.T) {
	get := func(ctx context.Context, serve func(*fakeConn)) {
		var served sync.WaitGroup
		c, err := client.Open(ctx, "127.0.0.1:1", client.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			served.Go(func() { serve(&fakeConn{Conn: far}) })
			return near, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if data, _, err := c.Get(ctx, "/"); err != nil || string(data) != "x" {
				t.Errorf("%q, %v", data, err)
			}
		}
		c.Close()
		served.Wait()
	}
	serve := func(fc *fakeConn) { fc.serve(1) }
	for range 3 {
		synctest.Test(t, func(t *testing.T) { get(t.Context(), serve) })
		get(soon(t, time.Minute), serve)
	}
}
