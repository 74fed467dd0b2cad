package peer

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// userTimeout is that of a connection, milliseconds.
func userTimeout(t *testing.T, nc net.Conn) (ms int) {
	t.Helper()
	for {
		switch c := nc.(type) {
		case *tls.Conn:
			nc = c.NetConn()
			continue
		case *peeked:
			nc = c.Conn
			continue
		}
		break
	}
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		ms, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	}); err != nil {
		t.Fatal(err)
	}
	return ms
}

// Both sides of a connection give up a peer that acknowledges nothing.
func TestUserTimeout(t *testing.T) {
	noLeaks(t)
	tr := Transport{UserTimeout: 7 * time.Second}
	leader, learner := pair(t, ConnOptions{}, tr, tr)
	for who, c := range map[string]*end{"leader": leader, "learner": learner} {
		if ms := userTimeout(t, c.nc); ms != 7000 {
			t.Errorf("%s: %d ms", who, ms)
		}
	}
	leader, learner = pair(t, ConnOptions{})
	if a, b := userTimeout(t, leader.nc), userTimeout(t, learner.nc); a != 0 || b != 0 {
		t.Errorf("%d and %d ms without being asked", a, b)
	}
}
