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

// A stand is how the subject runs.
type stand struct {
	name  string
	start func(t *testing.T, c harness.Config) *harness.Server
}

// stands are the ways in which the subject is judged: alone, and as a member of an
// ensemble of its own kind.
func stands() []stand {
	list := []stand{
		{"subject", func(t *testing.T, c harness.Config) *harness.Server { return env.Start(t, env.Subject(), c) }},
		{"follower", func(t *testing.T, c harness.Config) *harness.Server {
			return env.StartMember(t, env.Subject(), harness.Follows, c)
		}},
	}
	if env.Long {
		for _, role := range []harness.Role{harness.Leads, harness.Observes} {
			list = append(list, stand{string(role), func(t *testing.T, c harness.Config) *harness.Server {
				return env.StartMember(t, env.Subject(), role, c)
			}})
		}
	}
	return list
}

// eachServer runs f against the peer and against the subject.
func eachServer(t *testing.T, c harness.Config, f func(t *testing.T, s *harness.Server)) {
	t.Helper()
	against(t, stands(), c, f)
}

// eachAlone does so for what is different in an ensemble.
func eachAlone(t *testing.T, c harness.Config, f func(t *testing.T, s *harness.Server)) {
	t.Helper()
	against(t, stands()[:1], c, f)
}

func against(t *testing.T, stands []stand, c harness.Config, f func(t *testing.T, s *harness.Server)) {
	t.Helper()
	parallel(t)
	t.Run("peer", func(t *testing.T) { f(t, env.Start(t, harness.Apache, c)) })
	for _, st := range stands {
		t.Run(st.name, func(t *testing.T) { f(t, st.start(t, c)) })
	}
}
