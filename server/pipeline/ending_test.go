package pipeline

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/zabra/zabra/wire"
)

// What comes behind a request that ends the connection is neither carried out
// nor answered, also while that request is still on its way.
func TestNothingIsAnsweredBehindTheLastReply(t *testing.T) {
	for name, last := range map[string]call{
		"closeSession": {2, wire.OpCloseSession, nil},
		"unknown":      {2, 55, nil},
		"auth":         {2, wire.OpAuth, &wire.AuthRequest{Scheme: "nobody"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newCoreRig(t, Options{})
				defer r.close()
				p, other := r.connect(10_000), r.connect(10_000)
				r.log.hold = make(chan struct{})
				p.send(
					call{1, wire.OpCreate, create("/a")},
					last,
					call{3, wire.OpCreate, create("/b")},
					call{4, wire.OpGetData, get("/", false)},
					call{5, wire.OpPing, nil},
				)
				p.send(call{6, wire.OpCreate, create("/c")})
				close(r.log.hold)
				if got := xids(p.take()); !slices.Equal(got, []wire.Xid{1, 2}) {
					t.Errorf("answered %v", got)
				}
				if !p.sock.finished {
					t.Error("the connection goes on")
				}
				for path, want := range map[string]wire.Code{"/a": wire.OK, "/b": wire.NoNode, "/c": wire.NoNode} {
					other.send(call{1, wire.OpExists, get(path, false)})
					if got := other.take(); got[0].h.Err != want {
						t.Errorf("%s: %v, want %v", path, got[0].h.Err, want)
					}
				}
				if n := r.core.Outstanding(); n != 0 {
					t.Errorf("%d requests outstanding", n)
				}
			})
		})
	}
}

// To end one connection may have to wait for its peer; nobody else waits for it.
func TestFinishingOneConnectionHoldsUpNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newCoreRig(t, Options{})
		defer r.close()
		p, other := r.connect(10_000), r.connect(10_000)
		p.send(call{1, wire.OpAddWatch, &wire.AddWatchRequest{Path: "/", Mode: wire.WatchPersistentRecursive}})
		p.take()
		p.sock.goodbye = make(chan struct{})
		_, _, _ = p.c.Handle(encode(call{2, 55, nil}), 0)
		go p.c.Flush(true)
		synctest.Wait()
		other.send(call{1, wire.OpCreate, create("/a")})
		if got := other.take(); len(got) != 1 {
			t.Errorf("answered %v while another connection says goodbye", got)
		}
		close(p.sock.goodbye)
	})
}
