package datatree

import "github.com/zabra/zabra/wire"

// marks says which nodes and sessions changed since the last checkpoint.
type marks struct {
	nodes    []uint64
	sessions map[wire.SessionID]struct{}
}

func (t *Tree) touch(slot uint32)              {}
func (t *Tree) touchSession(id wire.SessionID) {}
