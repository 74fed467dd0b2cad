package interop

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// masterMixes are three voters, of which the last leads, and an observer that learns
// from one of the others.
var masterMixes = []struct {
	name, members string
	long          bool
}{
	{"Apache observes Zabra followers of Apache", "zzaA", false},
	{"Zabra observes Apache followers of Zabra", "aazZ", false},
	{"Zabra observes Zabra followers of Apache", "zzaZ", true},
	{"Apache observes Zabra and Apache followers of Zabra", "zazA", true},
	{"Zabra observes Zabra and Apache followers of Apache", "zaaZ", true},
	{"four Zabra", "zzzZ", true},
}

// Observers on observerMasterPort: whatever is asked through them is answered as
// everywhere else, and when the follower goes they find another one.
func TestObserverMasters(t *testing.T) {
	env.Need(t)
	for _, m := range masterMixes {
		if m.long && !env.Long {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			c := ensembleConfig()
			c["observerMasterPort"] = strconv.Itoa(env.FreePort(t))
			n := env.StartEnsemble(t, harness.Members(m.members), c)
			observer := n.Servers[3]
			master := learnsFromFollower(t, n)
			servesThroughMaster(t, n, observer, master)
			loseMaster(t, n, observer, master)
			if !t.Failed() {
				agree(t, n)
			}
		})
	}
}

// learnsFromFollower is the follower that the observer, the last server, learns from.
func learnsFromFollower(t *testing.T, n *harness.Ensemble) (master *harness.Server) {
	t.Helper()
	leader, observer := n.Leader(t), n.Servers[3]
	eventually(t, func() string {
		id, err := strconv.Atoi(observer.Value("observer_master_id"))
		if err != nil || id < 1 || id > 3 {
			return fmt.Sprintf("%s learns from %d, %v", name(observer), id, err)
		}
		if master = n.Servers[id-1]; !master.Running() || master == leader {
			return fmt.Sprintf("%s learns from %s, which leads or is gone", name(observer), name(master))
		}
		if got := master.Value("synced_observers"); got != "1" {
			return fmt.Sprintf("%s has %q observers", name(master), got)
		}
		return ""
	})
	return master
}

func servesThroughMaster(t *testing.T, n *harness.Ensemble, observer, master *harness.Server) {
	t.Helper()
	everyWrite(t, observer)
	identities(t, observer)
	tooFastForOne(t, observer)
	watches(t, observer, n.Leader(t))
	watches(t, master, observer)
	moves(t, observer, master)
	moves(t, master, observer)
	moves(t, n.Leader(t), observer)
	expires(t, n)
}

// loseMaster kills the follower. The observer serves again, with what was written
// meanwhile, and the follower comes back.
func loseMaster(t *testing.T, n *harness.Ensemble, observer, master *harness.Server) {
	t.Helper()
	kept := lastingSession(t, observer)
	kept.want("0", raw.OpCreate, flags("/kept", raw.Ephemeral))
	kept.conn.Close()
	master.Kill()
	n.Await(t)
	next := learnsFromFollower(t, n)
	p := newProber(t, observer)
	p.want("0", raw.OpCreate, create("/after"))
	p.sync()
	p.want("0", raw.OpExists, raw.Read("/kept", false))
	p.end()
	kept.s = observer
	if why := kept.resume(); why != "" {
		t.Errorf("the session is lost with the follower: %s", why)
	}
	kept.end()
	master.Restart(t)
	n.Await(t)
	if master == next {
		t.Errorf("the observer came back under %s, which was gone", name(next))
	}
}
