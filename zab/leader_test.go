package zab

import (
	"errors"
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

func TestFollowers(t *testing.T) {
	c := newCluster(t, 3, 1)
	c.form(1, 2, 3, 4)
	c.proposals(3, 2)
	l := c.node(3).leader
	z := wire.MakeZxid(1, 2)
	// The order is that of their connections.
	want := []Follower{{1, 1, false, true, z, z}, {2, 2, false, true, z, z}, {3, 4, true, true, z, 0}}
	if got := l.Followers(); !slices.Equal(got, want) {
		t.Errorf("followers %+v, want %+v", got, want)
	}
	if l.Committed() != z || l.Last() != z || l.Epoch() != 1 {
		t.Errorf("committed %v, last %v, epoch %d", l.Committed(), l.Last(), l.Epoch())
	}
	for id, want := range map[wire.SID]bool{1: true, 2: true, 3: true, 4: false, 5: false} {
		if l.Synced(id) != want {
			t.Errorf("server %d synced: %v", id, !want)
		}
	}
	if n := c.node(1).learner; n.Epoch() != 1 || !n.Following() {
		t.Errorf("learner: epoch %d, following %v", n.Epoch(), n.Following())
	}
}

func TestResign(t *testing.T) {
	l := establishedLeader(t)
	why := errors.New("the voter 2 cannot follow")
	l.Resign(why)
	l.Resign(errors.New("later"))
	r, ok := l.Ready()
	if !ok || r.Stop != why || len(r.Close) != 2 {
		t.Fatalf("%+v", r)
	}
	if err := l.Propose(txn(l.Last()+1, "x")); !errors.Is(err, ErrNotServing) {
		t.Errorf("propose: %v", err)
	}
	l.Receive(1, &wire.QuorumPacket{Type: wire.PacketAck})
	l.Tick()
	l.Persisted(99)
	if r, ok := l.Ready(); ok {
		t.Errorf("it wants more: %+v", r)
	}
	l.Connected(9)
	if r, _ := l.Ready(); len(r.Close) != 1 || r.Close[0].Conn != 9 {
		t.Errorf("%+v", r)
	}
}

// TestProgress shows that a learner is not silent while a snapshot travels, on either
// side.
func TestProgress(t *testing.T) {
	c := newCluster(t, 3, 0)
	c.form(2, 3)
	c.proposals(3, 1)
	c.follow(1, 3)
	k := c.node(1).link
	for c.node(3).leader.peer(k.conn).stage < syncing {
		c.deliverOne(k, len(k.down) > 0)
		c.flush(1)
		c.flush(3)
	}
	for range 30 {
		c.node(3).leader.Progress(k.conn)
		c.node(1).learner.Progress()
		c.tick()
		c.deliver(2, 3)
	}
	if c.node(1).learner == nil || k.dead {
		t.Fatalf("the learner is gone: %v", c.node(1).stopped)
	}
	c.settle()
	if !c.node(1).serving {
		t.Errorf("the learner does not serve: %v", c.node(1).stopped)
	}
}

func TestProposeChecksTheHeader(t *testing.T) {
	l := establishedLeader(t)
	next := l.Last() + 1
	for name, bad := range map[string]Txn{
		"no header":     {next, make([]byte, headerSize-1)},
		"another zxid":  {next, txn(next+1, "x").Raw},
		"not a config":  {next, reconfigTxnOf(next, "server.1=nonsense").Raw},
		"an old config": {next, reconfigTxn(next, configText([]wire.SID{1}, 3, 0)).Raw},
	} {
		if err := l.Propose(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := l.Propose(txn(next, "x")); err != nil {
		t.Error(err)
	}
}

func reconfigTxnOf(z wire.Zxid, text string) Txn {
	h := wire.TxnHeader{Session: 1, Cxid: 1, Zxid: z, Time: 1, Op: wire.OpReconfig}
	t := wire.EncodeTxn(nil, h, &wire.SetDataTxn{Path: "/zookeeper/config", Data: []byte(text), Version: -1})
	return Txn{z, t.Raw}
}
