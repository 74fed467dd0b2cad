package faulttest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Random faults hit ensembles of three and of five servers one after another, some of
// whose reads are linearizable, for as long as -for says. Each ensemble has a seed; -seed
// is the first, and repeats one with "-for 1s".
func TestManyFaults(t *testing.T) {
	if *longFlag == 0 {
		t.Skip("set -for, or run \"make faults-long\"")
	}
	rounds, writes := map[string]int{}, 0
	began := time.Now()
	for seed := *seedFlag; time.Since(began) < *longFlag; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			s, some := randomly(seed)
			v := run(t, seed, s, some...)
			v.report(t)
			for _, f := range some {
				rounds[f.name]++
			}
			writes += v.writes
		})
	}
	t.Logf("%d acknowledged writes in %v", writes, time.Since(began).Round(time.Second))
	for _, f := range faults {
		t.Logf("%5d times %s", rounds[f.name], f.name)
	}
}

// randomly is what a seed stands for.
func randomly(seed uint64) (s setup, some []fault) {
	rng := rand.New(rand.NewPCG(seed, 1<<33))
	s.servers = 3 + 2*rng.IntN(2)
	if s.servers == 5 {
		s.observers = 2 * rng.IntN(2)
	}
	if rng.IntN(3) == 0 {
		s.config = linearizable
	}
	if rng.IntN(3) == 0 {
		s.faulty, s.env = true, []string{"FAULTY_VOLATILE=1"}
	}
	forgot := 0
	for range 3 + rng.IntN(4) {
		f := faults[rng.IntN(len(faults))]
		if f.forgets {
			forgot++
		}
		if !f.forgets || forgot < 3 { // the verdict needs one log that is whole
			some = append(some, f)
		}
	}
	return s, some
}
