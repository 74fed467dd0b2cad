package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A handClock goes on when told to.
type handClock struct{ now time.Duration }

func (c *handClock) Elapsed() time.Duration { return c.now }
func (c *handClock) Wall() time.Time        { return time.UnixMilli(1_800_000_000_000).Add(c.now) }

// A noisyLog tells what is asked of it, and has no room for the first so many tries.
type noisyLog struct {
	said   []string
	noRoom int
}

func (l *noisyLog) Append(txns []zab.Txn) error {
	l.said = append(l.said, fmt.Sprintf("append %d", len(txns)))
	if l.noRoom > 0 {
		l.noRoom--
		return fmt.Errorf("append: %w", ErrNoSpace)
	}
	return nil
}

func (l *noisyLog) Sync() error {
	l.said = append(l.said, "sync")
	return nil
}

func (l *noisyLog) Settle() error { return nil }

func newStepped(t *testing.T, log Log, clock Clock) *Stepped {
	schemes, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return NewStepped(datatree.New(), log, schemes, metrics.New(), Events{
		ClientDropped: func(string, wire.SessionID, error) {}, SessionExpired: func(wire.SessionID, int32) {},
		SoftQuota: func(QuotaWarning) {}, AuthFailed: func(string, string, int64) {}, Applied: func(wire.Zxid, int, int) {},
	}, Options{Clock: clock})
}

// A core that is moved by hand does one thing at a time, and nothing by itself.
func TestStepped(t *testing.T) {
	clock, log := &handClock{}, &noisyLog{noRoom: 1}
	s := newStepped(t, log, clock)
	sock := &fakeSocket{}
	c := s.NewClient(sock, "test", auth.Peer{IP: wire.ID{Scheme: "ip", ID: "127.0.0.1"}})
	answered, err := c.Begin(&wire.ConnectRequest{Timeout: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	open := func() bool {
		select {
		case <-answered:
			return true
		default:
			return false
		}
	}
	work := func(tick bool) {
		t.Helper()
		if err := s.Work(tick); err != nil {
			t.Fatal(err)
		}
	}
	work(false)
	for i, want := range []string{"[append 1]", "[append 1 append 1]", "[append 1 append 1 sync]"} {
		if more := s.Log(); more != (i < 2) || fmt.Sprint(log.said) != want {
			t.Errorf("step %d: %v, more %v", i, log.said, more)
		}
		if open() {
			t.Fatal("a session is open before it is durable")
		}
	}
	if s.Idle() || !s.LogIdle() {
		t.Errorf("the core is idle: %v; the log: %v", s.Idle(), s.LogIdle())
	}
	work(false)
	if !open() || c.Session() == 0 {
		t.Fatal("no session")
	}

	// Two writes and one thing that needs the log to itself.
	s.Flush()
	c.Flush(true)
	sock.got, log.said = nil, nil
	if _, _, err := c.Handle(encode(call{1, wire.OpCreate, create("/a")}, call{2, wire.OpGetData, get("/a", false)}), s.Now()); err != nil {
		t.Fatal(err)
	}
	work(false)
	full := true
	s.Alone(func() error {
		log.said = append(log.said, "alone")
		if full {
			full = false
			return fmt.Errorf("alone: %w", ErrNoSpace)
		}
		return nil
	})
	for s.Log() {
		work(false)
	}
	work(false)
	if fmt.Sprint(log.said) != "[append 1 sync alone alone]" {
		t.Errorf("the log: %v", log.said)
	}
	s.Flush()
	if got := xids(sock.frames(t)); fmt.Sprint(got) != "[1 2]" {
		t.Errorf("answers %v", got)
	}

	// Nobody is heard of, and what follows from that happens at the tick.
	c.Gone()
	for range 4 * 20 {
		clock.now += 500 * time.Millisecond
		work(true)
		for s.Log() {
		}
		work(false)
	}
	if n := s.Tree().SessionCount(); n != 0 || s.Waits() {
		t.Errorf("%d sessions, and something waits: %v", n, s.Waits())
	}
}
