package dev

import (
	"fmt"
	"net"
	"strconv"
)

// host is the only address that anything here listens on.
const host = "127.0.0.1"

// choosePorts gives each server its ports. All are held until all are found, so that
// none is given twice.
func choosePorts(servers []*server, first int) error {
	var held []net.Listener
	defer func() {
		for _, ln := range held {
			_ = ln.Close()
		}
	}()
	for _, kind := range []struct {
		usual int
		port  func(*server) *int
	}{
		{usualClient, func(s *server) *int { return &s.client }},
		{usualQuorum, func(s *server) *int { return &s.quorum }},
		{usualElection, func(s *server) *int { return &s.election }},
		{usualAdmin, func(s *server) *int { return &s.admin }},
	} {
		next := first + kind.usual - usualClient
		for _, s := range servers {
			ln, port, err := nextFree(next)
			if err != nil {
				return err
			}
			held = append(held, ln)
			*kind.port(s), next = port, port+1
		}
	}
	return nil
}

// nextFree holds the first port from one on that nobody has.
func nextFree(port int) (net.Listener, int, error) {
	for p := port; p <= lastPort; p++ {
		if ln, err := net.Listen("tcp", address(p)); err == nil {
			return ln, p, nil
		}
	}
	return nil, 0, fmt.Errorf("dev: no port from %d on is free on %s", port, host)
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
