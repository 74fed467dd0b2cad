package pipeline

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/wire"
)

// An authRow says which permission an operation needs, and where: for one on
// /p/n, or for a create on the new node /p/new.
type authRow struct {
	perm   int32 // any one of these bits; 0 if nobody is asked
	parent bool  // of /p, not of /p/n
	body   wire.Record
	sub    wire.OpCode // for an operation that carries others: the one it carries here
}

// authRows must have a row for every operation that a client may send, and for
// check, which may only be carried.
var authRows = map[wire.OpCode]authRow{
	wire.OpCreate:               {wire.PermCreate, true, createBody("/p/new", wire.ModePersistent), 0},
	wire.OpCreate2:              {wire.PermCreate, true, createBody("/p/new", wire.ModeEphemeralSequential), 0},
	wire.OpCreateContainer:      {wire.PermCreate, true, createBody("/p/new", wire.ModeContainer), 0},
	wire.OpCreateTTL:            {wire.PermCreate, true, ttlBody("/p/new", wire.ModePersistentTTL, 1), 0},
	wire.OpDelete:               {wire.PermDelete, true, versioned("/p/n", -1), 0},
	wire.OpSetData:              {wire.PermWrite, false, setBody("/p/n", -1), 0},
	wire.OpSetACL:               {wire.PermAdmin, false, setACLBody("/p/n", -1, open), 0},
	wire.OpCheck:                {wire.PermRead, false, versioned("/p/n", -1), 0},
	wire.OpMulti:                {wire.PermWrite, false, setBody("/p/n", -1), wire.OpSetData},
	wire.OpExists:               {wire.PermRead, false, &wire.PathWatchRequest{Path: "/p/n"}, 0},
	wire.OpGetData:              {wire.PermRead, false, &wire.PathWatchRequest{Path: "/p/n"}, 0},
	wire.OpGetChildren:          {wire.PermRead, false, &wire.PathWatchRequest{Path: "/p/n"}, 0},
	wire.OpGetChildren2:         {wire.PermRead, false, &wire.PathWatchRequest{Path: "/p/n"}, 0},
	wire.OpGetAllChildrenNumber: {wire.PermRead, false, &wire.PathRequest{Path: "/p/n"}, 0},
	wire.OpGetACL:               {wire.PermRead | wire.PermAdmin, false, &wire.PathRequest{Path: "/p/n"}, 0},
	wire.OpMultiRead:            {wire.PermRead, false, &wire.PathWatchRequest{Path: "/p/n"}, wire.OpGetData},

	// Nobody is asked:
	wire.OpGetEphemerals: {body: &wire.PathRequest{Path: "/"}},
	wire.OpWhoAmI:        {},
	wire.OpCloseSession:  {},
	// standalone, refused before anybody is asked
	wire.OpReconfig: {},
	// no node is looked at
	wire.OpSync: {}, wire.OpPing: {}, wire.OpAuth: {}, wire.OpSASL: {},
	// watches are filtered when they fire
	wire.OpAddWatch: {}, wire.OpSetWatches: {}, wire.OpSetWatches2: {}, wire.OpCheckWatches: {}, wire.OpRemoveWatches: {},
}

// A principal is a scheme with an entry, an id that it matches and one that it
// does not.
type principal struct{ scheme, entry, yes, no string }

var principals = []principal{
	{"world", "anyone", "", ""},
	{"ip", "127.0.0.0/8", "127.0.0.1", "10.0.0.1"},
	{"digest", "bob:hash", "bob:hash", "bob:other"},
	{"sasl", "bob", "bob", "eve"},
	{"x509", "CN=bob", "CN=bob", "CN=eve"},
}

func TestEveryOpHasAnAuthRow(t *testing.T) {
	for i := range ops {
		op := ops[i].Op
		_, ok := authRows[op]
		if want := ops[i].Class != ClassRefused || op == wire.OpCheck; ok != want {
			t.Errorf("%v: has a row %v, want %v", op, ok, want)
		}
	}
}

