package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/wire"
)

// An end is one side of a connection, and what it has received.
type end struct {
	*Conn
	mu      sync.Mutex
	got     []wire.QuorumPacket
	calls   int
	streams [][]byte
	ended   []error
}

// streamSize is the length of every stream in these tests.
const streamSize = 300_000

func (e *end) handler() Handler {
	return Handler{Receive: e.receive, Snapshot: e.snapshot, Ended: e.end}
}

func (e *end) receive(packets []wire.QuorumPacket) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	e.got = append(e.got, packets...)
	return nil
}

func (e *end) snapshot(p wire.QuorumPacket, r io.Reader) error {
	b := make([]byte, streamSize)
	var err error
	for piece := range slices.Chunk(b, 1000) { // as one who reads fields does
		if err == nil {
			_, err = io.ReadFull(r, piece)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got, e.streams = append(e.got, p), append(e.streams, b)
	return err
}

func (e *end) end(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = append(e.ended, err)
}

func (e *end) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.got)
}

// over is what Ended was told so far.
func (e *end) over() []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.ended)
}

// endsWith waits for the end, and that it is told once and of this kind.
func (e *end) endsWith(t testing.TB, want error) {
	t.Helper()
	e.Wait()
	if len(e.ended) != 1 || !errors.Is(e.ended[0], want) {
		t.Errorf("ended with %v, want %v once", e.ended, want)
	}
}

// pair connects a learner to a leader. Neither is started.
func pair(t testing.TB, o ConnOptions, tr ...Transport) (leader, learner *end) {
	t.Helper()
	tr = append(tr, Transport{}, Transport{})
	ln := listen(t)
	accepted := make(chan *Conn, 1)
	l := NewListener(ListenerConfig{Transport: tr[0], Conn: o, Accept: func(c *Conn) { accepted <- c }}, ln)
	t.Cleanup(l.Close)
	c, err := Dial(context.Background(), DialConfig{Transport: tr[1], Conn: o, Tries: 1}, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	leader, learner = &end{Conn: <-accepted}, &end{Conn: c}
	t.Cleanup(leader.Close)
	t.Cleanup(learner.Close)
	return leader, learner
}

func (e *end) start() { e.Start(e.handler()) }

// startStuck starts an end that reads nothing more after the first packets, until release
// is called.
func (e *end) startStuck() (release func()) {
	stuck := make(chan struct{})
	h := e.handler()
	h.Receive = func(p []wire.QuorumPacket) error {
		<-stuck
		return e.receive(p)
	}
	e.Start(h)
	return func() { close(stuck) }
}

// packet is a packet that is told by its zxid, with n bytes of data.
func packet(zxid wire.Zxid, n int) wire.QuorumPacket {
	return wire.QuorumPacket{Type: wire.PacketProposal, Zxid: zxid, Data: bytes.Repeat([]byte{byte(zxid)}, n)}
}

func checkPackets(t testing.TB, got, want []wire.QuorumPacket) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i].AppendTo(nil), want[i].AppendTo(nil)) {
			t.Fatalf("packet %d is %v %v, want %v %v", i, got[i].Type, got[i].Zxid, want[i].Type, want[i].Zxid)
		}
	}
}

func TestPacketsKeepTheirOrder(t *testing.T) {
	noLeaks(t)
	leader, learner := pair(t, ConnOptions{})
	var want []wire.QuorumPacket
	for i := range 5000 {
		n := rand.IntN(100)
		if i%500 == 0 {
			n = rand.IntN(1 << 20)
		}
		p := packet(wire.Zxid(i), n)
		if i%3 == 0 {
			p.Auth = []wire.ID{{Scheme: "digest", ID: fmt.Sprint("user", i)}}
		}
		if i%5 == 0 {
			p.Data = nil
		}
		want = append(want, p)
	}
	for chunk := range slices.Chunk(want, 7) {
		leader.Send(chunk...)
	}
	leader.start()
	learner.start()
	eventually(t, "all packets", func() bool { return learner.count() == len(want) })
	checkPackets(t, learner.got, want)
	eventually(t, "the backlog to be gone", func() bool { return leader.Backlog() == 0 })
	if learner.calls > len(want)/10 {
		t.Errorf("%d packets came in %d calls, want batches", len(want), learner.calls)
	}
	if w, r := leader.Written(), learner.Received(); w != r || w == 0 {
		t.Errorf("%d bytes written, %d received", w, r)
	}
	learner.Close()
	learner.endsWith(t, ErrClosed)
	leader.endsWith(t, io.EOF)
}

