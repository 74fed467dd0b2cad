//go:build !unix

package conn

import (
	"net"
	"time"
)

func newSocket(c net.Conn, timeout time.Duration) (socket, error) { return newStream(c, timeout), nil }
