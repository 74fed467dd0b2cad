package peer

import (
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/wire"
)

// unhex reads bytes as the reference prints them.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// raw connects to a port without speaking its protocol.
func raw(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func write(t testing.TB, nc net.Conn, b []byte) {
	t.Helper()
	if _, err := nc.Write(b); err != nil {
		t.Fatal(err)
	}
}

// closed waits until the peer has closed the connection without a word.
func closed(t testing.TB, nc net.Conn) {
	t.Helper()
	nc.SetReadDeadline(time.Now().Add(patience))
	b, err := io.ReadAll(nc)
	if len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %x, %v; want the connection closed", b, err)
	}
}

// initial is an initial message.
func initial(t testing.TB, sid wire.SID, addrs ...string) []byte {
	t.Helper()
	m := wire.InitialMessage{SID: sid, Addresses: addrs}
	b, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func frame(round int64) []byte {
	n := vote(round)
	return n.AppendFrame(nil)
}

// Whatever pieces the bytes come in, with or without a pause, and whatever the
// version: the server is greeted.
func TestInitialMessageInPieces(t *testing.T) {
	noLeaks(t)
	v := newVoter(t, 1, nil, nil)
	multi := wire.InitialMessage{SID: 3, Addresses: []string{"127.0.0.1:1", "[::1]:2"}, Multi: true}
	multiBytes, err := multi.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		sid  wire.SID
		head []byte
	}{
		{2, unhex(t, "ffffffffffff0000 0000000000000002 0000000f 3132372e302e302e313a3331383332")},
		{3, multiBytes},
		{4, unhex(t, "0000000000000004")}, // a server of 3.4
		{5, initial(t, 5, strings.Repeat("a", wire.MaxInitialAddress))},
	} {
		nc := raw(t, v.addr)
		for _, b := range append(tt.head, frame(int64(tt.sid))...) {
			write(t, nc, []byte{b})
		}
		v.hears(t, tt.sid, int64(tt.sid))
		nc.Close()
	}
}

// An observer without an id keeps its connection, each under a number of its own.
func TestObserversWithoutAnID(t *testing.T) {
	noLeaks(t)
	v := newVoter(t, 1, nil, nil)
	for n := range wire.SID(3) {
		write(t, raw(t, v.addr), append(initial(t, wire.AnonymousSID, "127.0.0.1:1"), frame(9)...))
		v.hears(t, -1-n, 9)
	}
	v.Send(-2, vote(3))
}

func TestHostileDiallersAreDropped(t *testing.T) {
	noLeaks(t)
	v := newVoter(t, 7, nil, nil)
	for name, b := range map[string][]byte{
		"own id":               initial(t, 7, "127.0.0.1:1"),
		"negative id":          initial(t, -2, "127.0.0.1:1"),
		"unknown version":      unhex(t, "fffffffffffeffff 0000000000000009 00000001 31"),
		"no address":           unhex(t, "ffffffffffff0000 0000000000000009 00000000"),
		"negative length":      unhex(t, "ffffffffffff0000 0000000000000009 ffffffff"),
		"length out of bounds": unhex(t, "ffffffffffff0000 0000000000000009 00000801"),
		"HTTP":                 []byte("GET / HTTP/1.1\r\nHost: here\r\n\r\n"),
		"TLS":                  unhex(t, "16030100a5010000a10303"),
		"smaller, no address":  unhex(t, "0000000000000004"),
		"empty frame":          append(initial(t, 9, "127.0.0.1:1"), 0, 0, 0, 0),
		"negative frame":       append(initial(t, 9, "127.0.0.1:1"), 0xff, 0xff, 0xff, 0xff),
		"frame out of bounds":  append(initial(t, 9, "127.0.0.1:1"), 0, 8, 0, 1),
	} {
		t.Run(name, func(t *testing.T) {
			nc := raw(t, v.addr)
			write(t, nc, b)
			if name == "TLS" || name == "HTTP" { // more might follow
				nc.(*net.TCPConn).CloseWrite()
			}
			closed(t, nc)
		})
	}
	eventually(t, "strangers to be forgotten", func() bool { return v.known() == 0 })
}

// A notification that makes no sense is skipped, and the next one counts.
func TestMalformedNotificationsAreSkipped(t *testing.T) {
	noLeaks(t)
	v := newVoter(t, 1, nil, nil)
	nc := raw(t, v.addr)
	write(t, nc, initial(t, 2, "127.0.0.1:1"))
	write(t, nc, []byte{0, 0, 0, 1, 0})
	bad := frame(1)
	bad[4+40] = 0x80 // configLength
	write(t, nc, bad)
	long := make([]byte, wire.MaxNotification+4)
	copy(long, []byte{0, 8, 0, 0})
	write(t, nc, long) // of version 0: bytes behind it are ignored
	write(t, nc, frame(2))
	v.hears(t, 2, 2)
	if got := v.all(2); !slices.Equal(got, []int64{0, 2}) {
		t.Errorf("heard %v", got)
	}
}

