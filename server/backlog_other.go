//go:build !unix

package server

import "net"

// setBacklog leaves the accept queue to the system.
func setBacklog(*net.TCPListener, int) error { return nil }
