package server_test

import (
	"strings"
	"testing"

	"github.com/zabra/zabra/wire"
)

// What jute.maxbuffer lets clients write reaches all servers, by every way: as it is
// written, through each of them, and later, in a DIFF and in a SNAP.
func TestLongTransactionsReachEverybody(t *testing.T) {
	const size = 5 << 20
	sites := startEnsemble(t, 3, "jute.maxbuffer=6000000", "preAllocSize=65536")
	write := func(s *site, path string) {
		t.Helper()
		c := s.client()
		defer c.Close()
		c.create(path, strings.Repeat("x", size), wire.ModePersistent)
	}
	for i, s := range sites {
		write(s, "/by"+string(rune('1'+i)))
	}
	_, _, others := lead(t, sites)
	away := others[0]
	away.halt()
	write(others[1], "/missed")
	away.start()
	allServe(sites)
	for i, s := range sites {
		c := s.client()
		for _, path := range []string{"/by1", "/by2", "/by3", "/missed"} {
			var r wire.StatResponse
			c.do(wire.OK, wire.OpSync, &wire.PathRequest{Path: path}, nil)
			if code := c.code(wire.OpExists, &wire.PathWatchRequest{Path: path}, &r); code != wire.OK || r.Stat.DataLength != size {
				t.Errorf("server %d: %s: %v, %d bytes", i+1, path, code, r.Stat.DataLength)
			}
		}
	}
}
