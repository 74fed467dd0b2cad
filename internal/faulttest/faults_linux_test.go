package faulttest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/netlab"
)

var (
	seedFlag = flag.Uint64("seed", 1, "what the clients do and which servers are hit follows from it")
	longFlag = flag.Duration("for", 0, "how long TestManyFaults goes on, from one seed to the next")
)

// enough is how many writes have to be acknowledged in each phase of a run, and by each
// server at the end.
const enough = 25

// A fault breaks something and mends it again.
type fault struct {
	name string
	// strike returns what mends it, and whether the servers that are left can go on,
	// so that they have to.
	strike func(*nemesis) (mend func() error, quorum bool)
	disk   int64 // bytes that each server's disk must have
	faulty bool  // needs the faulty binary
	env    []string
	hold   time.Duration // how long it lasts at least

	// forgets: the log of the server that is hit may not go back to the beginning
	// afterwards. A full disk makes room by what checkpoints cover.
	forgets bool
}

// A nemesis is what a fault has at hand.
type nemesis struct {
	*ensemble
	l         *load
	rng       *rand.Rand
	leads     *server
	followers []*server // in random order
	lostYet   int64     // packets, before the round
}

// The longest time after which a server knows that it is alone is syncLimit ticks, so
// what is to be noticed has to last longer.
const noticed = 3500 * time.Millisecond

var faults = []fault{
	{name: "kill the leader", hold: time.Second, strike: func(n *nemesis) (func() error, bool) { return n.killed(n.leads), true }},
	{name: "kill a follower", hold: time.Second, strike: func(n *nemesis) (func() error, bool) { return n.killed(n.followers[0]), true }},
	{name: "kill all", strike: func(n *nemesis) (func() error, bool) { return n.killed(n.servers...), false }},
	{name: "isolate the leader", hold: noticed, strike: func(n *nemesis) (func() error, bool) {
		n.separate([]*server{n.leads}, n.servers)
		return n.healed, true
	}},
	{name: "isolate a follower", hold: noticed, strike: func(n *nemesis) (func() error, bool) {
		n.separate(n.followers[:1], n.servers)
		return n.healed, true
	}},
	{name: "halves with the leader in the smaller", hold: noticed, strike: func(n *nemesis) (func() error, bool) {
		small := append([]*server{n.leads}, n.followers[:len(n.servers)/2-1]...)
		n.separate(small, n.without(small))
		return n.healed, true
	}},
	{name: "the leader hears nobody", hold: noticed, strike: func(n *nemesis) (func() error, bool) {
		n.cut(n.servers, []*server{n.leads})
		return n.healed, true
	}},
	{name: "nobody hears the leader", hold: noticed, strike: func(n *nemesis) (func() error, bool) {
		n.cut([]*server{n.leads}, n.servers)
		return n.healed, true
	}},
	{name: "a follower hears nobody", hold: noticed, strike: func(n *nemesis) (func() error, bool) {
		n.cut(n.servers, n.followers[:1])
		return n.healed, true
	}},
	{name: "a bridge between halves", hold: noticed, strike: func(n *nemesis) (func() error, bool) {
		half := len(n.followers) / 2
		n.separate(append([]*server{n.leads}, n.followers[half+1:]...), n.followers[:half])
		return n.healed, true
	}},
	{name: "loss and delay", hold: noticed, strike: func(n *nemesis) (func() error, bool) {
		for _, a := range n.servers {
			for _, b := range n.servers {
				if a != b {
					n.lab.Shape(a.Host, b.Host, netlab.Quality{Loss: 0.05, Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond})
				}
			}
		}
		return n.healed, true
	}},
	{name: "loss and delay between clients and servers", hold: noticed, strike: func(n *nemesis) (func() error, bool) {
		q := netlab.Quality{Loss: 0.05, Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond}
		for _, s := range n.servers {
			n.lab.Shape(n.clients, s.Host, q)
			n.lab.Shape(s.Host, n.clients, q)
		}
		return n.healed, true
	}},
	{name: "the leader's links flap", hold: noticed, strike: func(n *nemesis) (func() error, bool) { return n.flapping(n.leads), true }},
	{name: "pause the leader", hold: sessionTimeout + time.Second, strike: func(n *nemesis) (func() error, bool) { return n.pausing(n.leads), true }},
	{name: "pause a follower", hold: sessionTimeout + time.Second, strike: func(n *nemesis) (func() error, bool) { return n.pausing(n.followers[0]), true }},
	{name: "pause all", hold: sessionTimeout + time.Second, strike: func(n *nemesis) (func() error, bool) { return n.pausing(n.servers...), false }},
	{name: "fill the disk of a follower", forgets: true, hold: noticed, disk: 256 << 20, strike: func(n *nemesis) (func() error, bool) { return n.filled(n.followers[0]), true }},
	{name: "fill the disk of the leader", forgets: true, hold: noticed, disk: 256 << 20, strike: func(n *nemesis) (func() error, bool) { return n.filled(n.leads), true }},
	{name: "a sync of a follower fails", hold: time.Second, faulty: true, strike: func(n *nemesis) (func() error, bool) { return n.syncFails(n.followers[0]), true }},
	{name: "a sync of the leader fails", hold: time.Second, faulty: true, strike: func(n *nemesis) (func() error, bool) { return n.syncFails(n.leads), true }},
	{name: "lose power everywhere", faulty: true, env: []string{"FAULTY_VOLATILE=1"}, strike: func(n *nemesis) (func() error, bool) {
		time.Sleep(time.Second) // so that there is something to lose
		return n.killed(n.servers...), false
	}},
	{name: "the disk of the leader is slow", faulty: true, hold: noticed, strike: func(n *nemesis) (func() error, bool) { return n.slow(n.leads), true }},
	{name: "the disk of a follower is slow", faulty: true, hold: noticed, strike: func(n *nemesis) (func() error, bool) { return n.slow(n.followers[0]), true }},
	{name: "a follower loses all it had", forgets: true, hold: time.Second, strike: func(n *nemesis) (func() error, bool) {
		start := n.killed(n.followers[0])
		return func() error { return errors.Join(n.followers[0].remove(""), start()) }, true
	}},
	{name: "a bit flips in the log of a follower", forgets: true, hold: time.Second, strike: func(n *nemesis) (func() error, bool) {
		start := n.killed(n.followers[0])
		return func() error { return errors.Join(n.followers[0].flipBit(n.rng), start()) }, true
	}},
	{name: "a follower loses its checkpoint", hold: time.Second, strike: func(n *nemesis) (func() error, bool) {
		start := n.killed(n.followers[0])
		return func() error { return errors.Join(n.followers[0].remove("zabra-store"), start()) }, true
	}},
	{name: "restart all in turn", strike: func(n *nemesis) (func() error, bool) { return n.restarted, true }},
	{name: "the clock of the leader jumps", hold: noticed, faulty: true, strike: func(n *nemesis) (func() error, bool) { return n.clockJumps(n.leads), true }},
	{name: "the clock of a follower jumps", hold: noticed, faulty: true, strike: func(n *nemesis) (func() error, bool) { return n.clockJumps(n.followers[0]), true }},
}

