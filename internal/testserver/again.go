package testserver

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// AllInProcess runs all tests of the test's own binary once more, on servers that are
// reached without sockets. It wants at least so many to pass.
func AllInProcess(t *testing.T, least int) {
	t.Helper()
	if os.Getenv(Environment) != "" {
		t.Skip("it is another run already")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^Test", "-test.v", "-test.timeout=15m")
	cmd.Env = append(os.Environ(), Environment+"="+InProcess)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if passed := len(regexp.MustCompile(`(?m)^--- PASS`).FindAll(out, -1)); passed < least {
		t.Errorf("only %d tests passed, want %d:\n%s", passed, least, out)
	}
}
