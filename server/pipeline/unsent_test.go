package pipeline

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/wire"
)

// watching is a client that watches everything and reads nothing.
func (r *coreRig) watching() *peer {
	p := r.connect(40_000)
	p.send(call{1, wire.OpAddWatch, &wire.AddWatchRequest{Path: "/", Mode: wire.WatchPersistentRecursive}})
	p.take()
	p.sock.block = make(chan struct{})
	return p
}

// events lets the writer cause so many events of about a kilobyte, each for every
// watcher.
func (p *peer) events(n int, path string) {
	path += strings.Repeat("x", 1000)
	p.send(call{1, wire.OpCreate, create(path)})
	for i := 1; i < n; i++ {
		p.send(call{wire.Xid(i + 1), wire.OpSetData, set(path, "x")})
		p.take()
	}
	p.take()
}

// When the clients together leave too much unread, the one that has left most goes,
// and only as many as must.
func TestTotalOfUnreadBytes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dropped := &drops{}
		r := newDroppingRig(t, dropped, Options{MaxUnsentTotal: 1 << 20, MaxOutbox: 64 << 20})
		defer r.close()
		writer := r.connect(40_000)
		worst := r.watching()
		writer.events(300, "/first")
		others := []*peer{r.watching(), r.watching(), r.watching()}
		writer.events(150, "/then") // 450 KB and 3 times 150
		if n := r.core.Unsent(); n < 850_000 || n > 950_000 {
			t.Errorf("%d bytes are counted, want about 900,000", n)
		}
		if worst.closed() {
			t.Fatal("dropped too early")
		}
		writer.events(60, "/more")
		if !worst.closed() {
			t.Fatalf("%d bytes wait and nobody was dropped", r.core.Unsent())
		}
		for i, p := range others {
			if p.closed() {
				t.Errorf("%d was dropped too", i)
			}
		}
		if got := dropped.list(); len(got) != 1 || !strings.Contains(got[0], "do not read what they are sent") {
			t.Errorf("told of %q", got)
		}
		for _, p := range append(others, worst) {
			close(p.sock.block)
			p.c.Gone()
		}
		synctest.Wait()
		if n := r.core.Unsent(); n != 0 {
			t.Errorf("%d bytes are counted and nobody is there", n)
		}
	})
}

// Many clients that leave little each, too little to look at the sum, are found by
// the clock.
func TestTotalOfManySmallUnreadBoxes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dropped := &drops{}
		r := newDroppingRig(t, dropped, Options{MaxUnsentTotal: 60_000})
		defer r.close()
		var all []*peer
		for range 80 {
			all = append(all, r.watching())
		}
		writer := r.connect(40_000)
		// One event: whether a second one goes out with the first decides if it is counted.
		writer.events(1, "/a")
		time.Sleep(3 * time.Second)
		if n := r.core.Unsent(); n > 60_000 || n < 50_000 {
			t.Errorf("%d bytes wait", n)
		}
		if n := len(dropped.list()); n < 10 || n > 40 {
			t.Errorf("%d of 80 were dropped", n)
		}
		for _, p := range all {
			close(p.sock.block)
			p.c.Gone()
		}
		synctest.Wait()
		if n := r.core.Unsent(); n != 0 {
			t.Errorf("%d bytes are counted and nobody is there", n)
		}
	})
}

// A slow peer counts while it is slow, and no more once it has read.
func TestUnreadBytesThatAreReadLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p, writer := r.watching(), r.connect(40_000)
		for range 3 {
			writer.events(100, "/n"+fmt.Sprint(time.Now().UnixNano()))
			if n := r.core.Unsent(); n < 95_000 || n > 110_000 {
				t.Errorf("%d bytes are counted", n)
			}
			block := p.sock.block
			p.sock.block = nil
			close(block)
			p.take()
			if n := r.core.Unsent(); n != 0 {
				t.Errorf("%d bytes are counted and all are read", n)
			}
			p.sock.block = make(chan struct{})
		}
		close(p.sock.block)
	})
}

// What is read is not counted on its way, up to a large reply.
func TestOrdinaryTrafficIsNotCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		writer := r.connect(40_000)
		writer.send(call{1, wire.OpCreate, &wire.CreateRequest{Path: "/a", Data: make([]byte, 1000), ACL: wire.WorldAnyone(wire.PermAll)}})
		writer.take()
		sock := &countedSocket{core: r.core}
		reader := r.connect(40_000)
		reader.c.socket = sock
		var calls []call
		for i := range wire.Xid(500) {
			calls = append(calls, call{i, wire.OpGetData, get("/a", false)})
		}
		for range 5 {
			reader.send(calls...)
		}
		if sock.bytes < 2_500_000 || sock.most > 0 {
			t.Errorf("%d bytes were written, and up to %d counted", sock.bytes, sock.most)
		}
	})
}

// A countedSocket looks at the sum while it writes.
type countedSocket struct {
	fakeSocket
	core  *Core
	bytes int
	most  int64
}

func (s *countedSocket) TryWrite(b []byte) (int, error) {
	s.bytes += len(b)
	s.most = max(s.most, s.core.Unsent())
	return len(b), nil
}

// drops are the reasons for which clients were dropped.
type drops struct {
	mu   sync.Mutex
	whys []string
}

func (d *drops) list() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.whys
}

func newDroppingRig(t *testing.T, d *drops, o Options) *coreRig {
	r := newCoreRig(t, o)
	r.core.events.ClientDropped = func(_ string, _ wire.SessionID, why error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.whys = append(d.whys, why.Error())
	}
	return r
}
