package sim

import (
	"bufio"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

var (
	seeds = flag.Int("seeds", 0, "how many seeds to run; 0 for a few")
	lasts = flag.Duration("for", 0, "run seeds for so long, instead of a number of them")
	first = flag.Uint64("first", 1, "the first seed")
	only  = flag.Uint64("seed", 0, "run this seed only, with a trace")
	bear  = flag.Int("keep-going", 1, "how many seeds may go wrong before the rest is not run")
)

// gridSeeds is from how many seeds on every cell of the grid must have been hit.
const gridSeeds = 600

// fewSeeds is what runs if nobody says how many: a few seconds.
const fewSeeds = 8

// TestSeeds runs one simulated ensemble after the other, until too many went wrong.
func TestSeeds(t *testing.T) {
	if *only != 0 {
		replay(t, *only)
		return
	}
	s := series{grid: NewGrid(), began: time.Now()}
	for seed := *first; s.goesOn(); seed++ {
		o := Draw(seed)
		o.Grid = s.grid
		r := Run(o)
		t.Log(r.String())
		s.add(&r)
		if r.Violation != nil {
			t.Errorf("seed %d: %v\nto see how: go test ./internal/sim -run 'TestSeeds$' -seed %d\nthe end of it:\n%s",
				seed, r.Violation, seed, strings.Join(r.Recent, "\n"))
			s.wrong = append(s.wrong, seed)
		}
		if len(s.wrong) >= *bear {
			break
		}
	}
	s.report(t)
}

// replay runs one seed and prints everything that happens.
func replay(t *testing.T, seed uint64) {
	o := Draw(seed)
	out := bufio.NewWriter(os.Stdout)
	o.Trace = out
	r := Run(o)
	if err := out.Flush(); err != nil {
		t.Error(err)
	}
	if t.Log(r.String()); r.Violation != nil {
		t.Error(r.Violation)
	}
}

// A series is many runs.
type series struct {
	grid      *Grid
	began     time.Time
	runs      int
	simulated time.Duration // of all servers together
	committed int
	answered  int
	undecided int
	wrong     []uint64 // seeds
}

func (s *series) goesOn() bool {
	if *lasts > 0 {
		return time.Since(s.began) < *lasts
	}
	if *seeds > 0 {
		return s.runs < *seeds
	}
	return s.runs < fewSeeds
}

func (s *series) add(r *Result) {
	s.runs++
	s.simulated += r.Simulated * time.Duration(r.Options.Voters+r.Options.Observers)
	s.committed += r.Committed
	s.answered += r.Answered
	s.undecided += r.Undecided
}

func (s *series) report(t *testing.T) {
	var table strings.Builder
	s.grid.Write(&table)
	t.Logf("faults by what the server was doing:\n%s", table.String())
	for _, what := range missing(s.grid, s.runs) {
		t.Error(what)
	}
	if len(s.wrong) > 0 {
		t.Logf("seeds that went wrong: %v", s.wrong)
	}
	took := time.Since(s.began)
	t.Logf("%d seeds, %.0f simulated server-seconds (%.0f per second), %d transactions, %d answers, %d registers undecided",
		s.runs, s.simulated.Seconds(), s.simulated.Seconds()/took.Seconds(), s.committed, s.answered, s.undecided)
}

// missing is what a run of so many seeds should have done, and has not.
func missing(g *Grid, runs int) (list []string) {
	if runs < gridSeeds {
		return nil
	}
	for _, cell := range g.Empty() {
		list = append(list, "never hit: "+cell)
	}
	for _, deed := range g.Undone() {
		list = append(list, "never happened: "+deed)
	}
	return list
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
