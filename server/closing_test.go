package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// A session that owns very many nodes ends like any other, and stays ended: the
// end of a session cannot be refused for its length.
func TestSessionWithManyEphemerals(t *testing.T) {
	const batches, each = 200, 1000
	s := startSite(t, "snapCount=1000000")
	c := s.client()
	c.create("/a-parent-with-a-name-of-some-length", "", wire.ModePersistent)
	for b := range batches {
		ops := make([]wire.MultiOp, each)
		for i := range ops {
			ops[i] = wire.MultiOp{Op: wire.OpCreate, Body: &wire.CreateRequest{
				Path: fmt.Sprintf("/a-parent-with-a-name-of-some-length/ephemeral-%03d-%03d", b, i), ACL: anyone, Flags: int32(wire.ModeEphemeral)}}
		}
		c.SendFunc(wire.OpMulti, func(b []byte) []byte { return wire.AppendMulti(b, ops) })
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		if h, _, err := c.Recv(); err != nil || h.Err != wire.OK {
			t.Fatal(h, err)
		}
	}
	other := s.client()
	children := func(c *client) int32 {
		_, stat, _ := c.get("/a-parent-with-a-name-of-some-length")
		return stat.NumChildren
	}
	if n := children(other); n != batches*each {
		t.Fatalf("%d ephemeral nodes", n)
	}
	began := time.Now()
	c.do(wire.OK, wire.OpCloseSession, nil, nil)
	t.Logf("closed in %v", time.Since(began))
	if n := children(other); n != 0 {
		t.Errorf("%d ephemeral nodes are left", n)
	}
	s.halt()
	s.start()
	if n := children(s.client()); n != 0 {
		t.Errorf("%d ephemeral nodes are back after a restart", n)
	}
}
