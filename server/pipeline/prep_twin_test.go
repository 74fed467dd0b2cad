package pipeline

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/zabra/zabra/wire"
)

// drawRequest draws a write, right or wrong, over few names, so that they meet.
func drawRequest(t *rapid.T) (wire.OpCode, []byte) {
	op := rapid.SampledFrom([]wire.OpCode{
		wire.OpCreate, wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL, wire.OpDelete, wire.OpDelete,
		wire.OpSetData, wire.OpSetACL, wire.OpMulti, wire.OpMulti, wire.OpCloseSession, wire.OpCreateSession, wire.OpDeleteContainer,
	}).Draw(t, "op")
	if op != wire.OpMulti {
		if b := drawBody(t, op); b != nil {
			return op, b.AppendTo(nil)
		}
		return op, nil
	}
	var multi []wire.MultiOp
	for range rapid.IntRange(0, 5).Draw(t, "operations") {
		sub := rapid.SampledFrom([]wire.OpCode{
			wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL, wire.OpDelete, wire.OpSetData, wire.OpCheck,
		}).Draw(t, "sub")
		multi = append(multi, mop(sub, drawBody(t, sub)))
	}
	return op, wire.AppendMulti(nil, multi)
}

func drawBody(t *rapid.T, op wire.OpCode) wire.Record {
	path := rapid.SampledFrom([]string{"/a", "/b", "/a/a", "/a/b", "/b/a", "/a/a/a", "/", "/a/", "/zookeeper/x"}).Draw(t, "path")
	version := rapid.SampledFrom([]int32{-1, -1, -1, 0, 1, 2}).Draw(t, "version")
	acl := rapid.SampledFrom([][]wire.ACL{open, open, open, open, nobody, wire.WorldAnyone(wire.PermRead | wire.PermDelete), nil}).Draw(t, "acl")
	mode := rapid.SampledFrom([]wire.CreateMode{0, 0, 1, 1, 2, 3, 4, 5, 6, 9}).Draw(t, "mode")
	data := rapid.SampledFrom([][]byte{nil, {}, []byte("x"), []byte("longer")}).Draw(t, "data")
	switch op {
	case wire.OpCreate, wire.OpCreate2:
		return &wire.CreateRequest{Path: path, Data: data, ACL: acl, Flags: int32(mode)}
	case wire.OpCreateContainer:
		return &wire.CreateRequest{Path: path, Data: data, ACL: acl, Flags: int32(wire.ModeContainer)}
	case wire.OpCreateTTL:
		return &wire.CreateTTLRequest{Path: path, Data: data, ACL: acl, Flags: 5, TTL: 1}
	case wire.OpDelete, wire.OpCheck:
		return versioned(path, version)
	case wire.OpSetData:
		return &wire.SetDataRequest{Path: path, Data: data, Version: version}
	case wire.OpSetACL:
		return setACLBody(path, version, acl)
	case wire.OpDeleteContainer:
		return &wire.PathRequest{Path: path}
	case wire.OpCreateSession:
		return &wire.CreateSessionTxn{Timeout: testTimeout}
	}
	return nil
}

// drawn makes the request of a client, or of the server itself.
func (r *rig) drawn(op wire.OpCode, body []byte, s wire.SessionID) (*Request, bool) {
	r.session = s
	switch op {
	case wire.OpCreateSession:
		return sessionRequest(s), true
	case wire.OpDeleteContainer:
		var b wire.PathRequest
		decode(&b, body)
		return &Request{Op: op, Body: &b}, true
	}
	req, code := r.decoded(op, body)
	return req, code == wire.OK
}

// However many transactions are under way, every request becomes the same
// transaction, to the byte, as if each were applied before the next is
// prepared. Two requests may see the difference: the reaper's gives way to
// changes under way, and a session is not made anew while it is being closed.
func TestLagChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		prompt, lagging := newRig(t, PrepareOptions{}), newRig(t, PrepareOptions{})
		for range rapid.IntRange(1, 120).Draw(rt, "requests") {
			op, body := drawRequest(rt)
			session := rapid.SampledFrom([]wire.SessionID{testSession, otherSession, 3}).Draw(rt, "session")
			req, ok := prompt.drawn(op, bytes.Clone(body), session)
			if !ok {
				continue
			}
			if op == wire.OpDeleteContainer || op == wire.OpCreateSession {
				lagging.apply(len(lagging.pending))
			}
			want, _ := prompt.do(req)
			req, _ = lagging.drawn(op, body, session)
			got := lagging.prepare(req)
			if !bytes.Equal(got.Raw, want.Raw) {
				rt.Fatalf("%v %+v: with %d under way became %v %+v, without %v %+v",
					op, req.Body, len(lagging.pending)-1, got.Header.Op, got.Body, want.Header.Op, want.Body)
			}
			lagging.apply(rapid.IntRange(0, len(lagging.pending)).Draw(rt, "apply"))
		}
		lagging.apply(len(lagging.pending))
		if a, b := prompt.tree.Digest(), lagging.tree.Digest(); a != b {
			rt.Fatalf("trees differ: %x, %x", a, b)
		}
	})
}
