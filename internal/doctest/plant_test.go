package doctest

import (
	"bytes"
	"os"
	"regexp"
	"testing"
)

var plantedBug = regexp.MustCompile(`Bug = "([^"]+)"`)

// Every bug that can be planted is in the table of docs/testing.md, and none is in the binary:
// without the build tag the compiler removes the question for it, and with it its name.
func TestPlantedBugsAreToldOfAndNotShipped(t *testing.T) {
	read := func(name string) []byte {
		t.Helper()
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	shipped, page := read(binary(t)), read("../../docs/testing.md")
	bugs := plantedBug.FindAllSubmatch(read("../plant/bugs.go"), -1)
	if len(bugs) < 25 {
		t.Fatalf("only %d bugs found", len(bugs))
	}
	for _, m := range bugs {
		if !bytes.Contains(page, append(append([]byte("\n| "), m[1]...), " |"...)) {
			t.Errorf("docs/testing.md does not tell of %s", m[1])
		}
		if bytes.Contains(shipped, m[1]) {
			t.Errorf("the binary knows %s", m[1])
		}
	}
}
