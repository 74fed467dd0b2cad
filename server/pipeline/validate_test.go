package pipeline

import (
	"reflect"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// bodies holds a sound request record for every operation that has one.
var bodies = map[wire.OpCode]wire.Record{
	wire.OpCreate:               createBody("/a/x", wire.ModePersistent),
	wire.OpCreate2:              createBody("/a/x", wire.ModeEphemeralSequential),
	wire.OpCreateContainer:      createBody("/a/x", wire.ModeContainer),
	wire.OpCreateTTL:            ttlBody("/a/x", wire.ModePersistentTTL, 5),
	wire.OpDelete:               versioned("/a/b", -1),
	wire.OpSetData:              setBody("/a/b", -1),
	wire.OpSetACL:               setACLBody("/a/b", -1, open),
	wire.OpReconfig:             &wire.ReconfigRequest{Joining: wire.NullString, Leaving: wire.NullString, NewMembers: "x", CurConfigID: -1},
	wire.OpExists:               &wire.PathWatchRequest{Path: "/a/b", Watch: true},
	wire.OpGetData:              &wire.PathWatchRequest{Path: "/a/b"},
	wire.OpGetChildren:          &wire.PathWatchRequest{Path: "/a/b"},
	wire.OpGetChildren2:         &wire.PathWatchRequest{Path: "/a/b"},
	wire.OpGetACL:               &wire.PathRequest{Path: "/a/b"},
	wire.OpSync:                 &wire.PathRequest{Path: "/a/b"},
	wire.OpGetEphemerals:        &wire.PathRequest{Path: "/a/b"},
	wire.OpGetAllChildrenNumber: &wire.PathRequest{Path: "/a/b"},
	wire.OpCheckWatches:         &wire.WatchTypeRequest{Path: "/a/b", Type: 1},
	wire.OpRemoveWatches:        &wire.WatchTypeRequest{Path: "/a/b", Type: 5},
	wire.OpSetWatches:           &wire.SetWatchesRequest{Data: []string{"/a"}, Exist: []string{}, Child: []string{}},
	wire.OpSetWatches2: &wire.SetWatches2Request{
		Data: []string{}, Exist: []string{"/a"}, Child: []string{}, Persistent: []string{}, PersistentRecursive: []string{"/"},
	},
	wire.OpAddWatch: &wire.AddWatchRequest{Path: "/a/b", Mode: 1},
	wire.OpAuth:     &wire.AuthRequest{Scheme: "digest", Auth: []byte("a:b")},
	wire.OpSASL:     &wire.SASLRequest{Token: []byte{}},
}

// encoded is a sound body of any operation.
func encoded(op wire.OpCode) []byte {
	switch op {
	case wire.OpMulti:
		return wire.AppendMulti(nil, []wire.MultiOp{
			mop(wire.OpCreate, bodies[wire.OpCreate]), mop(wire.OpCreateTTL, bodies[wire.OpCreateTTL]),
			mop(wire.OpDelete, versioned("/a/x", -1)), mop(wire.OpSetData, bodies[wire.OpSetData]), mop(wire.OpCheck, versioned("/a", 0)),
		})
	case wire.OpMultiRead:
		return wire.AppendMulti(nil, []wire.MultiOp{
			mop(wire.OpGetData, bodies[wire.OpGetData]), mop(wire.OpGetChildren, bodies[wire.OpGetChildren]),
		})
	}
	if b := bodies[op]; b != nil {
		return b.AppendTo(nil)
	}
	return nil
}

func TestDecodeEveryOp(t *testing.T) {
	for i := range ops {
		info := &ops[i]
		if info.Class == ClassRefused {
			continue
		}
		if (info.body != nil) != (bodies[info.Op] != nil) {
			t.Errorf("%v: the table and the test disagree about its record", info.Op)
			continue
		}
		b := encoded(info.Op)
		req, code := DecodeRequest(info.Op, b)
		if code != wire.OK || req.Op != info.Op || !reflect.DeepEqual(req.Body, bodies[info.Op]) {
			t.Errorf("%v: %+v, %v", info.Op, req, code)
		}
		if _, code := DecodeRequest(info.Op, append(b, 1, 2, 3)); code != wire.OK {
			t.Errorf("%v with bytes behind its record: %v", info.Op, code)
		}
		for n := range b {
			if _, code := DecodeRequest(info.Op, b[:n]); code != wire.MarshallingError {
				t.Errorf("%v cut to %d of %d bytes: %v", info.Op, n, len(b), code)
			}
		}
	}
}

func TestDecodeInvalid(t *testing.T) {
	const null = wire.NullString
	some := []string{"/a"}
	for _, tt := range []struct {
		name string
		op   wire.OpCode
		body wire.Record
		want wire.Code
	}{
		{"exists with NUL", wire.OpExists, &wire.PathWatchRequest{Path: "/a\x00"}, wire.BadArguments},
		{"exists of null", wire.OpExists, &wire.PathWatchRequest{Path: null}, wire.MarshallingError},
		{"getData with NUL", wire.OpGetData, &wire.PathWatchRequest{Path: "/a\x00"}, wire.OK},
		{"getData of null", wire.OpGetData, &wire.PathWatchRequest{Path: null}, wire.MarshallingError},
		{"getChildren of null", wire.OpGetChildren, &wire.PathWatchRequest{Path: null}, wire.MarshallingError},
		{"getChildren2 of null", wire.OpGetChildren2, &wire.PathWatchRequest{Path: null}, wire.MarshallingError},
		{"getACL of null", wire.OpGetACL, &wire.PathRequest{Path: null}, wire.MarshallingError},
		{"getAllChildrenNumber of null", wire.OpGetAllChildrenNumber, &wire.PathRequest{Path: null}, wire.MarshallingError},
		{"getEphemerals of null", wire.OpGetEphemerals, &wire.PathRequest{Path: null}, wire.OK},
		{"sync of null", wire.OpSync, &wire.PathRequest{Path: null}, wire.OK},
		{"sync of nonsense", wire.OpSync, &wire.PathRequest{Path: "no path"}, wire.OK},
		{"addWatch mode 5", wire.OpAddWatch, &wire.AddWatchRequest{Path: "/a", Mode: 5}, wire.MarshallingError},
		{"addWatch mode -1", wire.OpAddWatch, &wire.AddWatchRequest{Path: "/a", Mode: -1}, wire.MarshallingError},
		{"addWatch of nonsense", wire.OpAddWatch, &wire.AddWatchRequest{Path: "no path"}, wire.OK},
		{"removeWatches type 0", wire.OpRemoveWatches, &wire.WatchTypeRequest{Path: "/a"}, wire.MarshallingError},
		{"removeWatches type 9", wire.OpRemoveWatches, &wire.WatchTypeRequest{Path: "/a", Type: 9}, wire.MarshallingError},
		{"checkWatches type 6", wire.OpCheckWatches, &wire.WatchTypeRequest{Path: "/a", Type: 6}, wire.MarshallingError},
		{"setWatches without data", wire.OpSetWatches, &wire.SetWatchesRequest{Exist: some, Child: some}, wire.MarshallingError},
		{"setWatches without exist", wire.OpSetWatches, &wire.SetWatchesRequest{Data: some, Child: some}, wire.MarshallingError},
		{"setWatches without child", wire.OpSetWatches, &wire.SetWatchesRequest{Data: some, Exist: some}, wire.MarshallingError},
		{"setWatches of null", wire.OpSetWatches, &wire.SetWatchesRequest{Data: some, Exist: some, Child: []string{null}}, wire.MarshallingError},
		{"setWatches2 without persistent", wire.OpSetWatches2, &wire.SetWatches2Request{Data: some, Exist: some, Child: some, PersistentRecursive: some}, wire.MarshallingError},
		{"setWatches2 without recursive", wire.OpSetWatches2, &wire.SetWatches2Request{Data: some, Exist: some, Child: some, Persistent: some}, wire.MarshallingError},
	} {
		if _, code := DecodeRequest(tt.op, tt.body.AppendTo(nil)); code != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, code, tt.want)
		}
	}
}

