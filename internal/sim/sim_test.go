package sim

import (
	"flag"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// gridSeeds is from how many seeds on every cell of the grid must have been hit.
const gridSeeds = 500

var (
	seeds = flag.Int("seeds", 0, "how many seeds to run; 0 for a few")
	first = flag.Uint64("first", 1, "the first seed")
	only  = flag.Uint64("seed", 0, "run this seed only, with a trace")
)

func TestSeeds(t *testing.T) {
	if *only != 0 {
		o := Draw(*only)
		o.Trace = os.Stdout
		r := Run(o)
		t.Log(r.String())
		if r.Violation != nil {
			t.Fail()
		}
		return
	}
	n := *seeds
	if n == 0 {
		n = 8
	}
	grid := NewGrid()
	began := time.Now()
	var simulated time.Duration
	for seed := *first; seed < *first+uint64(n); seed++ {
		o := Draw(seed)
		o.Grid = grid
		r := Run(o)
		simulated += r.Simulated * time.Duration(o.Voters+o.Observers)
		t.Log(r.String())
		if r.Violation != nil {
			t.Errorf("seed %d: %v; replay with -seed %d", seed, r.Violation, seed)
			t.Log(strings.Join(r.Recent, "\n"))
			break
		}
	}
	var table strings.Builder
	grid.Write(&table)
	t.Logf("faults by place:\n%s", table.String())
	if empty := grid.Empty(); n >= gridSeeds && len(empty) > 0 {
		t.Errorf("%d cells of the grid are empty: %s", len(empty), strings.Join(empty, "; "))
	}
	t.Logf("%v of servers simulated in %v on %d processors", simulated, time.Since(began).Round(time.Millisecond), runtime.GOMAXPROCS(0))
}

// The same seed gives the same trace. All else rests on that.
func TestRunsRepeatThemselves(t *testing.T) {
	for seed := *first; seed < *first+3; seed++ {
		a, b := Run(Draw(seed)), Run(Draw(seed))
		if a.Hash != b.Hash || a.Steps != b.Steps {
			t.Errorf("seed %d: two runs differ: hash %x in %d steps, hash %x in %d steps", seed, a.Hash, a.Steps, b.Hash, b.Steps)
		}
	}
}