func TestStreamsKeepTheirPlace(t *testing.T) {
	noLeaks(t)
	leader, learner := pair(t, ConnOptions{})
	snap := wire.QuorumPacket{Type: wire.PacketSnap, Zxid: 77}
	bodies := [2][]byte{make([]byte, streamSize), bytes.Repeat([]byte{0xff}, streamSize)}
	var want []wire.QuorumPacket
	for i, body := range bodies {
		for z := range 10 {
			p := packet(wire.Zxid(100*i+z), 10)
			want = append(want, p)
			leader.Send(p)
		}
		leader.SendStream(func(w io.Writer) error {
			for piece := range slices.Chunk(append(snap.AppendTo(nil), body...), 70_001) {
				if _, err := w.Write(piece); err != nil {
					return err
				}
			}
			return nil
		})
		want = append(want, snap)
	}
	tail := packet(1000, 5)
	leader.Send(tail)
	want = append(want, tail)
	learner.start()
	leader.start()
	eventually(t, "all packets", func() bool { return learner.count() == len(want) })
	checkPackets(t, learner.got, want)
	for i, body := range bodies {
		if !bytes.Equal(learner.streams[i], body) {
			t.Errorf("stream %d has changed on its way", i)
		}
	}
}

func TestSnapshotFromALearnerEndsTheConnection(t *testing.T) {
	noLeaks(t)
	leader, learner := pair(t, ConnOptions{})
	h := leader.handler()
	h.Snapshot = nil
	leader.Start(h)
	learner.start()
	learner.Send(packet(1, 1), wire.QuorumPacket{Type: wire.PacketSnap})
	leader.endsWith(t, ErrSnapshot)
	checkPackets(t, leader.got, []wire.QuorumPacket{packet(1, 1)})
	learner.endsWith(t, io.EOF)
}

// A failing stream, or a failing handler, ends the connection.
func TestErrorsOfTheOwnerEndTheConnection(t *testing.T) {
	noLeaks(t)
	purged := errors.New("log was purged")
	leader, learner := pair(t, ConnOptions{})
	leader.start()
	learner.start()
	leader.SendStream(func(io.Writer) error { return purged })
	leader.endsWith(t, purged)

	leader, learner = pair(t, ConnOptions{})
	h := learner.handler()
	h.Receive = func([]wire.QuorumPacket) error { return purged }
	learner.Start(h)
	leader.start()
	leader.Send(packet(1, 0))
	learner.endsWith(t, purged)
}

// What a stream holds on to can be let go of whatever becomes of its connection: it is
// called once, and told that nobody is there any more.
func TestEveryStreamIsCalled(t *testing.T) {
	noLeaks(t)
	leader, learner := pair(t, ConnOptions{})
	var mu sync.Mutex
	told := map[string][]error{}
	tell := func(name string, err error) {
		mu.Lock()
		defer mu.Unlock()
		told[name] = append(told[name], err)
	}
	write := func(name string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := w.Write(make([]byte, streamSize))
			tell(name, err)
			return err
		}
	}
	begun, broken := make(chan struct{}), make(chan struct{})
	leader.SendStream(func(w io.Writer) error {
		close(begun)
		<-broken
		return write("under way")(w)
	})
	leader.SendStream(write("taken with it"))
	leader.start()
	learner.start()
	<-begun
	leader.SendStream(write("behind it"))
	learner.Close()
	eventually(t, "the connection to end", func() bool { return leader.isDead() })
	leader.SendStream(write("later"))
	close(broken)
	leader.Wait()
	leader.SendStream(write("much later"))
	names := []string{"under way", "taken with it", "behind it", "later", "much later"}
	eventually(t, "all streams to be called", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) == len(names)
	})
	mu.Lock()
	defer mu.Unlock()
	for _, name := range names {
		if errs := told[name]; len(errs) != 1 || errs[0] == nil {
			t.Errorf("the stream %s was told %v, want one error", name, errs)
		}
	}
}

// A peer that reads nothing makes the backlog grow, which the owner can see, and
// which the connection bounds if it is told to.
func TestBacklog(t *testing.T) {
	noLeaks(t)
	leader, learner := pair(t, ConnOptions{MaxBacklog: 64 << 20})
	release := learner.startStuck()
	leader.start()
	p := packet(1, 1<<20)
	for range 40 {
		leader.Send(p)
	}
	eventually(t, "the connection to be full", func() bool {
		before := leader.Written()
		time.Sleep(50 * time.Millisecond)
		return leader.Written() == before
	})
	if b := leader.Backlog(); b < 10<<20 || b > 40*packetSize(&p) {
		t.Errorf("the backlog is %d", b)
	}
	release()
	eventually(t, "the backlog to be gone", func() bool { return leader.Backlog() == 0 && learner.count() == 40 })
	leader.Send(slices.Repeat([]wire.QuorumPacket{p}, 65)...) // at once: what is sent first may be on its way already
	leader.endsWith(t, ErrBacklog)
}

