package archtest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inFull are the steps of CI that make full has a longer form of, and its target.
var inFull = map[string]string{"sim": "simulate", "interop": "interop-long"}

// make full leaves nothing out: each step of CI is one of its own, or has a longer form there,
// and each variable that makes a test longer is set.
func TestFullLeavesNothingOut(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	ci, makefile := read(".ci/run"), read("Makefile")
	for _, what := range leftOut(ci, makefile) {
		t.Error(what)
	}
	if got := leftOut(strings.Replace(ci, "steps=(", "steps=(another ", 1), makefile); len(got) != 1 {
		t.Errorf("another step of CI: %v", got)
	}
	if got := leftOut(ci, strings.Replace(makefile, "full: long ", "full: ", 1)); len(got) != 1 {
		t.Errorf("without the long tests: %v", got)
	}
}

var (
	ciSteps    = regexp.MustCompile(`(?m)^steps=\((.*)\)$`)
	fullRecipe = regexp.MustCompile(`(?m)^full: (.*)\n\t.*bash \.ci/run (.*)$`)
)

func leftOut(ci, makefile string) (list []string) {
	steps, full := ciSteps.FindStringSubmatch(ci), fullRecipe.FindStringSubmatch(makefile)
	if steps == nil || full == nil {
		return []string{"the steps of CI, or those of make full, are not where they were"}
	}
	targets, again := strings.Fields(full[1]), strings.Fields(full[2])
	for _, step := range strings.Fields(steps[1]) {
		if !slices.Contains(again, step) && !slices.Contains(targets, inFull[step]) {
			list = append(list, "make full leaves out what CI does as "+step)
		}
	}
	for _, target := range []string{"long", "faults-long"} {
		if !slices.Contains(targets, target) {
			list = append(list, "make full leaves out "+target)
		}
	}
	for _, variable := range []string{"ZABRA_LONG_TESTS=1", "ZABRA_INTEROP_LONG=1", "ZABRA_FUZZTIME="} {
		if !strings.Contains(makefile, variable) {
			list = append(list, "nothing sets "+variable)
		}
	}
	return list
}
