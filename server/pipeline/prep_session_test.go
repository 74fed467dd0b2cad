package pipeline

import (
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

func (r *rig) closing(s wire.SessionID) []string {
	r.t.Helper()
	return r.prepare(&Request{Session: s, Op: wire.OpCloseSession}).Body.(*wire.CloseSessionTxn).Paths
}

// inFlight prepares without applying.
func (r *rig) inFlight(op wire.OpCode, body wire.Record) wire.Code {
	r.t.Helper()
	req, code := r.request(op, body)
	if code != wire.OK {
		r.t.Fatal(code)
	}
	return codeOf(r.prepare(req))
}

func TestCloseSessionListsEphemerals(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	for _, path := range []string{"/changed", "/z", "/b", "/gone", "/again"} {
		r.mustAsk(wire.OK, wire.OpCreate, createBody(path, wire.ModeEphemeral))
	}
	r.session = otherSession
	r.mustAsk(wire.OK, wire.OpCreate, createBody("/foreign", wire.ModeEphemeral))
	r.inFlight(wire.OpDelete, versioned("/b", -1))
	r.inFlight(wire.OpCreate, createBody("/b", wire.ModeEphemeral)) // now the other's
	r.session = testSession
	r.inFlight(wire.OpSetData, setBody("/changed", -1))
	r.inFlight(wire.OpCreate, createBody("/a", wire.ModeEphemeralSequential))
	r.inFlight(wire.OpCreate, createBody("/brief", wire.ModeEphemeral))
	r.inFlight(wire.OpDelete, versioned("/brief", -1))
	r.inFlight(wire.OpDelete, versioned("/gone", -1))
	r.inFlight(wire.OpDelete, versioned("/again", -1))
	r.inFlight(wire.OpCreate, createBody("/again", wire.ModeEphemeral))
	if got, want := r.closing(testSession), []string{"/a0000000007", "/again", "/changed", "/z"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := r.closing(testSession); got == nil || len(got) != 0 {
		t.Errorf("closing once more lists %q, want an empty list, not null", got)
	}
	r.apply(len(r.pending))
	if r.exists("/z") || r.exists("/again") || !r.exists("/b") || !r.exists("/foreign") {
		t.Error("wrong nodes are gone")
	}
	if n := r.tree.EphemeralCount(); n != 2 {
		t.Errorf("%d ephemeral nodes left", n)
	}
}

// The nodes of a closing session are gone for whoever comes behind, and no
// longer keep their parent from being deleted. ZooKeeper forgets the latter
// until the close is applied.
func TestClosingSessionsNodesAreGone(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/p")
	r.mustAsk(wire.OK, wire.OpCreate, createBody("/p/e", wire.ModeEphemeral))
	r.closing(testSession)
	r.session = otherSession
	if code := r.inFlight(wire.OpSetData, setBody("/p/e", -1)); code != wire.NoNode {
		t.Errorf("setData: %v", code)
	}
	if code := r.inFlight(wire.OpDelete, versioned("/p", -1)); code != wire.OK {
		t.Errorf("delete of the parent: %v", code)
	}
	r.apply(len(r.pending))
}

func TestClosingSessionMayNotWrite(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a")
	r.closing(testSession)
	for op, body := range map[wire.OpCode]wire.Record{
		wire.OpCreate: createBody("/x", 0), wire.OpCreate2: createBody("/x", 1), wire.OpCreateContainer: createBody("/x", 4),
		wire.OpCreateTTL: ttlBody("/x", 5, 1), wire.OpDelete: versioned("/a", -1), wire.OpSetData: setBody("/a", -1),
		wire.OpSetACL: setACLBody("/a", -1, open),
	} {
		if code := r.inFlight(op, body); code != wire.SessionExpired {
			t.Errorf("%v of a closing session: %v", op, code)
		}
	}
	for _, op := range []wire.MultiOp{mop(wire.OpCheck, versioned("/a", -1)), mop(wire.OpDelete, versioned("/a", -1))} {
		req, _ := r.decoded(wire.OpMulti, wire.AppendMulti(nil, []wire.MultiOp{op}))
		if codes := subCodes(r.prepare(req).Body.(*wire.MultiTxn)); codes[0] != wire.SessionExpired {
			t.Errorf("%v in a multi of a closing session: %v", op.Op, codes)
		}
	}
	if code := codeOf(r.prepare(sessionRequest(testSession))); code != wire.SessionExpired {
		t.Errorf("createSession of a closing session: %v", code)
	}
	r.apply(len(r.pending))
	if code, _ := r.ask(wire.OpSetData, setBody("/a", -1)); code != wire.SessionExpired {
		t.Errorf("after the close is applied: %v", code)
	}
}

// A session may write as soon as its creation is under way.
func TestOpeningSessionMayWrite(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.session = 77
	if code := r.inFlight(wire.OpCreate, createBody("/early", 0)); code != wire.SessionExpired {
		t.Errorf("unknown session: %v", code)
	}
	r.prepare(sessionRequest(77))
	if code := r.inFlight(wire.OpCreate, createBody("/e", wire.ModeEphemeral)); code != wire.OK {
		t.Errorf("opening session: %v", code)
	}
	if code := r.inFlight(wire.OpCreate, createBody("/e2", wire.ModeEphemeral)); code != wire.OK {
		t.Errorf("opening session, second node: %v", code)
	}
	r.apply(2) // the creation is applied, the ephemeral node is under way
	if code := r.inFlight(wire.OpCreate, createBody("/f", wire.ModeEphemeral)); code != wire.OK {
		t.Errorf("open session: %v", code)
	}
	if got := r.closing(77); !slices.Equal(got, []string{"/e", "/e2", "/f"}) {
		t.Errorf("closing lists %q", got)
	}
	r.apply(len(r.pending))
}

func TestCloseOfUnknownSession(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	if got := r.closing(12345); got == nil || len(got) != 0 {
		t.Errorf("lists %#v, want an empty list, not null", got)
	}
	r.apply(1)
}

func TestLocalSessions(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.session, r.local = 55, true
	r.mk("/a")
	r.mustAsk(wire.OK, wire.OpSetData, setBody("/a", -1))
	r.mustAsk(wire.SessionExpired, wire.OpCreate, createBody("/e", wire.ModeEphemeral))
	if _, codes := r.multi(mop(wire.OpCreate, createBody("/e", wire.ModeEphemeral))); !slices.Equal(codes, []wire.Code{wire.SessionExpired}) {
		t.Errorf("ephemeral create in a multi: %v", codes)
	}
	r.refused = wire.EphemeralOnLocalSession // the leader's own
	r.mustAsk(wire.EphemeralOnLocalSession, wire.OpCreate, createBody("/e", wire.ModeEphemeral))
	r.mustAsk(wire.EphemeralOnLocalSession, wire.OpCreate2, createBody("/e", wire.ModeEphemeralSequential))
	if _, codes := r.multi(mop(wire.OpCreate, createBody("/e", wire.ModeEphemeral))); !slices.Equal(codes, []wire.Code{wire.EphemeralOnLocalSession}) {
		t.Errorf("ephemeral create in a refused multi: %v", codes)
	}
	r.refused = wire.OK
	r.mustDo(wire.OK, sessionRequest(55)) // upgraded
	r.mustAsk(wire.OK, wire.OpCreate, createBody("/e", wire.ModeEphemeral))
}

func TestSessionTxnHoldsTheTimeout(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mustDo(wire.OK, sessionRequest(9))
	if timeout, ok := r.tree.SessionTimeout(9); !ok || timeout != testTimeout {
		t.Errorf("tree has %d, %v", timeout, ok)
	}
}

func TestDeleteContainerRechecks(t *testing.T) {
	reap := func(path string) *Request {
		return &Request{Op: wire.OpDeleteContainer, Body: &wire.PathRequest{Path: path}}
	}
	setup := func() *rig {
		r := newRig(t, PrepareOptions{})
		r.mustAsk(wire.OK, wire.OpCreateContainer, createBody("/c", wire.ModeContainer))
		r.mustAsk(wire.OK, wire.OpCreateContainer, createBody("/full", wire.ModeContainer))
		r.mk("/full/x", "/plain")
		r.mustAsk(wire.OK, wire.OpCreateTTL, ttlBody("/t", wire.ModePersistentTTL, 1))
		r.mustAsk(wire.OK, wire.OpCreate, createBody("/e", wire.ModeEphemeral))
		return r
	}
	for path, want := range map[string]wire.Code{
		"/c": wire.OK, "/t": wire.OK, "/full": wire.NotEmpty, "/e": wire.BadVersion, "/none": wire.NoNode, "/zookeeper": wire.BadArguments,
	} {
		r := setup()
		r.mustDo(want, reap(path))
		if want == wire.OK && r.exists(path) {
			t.Errorf("%s is still there", path)
		}
	}
	r := setup()
	r.inFlight(wire.OpCreate, createBody("/c/child", 0))
	if code := codeOf(r.prepare(reap("/c"))); code != wire.NotEmpty {
		t.Errorf("with a child under way: %v", code)
	}
	r.inFlight(wire.OpSetData, setBody("/t", -1))
	if code := codeOf(r.prepare(reap("/t"))); code != wire.BadVersion {
		t.Errorf("with its life extended by a setData under way: %v", code)
	}
	r.apply(len(r.pending))
}
