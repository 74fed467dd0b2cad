package server_test

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// deaf opens a session of a client that will read little: what the kernel keeps for it
// is not what this machine is used to.
func (s *site) deaf(nc net.Conn) *client {
	s.t.Helper()
	tcp := nc
	if over, ok := nc.(*tls.Conn); ok {
		tcp = over.NetConn()
	}
	if err := tcp.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		s.t.Fatal(err)
	}
	return s.session(nc)
}

// A client that does not read its events is cut off when too many wait for it,
// by TLS as without, and nobody else notices.
func TestUnreadEventsAreBounded(t *testing.T) {
	p := newPKI(t)
	s := startSite(t, p.config(), "secureClientPort=0\nsecureClientPortAddress=127.0.0.1", "ssl.clientAuth=want", "zabra.maxUnsentBytes=65536")
	path := "/" + strings.Repeat("x", 1000)
	writer := s.client()
	writer.create(path, "", wire.ModePersistent)
	for _, secure := range []bool{false, true} {
		var nc net.Conn
		var err error
		if secure {
			nc, err = s.dialTLS(s.secureAddr(), p.client(nil))
		} else {
			nc, err = net.Dial("tcp", s.addr())
		}
		if err != nil {
			t.Fatal(err)
		}
		s.deaf(nc).do(wire.OK, wire.OpAddWatch, &wire.AddWatchRequest{Path: "/", Mode: wire.WatchPersistentRecursive}, nil)
	}
	ops := make([]wire.MultiOp, 500)
	for i := range ops {
		ops[i] = wire.MultiOp{Op: wire.OpSetData, Body: &wire.SetDataRequest{Path: path, Version: -1}}
	}
	reader := s.client()
	for range 60 { // 30 MB of events for each, more than sockets buffer
		writer.SendFunc(wire.OpMulti, func(b []byte) []byte { return wire.AppendMulti(b, ops) })
		if err := writer.Flush(); err != nil {
			t.Fatal(err)
		}
		if h, _, err := writer.Recv(); err != nil || h.Err != wire.OK {
			t.Fatal(h, err)
		}
		reader.get(path)
	}
	s.eventually("both to be cut off", func() bool {
		return strings.Count(s.log.String(), "client does not read its replies and events") == 2 &&
			value(scrape(t, "http://"+s.webAddr("admin")+"/metrics")["num_alive_connections"], "") == 2
	})
}

// Clients that each leave less unread than they may are cut off, those first that
// leave most, when it is too much together.
func TestUnreadEventsOfAllAreBounded(t *testing.T) {
	s := startSite(t, "zabra.maxTotalUnsentBytes=4000000")
	path := "/" + strings.Repeat("x", 1000)
	writer := s.client()
	writer.create(path, "", wire.ModePersistent)
	for range 4 {
		nc, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		s.deaf(nc).do(wire.OK, wire.OpAddWatch, &wire.AddWatchRequest{Path: "/", Mode: wire.WatchPersistentRecursive}, nil)
	}
	ops := make([]wire.MultiOp, 500)
	for i := range ops {
		ops[i] = wire.MultiOp{Op: wire.OpSetData, Body: &wire.SetDataRequest{Path: path, Version: -1}}
	}
	for range 30 { // 15 MB of events for each, less than one may leave
		writer.SendFunc(wire.OpMulti, func(b []byte) []byte { return wire.AppendMulti(b, ops) })
		if err := writer.Flush(); err != nil {
			t.Fatal(err)
		}
		if h, _, err := writer.Recv(); err != nil || h.Err != wire.OK {
			t.Fatal(h, err)
		}
	}
	s.eventually("most to be cut off", func() bool {
		n := strings.Count(s.log.String(), "the clients together do not read what they are sent")
		return n >= 3 && n+int(value(scrape(t, "http://"+s.webAddr("admin")+"/metrics")["num_alive_connections"], "")) == 5
	})
}
