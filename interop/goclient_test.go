package interop

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/zabra/zabra/interop/harness"
)

// The tests of our own client and its recipes, against Apache ZooKeeper.
func TestGoClientOnZooKeeper(t *testing.T) {
	parallel(t)
	s := env.Start(t, harness.Apache, harness.Config{
		"tickTime": "100", "minSessionTimeout": "100", "maxSessionTimeout": "60000",
		"maxClientCnxns": "0", "extendedTypesEnabled": "true",
	})
	cmd := exec.Command("go", "test", "-count=1", "-v", "-timeout", "5m", "./client/...")
	cmd.Dir = env.Root
	cmd.Env = append(os.Environ(), "ZABRA_TESTSERVER="+s.Addr)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	passed := len(regexp.MustCompile(`(?m)^--- PASS`).FindAll(out, -1))
	t.Logf("%d tests passed", passed)
	if passed < 30 {
		t.Errorf("only %d tests ran:\n%s", passed, out)
	}
}
