//go:build plant

package zab

import (
	"testing"

	"github.com/zabra/zabra/internal/plant"
)

// TestRandomCatchesPlantedBugs shows that the checks of TestRandom catch what they are
// there for.
func TestRandomCatchesPlantedBugs(t *testing.T) {
	for _, bug := range []plant.Bug{
		plant.EpochAfterReply, plant.EpochBeforeHistory, plant.TruncateSkipped, plant.ObserverCounted,
		plant.ObserverPromises,
		plant.OwnAckUncounted, plant.EpochNotRaised, plant.DiffWithHole,
		plant.NewLeaderAckEarly, plant.CommitOutOfOrder, plant.CommitBySingleAck, plant.ZxidWraps,
		plant.DeposedLeaderSyncs, plant.AppliedBeforeCommit,
	} {
		t.Run(string(bug), func(t *testing.T) {
			defer plant.Plant(bug)()
			for seed := range uint64(3000) {
				said := catch(t, func(t testing.TB) { runRandom(t, seed+1, nil) })
				if said != "" {
					t.Logf("seed %d: %s", seed+1, said)
					return
				}
			}
			t.Error("not caught")
		})
	}
}