// without are the servers that are not in the group.
func (n *nemesis) without(group []*server) []*server {
	return slices.DeleteFunc(slices.Clone(n.servers), func(s *server) bool { return slices.Contains(group, s) })
}

func (n *nemesis) killed(servers ...*server) func() error {
	for _, s := range servers {
		s.kill()
	}
	return func() error {
		for _, s := range servers {
			s.start()
		}
		return nil
	}
}

// healed mends the network, and wants that it was broken for somebody.
func (n *nemesis) healed() error {
	lost := n.lost()
	n.lab.Heal()
	if lost == n.lostYet {
		return errors.New("the fault hit nothing: no packet was lost")
	}
	return nil
}

func (n *nemesis) pausing(servers ...*server) func() error {
	for _, s := range servers {
		s.pause()
	}
	return func() error {
		for _, s := range servers {
			s.resume()
		}
		return nil
	}
}

func (n *nemesis) filled(s *server) func() error {
	const full = "the disk is full: writes wait"
	before := strings.Count(s.log.String(), full)
	free := s.fill()
	return func() error {
		defer free()
		for end := time.Now().Add(n.patience); strings.Count(s.log.String(), full) == before; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				return fmt.Errorf("the fault hit nothing: server %d did not notice that its disk is full", s.id)
			}
		}
		return nil
	}
}

// syncFails wants the server to end, as it promises.
func (n *nemesis) syncFails(s *server) func() error {
	s.control(control{FailSync: true})
	return func() error {
		code, err := s.ends()
		if err == nil && code == 0 {
			err = fmt.Errorf("server %d ended with 0 after a sync that failed", s.id)
		}
		s.control(control{})
		s.start()
		return err
	}
}

