//go:build plant

package election

import (
	"testing"

	"github.com/zabra/zabra/internal/plant"
)

// What TestS21FreshServers and TestS21OldClaimsVouchForNobody look at shows the bugs that
// they are there for.
func TestPlantedBugsOfEmptyDisks(t *testing.T) {
	for bug, caught := range map[plant.Bug]func(t *testing.T) bool{
		plant.FreshMajority: func(t *testing.T) bool {
			g := gather(t, members(3, 0))
			g.start(1, freshOwn)
			g.start(2, freshOwn)
			g.run(10_000)
			return g.leader() != 0
		},
		plant.OldClaimsCount: oldClaimsVouch,
	} {
		if caught(t) {
			t.Errorf("%s: caught although it is not there", bug)
		}
		remove := plant.Plant(bug)
		if !caught(t) {
			t.Errorf("%s: not caught", bug)
		}
		remove()
	}
}
