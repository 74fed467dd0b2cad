package conn

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
)

// However the bytes of a connection are cut on their way, the answers are the
// same.
func TestChunksMakeNoDifference(t *testing.T) {
	script := slices.Concat(
		hello(wire.ConnectResponse{}),
		create(1, "/a", make([]byte, 40_000)),
		request(2, wire.OpGetChildren, &wire.PathWatchRequest{Path: "/", Watch: true}),
		create(3, "/b", nil),
		ping(),
		request(4, wire.OpExists, &wire.PathWatchRequest{Path: "/none"}),
		request(5, wire.OpDelete, nil),
		request(6, wire.OpSync, &wire.PathRequest{Path: "/x"}),
		request(7, wire.OpGetAllChildrenNumber, &wire.PathRequest{Path: "/"}),
		request(8, wire.OpDelete, &wire.PathVersionRequest{Path: "/a", Version: -1}),
		closeSession(9),
		create(10, "/never", nil),
	)
	answers := func(next func() int) [][]byte {
		r := newRig(t, nil, Options{}, pipeline.Options{})
		defer r.stop()
		c := r.dial()
		go func() {
			for b := script; len(b) > 0; {
				n := min(next(), len(b))
				if _, err := c.Write(b[:n]); err != nil {
					return
				}
				b = b[n:]
			}
		}()
		c.opened()
		var got, pings [][]byte
		for all := bytes.NewReader(c.ends()); all.Len() > 0; {
			f, err := readFrame(all)
			if err != nil {
				t.Fatal(err)
			}
			if int32(binary.BigEndian.Uint32(f)) == int32(wire.XidPing) {
				pings = append(pings, f) // stands anywhere
				continue
			}
			got = append(got, f)
		}
		if len(pings) != 1 {
			t.Errorf("%d pings answered", len(pings))
		}
		return got
	}
	want := answers(func() int { return len(script) })
	if len(want) != 10 { // nine replies and one event
		t.Fatalf("%d answers", len(want))
	}
	if got := answers(func() int { return 1000 }); !slices.EqualFunc(got, want, bytes.Equal) {
		t.Error("in pieces of 1000 bytes: other answers")
	}
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		got := answers(func() int { return 1 + rng.IntN(1<<rng.IntN(13)) })
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("seed %d: other answers", seed)
		}
	}
}

// What cannot be a frame ends the connection without an answer, before the
// handshake and behind it.
func TestBadFramesEndTheConnection(t *testing.T) {
	r := newRig(t, nil, Options{Words: oneWord{}}, pipeline.Options{})
	for name, b := range map[string][]byte{
		"empty frame":     {0, 0, 0, 0},
		"negative length": {0xff, 0xff, 0xff, 0xff},
		"one too long":    {0, 0x10, 0, 0},
		"short header":    {0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7},
		"TLS":             {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3},
		"HTTP":            []byte("GET / HTTP/1.1\r\n\r\n"),
		"unknown word":    []byte("abcd"),
	} {
		c := r.dial()
		c.write(b)
		if got := c.ends(); len(got) > 0 {
			t.Errorf("%s: answered %x", name, got)
		}
		c = r.dial()
		c.open(wire.ConnectResponse{})
		c.write(b)
		if got := c.ends(); len(got) > 0 {
			t.Errorf("%s behind the handshake: answered %x", name, got)
		}
	}
	c := r.dial()
	c.open(wire.ConnectResponse{})
	c.write([]byte("ruok"))
	if got := c.ends(); len(got) > 0 {
		t.Errorf("a word behind the handshake: answered %x", got)
	}
}

func TestLongestFrame(t *testing.T) {
	r := newRig(t, nil, Options{}, pipeline.Options{})
	c := r.dial()
	c.open(wire.ConnectResponse{})
	overhead := len(create(1, "/a", nil)) - 4
	c.write(create(1, "/a", make([]byte, wire.DefaultMaxFrame-overhead)))
	if h := c.reply(); h.Err != wire.OK {
		t.Errorf("the longest frame: %v", h.Err)
	}
	c.write(create(2, "/b", make([]byte, wire.DefaultMaxFrame-overhead+1))[:100])
	c.ends()
}

