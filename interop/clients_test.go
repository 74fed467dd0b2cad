package interop

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zabra/zabra/interop/harness"
)

// clientConfig makes the reaper quick, so that programs need not wait a minute
// for a container or a TTL node to go.
func clientConfig() harness.Config {
	return harness.Config{
		"znode.container.checkIntervalMs":          "200",
		"DigestAuthenticationProvider.superDigest": superDigest,
	}
}

// A program prints a transcript against one server.
type program func(s *harness.Server, p *harness.Proxy) *harness.Program

// sameTranscript runs the program against both servers, at the same time, and
// wants the same lines.
func sameTranscript(t *testing.T, f program) {
	t.Helper()
	parallel(t)
	kinds := []harness.Kind{harness.Apache, env.Subject()}
	got := make([][]string, len(kinds))
	programs := make([]*harness.Program, len(kinds))
	for i, k := range kinds {
		s := env.Start(t, k, clientConfig())
		programs[i] = f(s, harness.NewProxy(t, s.Addr))
	}
	var all sync.WaitGroup
	for i := range programs {
		all.Go(func() { got[i] = programs[i].Run(t) })
	}
	all.Wait()
	compareTranscripts(t, got[0], got[1])
}

// compareTranscripts reports the first lines that differ, under the section
// they are in.
func compareTranscripts(t *testing.T, peer, subject []string) {
	t.Helper()
	t.Logf("%d lines", len(peer))
	if *showFlag {
		t.Logf("peer's transcript:\n%s", strings.Join(peer, "\n"))
	}
	if slices.Equal(peer, subject) {
		return
	}
	const shown = 15
	section, n := "", 0
	for i := range max(len(peer), len(subject)) {
		p, s := lineOf(peer, i), lineOf(subject, i)
		if strings.HasPrefix(p, "== ") {
			section = p
		}
		if p == s {
			continue
		}
		if n++; n <= shown {
			t.Errorf("%s: line %d\n  peer:    %s\n  subject: %s", section, i+1, p, s)
		}
	}
	t.Logf("%d lines differ", n)
}

func lineOf(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(no line)"
}

func TestJavaClient(t *testing.T) {
	sameTranscript(t, func(s *harness.Server, p *harness.Proxy) *harness.Program {
		return env.Java(s, p, "zabra.interop.JavaClient")
	})
}

func TestCurator(t *testing.T) {
	sameTranscript(t, func(s *harness.Server, p *harness.Proxy) *harness.Program {
		return env.Java(s, p, "zabra.interop.CuratorClient")
	})
}

func TestKazoo(t *testing.T) {
	sameTranscript(t, func(s *harness.Server, p *harness.Proxy) *harness.Program {
		return env.PythonProgram(s, p, "kazoo_client.py")
	})
}
