//go:build plant

package quorum

import (
	"testing"

	"github.com/zabra/zabra/internal/plant"
)

// With the bug two quorums need not meet: one of the configuration that is under way
// here and committed elsewhere, and one here.
func TestPlantedBugsOfConfigurations(t *testing.T) {
	apart := func() bool {
		return overheard(t).HasQuorum(anyOf(3, 4, 5))
	}
	if apart() {
		t.Error("caught although it is not there")
	}
	defer plant.Plant(plant.ProposedConfigOverheard)()
	if !apart() {
		t.Error("not caught")
	}
}
