package interop

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

func dial(t *testing.T, s *harness.Server) *raw.Conn {
	t.Helper()
	c, err := raw.Dial(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func wantClosed(t *testing.T, c *raw.Conn, what string) {
	t.Helper()
	if p, err := c.ReadFrame(); !errors.Is(err, io.EOF) {
		t.Errorf("%s: got % x, %v, want a closed connection", what, p, err)
	}
}

func TestProbeHandshake(t *testing.T) {
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		// First, as long as no session is there whose end would be a transaction, too.
		t.Run("session zxid", func(t *testing.T) { probeSessionZxid(t, s) })
		t.Run("timeout", func(t *testing.T) { probeTimeouts(t, s) })
		t.Run("last zxid seen", func(t *testing.T) { probeLastZxid(t, s) })
		t.Run("refused", func(t *testing.T) { probeRefused(t, s) })
		t.Run("read-only byte", func(t *testing.T) { probeReadOnlyByte(t, s) })
		t.Run("passwords", func(t *testing.T) { probePasswords(t, s) })
		t.Run("reattach", func(t *testing.T) { probeReattach(t, s) })
		t.Run("wrong password keeps the owner", func(t *testing.T) { probeWrongPasswordKick(t, s) })
		t.Run("frames behind the request", func(t *testing.T) { probePipelined(t, s) })
	})
}

func probeTimeouts(t *testing.T, s *harness.Server) {
	for _, c := range []struct{ asked, want int32 }{
		{1, 4000}, {0, 4000}, {-5, 4000}, {4001, 4001}, {100_000_000, 40000},
	} {
		conn, a, err := raw.NewSession(s.Addr, c.asked)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if a.Timeout != c.want || a.Version != 0 || a.SessionID == 0 || a.Len != 37 {
			t.Errorf("timeout %d: got %+v, want timeout %d", c.asked, a, c.want)
		}
	}
}

func probeLastZxid(t *testing.T, s *harness.Server) {
	c := dial(t, s)
	if a, err := c.Handshake(raw.ConnectRequest{LastZxidSeen: 1 << 60, Timeout: 10000}); !errors.Is(err, io.EOF) {
		t.Errorf("got %+v, %v, want a closed connection", a, err)
	}
}

func probeRefused(t *testing.T, s *harness.Server) {
	p := newProber(t, s)
	p.conn.Close()
	wrong := bytes.Repeat([]byte{7}, raw.PasswordLen)
	for what, q := range map[string]raw.ConnectRequest{
		"wrong password": {SessionID: p.sess.SessionID, Password: wrong},
		"no password":    {SessionID: p.sess.SessionID},
		"short password": {SessionID: p.sess.SessionID, Password: p.sess.Password[:4]},
		"unknown id":     {SessionID: 12345, Password: wrong},
		"old client":     {SessionID: p.sess.SessionID, Password: wrong, NoReadOnly: true},
	} {
		c := dial(t, s)
		q.Timeout = 10000
		a, err := c.Handshake(q)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if a.Timeout != 0 || a.SessionID != 0 || !bytes.Equal(a.Password, make([]byte, raw.PasswordLen)) {
			t.Errorf("%s: got %+v, want all zero", what, a)
		}
		if want := map[bool]int{true: 36, false: 37}[q.NoReadOnly]; a.Len != want {
			t.Errorf("%s: answer of %d bytes, want %d", what, a.Len, want)
		}
		wantClosed(t, c, what)
	}
}

func probeReadOnlyByte(t *testing.T, s *harness.Server) {
	for what, c := range map[string]struct {
		q    raw.ConnectRequest
		want int
	}{
		"without": {raw.ConnectRequest{NoReadOnly: true}, 36},
		"false":   {raw.ConnectRequest{}, 37},
		"true":    {raw.ConnectRequest{ReadOnly: true}, 37},
	} {
		a, err := dial(t, s).Handshake(c.q)
		if err != nil || a.Len != c.want || a.ReadOnly {
			t.Errorf("%s: got %+v, %v, want %d bytes, not read-only", what, a, err, c.want)
		}
	}
}

