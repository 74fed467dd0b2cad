package client_test

import (
	"context"
	"io"
	"iter"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
	"github.com/zabra/zabra/internal/testserver"
	"github.com/zabra/zabra/wire"
)

// A fake is a server whose part the test plays.
type fake struct {
	addr string

	mu    sync.Mutex
	ended bool
	conns []net.Conn
}

// A fakeConn is a connection of a fake, in the hands of the test. n counts them from 0.
type fakeConn struct {
	net.Conn
	n int
}

// play serves connections, each in a goroutine, until the test ends.
func play(t testing.TB, serve func(c *fakeConn)) *fake {
	t.Helper()
	if os.Getenv(testserver.Environment) != "" {
		t.Skip("this test plays the server")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{addr: ln.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			f.add(nc)
			wg.Go(func() {
				defer nc.Close()
				serve(&fakeConn{nc, n})
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		f.cut()
		wg.Wait()
	})
	return f
}

func (f *fake) add(nc net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		nc.Close()
	}
	f.conns = append(f.conns, nc)
}

// cut ends all connections.
func (f *fake) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for _, nc := range f.conns {
		nc.Close()
	}
}

// frame reads one, nil if the connection is over.
func (c *fakeConn) frame() []byte {
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil
	}
	b := make([]byte, int(head[0])<<24|int(head[1])<<16|int(head[2])<<8|int(head[3]))
	if _, err := io.ReadFull(c, b); err != nil {
		return nil
	}
	return b
}

func (c *fakeConn) send(records ...wire.Record) {
	b, mark := wire.BeginFrame(nil)
	for _, r := range records {
		b = r.AppendTo(b)
	}
	c.Write(wire.EndFrame(b, mark))
}

// hello opens the session with a number.
func (c *fakeConn) hello(id wire.SessionID) bool {
	b := c.frame()
	if b == nil {
		return false
	}
	var r wire.ConnectRequest
	d := wire.NewDecoder(b)
	r.DecodeFrom(&d)
	c.send(&wire.ConnectResponse{Timeout: r.Timeout, Session: id, Passwd: make([]byte, 16), HasReadOnly: true})
	return true
}

// next is the next request but pings, which it answers. ok is false at the end.
func (c *fakeConn) next() (h wire.RequestHeader, body wire.Decoder, ok bool) {
	for {
		b := c.frame()
		if b == nil {
			return h, body, false
		}
		body = wire.NewDecoder(b)
		h.DecodeFrom(&body)
		if h.Op != wire.OpPing {
			return h, body, true
		}
		c.reply(wire.XidPing, wire.OK)
	}
}

func (c *fakeConn) reply(xid wire.Xid, code wire.Code, body ...wire.Record) {
	c.send(append([]wire.Record{&wire.ReplyHeader{Xid: xid, Zxid: 1, Err: code}}, body...)...)
}

// answer does what the request wants, as far as the tests need it.
func (c *fakeConn) answer(h wire.RequestHeader) {
	switch h.Op {
	case wire.OpGetData:
		c.reply(h.Xid, wire.OK, &wire.GetDataResponse{Data: []byte("x")})
	case wire.OpExists:
		c.reply(h.Xid, wire.NoNode)
	case wire.OpSync:
		c.reply(h.Xid, wire.OK, &wire.PathRequest{Path: "/"})
	default:
		c.reply(h.Xid, wire.OK)
	}
}

// serve answers everything.
func (c *fakeConn) serve(id wire.SessionID) {
	for h := range c.requests(id) {
		c.answer(h)
	}
}

// requests opens a session and has its requests but pings.
func (c *fakeConn) requests(id wire.SessionID) iter.Seq[wire.RequestHeader] {
	return func(yield func(wire.RequestHeader) bool) {
		if !c.hello(id) {
			return
		}
		for h, _, ok := c.next(); ok && yield(h); h, _, ok = c.next() {
		}
	}
}

// openHeld opens a client of a fake that answers nothing but the end of the session: what
// it is asked comes out of a channel, and the test answers on the connection.
func openHeld(t testing.TB, o client.Options) (*client.Client, *fakeConn, <-chan wire.RequestHeader) {
	t.Helper()
	asked, conns := make(chan wire.RequestHeader, 10), make(chan *fakeConn, 1)
	f := play(t, func(fc *fakeConn) {
		conns <- fc
		for h := range fc.requests(1) {
			if h.Op == wire.OpCloseSession {
				fc.answer(h)
				return
			}
			asked <- h
		}
	})
	c := openFake(t, f, o)
	return c, <-conns, asked
}

// openFake opens a client of a fake.
func openFake(t testing.TB, f *fake, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Open(t.Context(), f.addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// soon is a context that ends before a test does that hangs.
func soon(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
