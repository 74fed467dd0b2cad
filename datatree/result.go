package datatree

import (
	"slices"

	"github.com/zabra/zabra/wire"
)

// A Result is what applying a transaction did. Its slices, and the strings in
// it, belong to the tree and to the transaction: they are valid until the next
// Apply and as long as the transaction's bytes.
type Result struct {
	// Op is the transaction's type.
	Op wire.OpCode
	// Err is the code of an error transaction, or of a change that found the
	// tree different from what it expects, which happens only in a replay. A
	// multi's is OK also when it failed; see Sub.
	Err wire.Code
	// Ignored says that the transaction had been applied before.
	Ignored bool
	// Path is the node's path.
	Path string
	// Stat is the node's after the transaction, for creates, setData and setACL.
	Stat wire.Stat
	// Sub holds a multi's results in order. If one operation failed nothing was
	// applied: those before it have OK, it has its code, those after it
	// RuntimeInconsistency.
	Sub []Result
	// Changes are what watches are triggered by, in that order.
	Changes []Change
}

// Failed reports whether the transaction is an error, or a multi that failed.
func (r *Result) Failed() bool {
	if r.Err != wire.OK {
		return true
	}
	for i := range r.Sub {
		if r.Sub[i].Err != wire.OK {
			return true
		}
	}
	return false
}

// Inconsistent reports whether the transaction found the tree other than it was when the
// transaction was made, as happens in the replay behind a snapshot that was written while
// the tree changed, and nowhere else.
func (r *Result) Inconsistent() bool {
	return r.Op != wire.OpError && (r.Err != wire.OK || slices.ContainsFunc(r.Sub, func(s Result) bool { return s.Inconsistent() }))
}

// A Change is one change of one node.
type Change struct {
	Type wire.EventType // NodeCreated, NodeDeleted or NodeDataChanged
	Path string
	// ACL is the node's, before it went in a deletion; ParentACL is its
	// parent's, nil for a change of data. Both are shared and not to be changed.
	ACL, ParentACL []wire.ACL
}
