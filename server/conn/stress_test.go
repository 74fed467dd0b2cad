package conn

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
)

// A visitor is one of many connections that behave in different ways. What goes wrong
// with it is an error.
type visitor struct {
	net.Conn
	rng *rand.Rand
	xid wire.Xid
}

// visits are the ways in which clients come and go.
var visits = map[string]func(v *visitor) error{
	"polite":      func(v *visitor) error { return v.converse(v.whole, 1+v.rng.IntN(200)) },
	"in pieces":   func(v *visitor) error { return v.converse(v.pieces, 1+v.rng.IntN(20)) },
	"half-closed": (*visitor).halfClose,
	"torn":        (*visitor).tear,
	"reset":       (*visitor).reset,
	"deaf":        (*visitor).deafen,
	"malformed":   (*visitor).malform,
	"displaced":   (*visitor).displace,
}

// Thousands of connections that come and go in every way leave nothing behind, and
// those that behave get what they asked for, in order.
func TestManyComeAndGo(t *testing.T) {
	r := newRig(t, nil, Options{}, pipeline.Options{MaxOutbox: 64 << 10, OutstandingLimit: 50})
	c := r.dial()
	c.open(wire.ConnectResponse{})
	c.write(create(1, "/large", make([]byte, 100_000)))
	c.reply()
	c.Close()
	total, workers := 3000, 40
	if testing.Short() {
		total = 300
	}
	kinds := []string{}
	for kind := range visits {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			for n := w; n < total && !t.Failed(); n += workers {
				rng := rand.New(rand.NewPCG(uint64(n), 5))
				kind := kinds[rng.IntN(len(kinds))]
				if err := r.visit(rng, visits[kind]); err != nil {
					t.Errorf("visitor %d, %s: %v", n, kind, err)
				}
			}
		})
	}
	running.Wait()
	c = r.dial() // not earlier: the others may have taken longer than a session lasts
	c.open(wire.ConnectResponse{})
	c.write(get(1, "/large"))
	c.reply()
	r.eventually("all but one connection to end", func() bool { return r.port.Connections() == 1 })
}

func (r *rig) visit(rng *rand.Rand, behave func(v *visitor) error) error {
	nc, err := net.Dial("tcp", r.port.Addr().String())
	if err != nil {
		return err
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	v := &visitor{Conn: nc, rng: rng}
	return behave(v)
}

func (v *visitor) open(s wire.ConnectResponse) (r wire.ConnectResponse, err error) {
	if err := v.pieces(hello(s)); err != nil {
		return r, err
	}
	f, err := readFrame(v)
	if err != nil {
		return r, fmt.Errorf("instead of an answer to the connect request: %w", err)
	}
	d := wire.NewDecoder(f)
	if r.DecodeFrom(&d); d.Err() != nil || v.rng.IntN(2) == 0 {
		return r, d.Err()
	}
	if err := v.whole(ping()); err != nil { // behind it a loop serves the connection
		return r, err
	}
	_, err = readFrame(v)
	return r, err
}

func (v *visitor) whole(b []byte) error {
	_, err := v.Write(b)
	return err
}

func (v *visitor) pieces(b []byte) error {
	for len(b) > 0 {
		n := min(1+v.rng.IntN(40), len(b))
		if err := v.whole(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// requests are n requests with numbers that go on from the last.
func (v *visitor) requests(n int) (b []byte) {
	for range n {
		v.xid++
		switch v.rng.IntN(3) {
		case 0:
			b = append(b, set(v.xid, "/", make([]byte, v.rng.IntN(100)))...)
		case 1:
			b = append(b, get(v.xid, "/")...)
		default:
			b = append(b, request(v.xid, wire.OpGetAllChildrenNumber, &wire.PathRequest{Path: "/"})...)
		}
	}
	return b
}

// converse does everything that a client should.
func (v *visitor) converse(write func([]byte) error, n int) error {
	if _, err := v.open(wire.ConnectResponse{}); err != nil {
		return err
	}
	b := append(v.requests(n), closeSession(v.xid+1)...)
	sent := make(chan error, 1)
	go func() { sent <- write(b) }()
	for want := wire.Xid(1); want <= v.xid+1; want++ {
		f, err := readFrame(v)
		if err != nil {
			return fmt.Errorf("reply %d of %d: %w", want, v.xid+1, err)
		}
		d := wire.NewDecoder(f)
		var h wire.ReplyHeader
		if h.DecodeFrom(&d); h.Xid != want || h.Err != wire.OK {
			return fmt.Errorf("reply %+v, want %d", h, want)
		}
	}
	if _, err := v.Read(make([]byte, 1)); err != io.EOF {
		return fmt.Errorf("behind the last reply: %w", err)
	}
	return <-sent
}

// ended reads to the end, which may be a reset if something was not read there.
func (v *visitor) ended() error {
	_, err := io.Copy(io.Discard, v)
	if errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return err
}

func (v *visitor) halfClose() error {
	if _, err := v.open(wire.ConnectResponse{}); err != nil {
		return err
	}
	if err := v.whole(v.requests(v.rng.IntN(10))); err != nil {
		return err
	}
	if err := v.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	return v.ended()
}

func (v *visitor) tear() error {
	if _, err := v.open(wire.ConnectResponse{}); err != nil {
		return err
	}
	b := v.requests(2)
	return v.whole(b[:v.rng.IntN(len(b))])
}

func (v *visitor) reset() error {
	if _, err := v.open(wire.ConnectResponse{}); err != nil {
		return err
	}
	_ = v.Conn.(*net.TCPConn).SetLinger(0)
	return v.whole(v.requests(50))
}

// deafen asks for much and reads nothing, for a while or until it is dropped.
func (v *visitor) deafen() error {
	if _, err := v.open(wire.ConnectResponse{}); err != nil {
		return err
	}
	_ = v.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	for {
		v.xid++
		if err := v.whole(get(v.xid, "/large")); err != nil {
			break
		}
		if v.xid == 100 {
			break
		}
	}
	if v.rng.IntN(2) == 0 {
		return nil
	}
	_ = v.Conn.(*net.TCPConn).CloseWrite()
	return v.ended()
}

func (v *visitor) malform() error {
	if _, err := v.open(wire.ConnectResponse{}); err != nil {
		return err
	}
	if err := v.whole(append(v.requests(3), 0xff, 0xff, 0xff, 0xff)); err != nil {
		return err
	}
	return v.ended()
}

// displace resumes its own session by another connection, which ends the first.
func (v *visitor) displace() error {
	s, err := v.open(wire.ConnectResponse{})
	if err != nil {
		return err
	}
	nc, err := net.Dial("tcp", v.RemoteAddr().String())
	if err != nil {
		return err
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	heir := &visitor{Conn: nc, rng: v.rng}
	if got, err := heir.open(s); err != nil || got.Session != s.Session {
		return fmt.Errorf("resumed %v of %v: %w", got.Session, s.Session, err)
	}
	return v.ended()
}
