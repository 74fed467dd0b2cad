package pipeline

import (
	"slices"
	"testing"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/wire"
)

// A client that comes back is not told what became of nodes that it may not read,
// no more than one that stayed; and those who may are.
func TestCatchUpKeepsWhatMayNotBeRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newGuardedRig(t, auth.Config{}, Options{})
		defer r.close()
		owner, other := r.connect(10_000), r.connect(10_000)
		owner.send(call{wire.XidAuth, wire.OpAuth, &wire.AuthRequest{Scheme: "digest", Auth: []byte("me:pw")}})
		mine := wire.ID{Scheme: "auth"}
		owner.send(
			call{1, wire.OpCreate, &wire.CreateRequest{Path: "/open", ACL: wire.WorldAnyone(wire.PermRead)}},
			call{2, wire.OpCreate, &wire.CreateRequest{Path: "/hidden", ACL: []wire.ACL{{Perms: wire.PermAll, ID: mine}}}},
		)
		if got := owner.take(); len(got) != 3 || got[2].h.Err != wire.OK {
			t.Fatalf("set up: %+v", got)
		}
		paths := []string{"/open", "/hidden", "/gone"}
		back := &wire.SetWatchesRequest{Data: paths, Exist: paths, Child: paths}
		owner.send(call{wire.XidSetWatches, wire.OpSetWatches, back})
		other.send(call{wire.XidSetWatches, wire.OpSetWatches, back})
		all := []string{
			"NodeDataChanged /open", "NodeDataChanged /hidden", "NodeDeleted /gone", "NodeCreated /open", "NodeCreated /hidden",
			"NodeChildrenChanged /open", "NodeChildrenChanged /hidden", "NodeDeleted /gone",
		}
		if got := told(t, owner.take()); !slices.Equal(got, all) {
			t.Errorf("the owner is told %q", got)
		}
		if got := told(t, other.take()); !slices.Equal(got, slices.DeleteFunc(all, func(s string) bool { return s[len(s)-7:] == "/hidden" })) {
			t.Errorf("a stranger is told %q", got)
		}
	})
}

// told are the events, before one reply.
func told(t *testing.T, frames []frameSeen) (events []string) {
	t.Helper()
	for i, f := range frames {
		if f.h.Xid != wire.XidNotification {
			if i != len(frames)-1 || f.h.Err != wire.OK {
				t.Errorf("reply %d is %+v", i, f.h)
			}
			continue
		}
		var ev wire.WatcherEvent
		d := wire.NewDecoder(f.body)
		ev.DecodeFrom(&d)
		events = append(events, ev.Type.String()+" "+ev.Path)
	}
	return events
}

// The root counts among what is below the empty path, as in ZooKeeper.
func TestAllChildrenNumberOfTheEmptyPath(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p := r.connect(10_000)
		for path, want := range map[string]int32{"/": 3, "": 4, "/zookeeper": 2} {
			p.send(call{1, wire.OpGetAllChildrenNumber, &wire.PathRequest{Path: path}})
			got := p.take()
			d := wire.NewDecoder(got[0].body)
			if n := d.Int(); len(got) != 1 || n != want {
				t.Errorf("%q has %d, want %d", path, n, want)
			}
		}
	})
}
