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
	if err != nil && s.up() { // else it has lost power on the way
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
	s.adopt(quorum.Active{Committed: a.Config})
}

// adopt takes other configurations for those in force.
func (s *server) adopt(active quorum.Active) {
	if active.Committed.Version != s.active.Committed.Version {
		s.say("has configuration %#x", active.Committed.Version)
	}
	s.active = active
	s.ledger.activates(s.id, active.Committed)
	s.election.Reconfigure(s.millis(), active)
	s.elect()
}

// showConfig makes the configuration readable, and lets checkpoints hold it.
func (s *server) showConfig() {
	c := s.active.Committed
	s.tree.SetConfig(c.Text(), wire.Zxid(c.Version), s.wall())
}

// recall finds the configurations that count on the disk: the last one that the tree
// knows to be committed, and the last one proposed that the log holds behind it.
func (s *server) recall() quorum.Active {
	active := quorum.Active{Committed: s.active.Committed}
	if c, err := quorum.Parse(s.tree.Config()); err == nil && c.Version > active.Committed.Version {
		active.Committed = c
	}
	err := s.storage.between(zab.Range{After: s.tree.LastZxid(), To: s.storage.log.Last()}, func(_ wire.Zxid, raw []byte) {
		txn, err := wire.DecodeTxn(raw)
		if err != nil || txn.Header.Op != wire.OpReconfig {
			return
		}
		if c, err := quorum.Parse(txn.Body.(*wire.SetDataTxn).Data); err == nil && c.Version > active.Committed.Version {
			active.Proposed = c
		}
	})
	if err != nil && s.up() && s.storage.log.Base() <= s.tree.LastZxid() {
		s.cluster.fail("driver", "server %d cannot search its log for configurations: %v", s.id, err)
	}
	return active
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
