package sim

import (
	"errors"

	"github.com/zabra/zabra/election"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// report is what the core tells of a role. What concerns elections goes to the
// member's goroutine.
func (s *server) report(r role) pipeline.Report {
	return pipeline.Report{
		Serving: func(e wire.Epoch) {
			s.say("serves in epoch %d as "+r.name(), int64(e))
			s.cluster.nemesis.serves(s)
			s.mail(func() { s.election.Synced(e) })
		},
		Activated: func(a *zab.Activation) {
			s.ledger.activates(s.id, a.Config)
			s.mail(func() { s.adopt(quorum.Active{Committed: a.Config}) })
		},
		Mismatch: func(z wire.Zxid, leaders, own uint64) {
			s.cluster.fail("I17", "server %d has the tree %x at %v, and its leader %x", s.id, own, z, leaders)
		},
		Ended: func(why error) { s.mail(func() { s.leave(r, why) }) },
	}
}

// leave ends the role and looks for a leader again once the log has done what it was
// told: only then is it known what it holds.
func (s *server) leave(r role, why error) {
	if s.role != r {
		return
	}
	s.say("is no longer " + r.name() + ": " + why.Error())
	s.role = nil
	r.end()
	var resync *zab.ResyncError
	if errors.As(why, &resync) {
		s.distrust()
	}
	if !s.up() {
		return
	}
	s.storage.alone(func() {
		s.mail(func() {
			var change *zab.RoleChange
			if errors.As(why, &change) && s.succeed(change) {
				return
			}
			s.become(newLooking(s))
			if l, ok := r.(*learning); ok && l.via == l.leader {
				s.election.Unreachable(s.millis(), l.leader) // nobody need wait for its vote
				if errors.Is(why, errSilent) {
					s.election.Avoid(s.millis(), l.leader, s.net.Weather.DialTimeout.Milliseconds())
				}
			}
		})
	})
}

// succeed takes the role that a reconfiguration gives, without an election. It reports
// whether it gives one.
func (s *server) succeed(change *zab.RoleChange) bool {
	active := s.recall()
	if !active.Committed.IsVoter(change.Leader) {
		return false
	}
	s.active = active
	s.ledger.adopts(s.id, active.Committed)
	s.remember(active.Committed)
	state := wire.Following
	switch {
	case change.Leader == s.id:
		state = wire.Leading
	case s.observer():
		state = wire.Observing
	}
	s.say("takes its role from a reconfiguration: %d leads", int64(change.Leader))
	s.election.Settle(state, change.Leader, change.Zxid)
	l := &looking{server: s, at: s.state()}
	s.role = l
	l.follow(&election.Decision{Vote: election.Vote{Leader: change.Leader}, State: state})
	return true
}

// remember keeps the configuration in force on disk, as a real server does beside
// zoo.cfg: what log and tree prove after a crash may be less. It goes on if it cannot: so do all
// where nobody joins.
func (s *server) remember(c quorum.Config) {
	if c.Version <= s.kept || !s.cluster.opts.Joins {
		return
	}
	if err := vfs.WriteFileAtomic(s.storage.fs, configName, c.Text()); err != nil {
		s.say("cannot keep its configuration: " + err.Error())
		return
	}
	s.kept = c.Version
}

// remembered is the configuration that an earlier life kept, or that of the beginning.
func (s *server) remembered() quorum.Config {
	s.kept = 0
	b, err := vfs.ReadFile(s.storage.fs, configName, 1<<20)
	if err != nil {
		return s.cluster.config
	}
	c, err := quorum.Parse(b)
	if err != nil {
		s.cluster.fail("start", "server %d cannot read the configuration that it kept: %v", s.id, err)
		return s.cluster.config
	}
	s.kept = c.Version
	return c
}

// adopt takes other configurations for those in force.
func (s *server) adopt(active quorum.Active) {
	if active.Committed.Version != s.active.Committed.Version {
		s.say("has configuration %#x", active.Committed.Version)
	}
	s.active = active
	s.ledger.adopts(s.id, active.Committed)
	s.remember(active.Committed)
	s.election.Reconfigure(s.millis(), active)
	s.elect()
}

// recall finds the configurations that count on the disk: the last one that the tree
// knows to be committed, and the last one proposed that the log holds behind it.
func (s *server) recall() quorum.Active {
	active := quorum.Active{Committed: s.active.Committed}
	tree := s.core.Tree()
	if c, err := quorum.Parse(tree.Config()); err == nil && c.Version > active.Committed.Version {
		active.Committed = c
	}
	err := s.storage.Read(zab.Range{After: tree.LastZxid(), To: s.storage.log.Last()}, func(_ wire.Zxid, raw []byte) error {
		txn, err := wire.DecodeTxn(raw)
		if err != nil || txn.Header.Op != wire.OpReconfig {
			return nil
		}
		if c, err := quorum.Parse(txn.Body.(*wire.SetDataTxn).Data); err == nil {
			active = active.Behind(c)
		}
		return nil
	})
	if err != nil && s.up() && s.storage.log.Base() <= tree.LastZxid() {
		s.cluster.fail("driver", "server %d cannot search its log for configurations: %v", s.id, err)
	}
	return active
}

// distrust notes, also for the next life, that the state is not to be built on.
func (s *server) distrust() {
	s.force, s.untrust = true, true
	s.ledger.damaged(s.id)
	s.storage.try("note damage", s.storage.noteDamage())
}
