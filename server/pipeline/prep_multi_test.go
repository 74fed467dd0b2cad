package pipeline

import (
	"fmt"
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

func mop(op wire.OpCode, body wire.Record) wire.MultiOp { return wire.MultiOp{Op: op, Body: body} }

func TestMultiIsAllOrNothing(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a")
	code, codes := r.multi(
		mop(wire.OpCreate, createBody("/x", wire.ModePersistent)),
		mop(wire.OpCheck, versioned("/a", 7)),
		mop(wire.OpDelete, versioned("/a", -1)))
	if want := []wire.Code{0, wire.BadVersion, wire.RuntimeInconsistency}; code != wire.OK || !slices.Equal(codes, want) {
		t.Errorf("got %v %v, want %v", code, codes, want)
	}
	if r.exists("/x") || !r.exists("/a") {
		t.Error("a failed multi changed the tree")
	}
}

// An operation sees what those before it in the same multi do.
func TestMultiSeesItself(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a")
	code, codes := r.multi(
		mop(wire.OpCreate, createBody("/a/x", wire.ModePersistent)),
		mop(wire.OpSetData, setBody("/a/x", 0)),
		mop(wire.OpCheck, versioned("/a/x", 1)),
		mop(wire.OpCreate2, createBody("/a/x/y", wire.ModeEphemeral)),
		mop(wire.OpDelete, versioned("/a/x/y", 0)),
		mop(wire.OpDelete, versioned("/a/x", 1)),
		mop(wire.OpDelete, versioned("/a", 0)))
	if code != wire.OK || !slices.Equal(codes, make([]wire.Code, 7)) {
		t.Errorf("got %v %v", code, codes)
	}
	if r.exists("/a") {
		t.Error("/a is still there")
	}
	_, codes = r.multi(mop(wire.OpCreate, createBody("/b", wire.ModePersistent)), mop(wire.OpCreate, createBody("/b", wire.ModePersistent)))
	if !slices.Equal(codes, []wire.Code{0, wire.NodeExists}) {
		t.Errorf("two creates of one node: %v", codes)
	}
}

func TestMultiRollsBackSequenceNumbers(t *testing.T) {
	for _, lag := range []bool{false, true} {
		r := newRig(t, PrepareOptions{})
		r.mk("/q")
		next := func(want string) {
			t.Helper()
			req, _ := r.request(wire.OpCreate, createBody("/q/n-", wire.ModePersistentSequential))
			if path, _ := pathAndACL(r.prepare(req).Body); path != want {
				t.Errorf("lag %v: created %s, want %s", lag, path, want)
			}
			if !lag {
				r.apply(len(r.pending))
			}
		}
		next("/q/n-0000000000")
		req, _ := r.decoded(wire.OpMulti, wire.AppendMulti(nil, []wire.MultiOp{
			mop(wire.OpCreate, createBody("/q/n-", wire.ModeEphemeralSequential)),
			mop(wire.OpCreate, createBody("/q/n-", wire.ModePersistentSequential)),
			mop(wire.OpDelete, versioned("/q/n-0000000000", -1)),
			mop(wire.OpDelete, versioned("/none", -1)),
		}))
		txn := r.prepare(req)
		if got := subCodes(txn.Body.(*wire.MultiTxn)); !slices.Equal(got, []wire.Code{0, 0, 0, wire.NoNode}) {
			t.Errorf("codes %v", got)
		}
		next("/q/n-0000000001")
		del, _ := r.request(wire.OpDelete, versioned("/q/n-0000000000", -1))
		if code := codeOf(r.prepare(del)); code != wire.OK {
			t.Errorf("lag %v: delete after the roll-back: %v", lag, code)
		}
		r.apply(len(r.pending))
	}
}

// What the log holds for a failed multi: sub-transactions up to the failing
// one, then errors; a reader sees the codes 0, code, -2.
func TestFailedMultiTxn(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a")
	req, _ := r.decoded(wire.OpMulti, wire.AppendMulti(nil, []wire.MultiOp{
		mop(wire.OpCreate, createBody("/x", wire.ModePersistent)),
		mop(wire.OpSetData, setBody("/a", 9)),
		mop(wire.OpCreate, createBody("/y", wire.ModePersistent)),
	}))
	txn := r.prepare(req)
	if txn.Header.Op != wire.OpMulti {
		t.Errorf("type %v", txn.Header.Op)
	}
	var ops []wire.OpCode
	for _, sub := range txn.Body.(*wire.MultiTxn).Txns {
		ops = append(ops, sub.Op)
		if _, err := wire.DecodeSubTxn(txn.Header, sub); err != nil {
			t.Error(err)
		}
	}
	if want := []wire.OpCode{wire.OpCreate, wire.OpError, wire.OpError}; !slices.Equal(ops, want) {
		t.Errorf("sub-transactions %v, want %v", ops, want)
	}
	r.apply(1)
}

func TestMultiSubTypes(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a")
	ops := []wire.MultiOp{
		mop(wire.OpCreate, createBody("/1", wire.ModePersistent)),
		mop(wire.OpCreate2, createBody("/2", wire.ModePersistent)),
		mop(wire.OpCreateContainer, createBody("/3", wire.ModeContainer)),
		mop(wire.OpCreateTTL, ttlBody("/4", wire.ModePersistentTTL, 5)),
		mop(wire.OpCreate, createBody("/5", wire.ModeContainer)), // the flags decide, other than at top level
		mop(wire.OpCreate2, createBody("/6", wire.ModeContainer)),
		mop(wire.OpSetData, setBody("/a", -1)),
		mop(wire.OpCheck, versioned("/a", 1)),
		mop(wire.OpDelete, versioned("/a", -1)),
	}
	want := []wire.OpCode{1, 15, 19, 21, 19, 19, 5, 13, 2}
	req, code := r.decoded(wire.OpMulti, wire.AppendMulti(nil, ops))
	if code != wire.OK {
		t.Fatal(code)
	}
	txn := r.prepare(req)
	for i, sub := range txn.Body.(*wire.MultiTxn).Txns {
		if sub.Op != want[i] {
			t.Errorf("operation %d is logged as %v, want %v", i, sub.Op, want[i])
		}
	}
	check, err := wire.DecodeSubTxn(txn.Header, txn.Body.(*wire.MultiTxn).Txns[7])
	if err != nil || check.Body.(*wire.CheckVersionTxn).Version != 2 {
		t.Errorf("check is logged as %+v, %v: want the version + 1", check.Body, err)
	}
	r.apply(1)
}

func TestEmptyMultiTakesAZxid(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	before := r.p.LastZxid()
	if code, codes := r.multi(); code != wire.OK || len(codes) != 0 || r.p.LastZxid() != before+1 {
		t.Errorf("got %v %v, zxid %v after %v", code, codes, r.p.LastZxid(), before)
	}
}

func TestMultiRefusedWhole(t *testing.T) {
	bad := func(f func(*wire.CreateRequest)) wire.Record {
		b := createBody("/x", wire.ModePersistent)
		f(b)
		return b
	}
	for name, op := range map[string]wire.MultiOp{
		"flags 9":         mop(wire.OpCreate, createBody("/x", 9)),
		"flags -1":        mop(wire.OpCreate2, createBody("/x", -1)),
		"TTL flags":       mop(wire.OpCreate, createBody("/x", wire.ModePersistentTTL)),
		"null acl":        mop(wire.OpCreate, bad(func(b *wire.CreateRequest) { b.ACL = nil })),
		"null path":       mop(wire.OpCreate, bad(func(b *wire.CreateRequest) { b.Path = wire.NullString })),
		"null ttl path":   mop(wire.OpCreateTTL, ttlBody(wire.NullString, wire.ModePersistentTTL, 1)),
		"null set path":   mop(wire.OpSetData, setBody(wire.NullString, 1)),
		"null check path": mop(wire.OpCheck, versioned(wire.NullString, 1)),
		"world:null": mop(wire.OpCreate, bad(func(b *wire.CreateRequest) {
			b.ACL = []wire.ACL{{Perms: 1, ID: wire.ID{Scheme: "world", ID: wire.NullString}}}
		})),
		"getData":         mop(wire.OpGetData, &wire.PathWatchRequest{Path: "/a"}),
		"type 99":         mop(99, versioned("/a", 1)),
		"setACL":          mop(wire.OpSetACL, setACLBody("/a", -1, open)),
		"deleteContainer": mop(wire.OpDeleteContainer, &wire.PathRequest{Path: "/a"}),
	} {
		r := newRig(t, PrepareOptions{})
		code, _ := r.multi(mop(wire.OpCreate, createBody("/first", wire.ModePersistent)), op)
		if code != wire.MarshallingError {
			t.Errorf("%s: %v", name, code)
		}
		if r.exists("/first") {
			t.Errorf("%s: the operation before it was carried out", name)
		}
		r.mk("/first") // nor does the overlay hold it
	}
}

// Errors of one operation that do not spoil the others' shape.
func TestMultiSubErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		op   wire.MultiOp
		want wire.Code
	}{
		"empty acl":   {mop(wire.OpCreate, &wire.CreateRequest{Path: "/x", ACL: []wire.ACL{}}), wire.InvalidACL},
		"ttl acl":     {mop(wire.OpCreateTTL, &wire.CreateTTLRequest{Path: "/x", Flags: 5, TTL: 1}), wire.InvalidACL},
		"ttl range":   {mop(wire.OpCreateTTL, ttlBody("/x", wire.ModePersistentTTL, 0)), wire.BadArguments},
		"bad path":    {mop(wire.OpSetData, setBody("x", -1)), wire.BadArguments},
		"check path":  {mop(wire.OpCheck, versioned("/x/", -1)), wire.BadArguments},
		"check none":  {mop(wire.OpCheck, versioned("/x", -1)), wire.NoNode},
		"delete root": {mop(wire.OpDelete, versioned("/", -1)), wire.BadArguments},
		"not empty":   {mop(wire.OpDelete, versioned("/a", -1)), wire.NotEmpty},
	} {
		r := newRig(t, PrepareOptions{})
		r.mk("/a", "/a/b")
		code, codes := r.multi(mop(wire.OpCheck, versioned("/a", 0)), tt.op, mop(wire.OpCheck, versioned("/a", 0)))
		if want := []wire.Code{0, tt.want, wire.RuntimeInconsistency}; code != wire.OK || !slices.Equal(codes, want) {
			t.Errorf("%s: %v %v, want %v", name, code, codes, want)
		}
	}
}