// Those who say nothing do not keep out those who do, and are not waited for.
func TestSilentDiallers(t *testing.T) {
	inBubble(t, func(t *testing.T, n *memNet) {
		v := newVoter(t, 1, n.listen("voter"), func(c *ElectionConfig) {
			c.MaxWaiting = 4
			c.Transport = n.transport()
			c.Transport.HandshakeTimeout = time.Hour
		})
		var silent []net.Conn
		for k := range 12 {
			nc := n.raw(t, v.addr)
			write(t, nc, initial(t, 2, "127.0.0.1:1")[:k])
			silent = append(silent, nc)
			synctest.Wait()
		}
		onlyTheLast(t, silent, 4)
		write(t, n.raw(t, v.addr), append(initial(t, 2, "127.0.0.1:1"), frame(1)...))
		synctest.Wait()
		if got := v.last(2); got != 1 {
			t.Errorf("round %d was heard, want 1", got)
		}
	})
}

// A dialler that always makes some progress has no more time than one that is silent.
func TestHandshakeTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, n *memNet) {
		const limit = 300 * time.Millisecond
		v := newVoter(t, 1, n.listen("voter"), func(c *ElectionConfig) {
			c.Transport = n.transport()
			c.Transport.HandshakeTimeout = limit
		})
		nc := n.raw(t, v.addr)
		began := time.Now()
		for _, b := range initial(t, 2, strings.Repeat("a", 2000)) {
			time.Sleep(20 * time.Millisecond)
			if _, err := nc.Write([]byte{b}); err != nil {
				break
			}
		}
		if d := time.Since(began); d < limit || d > limit+20*time.Millisecond {
			t.Errorf("closed after %v", d)
		}
	})
}

// Of two connections of one server the later one counts, also if the earlier one
// says later who it is.
func TestTheLaterConnectionCounts(t *testing.T) {
	noLeaks(t)
	v := newVoter(t, 1, nil, nil)
	hello := initial(t, 2, "127.0.0.1:1")
	early := raw(t, v.addr)
	write(t, early, hello[:3])
	late := raw(t, v.addr)
	write(t, late, append(hello, frame(1)...))
	v.hears(t, 2, 1)
	write(t, early, append(hello[3:], frame(2)...))
	closed(t, early)
	write(t, late, frame(3))
	v.hears(t, 2, 3)

	again := raw(t, v.addr)
	write(t, again, append(hello, frame(4)...))
	v.hears(t, 2, 4)
	closed(t, late)
	if got := v.all(2); !slices.Equal(got, []int64{1, 3, 4}) {
		t.Errorf("heard %v", got)
	}
}

func TestStrangersAreBounded(t *testing.T) {
	noLeaks(t)
	v := newVoter(t, 1, nil, nil)
	v.SetServers(map[wire.SID][]string{500: {"127.0.0.1:1"}})
	for n := range wire.SID(maxStrangers) {
		write(t, raw(t, v.addr), append(initial(t, 1000+n, "127.0.0.1:1"), frame(1)...))
		v.hears(t, 1000+n, 1)
	}
	nc := raw(t, v.addr)
	write(t, nc, append(initial(t, 3000, "127.0.0.1:1"), frame(1)...))
	closed(t, nc)
	write(t, raw(t, v.addr), append(initial(t, 500, "127.0.0.1:1"), frame(1)...))
	v.hears(t, 500, 1) // a member
}

// A writes records each write of a connection.
type writes struct {
	net.Conn
	mu  sync.Mutex
	all [][]byte
}

func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	w.all = append(w.all, slices.Clone(b))
	w.mu.Unlock()
	return w.Conn.Write(b)
}

// ZooKeeper reads the address with one read call.
func TestInitialMessageIsOneWrite(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	go io.Copy(io.Discard, there)
	w := &writes{Conn: here}
	e := &Election{c: ElectionConfig{Self: 2, Addresses: []string{"127.0.0.1:31832"}}}
	if err := (&remote{e: e, sid: 1}).introduce(w); err != nil {
		t.Fatal(err)
	}
	want := unhex(t, "ffffffffffff0000 0000000000000002 0000000f 3132372e302e302e313a3331383332")
	if len(w.all) != 1 || !slices.Equal(w.all[0], want) {
		t.Errorf("written as %x, want %x at once", w.all, want)
	}
}

func TestUsable(t *testing.T) {
	got := usable([]string{"0.0.0.0:1", "[::]:1", ":1", "host", "host:0", "host:65536", "host:x", "", "zk1:3888", "[::1]:3888", "[::ffff:0.0.0.0]:2", "10.0.0.1:1"})
	if want := []string{"zk1:3888", "[::1]:3888", "10.0.0.1:1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := usable(slices.Repeat([]string{"a:1"}, 100)); len(got) != maxHints {
		t.Errorf("%d addresses are taken", len(got))
	}
}

