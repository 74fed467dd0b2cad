package pipeline

import (
	"fmt"
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

// An entry stays until the last transaction that touched it is applied.
func TestOverlayKeepsTheNewestChange(t *testing.T) {
	o := newOverlay()
	o.put(1, "/a", nodeState{version: 1})
	o.put(2, "/b", nodeState{})
	o.put(3, "/a", nodeState{version: 3})
	for z, want := range map[wire.Zxid]bool{1: true, 2: true} {
		o.release(z)
		if c, ok := o.nodes["/a"]; ok != want || c.version != 3 {
			t.Errorf("after %v: %+v, %v", z, c, ok)
		}
	}
	o.release(3)
	if len(o.nodes) != 0 || len(o.touches) != 0 {
		t.Errorf("left: %+v", o)
	}
}

func TestOverlayReleaseInSteps(t *testing.T) {
	o := newOverlay()
	const n = 5000
	for z := wire.Zxid(1); z <= n; z++ {
		o.put(z, fmt.Sprintf("/%d", z), nodeState{exists: true, ephemeral: true, owner: 7})
		o.putEphemeral(z, 7, fmt.Sprintf("/%d", z))
		if z > 100 {
			o.release(z - 100)
			if len(o.nodes) != 100 || len(o.touches) > 3*2*101 {
				t.Fatalf("at %v: %d nodes, %d touches", z, len(o.nodes), len(o.touches))
			}
			if got := o.ephemerals(nil, 7); len(got) != 100 || got[0] != fmt.Sprintf("/%d", z) || got[99] != fmt.Sprintf("/%d", z-99) {
				t.Fatalf("at %v: %d ephemerals, %v", z, len(got), got[0])
			}
		}
	}
}

// A burst leaves no memory behind.
func TestOverlayShrinksAfterABurst(t *testing.T) {
	o := newOverlay()
	for z := wire.Zxid(1); z <= 3*keepTouches; z++ {
		o.put(z, fmt.Sprintf("/%d", z), nodeState{})
	}
	o.rest()
	if len(o.nodes) != 3*keepTouches {
		t.Errorf("%d of what is under way are left", len(o.nodes))
	}
	o.release(3 * keepTouches)
	o.rest()
	if cap(o.touches) > keepTouches {
		t.Errorf("keeps room for %d touches", cap(o.touches))
	}
	o.put(1<<20, "/a", nodeState{})
	o.release(1 << 20)
	if len(o.nodes) != 0 {
		t.Errorf("left: %+v", o.nodes)
	}
}

func TestOverlayRollback(t *testing.T) {
	o := newOverlay()
	o.put(1, "/a", nodeState{version: 1})
	o.put(1, "/e", nodeState{exists: true, ephemeral: true, owner: 7})
	o.putEphemeral(1, 7, "/e")
	o.begin()
	o.put(2, "/a", nodeState{version: 2})
	o.put(2, "/a", nodeState{version: 3})
	o.put(2, "/b", nodeState{})
	o.put(2, "/e", nodeState{})
	o.put(2, "/f", nodeState{exists: true, ephemeral: true, owner: 7})
	o.putEphemeral(2, 7, "/f")
	o.putEphemeral(2, 8, "/g")
	o.rollback()
	if len(o.touches) != 3 {
		t.Errorf("%d touches, want those of before", len(o.touches))
	}
	if c := o.nodes["/a"]; c.version != 1 || c.zxid != 1 {
		t.Errorf("/a is %+v", c)
	}
	if _, ok := o.nodes["/b"]; ok {
		t.Error("/b is there")
	}
	if _, ok := o.sessions[8]; ok {
		t.Error("session 8 is there")
	}
	if got := o.ephemerals(nil, 7); !slices.Equal(got, []string{"/e"}) {
		t.Errorf("session 7 has %v", got)
	}
	o.release(1)
	if len(o.nodes)+len(o.sessions)+len(o.touches) != 0 {
		t.Errorf("left: %+v", o)
	}
}

// Opening or closing a session does not make it forget its nodes under way.
func TestOverlaySessionKeepsItsNodes(t *testing.T) {
	o := newOverlay()
	o.put(1, "/e", nodeState{exists: true, ephemeral: true, owner: 7})
	o.putEphemeral(1, 7, "/e")
	o.putSession(2, 7, sessionOpening)
	if got := o.ephemerals(nil, 7); !slices.Equal(got, []string{"/e"}) {
		t.Errorf("session 7 has %v", got)
	}
}
