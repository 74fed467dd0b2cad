package faulttest

import (
	"slices"
	"testing"

	"github.com/zabra/zabra/internal/plant"
)

// tries is how often a bug may get away that shows only if things come together, which
// they do less often on a machine that has more to do than it can.
const tries = 4

// Bugs planted in the servers are found by the checks that are there for them.
func TestPlantedBugsAreFound(t *testing.T) {
	inFull(t)
	for _, p := range []struct {
		bug     plant.Bug
		servers int
		during  string
		by      []string
	}{
		{plant.AckBeforeSync, 3, "lose power everywhere", []string{"write", "log"}},
		{plant.CommitBySingleAck, 3, "isolate the leader", []string{"write"}},
		{plant.QuorumOffByOne, 3, "isolate a follower", []string{"write", "log", "trees"}},
		{plant.EphemeralKept, 3, "kill a follower", []string{"ephemeral"}},
		{plant.MultiPartlyApplied, 3, "kill a follower", []string{"write"}},
		{plant.TruncateSkipped, 3, "isolate the leader", []string{"log", "trees"}},
		{plant.TouchesNotForwarded, 3, "pause a follower", []string{"expiry"}},
		{plant.AppliedBeforeCommit, 5, "halves with the leader in the smaller", []string{"read"}},
		{plant.DeposedLeaderSyncs, 3, isolatePatient.name, []string{"register"}},
	} {
		t.Run(string(p.bug), func(t *testing.T) {
			t.Parallel()
			s := setup{servers: p.servers, faulty: true, bug: p.bug}
			f := isolatePatient
			if p.during == f.name {
				s.config, s.patient = linearizable, true
			} else {
				f = byName(t, p.during)[0]
			}
			var found []string
			for try := range uint64(tries) {
				v := run(t, *seedFlag+try, s, f)
				if slices.ContainsFunc(p.by, v.has) {
					t.Logf("found: %s", v.problems[0])
					return
				}
				found = append(found, v.problems...)
			}
			t.Errorf("%v should have been found by one of %v; found was %q", p.bug, p.by, found)
		})
	}
}
