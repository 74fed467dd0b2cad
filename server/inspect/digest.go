package inspect

import (
	"fmt"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
)

// A TreeCheck follows a tree while transactions are applied to it, and tells whether it
// is the one that they were made for. A tree that began as a snapshot which Apache
// ZooKeeper wrote, or sent, while its own changed holds some effects of later
// transactions; those then find it other than they should, until the last of them has
// been applied. So a digest that is right clears what was wrong before: it covers the
// whole tree (but not the ACLs).
//
// The zero value is ready.
type TreeCheck struct {
	Compared, Differed int // digests
	// Settled is the transaction behind which the tree was right again after it had
	// been wrong; 0 if it never was.
	Settled wire.Zxid

	problem string
}

// Applied takes the result of a transaction. Strict says that it must have met the tree
// that it was made for, digest or not.
func (c *TreeCheck) Applied(t *datatree.Tree, txn *wire.Txn, res *datatree.Result, strict bool) {
	if strict && c.problem == "" && res.Inconsistent() {
		c.problem = fmt.Sprintf("transaction %v does not apply: %v %s: %v", txn.Header.Zxid, res.Op, res.Path, res.Err)
	}
	if d := txn.Digest; d != nil && int(d.Version) == datatree.DigestVersion {
		c.Compare(t, uint64(d.Digest))
	}
}

// Compare compares the tree, as it is, with a digest.
func (c *TreeCheck) Compare(t *datatree.Tree, want uint64) {
	c.Compared++
	if t.Digest() == want {
		if c.problem != "" {
			c.problem, c.Settled = "", t.LastZxid()
		}
		return
	}
	c.Differed++
	if c.problem == "" {
		c.problem = fmt.Sprintf("from transaction %v on the tree has not the digest that was computed when it was made (%#x instead of %#x there)",
			t.LastZxid(), t.Digest(), want)
	}
}

// Problem says why the tree cannot be trusted; "" if it can.
func (c *TreeCheck) Problem() string { return c.problem }
