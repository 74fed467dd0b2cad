package faulttest

import (
	"slices"
	"testing"

	"github.com/zabra/zabra/internal/plant"
)

// Bugs planted in the servers are found by the checks that are there for them.
func TestPlantedBugsAreFound(t *testing.T) {
	inFull(t)
	for _, p := range []struct {
		bug    plant.Bug
		during string
		by     []string
	}{
		{plant.AckBeforeSync, "lose power everywhere", []string{"write", "log"}},
		{plant.CommitBySingleAck, "isolate the leader", []string{"write"}},
		{plant.QuorumOffByOne, "isolate a follower", []string{"write", "log", "trees"}},
		{plant.EphemeralKept, "kill a follower", []string{"ephemeral"}},
		{plant.VersionUnchecked, "kill a follower", []string{"write"}},
		{plant.DeposedLeaderSyncs, isolatePatient.name, []string{"register"}},
	} {
		t.Run(string(p.bug), func(t *testing.T) {
			t.Parallel()
			s := setup{servers: 3, faulty: true, bug: p.bug}
			f := isolatePatient
			if p.during == f.name {
				s.config, s.patient = linearizable, true
			} else {
				f = byName(t, p.during)[0]
			}
			v := run(t, *seedFlag, s, f)
			if !slices.ContainsFunc(p.by, v.has) {
				t.Errorf("%v should have been found by one of %v; found was %q", p.bug, p.by, v.problems)
			} else {
				t.Logf("found: %s", v.problems[0])
			}
		})
	}
}
