package conn

import (
	"io"
	"net"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
)

// FuzzConnection sends any bytes over a connection, behind a handshake or not and
// in pieces of any size, to a real core. Nothing may panic; when the peer closes
// the connection ends, with every goroutine of it; and the memory taken is of the
// order of what was sent.
func FuzzConnection(f *testing.F) {
	for _, seed := range connectionSeeds() {
		f.Add(true, uint16(0), seed)
		f.Add(true, uint16(7), seed)
	}
	f.Add(false, uint16(3), hello(wire.ConnectResponse{}))
	f.Add(false, uint16(0), hello(wire.ConnectResponse{Session: 1, Passwd: []byte("wrong")}))
	f.Add(false, uint16(0), []byte("ruok\n"))
	f.Add(false, uint16(0), []byte{0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5})
	f.Fuzz(func(t *testing.T, open bool, piece uint16, data []byte) {
		var ln net.Listener // with sockets there are event loops
		if piece%2 == 0 {
			ln = newPipeListener()
		}
		r := newRig(t, ln, Options{Words: oneWord{"imok"}, MaxFrame: 1 << 16},
			pipeline.Options{MaxFrame: 1 << 16, MaxOutbox: 1 << 20})
		before := allocated()
		near, far := net.Pipe()
		if piece%2 == 0 {
			r.port.accepted(far)
		} else {
			near = r.dial()
			r.eventually("the connection to be accepted", func() bool {
				r.port.mu.Lock()
				defer r.port.mu.Unlock()
				return r.port.number > 0
			})
		}
		go func() { _, _ = io.Copy(io.Discard, near) }()
		if open {
			data = append(hello(wire.ConnectResponse{}), data...)
		}
		for rest := data; len(rest) > 0; {
			n := len(rest)
			if piece > 0 {
				n = min(n, int(piece))
			}
			if _, err := near.Write(rest[:n]); err != nil {
				break
			}
			rest = rest[n:]
		}
		near.Close()
		ended := make(chan struct{})
		go func() { r.port.conns.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(patience):
			buf := make([]byte, 1<<20)
			t.Fatalf("the connection does not end\n%s", buf[:runtime.Stack(buf, true)])
		}
		if took, bound := allocated()-before, uint64(64<<20+1000*len(data)); took > bound {
			t.Errorf("%d bytes allocated for %d", took, len(data))
		}
	})
}

// allocated is how many bytes were allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// connectionSeeds are conversations that reach every kind of request.
func connectionSeeds() [][]byte {
	paths := []string{"/", "/a", "/none"}
	ops := []wire.MultiOp{
		{Op: wire.OpCreate, Body: &wire.CreateRequest{Path: "/a/m", ACL: wire.WorldAnyone(wire.PermAll)}},
		{Op: wire.OpSetData, Body: &wire.SetDataRequest{Path: "/a/m", Data: []byte("x"), Version: -1}},
		{Op: wire.OpDelete, Body: &wire.PathVersionRequest{Path: "/a/m", Version: -1}},
	}
	reads := []wire.MultiOp{
		{Op: wire.OpGetData, Body: &wire.PathWatchRequest{Path: "/a"}},
		{Op: wire.OpGetChildren, Body: &wire.PathWatchRequest{Path: "/"}},
	}
	return [][]byte{
		slices.Concat(create(1, "/a", []byte("x")), get(2, "/a"), set(3, "/a", nil), ping(), closeSession(4), get(5, "/a")),
		slices.Concat(
			request(1, wire.OpAddWatch, &wire.AddWatchRequest{Path: "/", Mode: wire.WatchPersistentRecursive}),
			request(2, wire.OpGetChildren2, &wire.PathWatchRequest{Path: "/", Watch: true}),
			request(3, wire.OpExists, &wire.PathWatchRequest{Path: "/a", Watch: true}),
			create(4, "/a", nil),
			request(5, wire.OpCheckWatches, &wire.WatchTypeRequest{Path: "/", Type: 5}),
			request(6, wire.OpRemoveWatches, &wire.WatchTypeRequest{Path: "/", Type: 3}),
			request(7, wire.OpDelete, &wire.PathVersionRequest{Path: "/a", Version: 0}),
		),
		slices.Concat(
			request(1, wire.OpSetWatches, &wire.SetWatchesRequest{Data: paths, Exist: paths, Child: paths}),
			request(2, wire.OpSetWatches2, &wire.SetWatches2Request{Data: paths, Exist: paths, Child: paths, Persistent: paths, PersistentRecursive: paths}),
		),
		slices.Concat(
			create(1, "/a", nil),
			request(2, wire.OpMulti, raw(wire.AppendMulti(nil, ops))),
			request(3, wire.OpMultiRead, raw(wire.AppendMulti(nil, reads))),
		),
		slices.Concat(
			request(-4, wire.OpAuth, &wire.AuthRequest{Scheme: "digest", Auth: []byte("me:secret")}),
			request(1, wire.OpWhoAmI, nil),
			request(2, wire.OpSASL, &wire.SASLRequest{Token: []byte("x")}),
			request(3, wire.OpSetACL, &wire.SetACLRequest{Path: "/", ACL: []wire.ACL{{Perms: 31, ID: wire.ID{Scheme: "auth"}}}, Version: -1}),
			request(4, wire.OpGetACL, &wire.PathRequest{Path: "/"}),
			request(-4, wire.OpAuth, &wire.AuthRequest{Scheme: "nobody"}),
		),
		slices.Concat(
			request(1, wire.OpCreateTTL, &wire.CreateTTLRequest{Path: "/t", ACL: wire.WorldAnyone(31), Flags: 5, TTL: 1000}),
			request(2, wire.OpCreateContainer, &wire.CreateRequest{Path: "/c", ACL: wire.WorldAnyone(31), Flags: 4}),
			request(3, wire.OpCreate2, &wire.CreateRequest{Path: "/e", ACL: wire.WorldAnyone(31), Flags: 3}),
			request(4, wire.OpGetEphemerals, &wire.PathRequest{Path: "/"}),
			request(5, wire.OpGetAllChildrenNumber, &wire.PathRequest{Path: "/"}),
			request(6, wire.OpSync, &wire.PathRequest{Path: "/"}),
			request(7, wire.OpReconfig, &wire.ReconfigRequest{}),
			request(8, wire.OpDeleteContainer, &wire.PathRequest{Path: "/c"}),
		),
		{0, 0, 0, 0},
		{0, 0, 0, 4, 1, 2, 3, 4},
		{0xff, 0xff, 0xff, 0xff},
	}
}

// raw is a record that is encoded already.
type raw []byte

func (r raw) AppendTo(b []byte) []byte   { return append(b, r...) }
func (r raw) DecodeFrom(d *wire.Decoder) {}
