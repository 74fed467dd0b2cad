package zab

import (
	"testing"

	"github.com/zabra/zabra/wire"
)

// A follower remembers who a session speaks through until the session ends.
func TestEndedSessionsAreForgotten(t *testing.T) {
	c := newCluster(t, 3, 1)
	leader := c.form(1, 2, 3)
	c.learn(4, leader, 1)
	c.settle()
	m := c.node(1).learner.Master()
	for _, s := range []wire.SessionID{8, 9} {
		m.revalidated(c.node(4).link.conn, wire.Revalidated{Session: s, Valid: true})
	}
	l := c.node(leader).leader
	h := wire.TxnHeader{Session: 9, Zxid: l.Last() + 1, Op: wire.OpCloseSession}
	end := wire.EncodeTxn(nil, h, &wire.CloseSessionTxn{})
	if err := l.Propose(Txn{h.Zxid, end.Raw}); err != nil {
		t.Fatal(err)
	}
	c.node(leader).drain()
	c.settle()
	if m.hasMoved(9) || !m.hasMoved(8) || len(m.speaks) != 1 {
		t.Errorf("sessions speak through %v", m.speaks)
	}
}
