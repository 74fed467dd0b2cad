package server

import (
	"net"
	"strings"
	"testing"
)

// What is to be done about a port that cannot be bound depends on why.
func TestBindRemedy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for addr, want := range map[string]string{
		"no-such-host.invalid:1": "the host name cannot be resolved on this machine: correct it in the line server.1",
		"192.0.2.1:0":            "this machine does not have that address: correct it in the line server.1",
		taken.Addr().String():    "stop what listens there, or choose another port in the line server.1",
	} {
		ln, err := listenTCP(addr, false, 0)
		if err == nil {
			ln.Close()
			t.Fatalf("%s can be bound", addr)
		}
		if got := bindRemedy(err, "the line server.1"); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
