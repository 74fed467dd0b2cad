//go:build unix

package server

import (
	"net"
	"syscall"
)

// setBacklog changes the length of the accept queue. Go chose one when it called
// listen; calling it again on the same socket is how a system is told another.
func setBacklog(ln *net.TCPListener, n int) error {
	raw, err := ln.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = syscall.Listen(int(fd), n) }); err != nil {
		return err
	}
	return failed
}
