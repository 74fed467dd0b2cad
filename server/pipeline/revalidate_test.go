package pipeline

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// A client leaves a learner before a request of its has come to the leader, writes through
// another server, and comes back. When that request and the question about the session
// then come at once, the request is of the time before, and is refused: what was written
// elsewhere stays the last. What comes behind the answer is carried out.
func TestRequestsOfBeforeASessionCameBackAreRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, l := newLeadingRig(t, Options{LocalSessions: true, UpgradeSessions: true})
		defer r.close()
		id := idOf(8, 1)
		late := zab.Request{SID: 7, ForwardedRequest: wire.ForwardedRequest{
			Session: id, Cxid: 1, Op: wire.OpCreate, Body: create("/late").AppendTo(nil),
		}}
		question := zab.Revalidation{SID: 7, Revalidation: wire.Revalidation{Session: id, Timeout: 4000}}
		r.core.Call(func() {
			r.core.outstanding.Add(1)
			l.request(&Request{Session: id, Op: wire.OpCreateSession, Body: &wire.CreateSessionTxn{Timeout: 4000}}, 8, wire.OK)
			l.work(&zab.LeaderReady{Requests: []zab.Request{late}, Revalidations: []zab.Revalidation{question}})
			if got := l.speaks[id]; got != 7 {
				t.Errorf("it speaks through %d", got)
			}
		})
		synctest.Wait()
		if got := r.forwarded(l, 7, id, wire.OpCreate, create("/n")); got != wire.OK {
			t.Errorf("behind the answer: %v", got)
		}
		var names []string
		r.core.View(func(tree *datatree.Tree) { root, _ := tree.Find("/"); names = slices.Collect(tree.Children(root)) })
		if slices.Contains(names, "late") || !slices.Contains(names, "n") {
			t.Errorf("there are %v", names)
		}
	})
}
