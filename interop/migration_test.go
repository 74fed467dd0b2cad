package interop

import (
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
)

// Three Apache servers become three Zabra servers under load, one after the other, and
// then Apache servers again: with the same configuration, ids and ports, on empty disks.
// Nothing acknowledged is lost, and no session.
func TestRollingMigration(t *testing.T) {
	parallel(t)
	n := env.StartEnsemble(t, harness.Members("aaa"), ensembleConfig())
	p := env.Load(n)
	p.At("ready", func() error {
		replaceAll(t, n, env.Subject())
		replaceAll(t, n, harness.Apache)
		return nil
	})
	for _, l := range p.Run(t) {
		if strings.HasPrefix(l, "FAULT") {
			t.Error(l)
		}
		t.Log(l)
	}
	agree(t, n)
}

// replaceAll replaces the followers and, last, the leader. A server is only stopped
// when the others are in step.
func replaceAll(t *testing.T, n *harness.Ensemble, with harness.Kind) {
	t.Helper()
	replaced := map[*harness.Server]bool{}
	for len(replaced) < len(n.Servers) {
		leader := n.Leader(t)
		next := leader
		for _, s := range n.Servers {
			if s != leader && !replaced[s] {
				next = s
				break
			}
		}
		if replaced[next] { // the leader is done, and nobody else is left
			break
		}
		t.Logf("%s becomes %s, under %s", name(next), with, name(leader))
		next.Stop()
		if err := next.Wipe(); err != nil {
			t.Fatal(err)
		}
		next.Kind = with
		next.Restart(t)
		n.Await(t)
		replaced[next] = true
	}
}
