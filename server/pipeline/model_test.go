package pipeline

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/session"
	"github.com/zabra/zabra/wire"
)

// TestModel lets clients do what they like, with a log that stalls and sockets that
// block and connections that die and come back, and judges what each saw against the
// log. ZABRA_MODEL_SEEDS sets how many runs there are.
func TestModel(t *testing.T) {
	seeds := 6
	if s, err := strconv.Atoi(os.Getenv("ZABRA_MODEL_SEEDS")); err == nil {
		seeds = s
	}
	for seed := range uint64(seeds) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			bubble(t, func(t *testing.T) { runModel(t, seed) })
		})
	}
}

const (
	actors  = 8
	rounds  = 60
	folder  = "/f"
	watched = 6 // nodes that everybody changes
)

func runModel(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 42))
	o := Options{Tick: time.Second, MinTimeout: time.Second}
	if seed%2 == 1 {
		o.OutstandingLimit, o.MaxQueued = 20, 16
	}
	r := newCoreRig(t, o)
	defer r.close()
	r.log.stall = func() {
		if rand := time.Now().UnixNano(); rand%7 == 0 { // the bubble's clock: the same for the same seed
			time.Sleep(time.Duration(rand % 300_000_000))
		}
	}
	setup := r.connect(10_000)
	setup.send(call{1, wire.OpCreate, create(folder)})
	for i := range watched {
		setup.send(call{2, wire.OpCreate, create(fmt.Sprintf("%s/%d", folder, i))})
	}
	setup.take()

	stuck := time.AfterFunc(time.Hour, func() { panic("a client waits for ever") }) // of the bubble's time
	defer stuck.Stop()
	var all []*actor
	var running sync.WaitGroup
	for i := range actors {
		a := &actor{r: r, name: i, rng: rand.New(rand.NewPCG(rng.Uint64(), uint64(i)))}
		all = append(all, a)
		running.Go(a.run)
	}
	watching := make(chan struct{})
	go r.look(watching)
	running.Wait()
	close(watching)
	time.Sleep(5 * time.Second) // everything is answered and written
	synctest.Wait()
	r.log.mu.Lock()
	tr := newTruth(r.log.txns)
	r.log.mu.Unlock()
	answers, cut := 0, 0
	for _, a := range all {
		for _, l := range a.links {
			h := l.history()
			if err := tr.check(h); err != nil {
				t.Error(err)
			}
			answers += len(h.sent)
			if h.cut {
				cut++
			}
		}
		a.link().c.Gone()
	}
	t.Logf("%d transactions, %d requests, %d connections cut", len(tr.writes), answers, cut)
	setup.c.Gone()
	time.Sleep(time.Minute)
	r.leftovers(t, 0)
}

// look asks all the time for what an operator may ask for.
func (r *coreRig) look(until chan struct{}) {
	for {
		select {
		case <-until:
			return
		case <-time.After(3 * time.Millisecond):
		}
		for _, c := range r.core.Clients() {
			c.Stats()
			c.ResetStats()
			c.IDs()
			c.Queued()
			c.Finishing()
		}
		r.core.WatchedPaths()
		r.core.Sessions()
		r.core.Outstanding()
		r.core.Exclusive(func(t *datatree.Tree) { t.NodeCount() })
	}
}

// An actor is a session that goes from connection to connection.
type actor struct {
	r       *coreRig
	name    int
	rng     *rand.Rand
	session wire.SessionID
	links   []*link
	value   int
}

// A link is one connection.
type link struct {
	c    *Client
	sock *modelSocket
	sent []call
	name string
	id   wire.SessionID
	cut  bool
}

func (a *actor) link() *link { return a.links[len(a.links)-1] }

func (l *link) history() *history {
	l.c.mu.Lock()
	dead := l.c.mu.dead
	l.c.mu.Unlock()
	l.sock.mu.Lock()
	defer l.sock.mu.Unlock()
	return &history{name: l.name, session: l.id, sent: l.sent, cut: l.cut || dead, got: l.sock.got[l.sock.skip:]}
}

func (a *actor) run() {
	a.connect()
	for range rounds {
		if a.rng.IntN(20) == 0 {
			a.lose()
			a.connect()
		}
		a.step()
		if a.rng.IntN(3) == 0 {
			time.Sleep(time.Duration(a.rng.IntN(50_000_000)))
		}
	}
}

// lose ends the connection, at any moment: a part of it is told only after a while.
func (a *actor) lose() {
	l := a.link()
	l.cut = true
	if a.rng.IntN(2) == 0 {
		l.c.Kill(nil)
	}
	if a.rng.IntN(2) == 0 {
		c := l.c
		pause := time.Duration(a.rng.IntN(100_000_000))
		go func() { time.Sleep(pause); c.Gone() }()
		return
	}
	l.c.Gone()
	if a.rng.IntN(4) == 0 {
		time.Sleep(15 * time.Second) // the session expires
	}
}