// A peer that takes nothing for the time of a timeout is given up; one that takes little
// is not.
func TestWriteTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, n *memNet) {
		leader, learner := memPair(t, n, ConnOptions{WriteTimeout: 50 * time.Millisecond})
		leader.start()
		for range 64 {
			leader.Send(packet(1, 1<<20))
		}
		for range 10 {
			time.Sleep(49 * time.Millisecond)
			io.CopyN(io.Discard, learner.nc, 100<<10)
			synctest.Wait()
		}
		if over := leader.over(); len(over) > 0 {
			t.Fatalf("ended with %v, and the peer took something", over)
		}
		leader.endsWith(t, os.ErrDeadlineExceeded)
	})
}

func TestReadTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, n *memNet) {
		leader, learner := memPair(t, n, ConnOptions{})
		leader.start()
		learner.start()
		leader.Send(packet(1, 1))
		synctest.Wait()
		if n := learner.count(); n != 1 {
			t.Fatalf("%d packets came", n)
		}
		began := time.Now()
		learner.SetReadTimeout(time.Hour)
		learner.SetReadTimeout(10 * time.Millisecond) // while a read is under way
		learner.endsWith(t, os.ErrDeadlineExceeded)
		if d := time.Since(began); d != 10*time.Millisecond {
			t.Errorf("ended after %v", d)
		}
	})
}

// What waits when Finish is called is delivered, and so is what the peer still says.
func TestFinish(t *testing.T) {
	noLeaks(t)
	leader, learner := pair(t, ConnOptions{})
	for z := range 100 {
		leader.Send(packet(wire.Zxid(z), 10_000))
	}
	leader.Finish(patience)
	leader.Send(packet(1000, 1)) // too late
	leader.start()
	h := learner.handler()
	h.Ended = func(err error) {
		learner.end(err)
	}
	learner.Send(packet(7, 7))
	learner.Start(h)
	learner.endsWith(t, io.EOF)
	leader.endsWith(t, io.EOF)
	if n := learner.count(); n != 100 {
		t.Errorf("%d packets came, want 100", n)
	}
	if b := leader.Backlog(); b != 0 {
		t.Errorf("the backlog is %d", b)
	}
}

// A peer that does not close its side is not waited for longer than asked.
func TestFinishOfAHalfClosedPeer(t *testing.T) {
	inBubble(t, func(t *testing.T, n *memNet) {
		accepted := make(chan *Conn, 1)
		l := NewListener(ListenerConfig{Accept: func(c *Conn) { accepted <- c }}, n.listen("leader"))
		t.Cleanup(l.Close)
		nc := n.raw(t, "leader")
		leader := &end{Conn: <-accepted}
		leader.start()
		leader.Send(packet(1, 1))
		began := time.Now()
		leader.Finish(100 * time.Millisecond)
		if b, err := io.ReadAll(nc); err != nil || len(b) != 21 || time.Since(began) > 0 {
			t.Errorf("read %d bytes, %v, after %v", len(b), err, time.Since(began))
		}
		leader.endsWith(t, ErrClosed)
		if d := time.Since(began); d != 100*time.Millisecond {
			t.Errorf("ended after %v", d)
		}
	})
}

func TestCloseBeforeStart(t *testing.T) {
	noLeaks(t)
	leader, learner := pair(t, ConnOptions{})
	leader.Close()
	leader.start()
	leader.endsWith(t, ErrClosed)
	learner.start()
	learner.endsWith(t, io.EOF)
}

// What was sent before a stream does not wait for the stream.
func TestStreamDoesNotHoldBackWhatIsBefore(t *testing.T) {
	noLeaks(t)
	leader, learner := pair(t, ConnOptions{})
	learner.start()
	leader.start()
	leader.Send(packet(1, 1))
	leader.SendStream(func(w io.Writer) error {
		eventually(t, "the packet before", func() bool { return learner.count() == 1 })
		p := packet(2, 1)
		_, err := w.Write(p.AppendTo(nil))
		return err
	})
	leader.Send(packet(3, 1))
	eventually(t, "all packets", func() bool { return learner.count() == 3 })
	checkPackets(t, learner.got, []wire.QuorumPacket{packet(1, 1), packet(2, 1), packet(3, 1)})
}

// The read timeout begins anew with everything that comes, and is one of silence.
func TestReadTimeoutIsOfSilence(t *testing.T) {
	inBubble(t, func(t *testing.T, n *memNet) {
		leader, learner := memPair(t, n, ConnOptions{})
		leader.start()
		learner.start()
		learner.Send(packet(0, 0)) // the leader waits for it
		learner.SetReadTimeout(2 * time.Second)
		for z := range 30 {
			leader.Send(packet(wire.Zxid(z), 1))
			time.Sleep(2*time.Second - 1)
		}
		if n := learner.count(); n != 30 {
			t.Fatalf("%d packets came, and then %v", n, learner.over())
		}
		leader.Send(packet(30, 1))
		began := time.Now()
		learner.endsWith(t, os.ErrDeadlineExceeded)
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("ended after %v of silence", d)
		}
	})
}
