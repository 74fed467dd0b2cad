//go:build !unix

package conn

import "net"

func newTCP(c *net.TCPConn) (socket, error) { return stream{c}, nil }
