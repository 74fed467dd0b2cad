package zkdata

import (
	"fmt"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
)

// A digestCheck compares the tree with what ZooKeeper said of its own. The last
// comparison counts: an earlier one may have met a tree that a snapshot, written while
// it changed, had left between two moments.
type digestCheck struct {
	at   wire.Zxid // the snapshot's digest is that of the tree at this zxid
	want uint64

	compared, differed int
	wrong              string // what the last comparison, or a transaction since, found
}

// snapshot compares a tree that was loaded.
func (c *digestCheck) snapshot(t *datatree.Tree) {
	if c.at != wire.NoZxid && c.at == t.LastZxid() {
		c.compare(t, c.want)
	}
}

// txn compares the tree behind a transaction. Strict says that the transaction must
// have met the tree that it was made for.
func (c *digestCheck) txn(t *datatree.Tree, txn *wire.Txn, res *datatree.Result, strict bool) {
	if strict && c.wrong == "" && res.Inconsistent() {
		c.wrong = fmt.Sprintf("transaction %v (%v) does not find the tree that it was made for", txn.Header.Zxid, txn.Header.Op)
	}
	if d := txn.Digest; d != nil && int(d.Version) == datatree.DigestVersion {
		c.compare(t, uint64(d.Digest))
		return
	}
	c.snapshot(t)
}

func (c *digestCheck) compare(t *datatree.Tree, want uint64) {
	c.compared++
	if t.Digest() == want {
		c.wrong = ""
		return
	}
	c.differed++
	if c.wrong == "" {
		c.wrong = fmt.Sprintf("from transaction %v on the tree has not the digest that ZooKeeper had computed (%#x instead of %#x there)", t.LastZxid(), t.Digest(), want)
	}
}

// problem says why the tree cannot be trusted; "" if it can.
func (c *digestCheck) problem() string { return c.wrong }
