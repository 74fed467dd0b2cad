//go:build !linux

package bench

import (
	"net"
	"sync/atomic"
)

// driveNative steps a loop until it is done.
func driveNative(l *loop, links []net.Conn, clock func() int64, halt *atomic.Bool) error {
	return drivePortable(l, links, clock, halt)
}
