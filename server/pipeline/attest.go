package pipeline

import "github.com/zabra/zabra/wire"

// attest makes a transaction say what the tree is behind it, as each of an Apache
// ZooKeeper leader's does, so that learners of either kind find out that theirs is
// another one: learning.verify. To know it before a quorum has decided takes a tree
// that nothing is on its way to, and a transaction that leaves it as it is. Refused
// requests and new sessions meet such moments often enough; they cost nothing.
func (r *leading) attest(txn *wire.Txn) {
	if r.inflight.len() > 0 {
		return
	}
	switch txn.Body.(type) {
	case *wire.ErrorTxn, *wire.CreateSessionTxn:
		txn.Attest(r.tree.Digest())
	}
}