func TestFramesRightBehindTheConnectRequest(t *testing.T) {
	r := newRig(t, nil, Options{}, pipeline.Options{})
	r.log.stall(true)
	c := r.dial()
	c.write(slices.Concat(hello(wire.ConnectResponse{}), create(1, "/a", nil), get(2, "/a"), ping()))
	r.eventually("the session to be proposed", func() bool { return r.core.Outstanding() > 0 })
	r.log.stall(false)
	c.opened()
	for want := range 3 {
		if h := c.reply(); h.Err != wire.OK || h.Xid != wire.XidPing && h.Xid != wire.Xid(want) && h.Xid != wire.Xid(want+1) {
			t.Errorf("reply %d is %+v", want, h)
		}
	}
}

func TestWordsAreAnsweredFirstOnly(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), 3<<20))
	for _, tail := range []string{"", "\n", "\r\n trailing bytes, more than a buffer's worth of them" + string(make([]byte, 100_000))} {
		r := newRig(t, nil, Options{Words: oneWord{long}}, pipeline.Options{})
		c := r.dial()
		go func() { _, _ = io.WriteString(c, "ru"); _, _ = io.WriteString(c, "ok"+tail) }()
		if got := c.ends(); string(got) != long {
			t.Errorf("tail %.5q: %d bytes of %d", tail, len(got), len(long))
		}
	}
}

// A connection that says too little ends after a while, however it says it.
func TestSessionlessConnectionEnds(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":         nil,
		"part of length":  {0, 0},
		"part of a frame": hello(wire.ConnectResponse{})[:20],
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln := newPipeListener()
				r := newRig(t, ln, Options{SessionlessTimeout: 10 * time.Second}, pipeline.Options{})
				c := ln.dial(t)
				go func() { // slowly, which does not help
					for i := range b {
						time.Sleep(8 * time.Second / 100)
						_, _ = c.Write(b[i : i+1])
					}
				}()
				began := time.Now()
				c.ends()
				if took := time.Since(began); took != 10*time.Second {
					t.Errorf("ended after %v", took)
				}
				synctest.Wait()
				if n := r.metrics.SessionlessConnectionsExpired.Load(); n != 1 {
					t.Errorf("%d counted", n)
				}
				r.stop()
			})
		})
	}
}

func TestTransportIsToldByTheFirstByte(t *testing.T) {
	conf := serverTLS(t)
	plain := newRig(t, nil, Options{}, pipeline.Options{})
	secure := newRig(t, nil, Options{TLS: conf}, pipeline.Options{})
	both := newRig(t, nil, Options{TLS: conf, Unify: true, Words: oneWord{"imok"}}, pipeline.Options{})
	use := func(c *client) {
		t.Helper()
		c.open(wire.ConnectResponse{})
		c.write(slices.Concat(create(1, "/"+c.LocalAddr().String(), nil), get(2, "/"), closeSession(3)))
		for want := wire.Xid(1); want <= 3; want++ {
			if h := c.reply(); h.Xid != want || h.Err != wire.OK {
				t.Errorf("got %+v, want %d", h, want)
			}
		}
		c.ends()
	}
	over := func(r *rig) *client { return r.client(tls.Client(r.dial(), clientTLS)) }
	use(plain.dial())
	use(over(secure))
	use(both.dial())
	use(over(both))

	c := over(plain)
	if err := c.Conn.(*tls.Conn).Handshake(); err == nil {
		t.Error("TLS on a plain port")
	}
	c = secure.dial()
	c.write(hello(wire.ConnectResponse{}))
	if got, err := io.ReadAll(c); len(got) > 0 { // perhaps with a reset
		t.Errorf("plain on a TLS port: %x, %v", got, err)
	}
	c = both.dial()
	c.write([]byte("ruok"))
	if got := c.ends(); string(got) != "imok" {
		t.Errorf("a word on a port for both: %q", got)
	}
	if n := secure.port.Handshakes() + both.port.Handshakes(); n != 0 {
		t.Errorf("%d handshakes under way", n)
	}
}