// flapping cuts a server off from the others and mends that, again and again.
func (n *nemesis) flapping(s *server) func() error {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for q := (netlab.Quality{Loss: 1}); ; q.Loss = 1 - q.Loss {
			for _, o := range n.servers {
				if o != s {
					n.lab.Shape(s.Host, o.Host, q)
					n.lab.Shape(o.Host, s.Host, q)
				}
			}
			select {
			case <-quit:
				return
			case <-time.After(400 * time.Millisecond):
			}
		}
	}()
	return func() error {
		close(quit)
		<-done
		return n.healed()
	}
}

// slow makes every sync take two thirds of the time that a server may lag.
func (n *nemesis) slow(s *server) func() error {
	s.control(control{SyncDelayMS: 1300})
	return func() error {
		s.control(control{})
		return nil
	}
}

// restarted ends and starts one server after another, as for an update.
func (n *nemesis) restarted() error {
	for _, s := range n.servers {
		if err := s.stop(); err != nil {
			return err
		}
		s.start()
		began := n.l.now()
		if err := n.l.acknowledged(enough, began, s); err != nil {
			return err
		}
	}
	return nil
}

func (n *nemesis) clockJumps(s *server) func() error {
	hours := []int64{1, -1, 24 * 3650, -24 * 3650}[n.rng.IntN(4)]
	told := s.control(control{WallShiftMS: hours * time.Hour.Milliseconds()})
	return func() error {
		s.control(control{})
		if d := told.Sub(time.Now().Add(time.Duration(hours) * time.Hour)).Abs(); d > longPatience {
			return fmt.Errorf("the fault hit nothing: the clock of server %d said %v", s.id, told)
		}
		return nil
	}
}

// A round has one fault: load before it, while it lasts and after it.
func (l *load) round(f fault, rng *rand.Rand) error {
	leads, followers := l.e.leader()
	rng.Shuffle(len(followers), func(i, j int) { followers[i], followers[j] = followers[j], followers[i] })
	n := &nemesis{l.e, l, rng, leads, followers, l.e.lost()}
	// Nothing is broken yet, whatever is planted.
	if err := l.acknowledgedWithin(longPatience, enough, l.now(), nil); err != nil {
		return fmt.Errorf("before %s: %w", f.name, err)
	}
	mend, quorum := f.strike(n)
	struck := l.now()
	time.Sleep(f.hold)
	var err error
	if quorum {
		err = l.acknowledged(enough, struck, nil)
	}
	between := l.now()
	gap := l.longestGap(struck, between)
	if mendErr := mend(); err == nil {
		err = mendErr
	}
	if err != nil {
		return fmt.Errorf("during %s of server %d: %w", f.name, leads.id, err)
	}
	mended := l.now()
	for _, s := range l.e.servers {
		if err := l.acknowledged(enough, mended, s); err != nil {
			return fmt.Errorf("after %s: %w", f.name, err)
		}
	}
	l.e.t.Logf("%-40s %5d writes while it lasted (%v), longest time without one %v, all serve again after %v", f.name,
		l.count(struck, nil)-l.count(mended, nil), (mended - struck).Round(10*time.Millisecond), gap.Round(10*time.Millisecond), (l.now() - mended).Round(10*time.Millisecond))
	return nil
}

// longestGap is the longest time without an acknowledged write.
func (l *load) longestGap(from, to time.Duration) (gap time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := from
	for _, w := range l.writes {
		if w.ret > from && w.ret <= to {
			gap = max(gap, w.ret-last)
			last = w.ret
		}
	}
	return max(gap, to-last)
}

// run is one ensemble, one load, some faults one after another, and the verdict.
func run(t testing.TB, seed uint64, s setup, faults ...fault) *verdict {
	t.Helper()
	for _, f := range faults {
		s.disk = max(s.disk, f.disk)
		s.faulty = s.faulty || f.faulty
		s.env = append(s.env, f.env...)
	}
	t.Logf("seed %d, %d servers", seed, s.servers)
	e := start(t, seed, s)
	l := newLoad(e, seed)
	rng := rand.New(rand.NewPCG(seed, 1<<32))
	v := &verdict{}
	for _, f := range faults {
		if err := l.round(f, rng); err != nil {
			v.say("progress", "%v", err)
			break
		}
	}
	l.judge(v, s.allReads || strings.Contains(s.config, linearizable))
	t.Logf("%d transactions, %d answers, %d acknowledged writes, %d unknown, %d sessions expired", v.committed, v.answered, v.writes, v.unknown, v.expired)
	return v
}

// Each kind of fault hits three servers under load.
func TestFaults(t *testing.T) {
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			if i > 0 {
				inFull(t)
			}
			t.Parallel()
			run(t, *seedFlag, setup{servers: 3}, f).report(t)
		})
	}
}
