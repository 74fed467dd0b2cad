package rawclient_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/bench/floor"
	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

func dial(t *testing.T, o rawclient.Options) *rawclient.Conn {
	t.Helper()
	s, err := floor.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c, err := rawclient.Dial(t.Context(), s.Addr(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Abandon() })
	return c
}

func TestDo(t *testing.T) {
	var events []rawclient.Event
	c := dial(t, rawclient.Options{Timeout: 5 * time.Second, OnEvent: func(e rawclient.Event) { events = append(events, e) }})
	if c.Session == 0 || c.Timeout != 5*time.Second {
		t.Errorf("session %v, timeout %v", c.Session, c.Timeout)
	}
	if err := c.Do(wire.OpCreate, &wire.CreateRequest{Path: "/a", Data: []byte("x"), ACL: wire.WorldAnyone(31)}, nil); err != nil {
		t.Fatal(err)
	}
	var data wire.GetDataResponse
	if err := c.Do(wire.OpGetData, &wire.PathWatchRequest{Path: "/a", Watch: true}, &data); err != nil || string(data.Data) != "x" {
		t.Fatalf("%q, %v", data.Data, err)
	}
	if err := c.Do(wire.OpGetData, &wire.PathWatchRequest{Path: "/b"}, &data); err != wire.NoNode {
		t.Errorf("getData of nothing: %v", err)
	}
	if err := c.Ping(); err != nil {
		t.Fatal(err)
	}
	if err := c.Do(wire.OpDelete, &wire.PathVersionRequest{Path: "/a", Version: -1}, nil); err != nil {
		t.Fatal(err)
	}
	// The event is there with the reply of the change, or right behind it.
	if err := c.Do(wire.OpExists, &wire.PathWatchRequest{Path: "/"}, nil); err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 || events[0].Type != wire.EventNodeDeleted || events[0].Path != "/a" {
		t.Errorf("events %v", events)
	}
}

func TestPipelined(t *testing.T) {
	c := dial(t, rawclient.Options{})
	for range 100 {
		c.Send(wire.OpExists, &wire.PathWatchRequest{Path: "/"})
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if h, _, err := c.Recv(); err != nil || h.Xid != wire.Xid(i+1) || h.Err != wire.OK {
			t.Fatalf("reply %d: %+v, %v", i, h, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// server answers the handshake and then sends the frames as they are.
func server(t *testing.T, connect []byte, frames ...[]byte) *rawclient.Conn {
	t.Helper()
	c, err := tryServer(t, connect, frames...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tryServer(t *testing.T, connect []byte, frames ...[]byte) (*rawclient.Conn, error) {
	client, srv := net.Pipe()
	t.Cleanup(func() { client.Close(); srv.Close() })
	go func() {
		srv.Read(make([]byte, 1024))
		srv.Write(connect)
		for _, f := range frames {
			srv.Write(f)
		}
		srv.Close()
	}()
	return rawclient.NewConn(client, rawclient.Options{})
}

func connected() []byte {
	return frame(&wire.ConnectResponse{Timeout: 4000, Session: 1, Passwd: make([]byte, 16), HasReadOnly: true})
}

func frame(r wire.Record) []byte {
	b, mark := wire.BeginFrame(nil)
	return wire.EndFrame(r.AppendTo(b), mark)
}

func TestRefusedSession(t *testing.T) {
	_, err := tryServer(t, frame(&wire.ConnectResponse{Passwd: make([]byte, 16)}))
	if !errors.Is(err, rawclient.ErrRefused) {
		t.Errorf("got %v", err)
	}
	if _, err := tryServer(t, frame(&wire.ErrorResponse{})); !errors.Is(err, wire.ErrTruncated) {
		t.Errorf("got %v", err)
	}
}

func TestBadFrames(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		frame      []byte
	}{
		{"negative length", "frame of -1 bytes", []byte{0xff, 0xff, 0xff, 0xff}},
		{"huge length", "frame of 2147483647 bytes", []byte{0x7f, 0xff, 0xff, 0xff}},
		{"cut frame", "in the middle of a frame", binary.BigEndian.AppendUint32(nil, 200<<20)},
		{"short header", "reply header", []byte{0, 0, 0, 1, 0}},
		{"wrong xid", "out of order", wire.AppendReply(nil, wire.ReplyHeader{Xid: 9}, nil)},
		{"cut event", "watch event", wire.AppendReply(nil, wire.ReplyHeader{Xid: -1}, nil)},
		{"end", "connection lost", nil},
	} {
		c := server(t, connected(), tc.frame)
		if _, _, err := c.Recv(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}

func TestEventsAndPingsAreTakenOutOfTheWay(t *testing.T) {
	var events []rawclient.Event
	in := wire.AppendEvent(nil, wire.EventNodeCreated, 5, "/a")
	in = wire.AppendReply(in, wire.ReplyHeader{Xid: wire.XidPing, Zxid: 6}, nil)
	in = wire.AppendReply(in, wire.ReplyHeader{Xid: 1, Zxid: 7}, nil)
	client, srv := net.Pipe()
	defer client.Close()
	go func() {
		srv.Read(make([]byte, 1024))
		srv.Write(append(connected(), in...))
	}()
	c, err := rawclient.NewConn(client, rawclient.Options{OnEvent: func(e rawclient.Event) { events = append(events, e) }})
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := c.Recv()
	if err != nil || h.Xid != 1 || c.LastZxid() != 7 {
		t.Errorf("%+v, %v, last zxid %v", h, err, c.LastZxid())
	}
	if len(events) != 1 || events[0] != (rawclient.Event{Type: wire.EventNodeCreated, Path: "/a", Zxid: 5}) {
		t.Errorf("events %v", events)
	}
}

func TestDialIsCancelled(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // it never answers
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := rawclient.Dial(ctx, ln.Addr().String(), rawclient.Options{}); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err) // of the two ends the socket's may come first
	}
}

// A resumed session numbers its requests on.
func TestLastXid(t *testing.T) {
	c := dial(t, rawclient.Options{LastXid: 41})
	c.Send(wire.OpExists, &wire.PathWatchRequest{Path: "/"})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if h, _, err := c.Recv(); err != nil || h.Xid != 42 {
		t.Errorf("the answer is to request %d (%v), want 42", h.Xid, err)
	}
}