// connect resumes the session, or begins a new one. Sometimes it begins with a
// connection that dies during the handshake.
func (a *actor) connect() {
	l := &link{sock: &modelSocket{rng: rand.New(rand.NewPCG(a.rng.Uint64(), 0))}, name: fmt.Sprintf("client %d, connection %d", a.name, len(a.links))}
	l.c = a.r.core.NewClient(l.sock, "test", auth.Peer{IP: wire.ID{Scheme: "ip", ID: "127.0.0.1"}})
	dies := a.rng.IntN(10) == 0
	if dies {
		pause := time.Duration(a.rng.IntN(20_000_000))
		go func() { time.Sleep(pause); l.c.Kill(nil) }()
	}
	pw := session.Password(a.session)
	req := &wire.ConnectRequest{Session: a.session, Passwd: pw[:], Timeout: 10_000}
	if err := l.c.Connect(req); err != nil {
		a.r.t.Error(err)
	}
	l.c.Flush(true)
	l.id = l.c.Session()
	if l.id == 0 || dies {
		if !dies {
			a.session = 0 // it has expired
		}
		l.c.Gone()
		a.connect()
		return
	}
	a.session = l.id
	l.sock.skipFrame()
	a.links = append(a.links, l)
}

// step sends some requests, cut anywhere.
func (a *actor) step() {
	l := a.link()
	var b []byte
	for range 1 + a.rng.IntN(8) {
		c := a.request()
		l.sent = append(l.sent, c)
		b = append(b, encode(c)...)
	}
	for have := 0; len(b) > 0; {
		have = min(have+1+a.rng.IntN(200), len(b))
		used, full, err := l.c.Handle(b[:have], a.r.core.Now())
		b, have = b[used:], have-used
		l.c.Flush(true)
		if err != nil {
			l.cut = true // expired, or displaced
			l.c.Gone()
			a.connect()
			return
		}
		if full {
			l.c.WaitRoom()
		}
	}
}

func (a *actor) request() call {
	path := fmt.Sprintf("%s/%d", folder, a.rng.IntN(watched))
	own := fmt.Sprintf("%s/e%d-%d", folder, a.name, a.rng.IntN(3))
	a.value++
	c := call{xid: wire.Xid(a.value)} // of all its connections
	data := []byte(fmt.Sprintf("%d:%d", a.name, a.value))
	switch a.rng.IntN(12) {
	case 0, 1:
		c.op, c.body = wire.OpSetData, &wire.SetDataRequest{Path: path, Data: data, Version: -1}
	case 2: // fails mostly
		c.op, c.body = wire.OpSetData, &wire.SetDataRequest{Path: path, Data: data, Version: int32(a.rng.IntN(5))}
	case 3:
		c.op, c.body = wire.OpCreate, &wire.CreateRequest{Path: own, Data: data, ACL: wire.WorldAnyone(wire.PermAll), Flags: 1}
	case 4:
		c.op, c.body = wire.OpDelete, &wire.PathVersionRequest{Path: own, Version: -1}
	case 5:
		c.op, c.body = wire.OpExists, &wire.PathWatchRequest{Path: fmt.Sprintf("%s/e%d-%d", folder, a.rng.IntN(actors), a.rng.IntN(3)), Watch: true}
	case 6:
		c.op, c.body = wire.OpGetChildren, &wire.PathWatchRequest{Path: folder, Watch: true}
	case 7:
		c.op, c.body = wire.OpSync, &wire.PathRequest{Path: "/"}
	case 8:
		if a.rng.IntN(4) == 0 {
			c.op, c.body = wire.OpAddWatch, &wire.AddWatchRequest{Path: path, Mode: wire.WatchPersistentRecursive}
			break
		}
		c.op = wire.OpPing
	default:
		c.op, c.body = wire.OpGetData, &wire.PathWatchRequest{Path: path, Watch: a.rng.IntN(2) == 0}
	}
	return c
}

// A modelSocket takes what it is given at its own pace, in pieces, and now and then
// blocks.
type modelSocket struct {
	mu     sync.Mutex
	rng    *rand.Rand
	got    []byte
	skip   int // bytes of the connect response
	closed bool
}

func (s *modelSocket) TryWrite(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errSocketClosed
	}
	n := len(b)
	if s.rng.IntN(4) == 0 {
		n = s.rng.IntN(len(b))
	}
	s.got = append(s.got, b[:n]...)
	return n, nil
}

func (s *modelSocket) Write(b []byte) (int, error) {
	s.mu.Lock()
	pause := time.Duration(0)
	if s.rng.IntN(4) == 0 {
		pause = time.Duration(s.rng.IntN(30_000_000))
	}
	s.mu.Unlock()
	time.Sleep(pause)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errSocketClosed
	}
	s.got = append(s.got, b...)
	return len(b), nil
}

func (s *modelSocket) Finish() {}

func (s *modelSocket) Abort() error { return s.Close() }

func (s *modelSocket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// skipFrame waits for the connect response and leaves it out of the history.
func (s *modelSocket) skipFrame() {
	for {
		s.mu.Lock()
		n := len(s.got)
		if n >= 4 {
			s.skip = n // nothing else can have been sent
		}
		s.mu.Unlock()
		if n >= 40 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
