//go:build !unix

package conn

import (
	"net"
	"time"
)

func newSocket(c net.Conn, timeout time.Duration) (socket, error) { return stream{c, timeout}, nil }
