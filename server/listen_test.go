//go:build linux

package server

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// option reads from a socket.
func option[T any](t *testing.T, c syscall.Conn, read func(fd int) (T, error)) (v T) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err == nil {
		var failed error
		err = raw.Control(func(fd uintptr) { v, failed = read(int(fd)) })
		if err == nil {
			err = failed
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func accepted(t *testing.T, ln net.Listener) *net.TCPConn {
	t.Helper()
	dialed, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialed.Close() })
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func TestKeepAliveOnlyIfAskedFor(t *testing.T) {
	for _, ask := range []bool{false, true} {
		ln, err := listenTCP("127.0.0.1:0", ask, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		got := option(t, accepted(t, ln), func(fd int) (int, error) { return unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE) })
		if (got != 0) != ask {
			t.Errorf("clientTcpKeepAlive=%v: SO_KEEPALIVE is %d", ask, got)
		}
	}
}

func TestListenBacklog(t *testing.T) {
	ln, err := listenTCP("127.0.0.1:0", false, 7)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	info := option(t, ln.(*net.TCPListener), func(fd int) (*unix.TCPInfo, error) {
		return unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if info.Sacked != 7 { // for a listening socket: the longest queue
		t.Errorf("the backlog is %d, want 7", info.Sacked)
	}
	accepted(t, ln)
}
