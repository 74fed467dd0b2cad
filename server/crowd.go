package server

import (
	"cmp"
	"slices"
	"time"

	"github.com/zabra/zabra/zab"
)

// maxLearners is how many learners may be connected. An ensemble has at most 256
// servers, and each may be there twice for a moment; the rest is for strangers.
const maxLearners = 600

// crowded is the one of too many learners that can be done without best: the oldest of
// those that are no members, and rather one that does not serve.
func crowded(conns map[zab.Conn]*learnerConn) *learnerConn {
	worth := func(c *learnerConn) int {
		n := 0
		if c.live.Load() {
			n++
		}
		if c.sid.Load() != noSID && c.isMember() {
			n += 2
		}
		return n
	}
	var ids []zab.Conn
	for id := range conns {
		ids = append(ids, id)
	}
	return conns[slices.MinFunc(ids, func(a, b zab.Conn) int {
		return cmp.Or(cmp.Compare(worth(conns[a]), worth(conns[b])), cmp.Compare(a, b))
	})]
}

// What observers ask of the leader goes on by the connection of the follower that serves
// them. While so many bytes wait there, or more, nothing is read from observers.
const maxAhead = 16 << 20

// waitForLeader waits until the leader takes what observers ask of it.
func (l *learners) waitForLeader(ended <-chan struct{}) {
	for l.ahead != nil && l.ahead.Backlog() >= maxAhead {
		select {
		case <-ended:
			return
		case <-l.ahead.Ending():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}
