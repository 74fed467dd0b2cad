package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/wire"
)

// A request of one frame must not become a transaction of any size: auth in an
// ACL stands for all of the caller's ids, in every operation of a multi again.
func TestMultiDoesNotGrowWithoutBound(t *testing.T) {
	r := newRig(t, PrepareOptions{MaxTxn: 1 << 20})
	for i := range auth.MaxIDs - 1 {
		r.ids = append(r.ids, wire.ID{Scheme: "digest", ID: fmt.Sprintf("user%04d:hash", i)})
	}
	creator := []wire.ACL{{Perms: wire.PermAll, ID: wire.ID{Scheme: "auth", ID: ""}}}
	var ops []wire.MultiOp
	for i := range 5000 {
		ops = append(ops, wire.MultiOp{Op: wire.OpCreate, Body: &wire.CreateRequest{Path: fmt.Sprintf("/n%d", i), ACL: creator}})
	}
	if code, subs := r.multi(ops...); code != wire.MarshallingError || subs != nil {
		t.Errorf("5000 creations with %d ids each: code %v, %d results; want MarshallingError", len(r.ids), code, len(subs))
	}
	if r.exists("/n0") {
		t.Error("a part of the refused multi was carried out")
	}
	if code, _ := r.multi(ops[:2]...); code != wire.OK || !r.exists("/n1") {
		t.Errorf("two of them: %v; they fit", code)
	}
}

func TestOneRequestTooLong(t *testing.T) {
	r := newRig(t, PrepareOptions{MaxTxn: 1000})
	for length, want := range map[int]wire.Code{900: wire.OK, 1100: wire.MarshallingError} {
		path := fmt.Sprintf("/n%d", length)
		r.mustAsk(want, wire.OpCreate, &wire.CreateRequest{Path: path, Data: make([]byte, length), ACL: open})
		if got := r.exists(path); got != (want == wire.OK) {
			t.Errorf("%s exists: %v", path, got)
		}
	}
}

// What other servers are sent has its header too, and they take so much and no more: one
// transaction that none of them takes would be the end of the ensemble.
func TestNothingBecomesLongerThanTheLimit(t *testing.T) {
	const limit = 1000
	r := newRig(t, PrepareOptions{MaxTxn: limit})
	longest := map[string]int{}
	add := func(what string, req *Request) {
		txn := r.prepare(req)
		if txn.Header.Op != wire.OpError {
			longest[what] = max(longest[what], len(txn.Raw))
		}
		r.apply(1)
	}
	for n := range limit {
		one, _ := r.request(wire.OpCreate, &wire.CreateRequest{Path: fmt.Sprintf("/one%04d", n), Data: make([]byte, n), ACL: open})
		add("create", one)
		add("multi", &Request{Session: testSession, Op: wire.OpMulti, Multi: []wire.MultiOp{
			{Op: wire.OpCreate, Body: &wire.CreateRequest{Path: fmt.Sprintf("/a%04d", n), Data: make([]byte, n), ACL: open}},
			{Op: wire.OpCreate, Body: &wire.CreateRequest{Path: fmt.Sprintf("/b%04d", n), ACL: open}},
		}})
		r.mustAsk(wire.OK, wire.OpCreate, createBody(fmt.Sprintf("/%s", strings.Repeat("e", n%900+1)), wire.ModeEphemeral))
		add("closeSession", &Request{Session: testSession, Op: wire.OpCloseSession})
		r.mustDo(wire.OK, sessionRequest(testSession))
	}
	for _, what := range []string{"create", "multi", "closeSession"} {
		if n := longest[what]; n > limit || n < limit-100 {
			t.Errorf("the longest %s has %d bytes, and the limit is %d", what, n, limit)
		}
	}
}

// The end of a session cannot be refused, however much the session owns.
func TestCloseSessionTooLongListsNothing(t *testing.T) {
	r := newRig(t, PrepareOptions{MaxTxn: 1000})
	for i := range 20 {
		r.mustAsk(wire.OK, wire.OpCreate, createBody(fmt.Sprintf("/%s%02d", strings.Repeat("x", 100), i), wire.ModeEphemeral))
	}
	r.inFlight(wire.OpCreate, createBody("/late", wire.ModeEphemeral))
	txn := r.prepare(&Request{Session: testSession, Op: wire.OpCloseSession})
	if len(txn.Raw) > 1000 {
		t.Errorf("the transaction has %d bytes", len(txn.Raw))
	}
	r.session = otherSession
	if code := r.inFlight(wire.OpDelete, versioned("/late", -1)); code != wire.NoNode {
		t.Errorf("a node of the ending session: %v, want NoNode", code)
	}
	r.apply(len(r.pending))
	if n := r.tree.EphemeralCount(); n != 0 {
		t.Errorf("%d ephemeral nodes left", n)
	}
	if _, ok := r.tree.SessionTimeout(testSession); ok {
		t.Error("the session lives")
	}
}
