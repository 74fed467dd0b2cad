package floor

import (
	"net"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

func start(t testing.TB) (*Server, *rawclient.Conn) {
	t.Helper()
	s, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c, err := rawclient.Dial(t.Context(), s.Addr(), rawclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Abandon() })
	return s, c
}

func TestAnswers(t *testing.T) {
	s, c := start(t)
	for _, tc := range []struct {
		op   wire.OpCode
		req  wire.Record
		code wire.Code
	}{
		{wire.OpCreate, &wire.CreateRequest{Path: "/a", Data: []byte("1")}, wire.OK},
		{wire.OpCreate, &wire.CreateRequest{Path: "/a"}, wire.NodeExists},
		{wire.OpCreate, &wire.CreateRequest{Path: "/x/y"}, wire.NoNode},
		{wire.OpCreate, &wire.CreateRequest{Path: "/a/"}, wire.BadArguments},
		{wire.OpCreate, &wire.CreateRequest{Path: "/a/e", Flags: int32(wire.ModeEphemeral)}, wire.OK},
		{wire.OpExists, &wire.PathWatchRequest{Path: "/a/e"}, wire.OK},
		{wire.OpExists, &wire.PathWatchRequest{Path: "/b"}, wire.NoNode},
		{wire.OpSetData, &wire.SetDataRequest{Path: "/a", Data: []byte("2")}, wire.OK},
		{wire.OpSetData, &wire.SetDataRequest{Path: "/b"}, wire.NoNode},
		{wire.OpDelete, &wire.PathVersionRequest{Path: "/a"}, wire.NotEmpty},
		{wire.OpDelete, &wire.PathVersionRequest{Path: "/b"}, wire.NoNode},
		{wire.OpGetChildren, &wire.PathWatchRequest{Path: "/"}, wire.OK},
	} {
		err := c.Do(tc.op, tc.req, nil)
		if code, _ := err.(wire.Code); code != tc.code || err != nil && tc.code == wire.OK {
			t.Errorf("%v %+v: %v, want %v", tc.op, tc.req, err, tc.code)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	// The root and /a stay: the ephemeral node goes.
	for end := time.Now().Add(time.Minute); s.Nodes() != 2 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if s.Nodes() != 2 {
		t.Errorf("%d nodes", s.Nodes())
	}
}

// FuzzRequests sends anything; the server must hang up or answer.
func FuzzRequests(f *testing.F) {
	h := wire.RequestHeader{Xid: 1, Op: wire.OpGetData}
	req := wire.PathWatchRequest{Path: "/", Watch: true}
	connect := rawclient.AppendConnect(nil, rawclient.Options{})
	b, mark := wire.BeginFrame(connect)
	f.Add(wire.EndFrame(req.AppendTo(h.AppendTo(b)), mark))
	h.Op = wire.OpMulti
	b, mark = wire.BeginFrame(connect[:len(connect):len(connect)])
	f.Add(wire.EndFrame(wire.AppendMultiEnd(h.AppendTo(b)), mark))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(_ *testing.T, in []byte) {
		client, srv := net.Pipe()
		c := &conn{s: &Server{tree: newTree()}, nc: srv}
		done := make(chan struct{})
		go func() { c.serve(); close(done) }()
		go func() {
			buf := make([]byte, 4096)
			for {
				if _, err := client.Read(buf); err != nil {
					return
				}
			}
		}()
		client.Write(in) // an error: the server has hung up
		client.Close()
		<-done
	})
}
