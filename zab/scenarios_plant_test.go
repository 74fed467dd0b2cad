//go:build plant

package zab

import (
	"testing"

	"github.com/zabra/zabra/internal/plant"
)

// TestScenariosFailWithTheirBugs shows that each scenario notices what it is about.
func TestScenariosFailWithTheirBugs(t *testing.T) {
	for _, s := range scenarios {
		if s.bug == "" {
			continue
		}
		t.Run(string(s.bug), func(t *testing.T) {
			defer plant.Plant(s.bug)()
			if said := catch(t, s.run); said == "" {
				t.Errorf("%s passes with the bug", s.name)
			} else {
				t.Log(said)
			}
		})
	}
}
