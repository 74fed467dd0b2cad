package pipeline

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// Each test here shows the absence of a defect that ZooKeeper 3.9.5 has.

// 19 with other flags makes a container there, whatever the flags say.
func TestDontCopyContainerWithOtherFlags(t *testing.T) {
	for m := wire.CreateMode(-1); m <= 8; m++ {
		r := newRig(t, PrepareOptions{})
		want := wire.BadArguments
		if m == wire.ModeContainer {
			want = wire.OK
		}
		r.mustAsk(want, wire.OpCreateContainer, createBody("/n", m))
	}
}

// 21 with the flags of a plain node and a negative ttl is logged there, and the
// server that applies it stops.
func TestDontCopyTTLWithOtherFlags(t *testing.T) {
	for m := wire.CreateMode(-1); m <= 8; m++ {
		for _, ttl := range []int64{-1, 0, 1, wire.MaxTTL, wire.MaxTTL + 1, -1 << 63} {
			r := newRig(t, PrepareOptions{})
			want := wire.BadArguments
			if m.TTL() && ttl >= 1 && ttl <= wire.MaxTTL {
				want = wire.OK
			}
			r.mustAsk(want, wire.OpCreateTTL, ttlBody("/n", m, ttl))
		}
	}
}

// 20 deletes any childless node there, without a look at the ACL.
func TestDontCopyDeleteContainerFromClients(t *testing.T) {
	if _, code := DecodeRequest(wire.OpDeleteContainer, (&wire.PathRequest{Path: "/a"}).AppendTo(nil)); code != wire.Unimplemented {
		t.Errorf("got %v", code)
	}
}

// The container reaper deletes a plain node there that has taken the
// container's name since.
func TestDontCopyReapingOfAPlainNode(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/plain")
	r.mustDo(wire.BadVersion, &Request{Op: wire.OpDeleteContainer, Body: &wire.PathRequest{Path: "/plain"}})
}

// A second handshake as a request is answered there with a ConnectResponse.
func TestDontCopyCreateSessionFromClients(t *testing.T) {
	if _, code := DecodeRequest(wire.OpCreateSession, []byte{0, 0, 16, 0}); code != wire.Unimplemented {
		t.Errorf("got %v", code)
	}
}

// 13 at top level became a transaction before 3.9.3.
func TestDontCopyCheckOutsideMulti(t *testing.T) {
	if _, code := DecodeRequest(wire.OpCheck, versioned("/a", -1).AppendTo(nil)); code != wire.Unimplemented {
		t.Errorf("got %v", code)
	}
}

// A write that cannot be decoded reaches the leader there, which logs an error
// with a zxid that is not its own.
func TestDontCopyUndecodableWritesInTheLog(t *testing.T) {
	for i := range ops {
		op := ops[i].Op
		if ops[i].Class != ClassWrite || op == wire.OpCloseSession {
			continue
		}
		if _, code := DecodeRequest(op, []byte{0, 0}); code != wire.MarshallingError {
			t.Errorf("%v with two bytes: %v", op, code)
		}
	}
}

// Code -12 exists there for the session of a request that nobody knows; the
// Java client cannot read it.
func TestDontCopyUnknownSessionCode(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.session = 4711
	r.mustAsk(wire.SessionExpired, wire.OpSetData, setBody("/", -1))
}

// An error in the middle of a multi that is no answer of an operation leaves
// the changes of those before it in the overlay there.
func TestDontCopyMultiWithoutRollback(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	bad := createBody("/b", wire.ModePersistent)
	bad.ACL = []wire.ACL{{Perms: 1, ID: wire.ID{Scheme: "world", ID: wire.NullString}}}
	req, _ := r.decoded(wire.OpMulti, wire.AppendMulti(nil, []wire.MultiOp{
		mop(wire.OpCreate, createBody("/a", wire.ModePersistent)), mop(wire.OpCreate, bad),
	}))
	if code := codeOf(r.prepare(req)); code != wire.MarshallingError {
		t.Errorf("multi: %v", code)
	}
	if code := r.inFlight(wire.OpSetData, setBody("/a", -1)); code != wire.NoNode {
		t.Errorf("setData of a node that was never made: %v", code)
	}
	r.apply(2)
}

// The root has two names there, "" and "/", and so two outstanding versions.
func TestDontCopyTwoRoots(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	if code := r.inFlight(wire.OpCreate, createBody("/a", 0)); code != wire.OK {
		t.Fatal(code)
	}
	if code := r.inFlight(wire.OpSetACL, setACLBody("/", -1, nobody)); code != wire.OK {
		t.Fatal(code)
	}
	if code := r.inFlight(wire.OpCreate, createBody("/b", 0)); code != wire.NoAuth {
		t.Errorf("create under a root that lets nobody in: %v", code)
	}
	r.apply(3)
}
