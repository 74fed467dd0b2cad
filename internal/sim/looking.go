package sim

import (
	"github.com/zabra/zabra/election"
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/internal/sim/vtime"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// looking is the role of a server that has no leader.
type looking struct {
	*server
	at    zab.State
	timer *vtime.Life
}

func newLooking(s *server) *looking {
	l := &looking{server: s, at: s.state()}
	s.role = l
	if !plant.In(plant.ProposedConfigForgotten) {
		s.active = s.recall()
	}
	s.ledger.adopts(s.id, s.active.Committed)
	s.remember(s.active.Committed)
	s.say("has configuration %#x, and %#x under way", s.active.Committed.Version, s.active.Proposed.Version)
	s.election.Start(s.millis(), election.Own{
		LastLogged: l.at.Last, CurrentEpoch: l.at.CurrentEpoch,
		Untrusted: l.at.Claim() == wire.NoZxid, Fresh: s.untrust && !s.force, Observer: s.observer(),
	}, s.active)
	s.elect()
	return l
}

// observer reports whether the configuration makes this server an observer. One that
// it does not list follows without being counted.
func (s *server) observer() bool {
	return s.active.Committed.IsMember(s.id) && !s.active.IsVoter(s.id)
}

func (l *looking) name() string  { return "looking" }
func (l *looking) phase() string { return "election" }

func (l *looking) end() {
	if l.timer != nil {
		l.timer.End()
	}
}

// hear takes a notification, in whatever role.
func (s *server) hear(from wire.SID, b []byte) {
	n, err := wire.DecodeNotification(b)
	if err != nil {
		s.cluster.fail("wire", "server %d cannot read a notification of server %d: %v", s.id, from, err)
		return
	}
	s.election.Receive(s.millis(), from, &n)
	s.elect()
}

// elect does what the election machine wants.
func (s *server) elect() {
	out := s.election.Take()
	if out.Vouched {
		s.say("votes, for nobody holds anything")
		s.untrust = false
		if l, ok := s.role.(*looking); ok {
			l.at = s.state()
		}
	}
	if s.election.State() == wire.Looking {
		v := s.election.Vote()
		s.ledger.voted(s.id, ballot{s.election.Round(), v.Leader, v.Zxid, v.PeerEpoch})
	}
	for _, m := range out.Messages {
		n := &m.Notification
		// A follower's vote is for its leader still, and bears its epoch.
		s.ledger.voted(s.id, ballot{n.Round, n.Leader, n.Zxid, n.PeerEpoch})
		if n.Leader == s.id && n.State == wire.Looking {
			s.ledger.votes(s.id, n.Zxid, "a vote")
		}
		s.net.Post(s.host(), simnet.Host(m.To), n.AppendTo(nil))
		s.refused(m.To)
	}
	if out.Deserted {
		if r, ok := s.role.(*leading); ok {
			r.deserted()
		}
	}
	if out.Newer != nil && s.role != nil && s.role.phase() == "election" {
		s.adopt(s.active.Told(*out.Newer))
		return
	}
	l, ok := s.role.(*looking)
	if !ok {
		return
	}
	if d := out.Decision; d != nil {
		s.say("elects %d in round %d: "+d.Basis.String(), int64(d.Vote.Leader), d.Round)
		if d.Basis != election.Joined && s.active.IsVoter(s.id) {
			v := d.Vote
			s.ledger.elects(s.id, ballot{d.Round, v.Leader, v.Zxid, v.PeerEpoch}, s.active)
		}
		l.end()
		l.follow(d)
		return
	}
	l.schedule()
}

// refused tells the machine, after a while, of a peer whose machine runs and whose
// process does not: its port refuses connections.
func (s *server) refused(peer wire.SID) {
	o := s.cluster.server(peer)
	if o.up() || !s.net.Reaches(s.host(), o.host()) || !s.net.Reaches(o.host(), s.host()) {
		return
	}
	s.kernel.After(msec(1), s.life, func() {
		s.do(func() {
			s.election.Unreachable(s.millis(), peer)
			s.elect()
		})
	})
}

// schedule wakes the machine when it wants to be.
func (l *looking) schedule() {
	if l.timer != nil {
		l.timer.End()
	}
	at, ok := l.election.Deadline()
	if !ok {
		return
	}
	l.timer = new(vtime.Life)
	life := l.life
	l.kernel.After(l.clock.real(msec(at-l.millis()))+msec(1), l.timer, func() {
		if life.Over() {
			return
		}
		l.do(func() {
			if l.role == l {
				l.election.Tick(l.millis())
				l.elect()
			}
		})
	})
}

// follow takes the role that the election decided on.
func (l *looking) follow(d *election.Decision) {
	if d.State == wire.Leading {
		r, err := newLeading(l.server, l.at)
		if err != nil {
			l.leave(l, err)
			return
		}
		l.become(r)
		r.begin()
		return
	}
	l.become(newLearning(l.server, d.Vote.Leader, l.at))
}
