package zab

import (
	"slices"

	"github.com/zabra/zabra/wire"
)

func equalTxns(a, b Txn) bool { return a.Zxid == b.Zxid && string(a.Raw) == string(b.Raw) }

// check compares what a server delivered with what any other did: the shorter of two
// delivered histories is a prefix of the longer one, byte for byte.
func (c *cluster) check(n *node) {
	last := len(n.tree) - 1
	if last < len(c.history) {
		if !equalTxns(c.history[last], n.tree[last]) {
			c.t.Fatalf("server %d delivered %v where another delivered %v", n.id, n.tree[last].Zxid, c.history[last].Zxid)
		}
		return
	}
	c.history = append(c.history, n.tree[last])
	c.durable()
}

// durable checks that all that was delivered anywhere is in the logs of a quorum.
func (c *cluster) durable() {
	if len(c.history) == 0 || c.alone {
		return
	}
	config := c.config
	for _, n := range c.nodes {
		if n.disk.config.Version > config.Version {
			config = n.disk.config
		}
	}
	if !config.HasQuorum(func(id wire.SID) bool { return c.node(id).disk.holds(c.history) }) {
		c.t.Fatalf("what was delivered up to %v is not durable on a quorum", c.history[len(c.history)-1].Zxid)
	}
}

// holds reports whether a disk has a history. Histories that end equal are equal,
// which sameHistory checks now and then.
func (d *disk) holds(h []Txn) bool {
	at := len(h) - 1
	if at < len(d.baseTree) {
		return equalTxns(d.baseTree[at], h[at])
	}
	at -= len(d.baseTree)
	return at < len(d.log) && equalTxns(d.log[at], h[at+len(d.baseTree)])
}

// complete checks that a leader that is established has all that was delivered.
func (c *cluster) complete(n *node) {
	all := n.disk.all()
	if len(all) < len(c.history) || !slices.EqualFunc(all[:len(c.history)], c.history, equalTxns) {
		c.t.Fatalf("server %d leads epoch %d without what was delivered before", n.id, n.leader.Epoch())
	}
}

// oneLeader checks that no two servers ever synchronise others in one epoch.
func (c *cluster) oneLeader(n *node) {
	l := n.leader
	if l == nil || l.phase < synchronising || l.phase > broadcasting {
		return
	}
	if other, ok := c.leaders[l.epoch]; ok && other != n.id {
		c.t.Fatalf("servers %d and %d both lead epoch %d", other, n.id, l.epoch)
	}
	if c.leaders[l.epoch] == 0 {
		c.leaders[l.epoch], c.initial[l.epoch] = n.id, n.disk.all()
	}
}

// wroteEpoch checks that whoever has an epoch on its disk has its history there.
func (n *node) wroteEpoch() {
	if initial := n.c.initial[n.disk.current]; len(initial) > 0 && !n.disk.holds(initial) {
		n.c.t.Fatalf("server %d has epoch %d on disk, and not its history", n.id, n.disk.current)
	}
}

// honest checks what a packet says about the disk of who sends it.
func (n *node) honest(pkt *wire.QuorumPacket) {
	z, d := pkt.Zxid, &n.disk
	ok := true
	switch pkt.Type {
	case wire.PacketLeaderInfo:
		ok = d.accepted >= z.Epoch()
	case wire.PacketAckEpoch:
		if v, _ := wire.DecodePacketInt(pkt.Data); v >= 0 {
			ok = d.accepted >= n.learner.epoch && d.current == wire.Epoch(v) && z <= d.last()
		}
	case wire.PacketAck:
		ok = d.current >= z.Epoch() && (z.Counter() == 0 || d.last() >= z)
	}
	if !ok {
		n.c.t.Fatalf("server %d sends %v %v, its disk holds %v, epochs %d and %d", n.id, pkt.Type, z, d.last(), d.accepted, d.current)
	}
}

// ask notes a question whose answer has to show all that was delivered before it.
func (c *cluster) ask() uint64 {
	c.next++
	c.asked[uint64(c.next)] = len(c.history)
	return uint64(c.next)
}

func (n *node) answer(ids []uint64) {
	for _, id := range ids {
		n.answered = append(n.answered, id)
		if want := n.c.asked[id]; len(n.tree) < want {
			n.c.t.Fatalf("server %d answers a read with %d transactions; %d were visible when it was asked", n.id, len(n.tree), want)
		}
		n.c.counts["answered"]++
	}
}
