package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// A storm opens sessions: each of its workers connects, opens a session, and
// begins again at once, so that with one connection sessions are opened one
// after another. What counts is the time from the first packet to the server's
// answer. A session is closed meanwhile by a goroutine that does nothing else.
type storm struct {
	o       Options
	start   time.Time
	end     time.Time
	budget  atomic.Int64 // sessions yet to open
	ops     atomic.Uint64
	fails   atomic.Uint64
	closing sync.WaitGroup
	slots   chan struct{} // bounds the sessions that are being closed

	mu struct {
		sync.Mutex
		hist  Histogram
		last  time.Time
		lost  int
		first string // failure
	}
}

const closingAtOnce = 1024

func runStorm(ctx context.Context, o Options, m *meter) (*Result, error) {
	s := &storm{o: o, slots: make(chan struct{}, closingAtOnce)}
	// One session tells whether there is a server at all.
	c, err := connectAny(ctx, &o)
	if err != nil {
		return nil, err
	}
	if err := c.Close(); err != nil {
		return nil, err
	}
	s.setWindow(time.Now())
	var ph phase
	ph.enter("measure")
	stop := ph.report(s.progress())
	defer stop()
	done := make(chan struct{})
	go func() { s.open(ctx); close(done) }()
	sleep(ctx, time.Until(s.start))
	m.read(meterStart)
	<-done
	m.read(meterEnd)
	end := time.Now()
	s.closing.Wait()
	return s.result(ctx, m, end), nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (s *storm) setWindow(now time.Time) {
	if s.o.Ops > 0 {
		s.budget.Store(s.o.Ops)
		s.start, s.end = now, now.Add(24*time.Hour)
		return
	}
	s.budget.Store(math.MaxInt64)
	s.start = now.Add(s.o.WarmUp)
	s.end = s.start.Add(s.o.Duration)
}

func (s *storm) progress() func(Progress) {
	if s.o.Progress == nil {
		return nil
	}
	return func(p Progress) {
		p.Ops, p.Errors = s.ops.Load(), s.fails.Load()
		s.o.Progress(p)
	}
}

// open runs the workers until the end.
func (s *storm) open(ctx context.Context) {
	var wg sync.WaitGroup
	for w := range s.o.Connections {
		wg.Go(func() { s.worker(ctx, w) })
	}
	wg.Wait()
}

func (s *storm) worker(ctx context.Context, w int) {
	ro := rawclient.Options{Timeout: s.o.Timeout}
	for i := w; ctx.Err() == nil && time.Now().Before(s.end) && s.budget.Add(-1) >= 0; i++ {
		begun := time.Now()
		nc, _, err := openSession(ctx, s.o.Servers[i%len(s.o.Servers)], 0, ro)
		now := time.Now()
		if err != nil {
			if ctx.Err() == nil {
				s.failed(err)
			}
			continue
		}
		s.record(begun, now)
		s.slots <- struct{}{}
		s.closing.Go(func() { closeSession(nc); <-s.slots })
	}
}

func (s *storm) record(begun, now time.Time) {
	s.ops.Add(1)
	if now.Before(s.start) || !now.Before(s.end) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.hist.Add(int64(now.Sub(begun)))
	if now.After(s.mu.last) {
		s.mu.last = now
	}
}

func (s *storm) failed(err error) {
	s.fails.Add(1)
	s.mu.Lock()
	if s.mu.lost++; s.mu.first == "" {
		s.mu.first = err.Error()
	}
	s.mu.Unlock()
	time.Sleep(time.Millisecond) // a server that refuses is not asked in a tight loop
}

func (s *storm) result(ctx context.Context, m *meter, end time.Time) *Result {
	res := s.o.result("connect")
	res.Outstanding = 1
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.o.Ops > 0 {
		end = s.mu.last
	}
	if end.After(s.end) {
		end = s.end
	}
	res.setOps(&s.mu.hist, max(end.Sub(s.start), 0))
	res.Lost, res.FirstFailure = s.mu.lost, s.mu.first
	res.Interrupted = ctx.Err() != nil
	m.report(res)
	return res
}

// closeSession ends the session in good order.
func closeSession(nc net.Conn) error {
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	b, mark := wire.BeginFrame(nil)
	h := wire.RequestHeader{Xid: 1, Op: wire.OpCloseSession}
	if _, err := nc.Write(wire.EndFrame(h.AppendTo(b), mark)); err != nil {
		return err
	}
	var reply [20]byte
	if _, err := io.ReadFull(nc, reply[:]); err != nil {
		return err
	}
	if xid := binary.BigEndian.Uint32(reply[4:]); xid != 1 {
		return fmt.Errorf("closeSession: reply %d", xid)
	}
	return nil
}
