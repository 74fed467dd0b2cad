package crashtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/server/inspect"
	"github.com/zabra/zabra/wire"
)

// A campaign is a server that is killed again and again, and its clients.
type campaign struct {
	t       *testing.T
	d       *daemon
	rng     *rand.Rand
	workers []*worker
	mortals []*mortal
	kills   int
	died    int // starts that were killed before they served
}

const workers = 6

func newCampaign(t *testing.T, rng *rand.Rand, config string) *campaign {
	t.Helper()
	c := &campaign{t: t, rng: rng, d: newDaemon(t, config)}
	c.d.mustStart()
	for i := range workers {
		w := newWorker(t, i, rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64())))
		conn := c.attach(&w.s)
		w.begin(conn)
		conn.drop()
		c.workers = append(c.workers, w)
	}
	conn := c.attach(&session{timeout: patience})
	if _, err := conn.create("/mortals", "", wire.ModePersistent); err != nil {
		t.Fatal(err)
	}
	conn.drop()
	return c
}

func (c *campaign) attach(s *session) *conn {
	c.t.Helper()
	conn, err := c.d.attach(s)
	if err != nil {
		c.t.Fatalf("session %v: %v", s.id, err)
	}
	return conn
}

// cycle loads the server, kills it at a random moment, starts it and checks.
func (c *campaign) cycle() {
	c.t.Helper()
	var running sync.WaitGroup
	for _, w := range c.workers {
		conn := c.attach(&w.s)
		running.Go(func() {
			w.run(conn)
			conn.drop()
		})
	}
	open := c.newMortals()
	time.Sleep(time.Duration(c.rng.IntN(350)) * time.Millisecond)
	for _, conn := range open {
		if conn != nil {
			_ = conn.send(wire.OpCloseSession, nil)
		}
	}
	time.Sleep(time.Duration(c.rng.IntN(3)) * time.Millisecond)
	c.d.kill()
	c.kills++
	running.Wait()
	for _, conn := range open {
		if conn != nil {
			conn.drop()
		}
	}
	c.killStarts()
	c.d.mustStart()
	c.check()
}

// newMortals opens one of each kind, and returns the connections of those that
// will be closing.
func (c *campaign) newMortals() (open []*conn) {
	c.t.Helper()
	for _, end := range []ending{left, closed, closing} {
		m, conn, err := newMortal(c.d, end, len(c.mortals))
		if err != nil {
			c.t.Fatal(err)
		}
		c.mortals = append(c.mortals, m)
		switch end {
		case left:
			conn.drop()
		case closed:
			if err := conn.closeSession(); err != nil {
				c.t.Fatal(err)
			}
			conn.drop()
		case closing:
			open = append(open, conn)
		}
	}
	return open
}

// killStarts kills the process while it starts, now and then more than once.
func (c *campaign) killStarts() {
	for c.rng.IntN(3) == 0 {
		c.d.launch()
		time.Sleep(time.Duration(c.rng.IntN(60)) * time.Millisecond)
		c.d.kill()
		c.died++
	}
}

// check wants everything that was acknowledged, from every session.
func (c *campaign) check() {
	c.t.Helper()
	var running sync.WaitGroup
	for _, w := range c.workers {
		conn := c.attach(&w.s)
		running.Go(func() {
			defer conn.drop()
			w.settle(conn)
			w.check(conn)
		})
	}
	for _, m := range c.mortals[max(0, len(c.mortals)-3):] {
		c.checkMortal(m)
	}
	running.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// checkMortal looks at a session right after the restart.
func (c *campaign) checkMortal(m *mortal) {
	c.t.Helper()
	see := c.attach(&session{timeout: patience})
	defer see.drop()
	n, err := m.alive(see)
	if err != nil {
		c.t.Fatal(err)
	}
	switch {
	case m.end == left && n != 2 && time.Since(m.since) < mortalTimeout:
		c.t.Errorf("%v: %d of its nodes live before its session's timeout", m, n)
	case m.end == closed && n != 0:
		c.t.Errorf("%v: %d of its nodes live, and its close was acknowledged", m, n)
	case m.end == closing && n == 1:
		c.t.Errorf("%v: a session was closed in part", m)
	}
	if m.end == left {
		return
	}
	conn, err := c.d.attach(&m.s)
	switch {
	case err == nil && (m.end == closed || n == 0):
		c.t.Errorf("%v: the session was closed and can be resumed", m)
	case err == nil:
		if err := conn.closeSession(); err != nil {
			c.t.Errorf("%v: %v", m, err)
		}
	case !errors.Is(err, errRefused):
		c.t.Errorf("%v: %v", m, err)
	case n != 0 && time.Since(m.since) < mortalTimeout:
		c.t.Errorf("%v: the session lives and is refused", m)
	}
	if conn != nil {
		conn.drop()
	}
}

// finish waits until every mortal session has expired, stops the server and reads
// the whole history.
func (c *campaign) finish() {
	c.t.Helper()
	see := c.attach(&session{timeout: patience})
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		names, _, err := see.children("/mortals")
		if err != nil {
			c.t.Fatal(err)
		}
		if len(names) == 0 {
			break
		}
		if time.Now().After(end) {
			c.t.Fatalf("ephemeral nodes that do not go: %v", names)
		}
	}
	for _, m := range c.mortals {
		if _, err := c.d.connect(&m.s); !errors.Is(err, errRefused) {
			c.t.Errorf("%v: a session that ended, resumed: %v", m, err)
		}
	}
	for _, w := range c.workers {
		conn := c.attach(&w.s)
		if err := conn.closeSession(); err != nil {
			c.t.Fatal(err)
		}
	}
	if code, took := c.d.terminate(); code != 0 {
		c.t.Errorf("exit code %d after %v", code, took)
	}
	c.verify()
	checkLog(c.t, c.d)
}

// verify wants a data directory without damage.
func (c *campaign) verify() {
	c.t.Helper()
	report, err := inspect.Verify(osfs.FS{}, c.d.dirs())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, d := range report.Damage {
		c.t.Errorf("verify: %v", d)
	}
}

func TestKill(t *testing.T) {
	const perCampaign = 25
	left := times(t, "ZABRA_CRASH_CYCLES", 20, 300)
	rng := rand.New(rand.NewPCG(seed(t), 1))
	var kills, died, acked, sessions int
	for left > 0 {
		c := newCampaign(t, rng, fmt.Sprintf("preAllocSize=1024\nsnapCount=%d\n", []int{100, 1000, 100_000}[rng.IntN(3)]))
		for range min(left, perCampaign) {
			c.cycle()
			left--
		}
		c.finish()
		kills, died, sessions = kills+c.kills, died+c.died, sessions+len(c.mortals)
		for _, w := range c.workers {
			acked += w.acked
		}
	}
	t.Logf("%d kills under load, %d during a start, %d acknowledged writes, %d sessions that ended", kills, died, acked, sessions)
}
