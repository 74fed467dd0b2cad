package interop

import (
	"errors"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/zabra/zabra/interop/differ"
	"github.com/zabra/zabra/interop/harness"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "differential test: the seed (0: always the same, or another one each time in the long form)")
	stepsFlag = flag.Int("steps", 0, "differential test: steps of a run (0: 5,000, or 100,000 in the long form)")
	showFlag  = flag.Bool("show", false, "print every step of the differential test and every transcript")
)

// differentialConfig switches on what requests can exercise and off what
// happens by itself at a time of the server's choosing.
func differentialConfig() harness.Config {
	return harness.Config{
		"enforceQuota": "true",
		"DigestAuthenticationProvider.superDigest": differ.SuperDigest,
		"minSessionTimeout":                        "40000",
		"maxSessionTimeout":                        "80000",
		"znode.container.checkIntervalMs":          "86400000",
		"forceSync":                                "no",
	}
}

func TestDifferential(t *testing.T) {
	env.Need(t)
	steps := 5000
	if env.Long {
		steps = 100_000
	}
	if *stepsFlag > 0 {
		steps = *stepsFlag
	}
	seed := *seedFlag
	switch {
	case seed != 0:
	case env.Long:
		seed = 1 + rand.Uint64N(1<<32)
	default: // a change is judged by what it changes
		seed = 1
	}
	for _, st := range stands() {
		for _, bursts := range []bool{false, true} {
			t.Run(sprintf("%s/bursts=%v", st.name, bursts), func(t *testing.T) {
				plan := differ.Plan{Seed: seed, Steps: steps, Bursts: bursts, Member: st.name != "subject"}
				if plan.Member && *stepsFlag == 0 {
					plan.Steps = steps * 2 / 5
				}
				differential(t, st, plan)
			})
		}
	}
}

func differential(t *testing.T, st stand, plan differ.Plan) {
	t.Helper()
	config := differentialConfig()
	config["enforceQuota"] = sprintf("%v", !plan.Bursts)
	peer := env.Start(t, harness.Apache, config)
	subject := st.start(t, config)
	coverage := differ.NewCoverage()
	err := differ.Run(peer.Addr, subject.Addr, plan, func(i int, st differ.Step, out differ.Outcome) {
		coverage.Note(st, out)
		trace(t, i, st, out)
	})
	var m *differ.Mismatch
	if errors.As(err, &m) {
		t.Fatalf("%v\n  replay: go test ./interop -run %s -seed %d -steps %d -show", m, t.Name(), m.Seed, m.Step)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d, %d steps\n%v", plan.Seed, plan.Steps, coverage)
	if missing := coverage.Missing(); len(missing) > 0 && plan.Steps >= 5000 && !plan.Bursts {
		t.Errorf("seed %d: %d steps without %v", plan.Seed, plan.Steps, missing)
	}
}

// Servers that differ in one small setting are told apart: the comparison is
// not blind.
func TestDifferentialSeesDifferences(t *testing.T) {
	env.Need(t)
	for key, value := range map[string]string{
		"enforceQuota":         "false",
		"extendedTypesEnabled": "false",
		"maxSessionTimeout":    "79999",
	} {
		t.Run(key, func(t *testing.T) {
			other := differentialConfig()
			other[key] = value
			peer := env.Start(t, harness.Apache, differentialConfig())
			subject := env.Start(t, harness.Apache, other)
			err := differ.Run(peer.Addr, subject.Addr, differ.Plan{Seed: 1, Steps: 5000}, nil)
			var m *differ.Mismatch
			if !errors.As(err, &m) {
				t.Errorf("%s=%s on one side: got %v, want a mismatch", key, value, err)
			}
		})
	}
}

func trace(t *testing.T, i int, st differ.Step, out differ.Outcome) {
	if !*showFlag {
		return
	}
	t.Logf("%d: %v", i, st)
	for _, l := range out {
		t.Logf("    %s", l)
	}
}
