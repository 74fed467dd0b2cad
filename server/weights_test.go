package server_test

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// A server that outweighs the others goes on without them, and they not without it.
func TestWeightsDecideWhoIsAMajority(t *testing.T) {
	sites := startEnsemble(t, 3, "group.1=1:2:3", "weight.1=3", "weight.2=1", "weight.3=1")
	heavy, light := sites[0], sites[1:]
	for _, s := range light {
		s.halt()
	}
	heavy.eventually("the heavy server to serve alone", heavy.serves)
	heavy.client().create("/alone", "x", wire.ModePersistent)
	for _, s := range light {
		s.launch()
	}
	for _, s := range light {
		s.eventually("all to serve", s.serves)
	}
	agree(t, sites, "/alone", "x")

	heavy.halt()
	for _, s := range light {
		s.eventually("nobody to be served", func() bool { return !s.serves() })
	}
	heavy.launch()
	for _, s := range sites {
		s.eventually("all to serve again", s.serves)
	}
	agree(t, sites, "/alone", "x")
}