func TestDecodeMultiRead(t *testing.T) {
	for name, tt := range map[string]struct {
		ops  []wire.MultiOp
		want wire.Code
	}{
		"empty":     {nil, wire.OK},
		"null path": {[]wire.MultiOp{mop(wire.OpGetData, &wire.PathWatchRequest{Path: wire.NullString})}, wire.MarshallingError},
		"write":     {[]wire.MultiOp{mop(wire.OpDelete, versioned("/a", 1))}, wire.MarshallingError},
		"mixed":     {[]wire.MultiOp{mop(wire.OpGetData, bodies[wire.OpGetData]), mop(wire.OpDelete, versioned("/a", 1))}, wire.MarshallingError},
		"exists":    {[]wire.MultiOp{mop(wire.OpExists, bodies[wire.OpExists])}, wire.MarshallingError},
	} {
		if _, code := DecodeRequest(wire.OpMultiRead, wire.AppendMulti(nil, tt.ops)); code != tt.want {
			t.Errorf("%s: %v, want %v", name, code, tt.want)
		}
	}
}

func TestDecodeReadAgreesWithDecodeRequest(t *testing.T) {
	for _, op := range []wire.OpCode{wire.OpExists, wire.OpGetData, wire.OpGetChildren, wire.OpGetChildren2} {
		for _, path := range []string{"/a", "", "/a\x00", wire.NullString} {
			for _, cut := range []int{0, 1} {
				b := (&wire.PathWatchRequest{Path: path, Watch: true}).AppendTo(nil)
				b = b[:len(b)-cut]
				var r wire.PathWatchRequest
				got := DecodeRead(op, b, &r)
				req, want := DecodeRequest(op, b)
				if got != want || want == wire.OK && !reflect.DeepEqual(req.Body, &r) {
					t.Errorf("%v of %q: %v %+v, want %v", op, path, got, r, want)
				}
			}
		}
	}
	b := encoded(wire.OpGetData)
	var r wire.PathWatchRequest
	if n := testing.AllocsPerRun(100, func() { DecodeRead(wire.OpGetData, b, &r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Nothing that passes decoding makes preparation panic, or a transaction that
// cannot be read and applied.
func FuzzRequest(f *testing.F) {
	for i := range ops {
		f.Add(int32(ops[i].Op), encoded(ops[i].Op))
	}
	f.Add(int32(wire.OpCreate), createBody("/a/", wire.ModePersistentSequential).AppendTo(nil))
	f.Add(int32(wire.OpMulti), wire.AppendMulti(nil, []wire.MultiOp{
		mop(wire.OpCreate, createBody("/a/x", wire.ModeContainer)), mop(wire.OpCheck, versioned("/none", 0)), mop(wire.OpDelete, versioned("/a", 0)),
	}))
	f.Add(int32(wire.OpSetData), (&wire.SetDataRequest{Path: strings.Repeat("/a", 100)}).AppendTo(nil))
	f.Fuzz(func(t *testing.T, op int32, body []byte) {
		r := newRig(t, PrepareOptions{EnforceQuota: true})
		r.mk("/a", "/a/b")
		req, code := r.decoded(wire.OpCode(op), body)
		if code != wire.OK || Info(req.Op).Class != ClassWrite {
			return
		}
		r.do(req)
		r.do(req)
	})
}
