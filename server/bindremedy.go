package server

import (
	"errors"
	"io/fs"
	"net"
	"syscall"
)

// bindRemedy says what to do about a port that cannot be bound. where is what holds its
// host and number, such as "clientPort and clientPortAddress".
func bindRemedy(err error, where string) string {
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return "the host name cannot be resolved on this machine: correct it in " + where + ", or make it resolve"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address: correct it in " + where
	case errors.Is(err, fs.ErrPermission):
		return "this process may not have that port: choose one above 1023 in " + where + ", or give it CAP_NET_BIND_SERVICE"
	}
	return "stop what listens there, or choose another port in " + where
}
