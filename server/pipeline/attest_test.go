package pipeline

import (
	"testing"
	"testing/synctest"

	"github.com/zabra/zabra/wire"
)

// What leaves the tree as it is says what the tree is, as long as nothing is on its
// way to it.
func TestLeaderAttestsItsTree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, l := newLeadingRig(t, Options{})
		defer r.close()
		session := idOf(7, 1)
		open := func(s wire.SessionID) *Request {
			return &Request{Session: s, Op: wire.OpCreateSession, Body: &wire.CreateSessionTxn{Timeout: 4000}}
		}
		write := func(path string) *Request {
			return &Request{Session: session, Cxid: 1, Op: wire.OpCreate, Body: create(path)}
		}
		r.together(l, open(session))
		r.together(l, write("/a"))
		r.together(l, write("/a")) // it exists
		r.together(l, write("/b"), write("/b"), open(idOf(7, 2)))
		r.together(l, open(idOf(7, 3)))

		mirror := newCoreRig(t, Options{})
		defer mirror.close()
		said := []bool{true, false, true, false, false, false, true}
		for i, raw := range r.log.txns {
			txn, err := wire.DecodeTxn(raw.Raw)
			if err != nil {
				t.Fatal(err)
			}
			mirror.core.tree.Apply(&txn)
			if got := txn.Digest != nil; got != said[i] {
				t.Errorf("transaction %d says what the tree is: %v", i, got)
			} else if got && uint64(txn.Digest.Digest) != mirror.core.tree.Digest() {
				t.Errorf("transaction %d: %x, and the tree is %x", i, txn.Digest.Digest, mirror.core.tree.Digest())
			}
		}
		if len(r.log.txns) != len(said) {
			t.Errorf("%d transactions", len(r.log.txns))
		}
	})
}

// together lets requests come through a learner at once, and waits for them.
func (r *coreRig) together(l *leading, reqs ...*Request) {
	r.core.Call(func() {
		for _, req := range reqs {
			r.core.outstanding.Add(1)
			l.request(req, 7, wire.OK)
		}
	})
	synctest.Wait()
}