// Packets as real servers send them, over a socket in pieces of any size.
func TestVectorsOverTheSocket(t *testing.T) {
	config := strings.Repeat("c", 0xb2)
	vectors := [][]byte{
		unhex(t, "0000000b 0000000000000000 00000014 0000000000000001 00010000 0000000000000000 ffffffff"),
		unhex(t, "00000011 0000000100000000 00000004 00010000 ffffffff"),
		unhex(t, "00000012 0000000000000000 00000004 00000000 ffffffff"),
		unhex(t, "0000000d 0000000000000000 ffffffff ffffffff"),
		slices.Concat(unhex(t, "0000000a 0000000100000000 000000b2"), []byte(config), unhex(t, "ffffffff")),
		unhex(t, "00000003 0000000100000000 ffffffff ffffffff"),
		unhex(t, "0000000c ffffffffffffffff ffffffff ffffffff"),
	}
	types := []wire.PacketType{wire.PacketFollowerInfo, wire.PacketLeaderInfo, wire.PacketAckEpoch, wire.PacketDiff,
		wire.PacketNewLeader, wire.PacketAck, wire.PacketUpToDate}
	all := slices.Concat(vectors...)
	for _, piece := range []int{1, 3, 20, len(all)} {
		noLeaks(t)
		l, nc := rawLearner(t)
		l.start()
		for b := range slices.Chunk(all, piece) {
			write(t, nc, b)
		}
		eventually(t, "all packets", func() bool { return l.count() == len(vectors) })
		for i, p := range l.got {
			if b := p.AppendTo(nil); p.Type != types[i] || !slices.Equal(b, vectors[i]) {
				t.Errorf("packet %d is %v, %x", i, p.Type, b)
			}
			l.Send(p)
		}
		back := make([]byte, len(all))
		if _, err := io.ReadFull(nc, back); err != nil || !slices.Equal(back, all) {
			t.Errorf("written as %x, %v", back, err)
		}
		nc.Close()
		l.endsWith(t, io.EOF)
	}
}

// rawLearner is a leader's connection, and the socket at its other end.
func rawLearner(t testing.TB, change ...func(*ListenerConfig)) (*end, net.Conn) {
	t.Helper()
	ln := listen(t)
	accepted := make(chan *Conn, 1)
	c := ListenerConfig{Accept: func(c *Conn) { accepted <- c }}
	for _, f := range change {
		f(&c)
	}
	l := NewListener(c, ln)
	t.Cleanup(l.Close)
	nc := raw(t, ln.Addr().String())
	e := &end{Conn: <-accepted}
	t.Cleanup(e.Close)
	return e, nc
}

func TestBadPacketsEndTheConnection(t *testing.T) {
	good := unhex(t, "00000003 0000000100000000 ffffffff ffffffff")
	for name, tt := range map[string]struct {
		bytes []byte
		check func(error) bool
	}{
		"data out of bounds":  {unhex(t, "00000001 0000000000000000 001fffff"), isSize},
		"data, most possible": {unhex(t, "00000001 0000000000000000 7fffffff"), isSize},
		"data, negative":      {unhex(t, "00000001 0000000000000000 fffffffe"), isSize},
		"identities":          {unhex(t, "00000001 0000000000000000 ffffffff 7fffffff"), isSize},
		"identity":            {unhex(t, "00000001 0000000000000000 ffffffff 00000001 7fffffff"), isSize},
		"end within a packet": {good[:19], func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"end between packets": {nil, func(err error) bool { return err == io.EOF }},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			e, nc := rawLearner(t)
			e.start()
			write(t, nc, append(slices.Clone(good), tt.bytes...))
			nc.(*net.TCPConn).CloseWrite()
			e.Wait()
			if !tt.check(e.ended[0]) {
				t.Errorf("ended with %v", e.ended[0])
			}
			checkPackets(t, e.got, []wire.QuorumPacket{{Type: wire.PacketAck, Zxid: 1 << 32}})
		})
	}
}

func isSize(err error) bool {
	var size *wire.PacketSizeError
	return errors.As(err, &size)
}

