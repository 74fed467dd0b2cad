package sim

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/wire"
)

// A nemesis lets things go wrong. Half of its faults come at any time; the other
// half wait until a server is somewhere, because most places are visited for a few
// milliseconds only.
type nemesis struct {
	*cluster
	rng    *rand.Rand
	kinds  []Fault
	faulty map[wire.SID]bool // its disk has been made to fail in this life
	harmed map[wire.SID]bool // its disk was damaged, and it has not served since
	joined map[wire.SID]bool // it has served
	ambush *ambush
	over   bool
}

// An ambush is a fault that waits for its victim.
type ambush struct {
	fault Fault
	place Place
}

func newNemesis(c *cluster) *nemesis {
	n := &nemesis{cluster: c, rng: c.kernel.Rand("nemesis"), faulty: map[wire.SID]bool{}, harmed: map[wire.SID]bool{}, joined: map[wire.SID]bool{}}
	if n.kinds = c.opts.Kinds; n.kinds == nil {
		n.kinds = AllFaults
	}
	return n
}

// begin starts to disturb, after the ensemble had time to form.
func (n *nemesis) begin() {
	if n.opts.FaultEvery > 0 && len(n.kinds) > 0 {
		n.kernel.After(time.Second, nil, n.next)
	}
}

func (n *nemesis) next() {
	if n.over {
		return
	}
	n.kernel.After(time.Duration(n.rng.Int64N(int64(2*n.opts.FaultEvery))), nil, n.next)
	f := n.kinds[n.rng.IntN(len(n.kinds))]
	if n.rng.IntN(2) == 0 {
		n.ambush = &ambush{f, Places[n.rng.IntN(len(Places))]}
		return
	}
	n.strike(f, n.servers[n.rng.IntN(len(n.servers))])
}

// passes is called whenever a server does something.
func (n *nemesis) passes(s *server) {
	a := n.ambush
	if a == nil || n.over || s.role == nil || s.role.name() != a.place.Role || s.role.phase() != a.place.Phase || n.rng.IntN(3) > 0 {
		return
	}
	n.ambush = nil
	life := s.life
	n.kernel.After(0, nil, func() {
		if s.life == life && s.up() && !n.over {
			n.strike(a.fault, s)
		}
	})
}

// strike lets a fault happen to a server, and counts it if it did.
func (n *nemesis) strike(f Fault, s *server) {
	if !s.up() {
		return
	}
	place := Place{}
	if s.role != nil {
		place = Place{s.role.name(), s.role.phase()}
	}
	s.say(strings.ToUpper(string(f)))
	if n.does(f, s, n.upTo(3*time.Second)) && place.Role != "" {
		n.grid.hit(f, place)
	}
}

// does carries a fault out, and undoes it after a while. It returns false if there
// was nothing to do.
func (n *nemesis) does(f Fault, s *server, back time.Duration) bool {
	switch f {
	case PowerLoss, Kill, EverybodyOff, PowerLossOp:
		n.deaths(f, s, back)
	case Pause:
		n.pause(s, back)
	case Slow:
		n.slow[s.id] = n.upTo(20 * time.Millisecond)
		n.kernel.After(back, nil, func() { delete(n.slow, s.id) })
	case SyncFails, DiskFull, DiskStalls:
		n.badDisk(f, s, back)
	case Break, HalfOpen:
		return n.cutConn(s, f == HalfOpen)
	case Isolate, OneWayIn, OneWayOut, Halves, Bridge:
		n.partition(f, s, back)
	case ClockJump:
		s.clock.jump += time.Duration(n.rng.Int64N(int64(4*time.Hour))) - 2*time.Hour
	case StaleVote:
		for _, o := range n.servers {
			n.net.Repost(s.host(), o.host())
		}
	case Checkpoint:
		n.checkpoint(s)
	case BitFlip, Wipe:
		return n.damage(f, s, back)
	}
	return true
}

func (n *nemesis) deaths(f Fault, s *server, back time.Duration) {
	switch f {
	case EverybodyOff:
		for _, o := range n.servers {
			n.crash(o, false, n.upTo(3*time.Second))
		}
	case PowerLossOp:
		n.faulty[s.id] = true
		s.disk.CrashAfter(1+n.rng.IntN(20), func() { n.crash(s, false, back) })
	default:
		n.crash(s, f == Kill, back)
	}
}

func (n *nemesis) badDisk(f Fault, s *server, back time.Duration) {
	switch f {
	case SyncFails:
		n.faulty[s.id] = true
		s.disk.FailSync(1 + n.rng.IntN(5))
	case DiskFull:
		n.faulty[s.id] = true
		s.disk.SetFull(true)
		n.kernel.After(back, nil, func() { s.disk.SetFull(false) })
	case DiskStalls:
		s.disk.Speed.StallRate, s.disk.Speed.Stall = 1, n.upTo(2*time.Second)
		n.kernel.After(back, nil, func() { s.disk.Speed = n.opts.Disk })
	}
}

func (n *nemesis) upTo(d time.Duration) time.Duration {
	return time.Duration(n.rng.Int64N(int64(d))) + 1
}

func (n *nemesis) crash(s *server, kill bool, back time.Duration) {
	if !s.up() {
		return
	}
	s.say("goes down")
	s.down(kill, !kill && n.rng.IntN(2) == 0)
	n.kernel.After(back, nil, func() { n.restart(s) })
}

func (n *nemesis) restart(s *server) {
	if s.up() {
		return
	}
	delete(n.faulty, s.id)
	s.start()
	n.reconnect(s)
}