func TestStrangersSessionIsRefusedWithAnAnswer(t *testing.T) {
	r := newRig(t, nil, Options{}, pipeline.Options{})
	owner := r.dial()
	s := owner.open(wire.ConnectResponse{})
	c := r.dial()
	refused := c.open(wire.ConnectResponse{Session: s.Session, Passwd: make([]byte, 16)})
	if refused.Session != 0 || refused.Timeout != 0 {
		t.Errorf("answered %+v", refused)
	}
	c.ends()
	owner.write(get(1, "/"))
	if h := owner.reply(); h.Err != wire.OK {
		t.Errorf("the owner: %v", h.Err)
	}
}

// A resumed session leaves its old connection, also one that is stuck in a write.
func TestResumeWhileTheOldConnectionWrites(t *testing.T) {
	r := newRig(t, nil, Options{}, pipeline.Options{})
	old := r.dial()
	s := old.open(wire.ConnectResponse{})
	old.write(create(1, "/big", make([]byte, 1_000_000)))
	old.reply()
	for range 20 {
		old.write(get(2, "/big"))
	}
	c := r.dial()
	if got := c.open(s); got.Session != s.Session {
		t.Fatalf("resumed as %v", got.Session)
	}
	_, _ = io.Copy(io.Discard, old) // it ends, in whatever way
	c.write(get(3, "/"))
	if h := c.reply(); h.Err != wire.OK {
		t.Error(h.Err)
	}
	r.eventually("one connection", func() bool { return r.port.Connections() == 1 })
}

// A peer that never reads may end its session; its connection ends then too.
func TestPeerThatNeitherReadsNorCloses(t *testing.T) {
	r := newRig(t, nil, Options{WriteTimeout: 200 * time.Millisecond}, pipeline.Options{})
	c := r.dial()
	c.open(wire.ConnectResponse{})
	c.write(create(1, "/big", make([]byte, 1_000_000)))
	c.reply()
	var all []byte // at once: the connection may end while it writes
	for range 20 {
		all = append(all, get(2, "/big")...)
	}
	c.write(append(all, closeSession(3)...))
	r.eventually("the connection to end", func() bool { return r.port.Connections() == 0 })
}

// A slow reader is none that does not read.
func TestSlowReaderGetsEverything(t *testing.T) {
	r := newRig(t, nil, Options{WriteTimeout: 10 * time.Second}, pipeline.Options{})
	c := r.dial()
	c.open(wire.ConnectResponse{})
	c.write(create(1, "/big", make([]byte, 1_000_000)))
	c.reply()
	for range 12 {
		c.write(get(2, "/big"))
	}
	c.write(closeSession(3))
	for got := 0; got < 12_000_000; {
		n, err := c.Read(make([]byte, 300_000))
		if err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
		got += n
		time.Sleep(5 * time.Millisecond)
	}
}

// A deadline that one write needed does not end a later one.
func TestWriteAfterASlowWrite(t *testing.T) {
	const timeout = 3 * time.Second
	r := newRig(t, nil, Options{WriteTimeout: timeout}, pipeline.Options{})
	c := r.dial()
	c.open(wire.ConnectResponse{})
	c.write(create(1, "/big", make([]byte, 1_000_000)))
	c.reply()
	for range 12 {
		c.write(get(2, "/big"))
	}
	time.Sleep(200 * time.Millisecond) // until it cannot go on
	for range 12 {
		c.reply()
	}
	time.Sleep(timeout + 200*time.Millisecond)
	c.write(set(3, "/big", nil))
	if h := c.reply(); h.Xid != 3 || h.Err != wire.OK {
		t.Errorf("answered %+v", h)
	}
}

// A peer that does not close behind the last reply is closed after a moment. It
// had a session, so it is not counted as one that had none.
func TestPeerThatDoesNotCloseBehindTheLastReply(t *testing.T) {
	r := newRig(t, nil, Options{}, pipeline.Options{})
	c := r.dial()
	c.open(wire.ConnectResponse{})
	c.write(closeSession(1))
	c.ends()
	r.eventually("the connection to end", func() bool { return r.port.Connections() == 0 })
	if n := r.metrics.SessionlessConnectionsExpired.Load(); n != 0 {
		t.Errorf("%d counted", n)
	}
}
