package freeport

import (
	"fmt"
	"net"
	"testing"
)

func TestEachPortOnce(t *testing.T) {
	var p Ports
	seen := map[int]bool{}
	for range 200 {
		port, err := p.Free()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] {
			t.Fatalf("port %d twice", port)
		}
		seen[port] = true
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
	}
}

// Two that look for ports, as in two processes, get different ones, although nobody
// listens there yet.
func TestBlocksAreApart(t *testing.T) {
	var a, b Ports
	seen := map[int]bool{}
	for range 500 {
		for _, p := range []*Ports{&a, &b} {
			port, err := p.Free()
			if err != nil {
				t.Fatal(err)
			}
			if seen[port] {
				t.Fatalf("port %d twice", port)
			}
			seen[port] = true
		}
	}
}