// A roll-back puts back what transactions still under way had put there.
func TestMultiRollbackKeepsEarlierChanges(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a")
	do := func(op wire.OpCode, body wire.Record) wire.Code {
		req, code := r.request(op, body)
		if code != wire.OK {
			t.Fatal(code)
		}
		return codeOf(r.prepare(req))
	}
	do(wire.OpSetData, setBody("/a", 0))
	do(wire.OpCreate, createBody("/a/e", wire.ModeEphemeral))
	req, _ := r.decoded(wire.OpMulti, wire.AppendMulti(nil, []wire.MultiOp{
		mop(wire.OpSetData, setBody("/a", 1)),
		mop(wire.OpDelete, versioned("/a/e", -1)),
		mop(wire.OpCreate, createBody("/a/f", wire.ModeEphemeral)),
		mop(wire.OpCheck, versioned("/a", 99)),
	}))
	r.prepare(req)
	if code := do(wire.OpSetData, setBody("/a", 1)); code != wire.OK {
		t.Errorf("version after the roll-back: %v", code)
	}
	closed := r.prepare(&Request{Session: r.session, Op: wire.OpCloseSession})
	if got := fmt.Sprint(closed.Body.(*wire.CloseSessionTxn).Paths); got != "[/a/e]" {
		t.Errorf("ephemeral nodes after the roll-back: %s", got)
	}
	r.apply(1)
	r.apply(len(r.pending))
}
