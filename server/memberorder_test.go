package server_test

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/wire"
)

// Whatever a session asks for without waiting is answered in the order it was asked,
// through whichever server: a sync at its place among the writes.
func TestEnsembleAnswersInOrder(t *testing.T) {
	for _, s := range startEnsemble(t, 3) {
		c := s.client()
		var wants []wire.Code
		send := func(want wire.Code, op wire.OpCode, body wire.Record) {
			c.Send(op, body)
			wants = append(wants, want)
		}
		for i := range 50 {
			path := fmt.Sprint("/order", i)
			send(wire.OK, wire.OpCreate, &wire.CreateRequest{Path: path, ACL: anyone, Flags: int32(wire.ModeEphemeral)})
			send(wire.BadVersion, wire.OpSetData, &wire.SetDataRequest{Path: path, Version: 9})
			send(wire.OK, wire.OpSync, &wire.PathRequest{Path: path})
			send(wire.OK, wire.OpDelete, &wire.PathVersionRequest{Path: path, Version: 0})
			send(wire.NoNode, wire.OpExists, &wire.PathWatchRequest{Path: path})
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		for i, want := range wants {
			h, _, err := c.Recv()
			if err != nil {
				t.Fatalf("answer %d: %v", i, err) // an answer out of turn is one
			}
			if h.Err != want {
				t.Fatalf("answer %d: %v, want %v", i, h.Err, want)
			}
		}
	}
}
