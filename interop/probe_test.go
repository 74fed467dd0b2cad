package interop

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// A prober is one session that answers in short strings: the error code, then
// the body if there is one, then " close" if the connection ended, with events
// that came before the reply in front.
type prober struct {
	t    *testing.T
	s    *harness.Server
	conn *raw.Conn
	sess raw.ConnectResponse
	xid  int32
	seen int64 // the largest zxid in a reply
}

func newProber(t *testing.T, s *harness.Server) *prober {
	t.Helper()
	p := &prober{t: t, s: s}
	p.open()
	t.Cleanup(func() { p.conn.Close() })
	return p
}

func (p *prober) open() {
	p.t.Helper()
	conn, sess, err := raw.NewSession(p.s.Addr, 30000)
	if err != nil {
		p.t.Fatalf("%s: new session: %v", p.s.Kind, err)
	}
	p.conn, p.sess = conn, sess
}

// closeSession ends the session properly, so that its ephemerals are gone.
func (p *prober) closeSession() {
	p.t.Helper()
	if got := p.do(raw.OpCloseSession, nil); got != "0" {
		p.t.Fatalf("%s: closeSession: %s", p.s.Kind, got)
	}
	p.conn.Close()
}

var sequence = regexp.MustCompile(`\d{10}`)

// masked prints replies without what differs between servers and runs.
var masked = raw.View{
	Zxid:      func(int64) string { return "z" },
	Session:   func(v int64) string { return map[bool]string{true: "0", false: "s"}[v == 0] },
	Time:      func(v int64) string { return map[bool]string{true: "0", false: "t"}[v == 0] },
	Unordered: true,
}

// do sends one request and prints its answer.
func (p *prober) do(op raw.Op, body []byte) string {
	p.t.Helper()
	p.xid++
	if err := p.conn.Send(p.xid, op, body); err != nil {
		p.t.Fatalf("%s: send %v: %v", p.s.Kind, op, err)
	}
	return p.answer(op, p.xid)
}

// answer reads up to the reply with the given xid.
func (p *prober) answer(op raw.Op, xid int32) string {
	p.t.Helper()
	events := ""
	for {
		k, err := p.conn.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return events + "close"
		case err != nil:
			p.t.Fatalf("%s: answer to %v: %v", p.s.Kind, op, err)
		case k.Xid == raw.XidEvent:
			events += strings.TrimSuffix(strings.TrimPrefix(masked.Event(k), "event "), " zxid=z") + ", "
			continue
		case k.Xid != xid:
			return fmt.Sprintf("%sxid=%d instead of %d", events, k.Xid, xid)
		}
		p.seen = max(p.seen, k.Zxid)
		return events + p.short(op, k)
	}
}

func (p *prober) short(op raw.Op, k raw.Packet) string {
	s := strings.TrimPrefix(masked.Reply(op, k), "err=")
	s = strings.Replace(s, " zxid=z", "", 1)
	return sequence.ReplaceAllString(s, "##########")
}

// closed reports whether the connection ended behind a reply. It takes two pings to
// tell that it did not: ZooKeeper queues the reply and then the order to close, and
// what it writes in one go may hold the reply, that order, and the answer to a ping
// that came in between. Whoever answers another one behind that has no such order.
func (p *prober) closed() bool {
	p.t.Helper()
	for range 2 {
		if !p.ping() {
			return true
		}
	}
	return false
}

// ping reports whether a ping was answered rather than the connection ended.
func (p *prober) ping() bool {
	p.t.Helper()
	if err := p.conn.Send(raw.XidPing, raw.OpPing, nil); err != nil {
		return false
	}
	k, err := p.conn.Recv()
	if errors.Is(err, io.EOF) {
		return false
	}
	if err != nil || k.Xid != raw.XidPing {
		p.t.Fatalf("%s: ping: xid %d, %v", p.s.Kind, k.Xid, err)
	}
	return true
}

// A row is one request with its known answer. Want is either a bare error code,
// compared with the code alone, or the whole answer. "close" behind it says that
// the connection ends.
type row struct {
	what string
	op   raw.Op
	body raw.Body
	want string
	// zabra is Zabra's own answer where it differs on purpose, and why says so.
	zabra, why string
}

func (r row) wanted(k harness.Kind) string {
	if k == harness.Zabra && r.zabra != "" {
		return r.zabra
	}
	return r.want
}

// run sends the rows in order on one session, opening a new one after a close.
func (p *prober) run(rows []row) {
	p.t.Helper()
	for _, r := range rows {
		want := r.wanted(p.s.Kind)
		got := p.do(r.op, r.body)
		if got != "close" && p.closed() {
			got += " close"
		}
		if strings.Contains(got, "close") {
			p.conn.Close()
			p.open()
		}
		if !matches(got, want) {
			p.t.Errorf("%s: %s (%v): got %s, want %s", p.s.Kind, r.what, r.op, got, want)
		}
	}
}

// matches compares; a want without a body accepts any body.
func matches(got, want string) bool {
	if got == want {
		return true
	}
	code, closes := strings.CutSuffix(want, " close")
	if strings.Contains(code, " ") || code == "close" {
		return false
	}
	gotCode, _, _ := strings.Cut(got, " ")
	return gotCode == code && strings.HasSuffix(got, "close") == closes
}

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// trimZxid removes the zxid -1 that masked prints like any other.
func trimZxid(s string) string { return strings.Replace(s, " zxid=z", "", 1) }
