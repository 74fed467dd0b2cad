package faulttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/zabra/zabra/internal/plant"
)

// Bugs planted in the recipes of the Go client are found by the claims that are there for
// them. The recipes run in the process of the test, so each bug gets one of its own, of
// this test binary built anew with the tag.
func TestBugsOfRecipesAreFound(t *testing.T) {
	inFull(t)
	needNamespaces(t)
	binary := filepath.Join(binaries.dir, "recipes")
	if out, err := exec.Command("go", "test", "-c", "-tags", "plant", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, p := range []struct {
		bug plant.Bug
		by  string
	}{
		{plant.TwiceInLine, "all recipes go on"},
		{plant.PredecessorTrusted, "held at the same time|came after"},
		{plant.TokenOfLine, "came after"},
		{plant.LossLearntLate, "held at the same time|held a semaphore"},
		{plant.RepeatedBlindly, `the counter is \d+ after|after it had been done`},
		{plant.DoneForAnother, "was done 2 times"},
		{plant.GapIgnored, "the cache is like the tree"},
		{plant.PresenceOnce, "all workers are members"},
	} {
		t.Run(string(p.bug), func(t *testing.T) {
			t.Parallel()
			var out []byte
			var err error
			for try := range uint64(tries) {
				run := exec.CommandContext(t.Context(), binary, "-test.run=^TestRecipes$", "-test.timeout=5m",
					fmt.Sprint("-seed=", *seedFlag+try), "-plant="+string(p.bug), "-zabra="+binaries.zabra)
				run.Env = append(os.Environ(), "ZABRA_FAULTS=") // the first faults are enough
				out, err = run.CombinedOutput()
				found := regexp.MustCompile(`_test\.go:\d+: (.*(` + p.by + `).*)`).FindSubmatch(out)
				if err != nil && found != nil {
					t.Logf("found: %s", found[1])
					return
				}
			}
			t.Errorf("%v should have been found by %q: %v\n%s", p.bug, p.by, err, out)
		})
	}
}