// Any password will do for a new session, and the answer's is always 16 bytes.
func probePasswords(t *testing.T, s *harness.Server) {
	for _, pw := range [][]byte{nil, {}, {1}, make([]byte, 100)} {
		a, err := dial(t, s).Handshake(raw.ConnectRequest{Timeout: 10000, Password: pw})
		if err != nil || a.SessionID == 0 || len(a.Password) != raw.PasswordLen {
			t.Errorf("password of %d bytes: got %+v, %v", len(pw), a, err)
		}
	}
}

// Reattaching keeps id and password, takes a new timeout, and takes the session
// away from the connection that had it.
func probeReattach(t *testing.T, s *harness.Server) {
	p := newProber(t, s)
	c := dial(t, s)
	a, err := c.Handshake(raw.ConnectRequest{
		SessionID: p.sess.SessionID, Password: p.sess.Password, Timeout: 9000,
	})
	if err != nil {
		t.Fatal(err)
	}
	if a.SessionID != p.sess.SessionID || !bytes.Equal(a.Password, p.sess.Password) || a.Timeout != 9000 {
		t.Errorf("got %+v, want the session %+v with timeout 9000", a, p.sess)
	}
	wantClosed(t, p.conn, "the session's old connection")
}

// Knowing a session's id is not enough to disconnect its owner. (Apache looks at
// the password only after it has closed the old connection.)
func probeWrongPasswordKick(t *testing.T, s *harness.Server) {
	p := newProber(t, s)
	c := dial(t, s)
	a, err := c.Handshake(raw.ConnectRequest{
		SessionID: p.sess.SessionID, Password: make([]byte, raw.PasswordLen), Timeout: 9000,
	})
	if err != nil || a.SessionID != 0 {
		t.Fatalf("got %+v, %v, want a refusal", a, err)
	}
	if closed, want := p.closed(), s.Kind == harness.Apache; closed != want {
		t.Errorf("owner's connection closed: %v, want %v", closed, want)
	}
}

func probePipelined(t *testing.T, s *harness.Server) {
	c := dial(t, s)
	q := raw.ConnectRequest{Timeout: 10000}.Encode()
	ping := raw.Body{}.Int(raw.XidPing).Int(int32(raw.OpPing))
	frames := raw.Body{}.Bytes(q).Bytes(ping).Bytes(ping)
	if err := c.Write(frames); err != nil {
		t.Fatal(err)
	}
	if p, err := c.ReadFrame(); err != nil || len(p) != 37 {
		t.Fatalf("got % x, %v, want a connect response", p, err)
	}
	for range 2 {
		if k, err := c.Recv(); err != nil || k.Xid != raw.XidPing {
			t.Errorf("got %+v, %v, want a ping reply", k, err)
		}
	}
}

// A new session is a transaction, a reattach is not.
func probeSessionZxid(t *testing.T, s *harness.Server) {
	p := newProber(t, s)
	before := p.zxid()
	q := newProber(t, s)
	if got := p.zxid(); got != before+1 {
		t.Errorf("zxid after a new session: %#x, want %#x", got, before+1)
	}
	q.conn.Close()
	if _, err := dial(t, s).Handshake(raw.ConnectRequest{
		SessionID: q.sess.SessionID, Password: q.sess.Password, Timeout: 9000,
	}); err != nil {
		t.Fatal(err)
	}
	if got := p.zxid(); got != before+1 {
		t.Errorf("zxid after a reattach: %#x, want %#x", got, before+1)
	}
}

// zxid is the zxid in the answer to a ping.
func (p *prober) zxid() int64 {
	p.t.Helper()
	if err := p.conn.Send(raw.XidPing, raw.OpPing, nil); err != nil {
		p.t.Fatal(err)
	}
	k, err := p.conn.Recv()
	if err != nil || k.Xid != raw.XidPing || k.Err != 0 || len(k.Body) != 0 {
		p.t.Fatalf("ping: got %+v, %v", k, err)
	}
	return k.Zxid
}

