package rawclient_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// A tape is a connection that reads recorded bytes and swallows what is written.
type tape struct {
	io.Reader
	net.Conn
}

func (t tape) Read(p []byte) (int, error)       { return t.Reader.Read(p) }
func (t tape) Write(p []byte) (int, error)      { return len(p), nil }
func (t tape) Close() error                     { return nil }
func (t tape) SetDeadline(time.Time) error      { return nil }
func (t tape) SetReadDeadline(time.Time) error  { return nil }
func (t tape) SetWriteDeadline(time.Time) error { return nil }

// FuzzRecv reads a handshake and replies from anything. It must end, without a
// panic, and without memory for lengths that no bytes follow.
func FuzzRecv(f *testing.F) {
	in := connected()
	in = wire.AppendEvent(in, wire.EventNodeCreated, 5, "/a")
	in = wire.AppendReply(in, wire.ReplyHeader{Xid: wire.XidPing}, nil)
	in = wire.AppendReply(in, wire.ReplyHeader{Xid: 1}, &wire.PathResponse{Path: "/a"})
	f.Add(in)
	f.Add(connected())
	f.Add(append(connected(), 0x0f, 0xff, 0xff, 0xff, 1))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := rawclient.NewConn(tape{Reader: bytes.NewReader(in)}, rawclient.Options{})
		if err != nil {
			return
		}
		for {
			if _, _, err := c.Recv(); err != nil {
				return
			}
		}
	})
}
