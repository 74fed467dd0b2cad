package crashtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// A bystander is a client that does nothing wrong, beside others that do. Its
// requests must be answered all the time.
type bystander struct {
	t       *testing.T
	d       *daemon
	conn    *conn
	quit    chan struct{}
	done    sync.WaitGroup
	served  int
	slowest time.Duration
	peak    int64 // of the server's memory
}

func newBystander(t *testing.T, d *daemon) *bystander {
	t.Helper()
	b := &bystander{t: t, d: d, quit: make(chan struct{}), peak: d.resident()}
	var err error
	if b.conn, err = d.attach(&session{timeout: patience}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.conn.create("/bystander", "", wire.ModePersistent); err != nil {
		t.Fatal(err)
	}
	b.done.Go(b.run)
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *bystander) run() {
	for version := int32(0); ; version++ {
		select {
		case <-b.quit:
			return
		case <-time.After(5 * time.Millisecond):
		}
		_ = b.conn.nc.SetDeadline(time.Now().Add(patience))
		began := time.Now()
		err := b.conn.call(wire.OpSetData, &wire.SetDataRequest{Path: "/bystander", Version: version}, nil)
		if err == nil {
			_, _, err = b.conn.get("/bystander")
		}
		if err != nil {
			b.t.Errorf("the bystander: %v", err)
			return
		}
		b.served++
		b.slowest = max(b.slowest, time.Since(began))
		if b.served%10 == 0 {
			b.peak = max(b.peak, b.d.resident())
		}
	}
}

// stop ends it; it must have been served meanwhile.
func (b *bystander) stop() {
	select {
	case <-b.quit:
		return
	default:
	}
	close(b.quit)
	b.done.Wait()
	b.conn.drop()
	if b.served == 0 {
		b.t.Error("the bystander was never served")
	}
	b.t.Logf("the bystander was served %d times, the slowest took %v; the server had %d MiB at most",
		b.served, b.slowest.Round(time.Millisecond), b.peak>>20)
}

// endsSoon reads what there is and wants the server to close the connection.
func endsSoon(nc net.Conn) error {
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, nc)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	return nil
}

