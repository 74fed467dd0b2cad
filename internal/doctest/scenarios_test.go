package doctest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// scenarioRow is a row of the table of scenarios: numbers, what it is about, tests.
var scenarioRow = regexp.MustCompile(`^\| (S\d+(?:, S\d+)*) \| [^|]+ \| (.+) \|$`)

// The table of scenarios has them all, each with a test.
func TestEveryScenarioHasATest(t *testing.T) {
	of := map[string]int{}
	for _, p := range pages(t) {
		if !strings.HasSuffix(p.path, "testing.md") {
			continue
		}
		for _, line := range strings.Split(p.text, "\n") {
			m := scenarioRow.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			for _, s := range strings.Split(m[1], ", ") {
				of[s] += strings.Count(m[2], "`Test")
			}
		}
	}
	for n := 1; n <= 30; n++ {
		if s := fmt.Sprint("S", n); of[s] == 0 {
			t.Errorf("no test is named for %s", s)
		}
	}
	if len(of) != 30 {
		t.Errorf("%d scenarios", len(of))
	}
}
