//go:build plant

package zab

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/internal/plant"
)

// caught is what a catcher panics with.
type caught string

// A catcher is a testing.TB that does not fail the test, but tells that a check
// failed.
type catcher struct{ testing.TB }

func (catcher) Fatalf(format string, args ...any) { panic(caught(fmt.Sprintf(format, args...))) }
func (catcher) Logf(string, ...any)               {}

// catch runs f and returns what a check said, "" if all passed.
func catch(t testing.TB, f func(testing.TB)) (said string) {
	defer func() {
		if p := recover(); p != nil {
			c, ok := p.(caught)
			if !ok {
				panic(p)
			}
			said = string(c)
		}
	}()
	f(catcher{t})
	return ""
}

// TestRandomCatchesPlantedBugs shows that the checks of TestRandom catch what they are
// there for.
func TestRandomCatchesPlantedBugs(t *testing.T) {
	for _, bug := range []plant.Bug{
		plant.EpochAfterReply, plant.EpochBeforeHistory, plant.TruncateSkipped, plant.ObserverCounted,
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
