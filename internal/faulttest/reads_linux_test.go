package faulttest

import (
	"strings"
	"testing"
	"time"
)

// isolatePatient isolates the leader from the others, and lasts until they have another
// one and then some, while the first still believes that it leads. No write
// is under way when it happens, nor asked of it then: a leader that waits for one to be
// committed does not answer reads anyway.
var isolatePatient = fault{name: "isolate a leader that does not notice", hold: 5 * time.Second, strike: func(n *nemesis) (func() error, bool) {
	n.leads.shunned.Store(true)
	n.l.quiet.Store(true)
	time.Sleep(sessionTimeout + time.Second) // the expiry of a session is a write, too
	n.separate([]*server{n.leads}, n.servers)
	n.l.quiet.Store(false)
	return func() error {
		n.leads.shunned.Store(false)
		return n.healed()
	}, true
}}

// byName are some of the faults.
func byName(t testing.TB, names ...string) (some []fault) {
	t.Helper()
	for _, name := range names {
		for _, f := range faults {
			if f.name == name {
				some = append(some, f)
			}
		}
	}
	if len(some) != len(names) {
		t.Fatalf("%v are not all faults", names)
	}
	return some
}

// With zabra.reads=linearizable no read is stale, whoever is cut off from whom, and
// however long a leader takes to notice that it is none.
func TestReadsAreLinearizable(t *testing.T) {
	inFull(t)
	t.Parallel()
	some := append([]fault{isolatePatient}, byName(t, "isolate a follower")...)
	run(t, *seedFlag, setup{servers: 3, config: linearizable, patient: true}, some...).report(t)
}

// Nor is one that a leader answers which has slept, and does not know yet that there is
// another.
func TestReadsAfterAPause(t *testing.T) {
	inFull(t)
	t.Parallel()
	run(t, *seedFlag, setup{servers: 3, config: linearizable}, byName(t, "pause the leader")...).report(t)
}

// Reads as ZooKeeper does them are stale where a server is cut off, and the same checker
// says so. Nothing else is wrong with them.
func TestLocalReadsAreStale(t *testing.T) {
	inFull(t)
	for _, f := range append(byName(t, "isolate a follower"), isolatePatient) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for try := range uint64(tries) {
				v := run(t, *seedFlag+try, setup{servers: 3, allReads: true, patient: true}, f)
				for _, p := range v.problems {
					if !strings.HasPrefix(p, "register:") {
						t.Error(p)
					}
				}
				if v.has("register") || t.Failed() {
					return
				}
			}
			t.Error("no stale read was found")
		})
	}
}
