package sim

import (
	"bytes"
	"errors"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// deliver applies what is committed: first what the log holds of it, then what came.
func (s *server) deliver(rd *zab.Ready) {
	err := s.storage.between(rd.Replay, func(_ wire.Zxid, raw []byte) { s.apply(raw) })
	if err != nil {
		s.cluster.fail("driver", "server %d cannot read its log from %v to %v: %v", s.id, rd.Replay.After, rd.Replay.To, err)
	}
	for _, t := range rd.Deliver {
		s.apply(t.Raw)
	}
}

// apply applies one transaction, whoever proposed it.
func (s *server) apply(raw []byte) {
	txn, err := wire.DecodeTxn(raw)
	if err != nil {
		s.cluster.fail("wire", "server %d cannot read a transaction: %v", s.id, err)
		return
	}
	if txn.Header.Zxid <= s.tree.LastZxid() {
		return
	}
	res := s.tree.Apply(&txn)
	s.say("applies %#x", int64(txn.Header.Zxid))
	s.ledger.deliver(s.id, txn.Header.Zxid, s.tree.Digest())
	s.cluster.appliedBy(s, &txn)
	if up := s.service.up; up != nil {
		up.applied(&txn)
	}
	s.service.applied(&txn, &res)
}

// snapshot is the tree as a SNAP sends it.
func (s *server) snapshot() image {
	var b bytes.Buffer
	if err := datatree.WriteSnapshot(&b, s.tree, datatree.Stream); err != nil {
		s.cluster.fail("driver", "server %d cannot write a snapshot: %v", s.id, err)
	}
	return b.Bytes()
}

// activate puts a configuration into force.
func (s *server) activate(a *zab.Activation) {
	s.active = quorum.Active{Committed: a.Config}
	s.election.Reconfigure(s.millis(), s.active)
	s.elect()
}

// stopFor ends the role as its machine asks: with an election, or after a
// reconfiguration with the role that that gives.
func (s *server) stopFor(why error) {
	r := s.role
	var change *zab.RoleChange
	if !errors.As(why, &change) {
		s.leave(r, why)
		return
	}
	s.leave(r, why)
}

// everybody may do everything.
type everybody struct{}

func (everybody) Allowed([]wire.ACL, []wire.ID, int32) bool { return true }

func (everybody) FixupACL(acl []wire.ACL, _ []wire.ID) ([]wire.ACL, wire.Code) { return acl, wire.OK }
