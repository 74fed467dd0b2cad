package watch

import (
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// A TreeView is what CatchUp needs to know of the tree.
type TreeView interface {
	// Zxids returns the transactions that last set the node's data and its
	// list of children, and false if there is no such node.
	Zxids(path string) (mzxid, pzxid wire.Zxid, ok bool)
}

// CatchUp decides, for a client that comes back, which of its watches have an
// event it missed and which are set again (client reference 5.5): fire is called
// for the one, in the order in which the events must go out, and arm for the
// other, with a mode for Manager.Add. The tree must not change from the first
// look at it until the last watch is set. A path that occurs in two lists may
// fire twice. The answer is MarshallingError, and nothing is called, if a list is
// null.
func CatchUp(r *wire.SetWatches2Request, tree TreeView, fire func(wire.EventType, string), arm func(string, Mode)) wire.Code {
	if r.Data == nil || r.Exist == nil || r.Child == nil || r.Persistent == nil || r.PersistentRecursive == nil {
		return wire.MarshallingError
	}
	for _, path := range r.Data {
		switch mzxid, _, ok := tree.Zxids(path); {
		case !ok:
			fire(wire.EventNodeDeleted, path)
		case mzxid > r.RelativeZxid:
			fire(wire.EventNodeDataChanged, path)
		default:
			arm(path, Data)
		}
	}
	for _, path := range r.Exist {
		if _, _, ok := tree.Zxids(path); ok {
			fire(wire.EventNodeCreated, path)
		} else {
			arm(path, Data)
		}
	}
	for _, path := range r.Child {
		switch _, pzxid, ok := tree.Zxids(path); {
		case !ok:
			fire(wire.EventNodeDeleted, path)
		case pzxid > r.RelativeZxid:
			fire(wire.EventNodeChildrenChanged, path)
		default:
			arm(path, Child)
		}
	}
	for _, path := range r.Persistent {
		arm(path, Persistent)
	}
	for _, path := range r.PersistentRecursive {
		if !plant.In(plant.RecursiveForgotten) {
			arm(path, Recursive)
		}
	}
	return wire.OK
}

// Upgrade returns a setWatches request as the setWatches2 request that means the
// same.
func Upgrade(r *wire.SetWatchesRequest) wire.SetWatches2Request {
	return wire.SetWatches2Request{
		RelativeZxid: r.RelativeZxid, Data: r.Data, Exist: r.Exist, Child: r.Child,
		Persistent: []string{}, PersistentRecursive: []string{},
	}
}

// ModeOf returns the mode that an addWatch request sets, and false for one that
// does not exist.
func ModeOf(m wire.AddWatchMode) (Mode, bool) {
	switch m {
	case wire.WatchPersistent:
		return Persistent, true
	case wire.WatchPersistentRecursive:
		return Recursive, true
	}
	return 0, false
}