func TestProbeFrames(t *testing.T) {
	eachServer(t, nil, func(t *testing.T, s *harness.Server) {
		t.Run("lengths", func(t *testing.T) { probeFrameLengths(t, s) })
		t.Run("largest", func(t *testing.T) { probeLargestFrame(t, s) })
		t.Run("before the handshake", func(t *testing.T) { probeEarlyBytes(t, s) })
		t.Run("ping xid", func(t *testing.T) { probePingXid(t, s) })
		t.Run("xids are echoed", func(t *testing.T) { probeXids(t, s) })
		t.Run("short header", func(t *testing.T) { probeShortHeader(t, s) })
		t.Run("word after the handshake", func(t *testing.T) { probeLateWord(t, s) })
	})
}

func probeFrameLengths(t *testing.T, s *harness.Server) {
	for _, length := range []int32{0, -1, -2147483648, 0x100000, 0x7fffffff} {
		p := newProber(t, s)
		if err := p.conn.Write(raw.Body{}.Int(length)); err != nil {
			t.Fatal(err)
		}
		if got := p.answer(raw.OpPing, 0); got != "close" {
			t.Errorf("length %#x: got %s, want close", length, got)
		}
	}
}

// largestFrame is jute.maxbuffer's default: one byte less than a mebibyte.
const largestFrame = 0xfffff

// The largest frame is waited for and answered.
func probeLargestFrame(t *testing.T, s *harness.Server) {
	p := newProber(t, s)
	body := append(raw.Body{}.Int(5).Int(int32(raw.OpExists)), raw.Read("/", false)...)
	frame := append(body, make([]byte, largestFrame-len(body))...)
	if err := p.conn.Write(raw.Body{}.Int(largestFrame)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // long enough for a server that would refuse it
	if err := p.conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	if got := p.answer(raw.OpExists, 5); !matches(got, "0") {
		t.Errorf("got %s, want 0", got)
	}
}

func probeEarlyBytes(t *testing.T, s *harness.Server) {
	for what, bytes := range map[string][]byte{
		"unknown word":      []byte("abcd"),
		"zero length":       {0, 0, 0, 0},
		"negative length":   {0xff, 0, 0, 0},
		"short handshake":   raw.Body{}.Bytes(make([]byte, 10)),
		"cut before passwd": raw.Body{}.Bytes(make([]byte, 24)),
	} {
		c := dial(t, s)
		if err := c.Write(bytes); err != nil {
			t.Fatal(err)
		}
		wantClosed(t, c, what)
	}
}

func probePingXid(t *testing.T, s *harness.Server) {
	p := newProber(t, s)
	if err := p.conn.Send(77, raw.OpPing, nil); err != nil {
		t.Fatal(err)
	}
	k, err := p.conn.Recv()
	if err != nil || k.Xid != raw.XidPing || k.Err != 0 || k.Zxid != p.zxid() {
		t.Errorf("got %+v, %v, want xid -2 with the last zxid", k, err)
	}
}

func probeXids(t *testing.T, s *harness.Server) {
	p := newProber(t, s)
	for _, xid := range []int32{0, 5, 5, -3, -8, 2147483647, -2147483648} {
		if err := p.conn.Send(xid, raw.OpExists, raw.Read("/", false)); err != nil {
			t.Fatal(err)
		}
		if got := p.answer(raw.OpExists, xid); !matches(got, "0") {
			t.Errorf("xid %d: got %s", xid, got)
		}
	}
}

func probeShortHeader(t *testing.T, s *harness.Server) {
	p := newProber(t, s)
	if err := p.conn.WriteFrame([]byte{0, 0, 0, 1, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	if got := p.answer(raw.OpPing, 0); got != "close" {
		t.Errorf("got %s, want close", got)
	}
}

func probeLateWord(t *testing.T, s *harness.Server) {
	p := newProber(t, s)
	if err := p.conn.Write([]byte("ruok")); err != nil {
		t.Fatal(err)
	}
	if got := p.answer(raw.OpPing, 0); got != "close" {
		t.Errorf("got %s, want close", got)
	}
}
