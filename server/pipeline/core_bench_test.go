package pipeline

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A nullSocket takes everything.
type nullSocket struct{}

func (nullSocket) TryWrite(b []byte) (int, error) { return len(b), nil }
func (nullSocket) Write(b []byte) (int, error)    { return len(b), nil }
func (nullSocket) Finish()                        {}
func (nullSocket) Abort() error                   { return nil }
func (nullSocket) Close() error                   { return nil }

// A nullLog keeps nothing.
type nullLog struct{}

func (nullLog) Append([]zab.Txn) error { return nil }
func (nullLog) Sync() error            { return nil }
func (nullLog) Settle() error          { return nil }

// A steady client sends the same requests again and again.
type steady struct {
	tb   testing.TB
	core *Core
	c    *Client
}

func newSteady(tb testing.TB, core *Core) *steady {
	s := &steady{tb: tb, core: core, c: core.NewClient(nullSocket{}, "test", auth.Peer{IP: wire.ID{Scheme: "ip", ID: "127.0.0.1"}})}
	if err := s.c.Connect(&wire.ConnectRequest{Timeout: 30_000}); err != nil {
		tb.Fatal(err)
	}
	s.c.Flush(true)
	return s
}

// do sends requests and waits until they are answered.
func (s *steady) do(b []byte) {
	for len(b) > 0 {
		n, full, err := s.c.Handle(b, s.core.Now())
		if err != nil {
			s.tb.Fatal(err)
		}
		b = b[n:]
		s.c.Flush(true)
		if full {
			s.c.WaitRoom()
		}
	}
	for s.c.Queued() > 0 {
		s.c.mu.Lock()
		if s.c.mu.queue.n > 0 {
			s.c.wait()
		}
		s.c.mu.Unlock()
	}
}

func newBenchCore(tb testing.TB) *Core {
	r := newLoggedRig(tb, nullLog{}, Options{})
	tb.Cleanup(r.close)
	s := newSteady(tb, r.core)
	s.do(encode(call{1, wire.OpCreate, &wire.CreateRequest{Path: "/node", Data: make([]byte, 100), ACL: wire.WorldAnyone(wire.PermAll)}}))
	return r.core
}

// A read of a node through a connection allocates nothing.
func TestReadAllocatesNothing(t *testing.T) {
	s := newSteady(t, newBenchCore(t))
	for name, c := range map[string]call{
		"getData": {1, wire.OpGetData, get("/node", false)},
		"exists":  {1, wire.OpExists, get("/node", false)},
		"missing": {1, wire.OpExists, get("/none", false)},
		"ping":    {wire.XidPing, wire.OpPing, nil},
	} {
		b := encode(times(16, c)...)
		if n := testing.AllocsPerRun(1000, func() { s.do(b) }); n > 0 && !raceEnabled {
			t.Errorf("%s: %v allocations for 16 requests", name, n)
		}
	}
}

// A write costs a fixed number of allocations on its way through the core.
func TestWriteAllocations(t *testing.T) {
	const most = 5
	s := newSteady(t, newBenchCore(t))
	b := encode(times(100, call{1, wire.OpSetData, set("/node", string(make([]byte, 100)))})...)
	if n := testing.AllocsPerRun(100, func() { s.do(b) }) / 100; n > most && !raceEnabled {
		t.Errorf("%v allocations for a setData, want at most %d", n, most)
	}
}

// One event for each of very many clients takes little memory at a time.
func TestEventBorrowsASmallBox(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p, other := r.connect(10_000), r.connect(10_000)
		p.send(call{1, wire.OpAddWatch, &wire.AddWatchRequest{Path: "/", Mode: wire.WatchPersistent}})
		p.take()
		p.c.mu.Lock()
		p.c.mu.writing = true // nobody writes meanwhile
		p.c.mu.Unlock()
		other.send(call{1, wire.OpSetData, set("/", "x")})
		other.take()
		p.c.mu.Lock()
		if n := cap(p.c.mu.out); n == 0 || n > 512 {
			t.Errorf("an event is kept in %d bytes", n)
		}
		p.c.mu.writing = false
		p.c.mu.Unlock()
		p.c.Flush(true)
		if p.c.mu.out != nil || p.c.mu.box != nil {
			t.Error("an idle client keeps a box")
		}
	})
}

func BenchmarkRead(b *testing.B) {
	core := newBenchCore(b)
	for _, outstanding := range []int{1, 16} {
		b.Run(fmt.Sprintf("outstanding=%d", outstanding), func(b *testing.B) {
			s := newSteady(b, core)
			req := encode(times(outstanding, call{1, wire.OpGetData, get("/node", false)})...)
			b.ReportAllocs()
			for n := 0; n < b.N; n += outstanding {
				s.do(req)
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	core := newBenchCore(b)
	for _, outstanding := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("outstanding=%d", outstanding), func(b *testing.B) {
			s := newSteady(b, core)
			req := encode(times(outstanding, call{1, wire.OpSetData, set("/node", string(make([]byte, 100)))})...)
			b.ReportAllocs()
			for n := 0; n < b.N; n += outstanding {
				s.do(req)
			}
		})
	}
}

// BenchmarkMixed reads behind its own writes.
func BenchmarkMixed(b *testing.B) {
	s := newSteady(b, newBenchCore(b))
	w, r := call{1, wire.OpSetData, set("/node", "x")}, call{1, wire.OpGetData, get("/node", false)}
	req := encode(w, r, r, r, w, r, r, r)
	b.ReportAllocs()
	for n := 0; n < b.N; n += 8 {
		s.do(req)
	}
}

// BenchmarkFanOut tells many clients of one change; an operation is one event.
func BenchmarkFanOut(b *testing.B) {
	for _, watchers := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("watchers=%d", watchers), func(b *testing.B) {
			core := newBenchCore(b)
			watch := encode(call{1, wire.OpAddWatch, &wire.AddWatchRequest{Path: "/node", Mode: wire.WatchPersistent}})
			for range watchers {
				newSteady(b, core).do(watch)
			}
			s := newSteady(b, core)
			req := encode(call{1, wire.OpSetData, set("/node", "x")})
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += watchers {
				s.do(req)
			}
		})
	}
}
