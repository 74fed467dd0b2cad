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

// sameTranscript runs the program everywhere, and wants the same lines.
func sameTranscript(t *testing.T, f program) {
	t.Helper()
	parallel(t)
	everyStand(t, clientConfig(), func(s *harness.Server) func() []string {
		p := f(s, harness.NewProxy(t, s.Addr))
		return func() []string { return p.Run(t) }
	})
}

// everyStand runs what f prepares against the peer and against the subject, alone and
// as a member of an ensemble, all at the same time, and wants the same lines.
func everyStand(t *testing.T, c harness.Config, f func(s *harness.Server) func() []string) {
	t.Helper()
	servers := []*harness.Server{env.Start(t, harness.Apache, c)}
	for _, st := range stands() {
		servers = append(servers, st.start(t, c))
	}
	got := make([][]string, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		run := f(s)
		all.Go(func() { got[i] = run() })
	}
	all.Wait()
	for i, st := range stands() {
		peer, subject := got[0], got[i+1]
		if i > 0 {
			peer, subject = withoutConfig(peer), withoutConfig(subject)
		}
		t.Run(st.name, func(t *testing.T) { compareTranscripts(t, peer, subject) })
	}
}

// withoutConfig leaves out the text of /zookeeper/config, which is empty only where a
// server stands alone.
func withoutConfig(lines []string) (rest []string) {
	for _, l := range lines {
		if !strings.HasPrefix(l, "config -> ") && !strings.HasPrefix(l, "server.") && !strings.HasPrefix(l, "version=") {
			rest = append(rest, l)
		}
	}
	return rest
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

func TestCClient(t *testing.T) {
	env.NeedC(t)
	sameTranscript(t, env.CProgram)
}
