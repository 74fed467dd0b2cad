package sim

import (
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// majority reports whether more than half of the voters of every configuration in
// force satisfy ok. It does not ask package quorum, which may be wrong.
func majority(a quorum.Active, ok func(wire.SID) bool) bool {
	configs := []quorum.Config{a.Committed}
	if a.Pending() {
		configs = append(configs, a.Proposed)
	}
	for _, c := range configs {
		if len(c.Groups) > 0 && !mostGroups(c, ok) || len(c.Groups) == 0 && !mostVoters(c, ok) {
			return false
		}
	}
	return true
}

func mostVoters(c quorum.Config, ok func(wire.SID) bool) bool {
	voters, yes := 0, 0
	for _, s := range c.Servers {
		if s.Role != quorum.Participant {
			continue
		}
		voters++
		if ok(s.ID) {
			yes++
		}
	}
	return 2*yes > voters
}

// mostGroups reports whether more than half of the groups that have any weight have
// more than half of it.
func mostGroups(c quorum.Config, ok func(wire.SID) bool) bool {
	weight := map[wire.SID]int64{}
	for _, w := range c.Weights {
		weight[w.ID] = w.Weight
	}
	groups, won := 0, 0
	for _, g := range c.Groups {
		all, yes := int64(0), int64(0)
		for _, id := range g.Members {
			all += weight[id]
			if ok(id) {
				yes += weight[id]
			}
		}
		if all > 0 {
			groups++
		}
		if 2*yes > all {
			won++
		}
	}
	return 2*won > groups
}
