package datatree

import (
	"bytes"
	"testing"

	"github.com/zabra/zabra/wire"
)

// The scenarios of the protocol's reference, section 10, that a tree decides. The other
// ones are named in docs/testing.md.

// S13. A snapshot was begun in the middle of a multi: it holds the first of its nodes. What
// follows it in the log begins with the whole multi, which makes the second one, too.
func TestS13HalfAMultiInASnapshot(t *testing.T) {
	const multi = 5
	half := stream(map[string]wire.StatPersisted{"": {Cversion: 1, Pzxid: multi}, "/a": {Czxid: multi, Mzxid: multi, Pzxid: multi}}, worldIndex)
	tr, err := ReadStream(bytes.NewReader(half), multi-1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if tr.LastZxid() != multi-1 {
		t.Fatalf("the tree is at %v", tr.LastZxid())
	}
	apply(t, tr, wire.TxnHeader{Zxid: multi, Op: wire.OpMulti}, &wire.MultiTxn{Txns: []wire.SubTxn{
		sub(wire.OpCreate, &wire.CreateTxn{Path: "/a", ACL: open, ParentCversion: 1}),
		sub(wire.OpCreate, &wire.CreateTxn{Path: "/b", ACL: open, ParentCversion: 2}),
	}})
	root, _ := tr.Find("/")
	_, a := tr.Find("/a")
	_, b := tr.Find("/b")
	if !a || !b || tr.LastZxid() != multi || tr.Stored(root).Cversion != 2 {
		t.Errorf("/a %v, /b %v, at %v, the root counts %d", a, b, tr.LastZxid(), tr.Stored(root).Cversion)
	}
}

// S14. A snapshot holds a node whose list is not in its table. The create that follows it
// in the log brings the list; before that nobody may do anything with the node.
func TestS14LostACLComesWithItsCreate(t *testing.T) {
	b := stream(map[string]wire.StatPersisted{"/a": {Czxid: 3, Mzxid: 3, Pzxid: 3}}, 17)
	tr, err := ReadStream(bytes.NewReader(b), 2, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, _ := tr.Find("/a")
	if acl := tr.ACL(n); len(acl) != 1 || acl[0].Perms != 0 {
		t.Errorf("before: %v", acl)
	}
	apply(t, tr, wire.TxnHeader{Zxid: 3, Op: wire.OpCreate}, &wire.CreateTxn{Path: "/a", ACL: open, ParentCversion: 1})
	if acl := tr.ACL(n); len(acl) != 1 || acl[0] != open[0] {
		t.Errorf("after: %v", acl)
	}
}

// S19. Servers before 3.8.5 and 3.9.3 log a check that stood outside of a multi. It can be
// read, changes nothing, and takes its zxid.
func TestS19CheckOutsideMulti(t *testing.T) {
	tr := New()
	apply(t, tr, wire.TxnHeader{Zxid: 1, Op: wire.OpCreate}, &wire.CreateTxn{Path: "/a", ACL: open, ParentCversion: 1})
	before := tr.Digest()
	if r := apply(t, tr, wire.TxnHeader{Zxid: 2, Op: wire.OpCheck}, &wire.CheckVersionTxn{Path: "/a", Version: 1}); len(r.Changes) > 0 {
		t.Errorf("%+v", r)
	}
	if tr.Digest() != before || tr.LastZxid() != 2 {
		t.Errorf("digest %x, was %x; at %v", tr.Digest(), before, tr.LastZxid())
	}
}
