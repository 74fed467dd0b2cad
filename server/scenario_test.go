package server_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/wire"
)

// S16. A follower loses its leader while its log is still being written. It votes when that
// is done, for what the log holds then; nothing is written behind its vote.
func TestS16TheVoteWaitsForTheLog(t *testing.T) {
	var held atomic.Bool
	var waiting atomic.Int32
	release := make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	sites := startEnsemble(t, 3)
	leader, _, others := lead(t, sites)
	slow, rest := others[0], others[1]
	slow.halt()
	slow.fs = vfs.Intercept(osfs.FS{}, vfs.Hooks{Before: func(c vfs.Call) error {
		if held.Load() && c.Op == vfs.OpSync && strings.Contains(c.Path, "log.") {
			waiting.Add(1)
			<-release
		}
		return nil
	}})
	slow.launch()
	t.Cleanup(let) // before the server is stopped
	slow.eventually("the server to serve", slow.serves)

	held.Store(true)
	leader.client().create("/late", "y", wire.ModePersistent)
	slow.eventually("the log to be synced", func() bool { return waiting.Load() > 0 })
	looks := func() int { return strings.Count(slow.log.String(), "looking for a leader") }
	before := looks()
	leader.halt()
	slow.eventually("the role to end", func() bool { return !slow.serves() })
	if looks() != before {
		t.Error("the server votes while its log is being written")
	}
	held.Store(false)
	let()
	slow.eventually("the servers to serve", func() bool { return slow.serves() && rest.serves() })
	if looks() == before {
		t.Error("the server has not looked for a leader")
	}
	agree(t, []*site{slow, rest}, "/late", "y")
}
