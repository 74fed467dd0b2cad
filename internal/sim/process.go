package sim

import (
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
)

// A server's goroutines are simulated one step at a time: what one hands to another is
// taken up a little later, so that others get in between. The core's goroutine is
// turn; the log's is in storage.go, the connections' are in doors.go and lane.go; the
// member's, which looks for leaders, is fed by mail.

// haste is how long a goroutine that was given work takes to run, at most.
const haste = 100 * time.Microsecond

// soon is when a goroutine runs that was woken now.
func (s *server) soon() time.Duration { return time.Duration(s.rng.Int64N(int64(haste))) }

// newCore makes the server's core, over the tree that was recovered.
func (s *server) newCore() *pipeline.Stepped {
	o := &s.cluster.opts
	return pipeline.NewStepped(s.tree, s.storage, s.cluster.schemes, s.cluster.metrics, pipeline.Events{
		ClientDropped:  func(string, wire.SessionID, error) {},
		SessionExpired: func(id wire.SessionID, _ int32) { s.say("expires session %#x", int64(id)) },
		SoftQuota:      func(pipeline.QuotaWarning) {},
		AuthFailed:     func(string, string, int64) {},
		Applied:        func(z wire.Zxid, _, _ int) { s.applied(z) },
	}, pipeline.Options{
		ServerID: s.id, Member: true, Tick: o.TickTime, Clock: s, Readers: 1,
		Linearizable: o.Linearizable, ReapInterval: o.ReapInterval,
		Prepare: pipeline.PrepareOptions{ReconfigEnabled: o.Reconfig, ExtendedTypes: treeOptions.ExtendedTypes},
	})
}

// treeOptions are those of every tree.
var treeOptions = datatree.Options{ExtendedTypes: true}

// applied is told of every transaction that the core has applied.
func (s *server) applied(z wire.Zxid) {
	s.say("applies %#x", int64(z))
	s.ledger.deliver(s.id, z, s.core.Tree().Digest())
	s.cluster.appliedBy(z)
}

// wake lets the core's goroutine run soon.
func (s *server) wake() {
	if s.awake || !s.up() {
		return
	}
	s.awake = true
	s.kernel.After(s.soon(), s.life, func() { s.do(func() { s.turn(false) }) })
}

// turn is the core's goroutine from one sleep to the next.
func (s *server) turn(tick bool) {
	s.awake = false
	if err := s.core.Work(tick); err != nil {
		s.fatal("the log", err)
	}
	if s.up() {
		s.storage.wake()
		s.wakeOthers()
		s.lookAtDoors()
	}
}

// wakeOthers lets flushers run, and goroutines that were started for one thing each.
func (s *server) wakeOthers() {
	if s.others || !s.core.Waits() {
		return
	}
	s.others = true
	s.kernel.After(s.soon(), s.life, func() {
		s.do(func() {
			s.others = false
			s.core.Flush()
		})
	})
	s.kernel.After(10*s.soon(), s.life, func() { s.do(s.core.Apart) })
}

// mail has the member's goroutine call f.
func (s *server) mail(f func()) {
	s.letters = append(s.letters, f)
	if len(s.letters) > 1 || !s.up() {
		return
	}
	s.kernel.After(s.soon(), s.life, func() {
		s.do(func() {
			letters := s.letters
			s.letters = nil
			for _, f := range letters {
				if s.up() {
					f()
				}
			}
			s.elect()
		})
	})
}

// A clock is a server's: it runs a little faster or slower than time does, and the
// wall clock jumps.
type clock struct {
	rate float64 // of the monotonic clock
	jump time.Duration
	at   time.Duration // when the machine was started
}

func (c *clock) boot(now time.Duration) { c.at = now }

// since is the monotonic clock: how long the process runs.
func (c *clock) since(now time.Duration) time.Duration {
	return time.Duration(float64(now-c.at) * c.rate)
}

// real is how long it takes until the monotonic clock has gone on by d.
func (c *clock) real(d time.Duration) time.Duration { return time.Duration(float64(d) / c.rate) }

// wallEpoch is when the simulated world begins, milliseconds since 1970.
const wallEpoch = 1_800_000_000_000

// Elapsed is the monotonic clock.
func (s *server) Elapsed() time.Duration {
	d := s.clock.since(s.kernel.Now())
	if plant.In(plant.ExpiryByWallClock) {
		d += s.clock.jump
	}
	return d
}

// Wall is the wall clock.
func (s *server) Wall() time.Time {
	return time.UnixMilli(wallEpoch).Add(s.kernel.Now() + s.clock.jump).UTC()
}

// millis is the monotonic clock in milliseconds.
func (s *server) millis() int64 { return s.clock.since(s.kernel.Now()).Milliseconds() }