// The quorum port does not wait for ever for a learner's first packet, whatever
// timeout its owner has set, and not for more than a few of them.
func TestSilentLearners(t *testing.T) {
	const limit = 200 * time.Millisecond
	ack := unhex(t, "00000003 0000000100000000 ffffffff ffffffff")
	learner := func(t *testing.T, n *memNet) (e *end, nc net.Conn) {
		accepted := make(chan *Conn, 1)
		l := NewListener(ListenerConfig{Transport: Transport{HandshakeTimeout: limit}, Accept: func(c *Conn) { accepted <- c }}, n.listen("leader"))
		t.Cleanup(l.Close)
		nc = n.raw(t, "leader")
		e = &end{Conn: <-accepted}
		t.Cleanup(e.Close)
		return e, nc
	}
	t.Run("before the first packet", func(t *testing.T) {
		inBubble(t, func(t *testing.T, n *memNet) {
			e, nc := learner(t, n)
			e.SetReadTimeout(time.Hour)
			e.start()
			write(t, nc, []byte{0, 0, 0})
			began := time.Now()
			closed(t, nc)
			e.Wait()
			if d := time.Since(began); d != limit {
				t.Errorf("closed after %v", d)
			}
		})
	})
	t.Run("behind the first packet", func(t *testing.T) {
		inBubble(t, func(t *testing.T, n *memNet) {
			e, nc := learner(t, n)
			e.start()
			write(t, nc, ack)
			time.Sleep(1000 * limit) // it has said something: now it may be silent
			write(t, nc, ack)
			synctest.Wait()
			if n := e.count(); n != 2 {
				t.Errorf("%d packets came, and then %v", n, e.over())
			}
		})
	})
	t.Run("too many", func(t *testing.T) {
		inBubble(t, func(t *testing.T, n *memNet) {
			l := NewListener(ListenerConfig{Transport: Transport{HandshakeTimeout: time.Hour}, MaxWaiting: 3, Accept: func(c *Conn) {
				c.Start(Handler{Receive: func([]wire.QuorumPacket) error { return nil }})
			}}, n.listen("leader"))
			t.Cleanup(l.Close)
			var silent []net.Conn
			for range 10 {
				silent = append(silent, n.raw(t, "leader"))
				synctest.Wait()
			}
			onlyTheLast(t, silent, 3)
		})
	})
}

// onlyTheLast wants all connections closed, at once, but for the last ones.
func onlyTheLast(t *testing.T, conns []net.Conn, last int) {
	t.Helper()
	synctest.Wait()
	for i, nc := range conns {
		nc.SetReadDeadline(time.Now().Add(1))
		_, err := nc.Read(make([]byte, 1))
		if open := errors.Is(err, os.ErrDeadlineExceeded); open != (i >= len(conns)-last) {
			t.Errorf("connection %d of %d: %v", i, len(conns), err)
		}
	}
}

// What came over an old connection is handed in before what came over a new one.
func TestConnectionsDoNotOvertake(t *testing.T) {
	noLeaks(t)
	release := make(chan struct{})
	v := newVoter(t, 1, nil, func(c *ElectionConfig) {
		receive := c.Receive
		c.Receive = func(from wire.SID, n wire.Notification) {
			<-release
			receive(from, n)
		}
	})
	for round := range int64(3) {
		write(t, raw(t, v.addr), append(initial(t, 2, "127.0.0.1:1"), frame(round)...))
		eventually(t, "the connection to count", func() bool { return v.connections() == uint64(round)+1 })
	}
	close(release)
	v.hears(t, 2, 2)
	if got := v.all(2); !slices.IsSorted(got) {
		t.Errorf("heard %v", got)
	}
}

// connections is the number of the connection that server 2 has made last.
func (v *voter) connections() uint64 {
	v.Election.mu.Lock()
	defer v.Election.mu.Unlock()
	if r := v.remotes[2]; r != nil {
		return r.newest
	}
	return 0
}

// A vote that could not be written does not come back when a newer one was taken.
func TestOldVotesDoNotComeBack(t *testing.T) {
	for _, tt := range []struct {
		next, last, unsent, want string
	}{
		{"", "old", "old", "old"},
		{"", "new", "old", ""},
		{"newest", "new", "old", "newest"},
		{"newest", "old", "old", "newest"},
	} {
		frames := map[string][]byte{"": nil, "old": {1}, "new": {2}, "newest": {3}}
		e := &Election{}
		r := &remote{e: e, next: frames[tt.next], last: frames[tt.last]}
		nc, _ := net.Pipe()
		l := &link{r: r, nc: nc, waiting: make(chan struct{}, 1)}
		r.link = l
		l.unsent(frames[tt.unsent])
		if !slices.Equal(r.next, frames[tt.want]) {
			t.Errorf("%+v: %v waits", tt, r.next)
		}
	}
}

// A stranger that cannot be called back is forgotten, with what waits for it.
func TestStrangerThatLies(t *testing.T) {
	noLeaks(t)
	ln := listen(t)
	v := newVoter(t, 5, nil, nil)
	write(t, raw(t, v.addr), initial(t, 2, ln.Addr().String()))
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a connection", func() bool { return slices.Equal(v.Connected(), []wire.SID{2}) })
	ln.Close()
	nc.Close()
	v.Send(2, vote(1))
	eventually(t, "the stranger to be forgotten", func() bool { return v.known() == 0 })
}