// Clients that watch everything and read nothing cost a bounded amount of memory
// and are disconnected; their sessions live on.
func TestClientsThatNeverRead(t *testing.T) {
	const unsent, events = 256 << 10, 250
	d := newDaemon(t, fmt.Sprintf("zabra.maxUnsentBytes=%d\n", unsent))
	d.mustStart()
	n := times(t, "ZABRA_DEAF_CLIENTS", 40, 400)
	before := d.resident()
	var deaf []*conn
	for range n {
		c, err := d.attach(&session{timeout: 60 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		_ = c.nc.(*net.TCPConn).SetReadBuffer(4096)
		if err := c.call(wire.OpAddWatch, &wire.AddWatchRequest{Path: "/", Mode: 1}, nil); err != nil {
			t.Fatal(err)
		}
		deaf = append(deaf, c)
	}
	b := newBystander(t, d)
	talker, err := d.attach(&session{timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 60_000)
	for i := range events {
		if _, err := talker.create(fmt.Sprintf("/%d-%s", i, long), "", wire.ModePersistent); err != nil {
			t.Fatal(err)
		}
	}
	cut := func() int { return strings.Count(d.stderr.String(), "does not read") }
	for end := time.Now().Add(patience); cut() < n && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	if n := cut(); n != len(deaf) {
		t.Errorf("%d lines in the log about %d clients that do not read", n, len(deaf))
	}
	for _, c := range deaf {
		c.drop()
	}
	b.stop()
	for _, c := range deaf[:min(10, n)] {
		again, err := d.attach(c.session)
		if err != nil {
			t.Fatalf("its session: %v", err)
		}
		again.drop()
	}
	// Two buffers for each, the one that is being written and the next; and what went to
	// sockets before they were full, until it is collected. Kept without a bound, all that
	// was meant for them would be there.
	meant := int64(n) * events * int64(len(long))
	if limit := before + int64(n)*2*(unsent+100<<10) + 64<<20 + meant/2; b.peak > limit {
		t.Errorf("%d MiB of memory, at most %d expected", b.peak>>20, limit>>20)
	}
}

// Requests whose large replies nobody reads are not answered into memory without
// end.
func TestRepliesThatNobodyReads(t *testing.T) {
	d := newDaemon(t, "zabra.maxUnsentBytes=2000000\n")
	d.mustStart()
	b := newBystander(t, d)
	setup, err := d.attach(&session{timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	const large = 1_000_000
	if _, err := setup.create("/large", strings.Repeat("x", large), wire.ModePersistent); err != nil {
		t.Fatal(err)
	}
	before := d.resident()
	const clients, requests = 10, 500
	get := func(xid int) []byte {
		b, mark := wire.BeginFrame(nil)
		h := wire.RequestHeader{Xid: wire.Xid(xid), Op: wire.OpGetData}
		r := wire.PathWatchRequest{Path: "/large"}
		return wire.EndFrame(r.AppendTo(h.AppendTo(b)), mark)
	}
	var conns []net.Conn
	for i := range clients {
		c, err := d.attach(&session{timeout: patience})
		if err != nil {
			t.Fatal(err)
		}
		_ = c.nc.(*net.TCPConn).SetReadBuffer(4096)
		var all []byte
		for x := range requests {
			if i%2 == 0 && x%10 == 0 { // a write that the reads wait behind
				b, mark := wire.BeginFrame(all)
				h := wire.RequestHeader{Xid: wire.Xid(x), Op: wire.OpSetData}
				r := wire.SetDataRequest{Path: "/bystander", Version: -2}
				all = wire.EndFrame(r.AppendTo(h.AppendTo(b)), mark)
				continue
			}
			all = append(all, get(x)...)
		}
		_ = c.nc.SetWriteDeadline(time.Now().Add(patience))
		go func() { _, _ = c.nc.Write(all) }() // the server need not take all of it
		conns = append(conns, c.nc)
	}
	time.Sleep(2 * time.Second)
	b.stop()
	for _, nc := range conns {
		_ = nc.Close()
	}
	if limit := before + clients*2*(2_000_000+4<<20+large) + 200<<20; b.peak > limit {
		t.Errorf("%d MiB of memory, at most %d expected", b.peak>>20, limit>>20)
	}
}

// Connections that never finish their handshake are closed after a while, and
// keep nobody out.
func TestHalfOpenHandshakes(t *testing.T) {
	d := newDaemon(t, "nio.sessionlessCnxnTimeout=1500\n")
	d.mustStart()
	b := newBystander(t, d)
	hello := handshakeFrame()
	n := times(t, "ZABRA_HALF_OPEN", 150, 5000)
	var conns []net.Conn
	for i := range n {
		nc, err := net.DialTimeout("tcp", d.addr(), patience)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write(hello[:i%len(hello)]); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, nc)
	}
	c, err := d.connect(&session{timeout: patience})
	if err != nil {
		t.Fatalf("a session beside them: %v", err)
	}
	c.drop()
	for _, nc := range conns {
		if err := endsSoon(nc); err != nil {
			t.Errorf("a half-open handshake is not ended: %v", err)
		}
	}
	b.stop()
}

func handshakeFrame() []byte {
	r := wire.ConnectRequest{Timeout: 10000, Passwd: make([]byte, wire.PasswdLen), HasReadOnly: true}
	b, mark := wire.BeginFrame(nil)
	return wire.EndFrame(r.AppendTo(b), mark)
}

// More connections from one address than maxClientCnxns are refused, without
// harm to those that are there.
func TestConnectionFlood(t *testing.T) {
	const most = 20
	d := newDaemon(t, fmt.Sprintf("maxClientCnxns=%d\n", most))
	d.mustStart()
	b := newBystander(t, d)
	var held []*conn
	for {
		c, err := d.connect(&session{timeout: patience})
		if err != nil {
			break
		}
		if held = append(held, c); len(held) > most {
			t.Fatal("no connection is refused")
		}
	}
	if len(held) != most-1 { // the bystander has one
		t.Errorf("%d connections beside the bystander's", len(held))
	}
	for range times(t, "ZABRA_FLOOD", 300, 20_000) {
		nc, err := net.DialTimeout("tcp", d.addr(), patience)
		if err != nil {
			t.Fatal(err)
		}
		if err := endsSoon(nc); err != nil {
			t.Fatalf("a connection too many is not closed: %v", err)
		}
		_ = nc.Close()
	}
	for _, c := range held {
		c.drop()
	}
	c, err := d.attach(&session{timeout: patience})
	if err != nil {
		t.Fatalf("when there is room again: %v", err)
	}
	c.drop()
	b.stop()
}

// A server without a file descriptor left serves those that are connected, goes on
// writing its log, and accepts again later.
func TestNoDescriptorLeft(t *testing.T) {
	d := newDaemon(t, "preAllocSize=16\nsnapCount=200\n")
	d.prepare = func(cmd *exec.Cmd) {
		shell, err := exec.LookPath("sh")
		if err != nil {
			t.Skip("no shell to lower the limit with")
		}
		cmd.Args = append([]string{shell, "-c", `ulimit -n 128 && exec "$0" "$@"`}, cmd.Args...)
		cmd.Path = shell
	}
	d.mustStart()
	b := newBystander(t, d)
	var conns []net.Conn
	for range 300 {
		nc, err := net.DialTimeout("tcp", d.addr(), patience)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, nc)
		if _, err := nc.Write(handshakeFrame()); err != nil {
			break
		}
	}
	// The log has to begin new segments, and a checkpoint to be written.
	writer := b.conn
	b.stopServing()
	for i := range 600 {
		if _, err := writer.create(fmt.Sprintf("/n%d", i), strings.Repeat("x", 1000), wire.ModePersistent); err != nil {
			t.Fatalf("node %d: %v", i, err)
		}
	}
	for _, nc := range conns {
		_ = nc.Close()
	}
	c, err := d.attach(&session{timeout: patience})
	if err != nil {
		t.Fatalf("when there are descriptors again: %v", err)
	}
	c.drop()
}

// stopServing ends the bystander's own requests, for a test that takes over its
// connection.
func (b *bystander) stopServing() {
	close(b.quit)
	b.done.Wait()
}

// Whatever bytes come, the server answers or closes that connection, stays small
// and serves the others.
func TestHostileFrames(t *testing.T) {
	d := newDaemon(t, "nio.sessionlessCnxnTimeout=3000\n")
	d.mustStart()
	b := newBystander(t, d)
	before := d.resident()
	n := times(t, "ZABRA_HOSTILE", 800, 200_000)
	work := make(chan uint64)
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for seed := range work {
				if err := assault(d, rand.New(rand.NewPCG(seed, 3))); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
		})
	}
	for i := range n {
		work <- uint64(i) + seed(t)<<32
	}
	close(work)
	running.Wait()
	b.stop()
	if limit := before + 200<<20; b.peak > limit {
		t.Errorf("%d MiB of memory, %d MiB before", b.peak>>20, before>>20)
	}
}

// assault sends one connection's worth of something hostile and wants an end to
// it.
func assault(d *daemon, rng *rand.Rand) error {
	nc, err := net.DialTimeout("tcp", d.addr(), patience)
	if err != nil {
		return err
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	session := rng.IntN(3) > 0
	if session {
		if _, err := nc.Write(handshakeFrame()); err != nil {
			return err
		}
		if _, err := io.ReadFull(nc, make([]byte, 41)); err != nil {
			return fmt.Errorf("handshake: %w", err)
		}
	}
	for range 1 + rng.IntN(4) {
		send(nc, rng, hostileFrame(rng))
	}
	// What cannot be understood ends the connection. What can be is answered; then
	// the end comes from here.
	if half, ok := nc.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
	return endsSoon(nc)
}

// send writes b at once or in pieces. An error is the server's good right.
func send(nc net.Conn, rng *rand.Rand, b []byte) {
	if rng.IntN(4) > 0 || len(b) > 2000 {
		_, _ = nc.Write(b)
		return
	}
	for len(b) > 0 {
		n := min(1+rng.IntN(3), len(b))
		if _, err := nc.Write(b[:n]); err != nil {
			return
		}
		b = b[n:]
	}
}

var opcodes = []wire.OpCode{
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 100, 101, 102, 103, 104, 105, 106, 107, -1, -10, 99, 1 << 30,
}

func hostileFrame(rng *rand.Rand) []byte {
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	framed := func(n uint32, b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, n), b...) }
	switch rng.IntN(9) {
	case 0: // anything
		return random(rng.IntN(300))
	case 1: // a length that cannot be
		return framed([]uint32{0xffffffff, 0x80000000, 0x7fffffff, 1 << 24, 0}[rng.IntN(5)], random(rng.IntN(100)))
	case 2: // more than announced, or less
		return framed(uint32(rng.IntN(200)), random(rng.IntN(200)))
	case 3: // an operation with a random body
		b := random(rng.IntN(200))
		h := wire.RequestHeader{Xid: wire.Xid(rng.Int32()), Op: opcodes[rng.IntN(len(opcodes))]}
		body := append(h.AppendTo(nil), b...)
		return framed(uint32(len(body)), body)
	case 4: // counts and lengths inside that lie
		h := wire.RequestHeader{Xid: 1, Op: opcodes[rng.IntN(len(opcodes))]}
		body := h.AppendTo(nil)
		for range 1 + rng.IntN(10) {
			body = binary.BigEndian.AppendUint32(body, []uint32{0xffffffff, 0x7fffffff, 1 << 20, 3, 0, 0x80000000}[rng.IntN(6)])
		}
		return framed(uint32(len(body)), body)
	case 5: // deep nesting of multis
		body := wire.RequestHeader{Xid: 1, Op: wire.OpMulti}
		b := body.AppendTo(nil)
		for range rng.IntN(5000) {
			h := wire.MultiHeader{Op: wire.OpMulti, Err: -1}
			b = h.AppendTo(b)
		}
		return framed(uint32(len(b)), b)
	case 6: // a path of many components, or of bad characters
		path := strings.Repeat("/a", rng.IntN(20_000))
		if rng.IntN(2) == 0 {
			path = "/\x00\xff\xfe\u0085\ufff0" + string(random(20))
		}
		h := wire.RequestHeader{Xid: 1, Op: []wire.OpCode{wire.OpCreate, wire.OpGetData, wire.OpAddWatch, wire.OpDelete}[rng.IntN(4)]}
		b := wire.AppendString(h.AppendTo(nil), path)
		b = append(b, random(30)...)
		return framed(uint32(len(b)), b)
	case 7: // a word, or nearly one
		return []byte([]string{"ruok", "RUOK", "xxxx", "mntr", "dump", "\x16\x03\x01\x02\x00", "GET / HTTP/1.1\r\n\r\n"}[rng.IntN(7)])
	}
	return framed(1<<20, bytes.Repeat([]byte{0}, 1<<20)) // as much as is allowed, of nothing
}
