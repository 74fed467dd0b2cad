package interop

import (
	"os"
	"testing"

	"github.com/zabra/zabra/interop/harness"
)

var env *harness.Env

func TestMain(m *testing.M) {
	env = harness.Find()
	code := m.Run()
	env.Close()
	os.Exit(code)
}

// parallel begins a test that starts servers. Most of them wait for a timeout or
// a JVM most of the time, so they run beside each other.
func parallel(t *testing.T) {
	t.Helper()
	env.Need(t)
	t.Parallel()
}

// eachServer runs f against the peer and against the subject.
func eachServer(t *testing.T, c harness.Config, f func(t *testing.T, s *harness.Server)) {
	t.Helper()
	parallel(t)
	t.Run("peer", func(t *testing.T) { f(t, env.Start(t, harness.Apache, c)) })
	t.Run("subject", func(t *testing.T) { f(t, env.Start(t, env.Subject(), c)) })
}