func TestAuthorizationMatrix(t *testing.T) {
	for op, row := range authRows {
		for _, who := range principals {
			for bit := int32(wire.PermRead); bit <= wire.PermAdmin; bit <<= 1 {
				if row.perm == 0 || !t.Run(fmt.Sprintf("%v/%s/%d", op, who.scheme, bit), func(t *testing.T) {
					checkAuth(t, op, row, who, bit)
				}) {
					break
				}
			}
		}
	}
}

func checkAuth(t *testing.T, op wire.OpCode, row authRow, who principal, bit int32) {
	acl := []wire.ACL{{Perms: bit, ID: wire.ID{Scheme: who.scheme, ID: who.entry}}}
	expect := func(name string, granted bool, ids ...wire.ID) {
		t.Helper()
		want := wire.NoAuth
		if granted {
			want = wire.OK
		}
		if got := attempt(t, op, row, acl, ids); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	enough := row.perm&bit != 0
	expect("nobody in particular", enough && who.scheme == "world")
	expect("super", true, wire.ID{Scheme: "super"})
	if who.scheme == "world" {
		return
	}
	expect("the one that is meant", enough, wire.ID{Scheme: who.scheme, ID: who.yes})
	expect("another one", false, wire.ID{Scheme: who.scheme, ID: who.no})
	expect("the same id of another scheme", false, wire.ID{Scheme: "other", ID: who.yes})
	expect("several, one of them meant", enough, wire.ID{Scheme: who.scheme, ID: who.no}, wire.ID{Scheme: who.scheme, ID: who.yes})
}

// attempt does the operation where only the node it depends on has the list,
// and everything around it lets nobody in.
func attempt(t *testing.T, op wire.OpCode, row authRow, acl []wire.ACL, ids []wire.ID) wire.Code {
	t.Helper()
	r := newRig(t, PrepareOptions{})
	r.ids = []wire.ID{{Scheme: "super"}}
	r.mk("/p", "/p/n")
	subject, other := "/p/n", "/p"
	if row.parent {
		subject, other = other, subject
	}
	r.mustAsk(wire.OK, wire.OpSetACL, setACLBody(subject, -1, acl))
	r.mustAsk(wire.OK, wire.OpSetACL, setACLBody(other, -1, nobody))
	r.mustAsk(wire.OK, wire.OpSetACL, setACLBody("/", -1, nobody))
	r.ids = ids
	if Info(op).Class == ClassRead {
		return r.read(op, row)
	}
	if row.sub != 0 {
		op = row.sub
	}
	if op == wire.OpSetACL { // not allowed in a multi
		code, _ := r.ask(op, row.body)
		return code
	}
	req, code := r.decoded(wire.OpMulti, wire.AppendMulti(nil, []wire.MultiOp{mop(op, row.body)}))
	if code != wire.OK {
		t.Fatalf("%v in a multi: %v", op, code)
	}
	code = subCodes(r.prepare(req).Body.(*wire.MultiTxn))[0]
	if row.sub == 0 && op != wire.OpCheck {
		r.pending = nil
		r.p.Reset(r.tree.LastZxid())
		if alone, _ := r.ask(op, row.body); alone != code {
			t.Errorf("%v in a multi: %v, alone %v", op, code, alone)
		}
	}
	return code
}

// read answers a read as a connection does.
func (r *rig) read(op wire.OpCode, row authRow) wire.Code {
	r.t.Helper()
	c := &Client{core: &Core{tree: r.tree, schemes: testSchemes(r.t), metrics: metrics.New()}}
	c.ids.Store(&r.ids)
	body := row.body.AppendTo(nil)
	if row.sub != 0 {
		body = wire.AppendMulti(nil, []wire.MultiOp{mop(row.sub, row.body)})
	}
	reply, code := c.read(nil, op, body)
	if row.sub == 0 || code != wire.OK {
		return code
	}
	var h wire.MultiHeader
	decode(&h, reply)
	return h.Err
}
