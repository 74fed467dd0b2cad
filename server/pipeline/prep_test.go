package pipeline

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/wire"
)

// A rig is a preparer with its tree, driven without a clock or a log.
type rig struct {
	t       testing.TB
	tree    *datatree.Tree
	p       *Preparer
	now     int64
	pending []wire.Txn      // prepared, not applied
	found   []datatree.Node // of those
	ids     []wire.ID       // of the connection that asks
	session wire.SessionID
	local   bool
	refused wire.Code
}

const (
	testSession  wire.SessionID = 0x100000000000001
	otherSession wire.SessionID = 0x100000000000002
	testTimeout                 = 4000
)

var testIP = wire.ID{Scheme: "ip", ID: "127.0.0.1"}

func testSchemes(t testing.TB) *auth.Schemes {
	t.Helper()
	s, err := auth.New(auth.Config{SASL: true, X509: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newRig has two sessions and TTL nodes enabled.
func newRig(t testing.TB, o PrepareOptions) *rig {
	t.Helper()
	o.ExtendedTypes = true
	tree := datatree.NewWith(datatree.Options{ExtendedTypes: true})
	r := &rig{t: t, tree: tree, p: NewPreparer(tree, testSchemes(t), o), now: 1_000_000, ids: []wire.ID{testIP}}
	for _, s := range []wire.SessionID{otherSession, testSession} {
		r.session = s
		r.mustDo(wire.OK, sessionRequest(s))
	}
	return r
}

func sessionRequest(s wire.SessionID) *Request {
	return &Request{Session: s, Op: wire.OpCreateSession, Body: &wire.CreateSessionTxn{Timeout: testTimeout}}
}

// request encodes a request and decodes it as a connection would.
func (r *rig) request(op wire.OpCode, body wire.Record) (*Request, wire.Code) {
	var b []byte
	if body != nil {
		b = body.AppendTo(nil)
	}
	return r.decoded(op, b)
}

func (r *rig) decoded(op wire.OpCode, body []byte) (*Request, wire.Code) {
	req, code := DecodeRequest(op, body)
	if code != wire.OK {
		return nil, code
	}
	req.Session, req.Auth, req.Local, req.Refused = r.session, r.ids, r.local, r.refused
	return req, wire.OK
}

// prepare leaves the transaction pending.
func (r *rig) prepare(req *Request) wire.Txn {
	r.t.Helper()
	r.now++
	before := r.p.LastZxid()
	txn, err := r.p.Prepare(req, r.now)
	if err != nil {
		r.t.Fatalf("%v: %v", req.Op, err)
	}
	r.checkSealed(req, txn, before)
	r.pending, r.found = append(r.pending, txn), append(r.found, r.p.Found())
	return txn
}

// checkSealed checks what holds for every transaction.
func (r *rig) checkSealed(req *Request, txn wire.Txn, before wire.Zxid) {
	r.t.Helper()
	want := wire.TxnHeader{Session: req.Session, Cxid: req.Cxid, Zxid: before + 1, Time: r.now, Op: req.Op}
	if txn.Header.Op == wire.OpError {
		want.Op = wire.OpError
	}
	if txn.Header != want || r.p.LastZxid() != want.Zxid {
		r.t.Fatalf("header %+v, want %+v; last zxid %v", txn.Header, want, r.p.LastZxid())
	}
	read, err := wire.DecodeTxn(txn.Raw)
	if err != nil || !reflect.DeepEqual(read, txn) {
		r.t.Fatalf("encoding reads as %+v, %v; want %+v", read, err, txn)
	}
	if len(txn.Raw) != cap(txn.Raw) {
		r.t.Fatalf("%v: %d bytes in a slice of %d", txn.Header.Op, len(txn.Raw), cap(txn.Raw))
	}
}

// apply applies the oldest n pending transactions.
func (r *rig) apply(n int) {
	r.t.Helper()
	for i, txn := range r.pending[:n] {
		res := r.tree.ApplyAt(&txn, r.found[i])
		if res.Ignored {
			r.t.Fatalf("tree ignored %v", txn.Header.Zxid)
		}
		if want := codeOf(txn); txn.Header.Op != wire.OpMulti && res.Err != want {
			r.t.Fatalf("%v %+v: prepared as %v, applied as %v", txn.Header.Op, txn.Body, want, res.Err)
		}
		if m, ok := txn.Body.(*wire.MultiTxn); ok {
			r.checkSubs(m, &res)
		}
		r.p.Applied(txn.Header.Zxid)
	}
	r.pending, r.found = slices.Delete(r.pending, 0, n), slices.Delete(r.found, 0, n)
	if len(r.pending) == 0 {
		r.checkIdle()
	}
}

func (r *rig) checkSubs(m *wire.MultiTxn, res *datatree.Result) {
	r.t.Helper()
	want := subCodes(m)
	for i := range res.Sub {
		if res.Sub[i].Err != want[i] {
			r.t.Fatalf("multi operation %d: prepared as %v, applied as %v", i, want[i], res.Sub[i].Err)
		}
	}
}

// checkIdle checks that a preparer with nothing under way holds nothing.
func (r *rig) checkIdle() {
	r.t.Helper()
	o := &r.p.overlay
	if len(o.nodes) != 0 || len(o.sessions) != 0 || len(o.touches) != 0 || len(o.undo) != 0 || o.undoing {
		r.t.Fatalf("idle overlay holds %+v", *o)
	}
}

// do prepares and applies.
func (r *rig) do(req *Request) (wire.Txn, wire.Code) {
	r.t.Helper()
	txn := r.prepare(req)
	r.apply(len(r.pending))
	return txn, codeOf(txn)
}

func (r *rig) mustDo(want wire.Code, req *Request) wire.Txn {
	r.t.Helper()
	txn, code := r.do(req)
	if code != want {
		r.t.Fatalf("%v %+v: code %v, want %v", req.Op, req.Body, code, want)
	}
	return txn
}

// ask does what a connection does with a request, and returns the reply's code
// and the created path.
func (r *rig) ask(op wire.OpCode, body wire.Record) (wire.Code, string) {
	r.t.Helper()
	req, code := r.request(op, body)
	if code != wire.OK {
		return code, ""
	}
	txn, code := r.do(req)
	path, _ := pathAndACL(txn.Body)
	return code, path
}

func (r *rig) mustAsk(want wire.Code, op wire.OpCode, body wire.Record) string {
	r.t.Helper()
	code, path := r.ask(op, body)
	if code != want {
		r.t.Fatalf("%v %+v: %v, want %v", op, body, code, want)
	}
	return path
}

// multi asks for a multi and returns the code of the reply's header and those
// of the operations.
func (r *rig) multi(ops ...wire.MultiOp) (wire.Code, []wire.Code) {
	r.t.Helper()
	req, code := r.decoded(wire.OpMulti, wire.AppendMulti(nil, ops))
	if code != wire.OK {
		return code, nil
	}
	txn, code := r.do(req)
	if m, ok := txn.Body.(*wire.MultiTxn); ok {
		return code, subCodes(m)
	}
	return code, nil
}

func codeOf(txn wire.Txn) wire.Code {
	if e, ok := txn.Body.(*wire.ErrorTxn); ok {
		return e.Err
	}
	return wire.OK
}

// subCodes are the codes a client gets for a multi.
func subCodes(m *wire.MultiTxn) []wire.Code {
	codes := make([]wire.Code, len(m.Txns))
	for i, sub := range m.Txns {
		if sub.Op == wire.OpError {
			var e wire.ErrorTxn
			decode(&e, sub.Data)
			codes[i] = e.Err
		}
	}
	return codes
}

// The open ACL, and one that lets nobody do anything.
var (
	open   = wire.WorldAnyone(wire.PermAll)
	nobody = wire.WorldAnyone(0)
)

func createBody(path string, mode wire.CreateMode) *wire.CreateRequest {
	return &wire.CreateRequest{Path: path, Data: []byte("data"), ACL: open, Flags: int32(mode)}
}

func ttlBody(path string, mode wire.CreateMode, ttl int64) *wire.CreateTTLRequest {
	return &wire.CreateTTLRequest{Path: path, Data: []byte("data"), ACL: open, Flags: int32(mode), TTL: ttl}
}

func versioned(path string, version int32) *wire.PathVersionRequest {
	return &wire.PathVersionRequest{Path: path, Version: version}
}

func setBody(path string, version int32) *wire.SetDataRequest {
	return &wire.SetDataRequest{Path: path, Data: []byte("new"), Version: version}
}

func setACLBody(path string, version int32, acl []wire.ACL) *wire.SetACLRequest {
	return &wire.SetACLRequest{Path: path, ACL: acl, Version: version}
}

// mk creates persistent nodes.
func (r *rig) mk(paths ...string) {
	r.t.Helper()
	for _, path := range paths {
		r.mustAsk(wire.OK, wire.OpCreate, createBody(path, wire.ModePersistent))
	}
}

func (r *rig) exists(path string) bool {
	_, ok := r.tree.Find(path)
	return ok
}

func (r *rig) stat(path string) wire.Stat {
	r.t.Helper()
	n, ok := r.tree.Find(path)
	if !ok {
		r.t.Fatalf("%s does not exist", path)
	}
	return r.tree.Stat(n)
}

// Every write takes the next zxid, whatever becomes of it.
func TestEveryWriteTakesOneZxid(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	start := r.p.LastZxid()
	r.mk("/a")
	r.mustAsk(wire.NodeExists, wire.OpCreate, createBody("/a", wire.ModePersistent))
	r.mustAsk(wire.BadVersion, wire.OpSetData, setBody("/a", 7))
	r.multi()
	r.multi(wire.MultiOp{Op: wire.OpDelete, Body: versioned("/none", -1)})
	r.mustDo(wire.OK, &Request{Session: r.session, Op: wire.OpCloseSession})
	if got := r.p.LastZxid() - start; got != 6 {
		t.Errorf("6 writes took %d zxids", got)
	}
	if r.tree.LastZxid() != r.p.LastZxid() {
		t.Errorf("tree is at %v, preparer at %v", r.tree.LastZxid(), r.p.LastZxid())
	}
}

func TestSpentCounter(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	req, _ := r.request(wire.OpCreate, createBody("/a", wire.ModePersistent))
	r.p.Reset(wire.MakeZxid(1, wire.MaxCounter-2))
	if txn := r.prepare(req); txn.Header.Zxid != wire.MakeZxid(1, wire.MaxCounter-1) {
		t.Errorf("last transaction of the epoch is %v", txn.Header.Zxid)
	}
	if _, err := r.p.Prepare(req, r.now); err != ErrZxidSpent {
		t.Errorf("beyond the last: %v", err)
	}
	r.p.Reset(wire.MakeZxid(2, 0))
	r.pending, r.found = nil, nil
	if txn := r.prepare(req); txn.Header.Zxid != wire.MakeZxid(2, 1) || codeOf(txn) != wire.OK {
		t.Errorf("first of the next epoch is %v, %v", txn.Header.Zxid, codeOf(txn))
	}
}

func TestResetForgetsWhatIsUnderWay(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	req, _ := r.request(wire.OpCreate, createBody("/a", wire.ModeEphemeral))
	r.prepare(req)
	r.pending, r.found = nil, nil
	r.p.Reset(r.tree.LastZxid())
	r.checkIdle()
	r.mustAsk(wire.OK, wire.OpCreate, createBody("/a", wire.ModeEphemeral))
}

// A transaction stays what it is when the frame it came from is used again.
func TestTransactionsShareNoMemoryWithTheRequest(t *testing.T) {
	bodies := map[wire.OpCode]wire.Record{
		wire.OpCreate:          &wire.CreateRequest{Path: "/a/n", Data: []byte("xyz"), ACL: []wire.ACL{{Perms: 31, ID: wire.ID{Scheme: "digest", ID: "u:p"}}}},
		wire.OpCreate2:         createBody("/a/n", wire.ModeEphemeralSequential),
		wire.OpCreateContainer: createBody("/a/n", wire.ModeContainer),
		wire.OpCreateTTL:       ttlBody("/a/n", wire.ModePersistentTTL, 5),
		wire.OpSetData:         setBody("/a/b", -1),
		wire.OpSetACL:          setACLBody("/a/b", -1, []wire.ACL{{Perms: 31, ID: wire.ID{Scheme: "digest", ID: "u:p"}}}),
		wire.OpDelete:          versioned("/a/b", -1),
	}
	for op, body := range bodies {
		for _, inMulti := range []bool{false, true} {
			if inMulti && op == wire.OpSetACL {
				continue
			}
			t.Run(fmt.Sprintf("%v/multi=%v", op, inMulti), func(t *testing.T) {
				r := newRig(t, PrepareOptions{})
				r.mk("/a", "/a/b")
				frame := body.AppendTo(nil)
				if inMulti {
					frame = wire.AppendMulti(nil, []wire.MultiOp{{Op: op, Body: body}})
					op = wire.OpMulti
				}
				req, code := r.decoded(op, frame)
				if code != wire.OK {
					t.Fatal(code)
				}
				txn := r.prepare(req)
				for i := range frame {
					frame[i] = 'Z'
				}
				if read, err := wire.DecodeTxn(txn.Raw); err != nil || !reflect.DeepEqual(read.Body, txn.Body) {
					t.Errorf("the body changed with the frame: %+v, %v", txn.Body, err)
				}
				for path, c := range r.p.overlay.nodes {
					if !wire.ValidPath(path) || len(c.acl) > 0 && c.acl[0].ID.Scheme != "world" && c.acl[0].ID.Scheme != "digest" {
						t.Errorf("the overlay changed with the frame: %q %v", path, c.acl)
					}
				}
				r.apply(1)
			})
		}
	}
}

// What cannot come from a connection is refused, not trusted.
func TestUnexpectedRequestsAreErrors(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a")
	for _, req := range []*Request{
		{Session: r.session, Op: wire.OpCheck, Body: versioned("/a", -1)},
		{Session: r.session, Op: wire.OpSync, Body: &wire.PathRequest{Path: "/a"}},
		{Session: r.session, Op: wire.OpGetData, Body: &wire.PathWatchRequest{Path: "/a"}},
		{Session: r.session, Op: wire.OpCreate},
		{Session: r.session, Op: 99},
	} {
		r.mustDo(wire.Unimplemented, req)
	}
	r.mustDo(wire.MarshallingError, &Request{Session: r.session, Op: wire.OpCreateSession})
}

func decode(r wire.Record, raw []byte) {
	d := wire.NewDecoder(raw)
	r.DecodeFrom(&d)
}

func TestRefusedRequestsTakeAZxidToo(t *testing.T) {
	p := NewPreparer(datatree.New(), nil, PrepareOptions{})
	req := &Request{Session: 7, Cxid: 3, Op: wire.OpCreate}
	txn, err := p.Refuse(req, wire.SessionMoved, 5)
	if err != nil {
		t.Fatal(err)
	}
	want := wire.TxnHeader{Session: 7, Cxid: 3, Zxid: 1, Time: 5, Op: wire.OpError}
	if body, ok := txn.Body.(*wire.ErrorTxn); txn.Header != want || !ok || body.Err != wire.SessionMoved || p.LastZxid() != 1 {
		t.Errorf("got %+v %+v, last %v", txn.Header, txn.Body, p.LastZxid())
	}
}

// What preparation has found, applying need not look for.
func TestFoundIsWhatApplyLooksFor(t *testing.T) {
	r := newRig(t, PrepareOptions{})
	r.mk("/a", "/a/b")
	for _, c := range []struct {
		op    wire.OpCode
		body  wire.Record
		found string // empty for nothing
	}{
		{wire.OpSetData, set("/a/b", "x"), "/a/b"},
		{wire.OpSetData, set("/a/b", "y"), "/a/b"}, // from the overlay
		{wire.OpSetData, set("/a/none", "x"), ""},
		{wire.OpSetACL, &wire.SetACLRequest{Path: "/a", ACL: wire.WorldAnyone(wire.PermAll), Version: -1}, "/a"},
		{wire.OpCreate, createBody("/a/c", wire.ModePersistent), "/a"},
		{wire.OpSetData, set("/a/c", "x"), ""}, // the tree does not have it yet
		{wire.OpDelete, versioned("/a/b", -1), "/a/b"},
		{wire.OpCreate, createBody("/a/b", wire.ModePersistent), "/a"},
		{wire.OpSetData, set("/a/b", "x"), ""},
	} {
		want, _ := r.tree.Find(c.found)
		if c.found == "" {
			want = 0
		}
		req, code := r.request(c.op, c.body)
		if code != wire.OK {
			t.Fatal(code)
		}
		r.prepare(req)
		if got := r.p.Found(); got != want {
			t.Errorf("%v %+v: found %v, want %v (%q)", c.op, c.body, got, want, c.found)
		}
	}
	r.apply(len(r.pending))
}
