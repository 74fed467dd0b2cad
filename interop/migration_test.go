package interop

import (
	"strings"
	"testing"

	"github.com/zabra/zabra/interop/harness"
)

// Three Apache servers become three Zabra servers under load, one after the other, and
// then Apache servers again, each with the same configuration, id, ports and data.
// Nothing acknowledged is lost, no session and no watch, of kazoo, of Apache's own client
// or of Curator.
func TestRollingMigration(t *testing.T) {
	needMoving(t)
	n := env.StartEnsemble(t, harness.Members("aaa"), ensembleConfig())
	java, python := env.JavaLoad(n), env.Load(n)
	var told []string
	java.At("ready", func() error { told = append(told, python.Run(t)...); return nil })
	python.At("ready", func() error {
		replaceAll(t, n, func(s *harness.Server) { s.Import(t) })
		replaceAll(t, n, func(s *harness.Server) { s.Export(t) })
		return nil
	})
	noFaults(t, append(java.Run(t), told...))
	sameTrees(t, n)
}

// The same with disks that are empty: the leader gives each server everything.
func TestRollingMigrationOnEmptyDisks(t *testing.T) { migrates(t, "aaa", harness.Apache) }

// And so from the release line before, and back.
func TestRollingMigrationOf38(t *testing.T) { migrates(t, "ooo", harness.Apache38) }

func migrates(t *testing.T, members string, from harness.Kind) {
	parallel(t)
	n := env.StartEnsemble(t, harness.Members(members), ensembleConfig())
	p := env.Load(n)
	p.At("ready", func() error {
		for _, kind := range []harness.Kind{env.Subject(), from} {
			replaceAll(t, n, func(s *harness.Server) {
				if err := s.Wipe(); err != nil {
					t.Fatal(err)
				}
				s.Kind = kind
			})
		}
		return nil
	})
	noFaults(t, p.Run(t))
	sameTrees(t, n)
}

func noFaults(t *testing.T, transcript []string) {
	t.Helper()
	for _, l := range transcript {
		if strings.HasPrefix(l, "FAULT") {
			t.Error(l)
		}
		t.Log(l)
	}
}

// replaceAll replaces the followers and, last, the leader. A server is only stopped
// when the others are in step.
func replaceAll(t *testing.T, n *harness.Ensemble, change func(*harness.Server)) {
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
		next.Stop()
		t.Logf("%s is replaced, under %s", name(next), name(leader))
		change(next)
		next.Restart(t)
		n.Await(t)
		replaced[next] = true
	}
}
