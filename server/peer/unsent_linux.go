package peer

import (
	"net"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes the system holds that the peer's has not acknowledged.
func unsent(nc net.Conn) int64 {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return 0
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	// One that has ended holds nothing.
	_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return int64(max(0, n))
}
