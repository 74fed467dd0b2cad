//go:build !linux

package peer

import (
	"net"
	"time"
)

// setUserTimeout needs Linux.
func setUserTimeout(net.Conn, time.Duration) {}
