package quorum

import (
	"slices"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// HasQuorum reports whether the servers for which acked is true form a quorum.
// It asks about voters only, so that observers and strangers never count.
//
// Without groups a quorum is more than half of the voters. With groups it is, in
// more than half of the groups that have any weight, servers with more than half
// of the group's weight; the weight of a group is that of its voters. Any two
// quorums have a server in common.
func (c Config) HasQuorum(acked func(wire.SID) bool) bool {
	if len(c.Groups) > 0 {
		return c.hasGroups(acked)
	}
	voters, yes := 0, 0
	for _, s := range c.Servers {
		if s.Role != Participant {
			continue
		}
		voters++
		if acked(s.ID) {
			yes++
		}
	}
	if plant.In(plant.QuorumOffByOne) {
		return yes >= voters/2
	}
	return yes > voters/2
}

func (c Config) hasGroups(acked func(wire.SID) bool) bool {
	groups, won := 0, 0
	for _, g := range c.Groups {
		var all, yes int64
		for _, id := range g.Members {
			if !c.IsVoter(id) {
				continue
			}
			w := c.Weight(id)
			all += w
			if acked(id) {
				yes += w
			}
		}
		if all > 0 {
			groups++
		}
		if yes > all/2 {
			won++
		}
	}
	return won > groups/2
}

// Active is the configurations in force: the committed one and, while a
// reconfiguration is under way, the one that was proposed last. What must not be
// contradicted later (an election, the start of an epoch, a transaction after
// the reconfiguration) needs a quorum in each.
type Active struct {
	Committed Config
	// Proposed counts if its version is the larger one; otherwise, as in the
	// zero Config, nothing is under way.
	Proposed Config
}

// Pending reports whether a reconfiguration is under way.
func (a Active) Pending() bool { return a.Proposed.Version > a.Committed.Version }

// Behind returns the configurations in force where the log holds a proposal of c behind
// what led to a. A leader proposes no configuration while another one is under way, so c
// says that the one before it is committed.
func (a Active) Behind(c Config) Active {
	if c.Version <= a.Newest().Version {
		return a
	}
	return Active{Committed: a.Newest(), Proposed: c}
}

// Told returns the configurations in force where another server says that c, newer than
// what is committed here, is committed. What the own log proposes stays under way
// unless c is as new: it may have been committed since.
func (a Active) Told(c Config) Active {
	if plant.In(plant.ProposedConfigOverheard) {
		return Active{Committed: c}
	}
	return Active{Committed: c, Proposed: a.Proposed}
}

// HasQuorum reports whether the servers for which acked is true form a quorum in
// every configuration in force.
func (a Active) HasQuorum(acked func(wire.SID) bool) bool {
	return a.Committed.HasQuorum(acked) && (!a.Pending() || a.Proposed.HasQuorum(acked))
}

// IsVoter reports whether a server votes in one of the configurations in force.
func (a Active) IsVoter(id wire.SID) bool {
	return a.Committed.IsVoter(id) || a.Pending() && a.Proposed.IsVoter(id)
}

// Voters returns the ids of all who vote in one of the configurations in force,
// ascending.
func (a Active) Voters() []wire.SID {
	ids := a.Committed.Voters()
	if !a.Pending() {
		return ids
	}
	ids = append(ids, a.Proposed.Voters()...)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Newest is the configuration that was proposed last: the one that a leader
// sends with NEWLEADER and that the next reconfiguration starts from.
func (a Active) Newest() Config {
	if a.Pending() {
		return a.Proposed
	}
	return a.Committed
}
