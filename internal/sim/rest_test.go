package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// Where epochs end all the time there may be no moment in which all servers serve. It is
// enough that each does in turn, and that all do when the load is over.
func TestServersThatServeInTurn(t *testing.T) {
	if r := Run(Draw(72941)); r.Violation != nil {
		t.Error(r.Violation)
	}
}

// Where reconfigurations have left two voters, the disk of neither may forget: they could
// not elect any more, as the one that forgot has no vote.
func TestTwoVotersKeepTheirDisks(t *testing.T) {
	if r := Run(Draw(93321)); r.Violation != nil {
		t.Error(r.Violation)
	}
}

// A server that is cut off after everything was healed does not go unnoticed.
func TestServersThatDoNotServe(t *testing.T) {
	for _, tc := range []struct {
		counter uint32
		after   time.Duration // that the ensemble had to come to rest in
		say     string
	}{
		{0, -3 * time.Second, "under load"},
		{20, -3 * time.Second, "under load"},
		{0, time.Second, "at rest"},
		{20, 4 * time.Second, "at rest"},
	} {
		o := calm(tc.counter)
		c := newCluster(o)
		c.kernel.After(o.Faults+o.Heal+tc.after, nil, func() {
			for _, s := range []wire.SID{1, 2} {
				c.net.Cut(c.server(3).host(), c.server(s).host())
				c.net.Cut(c.server(s).host(), c.server(3).host())
			}
		})
		run(c)
		if v := c.violation; v == nil || v.Invariant != "I21" || !strings.Contains(v.Error(), "server 3 does not serve "+tc.say) {
			t.Errorf("epochs of %d, cut off %v after the time to heal: %v", tc.counter, tc.after, v)
		}
	}
}

// calm is three servers to which nothing happens, in epochs of so many transactions.
func calm(counter uint32) Options {
	o := Draw(1)
	o.Voters, o.Observers, o.Clients, o.Readers, o.Reconfig, o.Joins = 3, 0, 2, 0, false, false
	o.Faults, o.Heal, o.FaultEvery, o.LastCounter = time.Second, 10*time.Second, 0, counter
	return o
}
