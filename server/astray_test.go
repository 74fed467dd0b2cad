package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A member that was started alone, and written to, has transactions that the others have
// too, by their numbers. Its tree is another one all the same: the next that open a
// session tell, and it fetches the leader's.
func TestAMemberThatWentAstrayIsBroughtBack(t *testing.T) {
	sites := startEnsemble(t, 3)
	leader, _, others := lead(t, sites)
	astray, third := others[0], others[1]
	leader.client().create("/first", "x", wire.ModePersistent)
	agree(t, sites, "/first", "x")

	astray.halt()
	member := astray.config
	astray.config = siteDefaults + "dataDir=" + astray.dir + "\n"
	astray.start()
	astray.client().create("/astray", "x", wire.ModePersistent)
	astray.halt()
	astray.config = member

	c := third.client()
	for i := range 100 {
		c.create(fmt.Sprint("/n", i), "x", wire.ModePersistent)
	}
	astray.launch()
	astray.eventually("everything anew", func() bool {
		third.client() // a session is opened
		return strings.Contains(astray.log.String(), `"being brought up to date","by":"SNAP"`)
	})
	astray.eventually("the server to serve again", astray.serves)
	if _, err := astray.glance("/astray"); err != error(wire.NoNode) {
		t.Errorf("/astray: %v", err)
	}
	if n := strings.Count(astray.log.String(), "the tree differs from the leader's"); n > 1 {
		t.Errorf("%d times it is said that the tree differs", n)
	}
	if strings.Contains(third.log.String(), "the tree differs") {
		t.Error("the tree of a server that never went astray is said to differ")
	}
	agree(t, sites, "/n99", "x")
}
