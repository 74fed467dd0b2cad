package harness

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// ZabraCli types the script into zabra cli, as ZkCli does into its shell, and returns
// everything it printed.
func (e *Env) ZabraCli(t testing.TB, s *Server, script string) string {
	t.Helper()
	cmd := exec.Command(e.ZabraBinary, "cli", "-server", s.Addr, "-waitforconnection")
	cmd.Stdin = &typist{strings.SplitAfter(script+"\nquit\n", "\n")}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	runBounded(t, cmd)
	return out.String()
}