// reconnect tells election machines that they may reach each other again.
func (n *nemesis) reconnect(s *server) {
	for _, o := range n.servers {
		if o != s {
			n.reachable(s, o)
			n.reachable(o, s)
		}
	}
}

func (n *nemesis) reachable(s, o *server) {
	life := s.life
	n.kernel.After(n.upTo(50*time.Millisecond), life, func() {
		if s.up() && s.life == life && o.up() && n.net.Reaches(s.host(), o.host()) && n.net.Reaches(o.host(), s.host()) {
			s.do(func() {
				s.election.Reachable(o.id)
				s.elect()
			})
		}
	})
}

func (n *nemesis) pause(s *server, back time.Duration) {
	s.paused = true
	n.kernel.After(back, s.life, func() {
		s.paused = false
		s.catchUp()
	})
}

// cutConn breaks a connection of the server, or any.
func (n *nemesis) cutConn(s *server, half bool) bool {
	var own []*simnet.Conn
	for _, c := range n.net.Conns() {
		if a, b := c.Hosts(); a == s.host() || b == s.host() {
			own = append(own, c)
		}
	}
	if len(own) > 0 {
		own[n.rng.IntN(len(own))].Break(half)
	}
	return len(own) > 0
}

// partition cuts links between servers, and heals all links later.
func (n *nemesis) partition(f Fault, s *server, back time.Duration) {
	half := map[*server]bool{}
	for _, o := range n.servers {
		half[o] = n.rng.IntN(2) == 0
	}
	for _, a := range n.servers {
		for _, b := range n.servers {
			if a != b && n.parted(f, s, a, b, half) {
				n.net.Cut(a.host(), b.host())
			}
		}
	}
	n.kernel.After(back, nil, n.healLinks)
}

func (n *nemesis) parted(f Fault, s, a, b *server, half map[*server]bool) bool {
	switch f {
	case Isolate:
		return a == s || b == s
	case OneWayIn:
		return b == s
	case OneWayOut:
		return a == s
	case Bridge:
		return a != s && b != s && half[a] != half[b]
	}
	return half[a] != half[b]
}

func (n *nemesis) healLinks() {
	n.net.HealAll()
	for _, s := range n.servers {
		n.reconnect(s)
	}
}

// checkpoint lets a server write what it has applied, when its disk has time.
func (n *nemesis) checkpoint(s *server) {
	life := s.life
	s.storage.alone(func() {
		if s.life == life && s.up() {
			s.storage.try("checkpoint", s.storage.checkpointOwn())
		}
	})
}

// othersVote reports whether all voters but one have what they were given, and can elect
// without it. What is committed is then on as many of them as it takes to meet every
// quorum of theirs.
func (n *nemesis) othersVote(s *server) bool {
	if n.opts.Groups || !n.othersElect(s) {
		return false // the weight of one may decide
	}
	for _, o := range n.servers {
		if o == s || !n.opts.Joins && !n.ledger.active.IsVoter(o.id) && !n.config.IsVoter(o.id) {
			continue // with joins anybody may be about to vote
		}
		if n.ledger.books[o.id].lost || n.harmed[o.id] || !n.joined[o.id] {
			return false
		}
	}
	return true
}

// othersElect reports whether all servers but one are a quorum of every configuration
// that is in force anywhere: one that forgot has no vote, and reconfigurations may
// have left two voters.
func (n *nemesis) othersElect(s *server) bool {
	others := func(id wire.SID) bool { return id != s.id }
	for _, o := range n.servers {
		if o.up() && !majority(o.active, others) {
			return false
		}
	}
	return majority(n.ledger.active, others)
}

// damage harms the disk of one server, if nothing is lost with it: nobody survives
// the loss of a majority.
func (n *nemesis) damage(f Fault, s *server, back time.Duration) bool {
	if !n.othersVote(s) {
		return false
	}
	// Package txnlog says what it cannot prove: that the last batch was durable,
	// before the log was settled.
	if f == BitFlip && (s.storage.working || !s.core.LogIdle() || s.storage.log.Settle() != nil) {
		return false
	}
	n.faulty[s.id], n.harmed[s.id] = true, true
	s.down(false, false)
	if f == Wipe {
		s.disk.Wipe()
		n.ledger.forgot(s.id)
	} else {
		name := s.disk.Flip([]string{dataDir, logDir}[n.rng.IntN(2)], func(name string) bool {
			return strings.HasPrefix(name, "log.") && name != "log.lock" || name == "tree"
		})
		s.say("has a bit flipped in " + name)
	}
	n.kernel.After(back, nil, func() {
		s.start()
		n.reconnect(s)
	})
	return true
}

// serves is told that a server serves: it has been synchronised.
func (n *nemesis) serves(s *server) {
	delete(n.harmed, s.id)
	n.joined[s.id] = true
}

// excuses reports whether a server that stopped had a reason to.
func (n *nemesis) excuses(s *server) bool { return n.faulty[s.id] || s.disk.Full() }

// heal ends all faults.
func (n *nemesis) heal() {
	n.over, n.ambush = true, nil
	n.net.Weather.PostLoss = min(n.net.Weather.PostLoss, 0.05)
	clear(n.slow)
	for _, s := range n.servers {
		s.disk.SetFull(false)
		s.disk.FailSync(0)
		s.disk.CrashAfter(0, nil)
		s.disk.Speed = n.opts.Disk
		if s.up() && s.paused {
			s.paused = false
			s.catchUp()
		}
		n.restart(s)
	}
	n.healLinks()
}
