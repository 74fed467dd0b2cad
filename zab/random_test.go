package zab

import (
	"flag"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

var seedFlag = flag.Uint64("seed", 0, "run TestSeed with this seed, and tell what happens")

// TestSeed runs one seed of TestRandom.
func TestSeed(t *testing.T) {
	if *seedFlag != 0 {
		runRandom(t, *seedFlag, t.Logf)
	}
}

// TestRandom runs ensembles through elections, crashes, broken connections, slow
// disks and reconfigurations.
func TestRandom(t *testing.T) {
	counts := map[string]int{}
	seed := uint64(0)
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	for seed = 1; seed <= 300; seed++ {
		for what, n := range runRandom(t, seed, nil) {
			counts[what] += n
		}
	}
	t.Log(counts)
	for _, what := range []string{"DIFF", "TRUNC", "SNAP", "packet(0)", "established", "answered", "*zab.RoleChange", "reconfig", "crash", "mastered"} {
		if counts[what] < 10 {
			t.Errorf("%s happened %d times", what, counts[what])
		}
	}
}

// TestRandomRepeatsItself shows that nothing but the seed decides.
func TestRandomRepeatsItself(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		if a, b := fingerprint(t, seed), fingerprint(t, seed); a != b {
			t.Fatalf("seed %d: %x and %x", seed, a, b)
		}
	}
}

// fingerprint is that of every packet of a run.
func fingerprint(t *testing.T, seed uint64) uint64 {
	h := fnv.New64()
	rng := rand.New(rand.NewPCG(seed, 1))
	c := newRandomCluster(t, rng)
	c.packet = func(k *link, down bool, pkt *wire.QuorumPacket) {
		h.Write(pkt.AppendTo(wire.AppendBool(wire.AppendLong(nil, int64(k.conn)), down)))
	}
	c.runRandom(rng)
	return h.Sum64()
}

func runRandom(t testing.TB, seed uint64, trace func(string, ...any)) map[string]int {
	rng := rand.New(rand.NewPCG(seed, 1))
	c := newRandomCluster(t, rng)
	if trace != nil {
		c.trace = trace
	}
	c.runRandom(rng)
	return c.counts
}

func newRandomCluster(t testing.TB, rng *rand.Rand) *cluster {
	c := newCluster(t, 3+2*rng.IntN(2), rng.IntN(3))
	if rng.IntN(4) == 0 {
		c.counter = 5 + rng.Uint32N(20)
	}
	return c
}

func (c *cluster) runRandom(rng *rand.Rand) {
	for range 1000 + rng.IntN(2000) {
		c.randomStep(rng)
	}
	c.recoverAll()
}

// recoverAll brings everybody back; in the end all have the same.
func (c *cluster) recoverAll() {
	var all []wire.SID
	for _, n := range c.nodes {
		if !n.up {
			c.restart(n.id)
		}
		all = append(all, n.id)
	}
	for range 4 {
		c.form(all...)
	}
	c.throughMasters()
	for _, n := range c.nodes {
		if !n.serving || len(n.tree) != len(c.history) {
			c.t.Fatalf("server %d delivered %d of %d, serving %v: %v", n.id, len(n.tree), len(c.history), n.serving, n.stopped)
		}
	}
	c.durable()
}

// throughMasters lets the observers go on under followers.
func (c *cluster) throughMasters() {
	for _, n := range c.nodes {
		leader := n.link
		if !n.observes() || leader == nil {
			continue
		}
		for _, k := range c.links {
			if f := k.learner; k.leader == leader.leader && f != n && f.learner.Following() && !f.learner.cfg.Observer {
				c.learn(n.id, k.leader.id, f.id)
				break
			}
		}
		if err := c.propose(leader.leader.id); err == nil {
			c.settle()
		}
	}
}

func (c *cluster) randomNode(rng *rand.Rand) *node { return c.nodes[rng.IntN(len(c.nodes))] }

func (c *cluster) randomStep(rng *rand.Rand) {
	switch p := rng.IntN(1000); {
	case p < 4:
		c.elect(rng)
	case p < 8:
		if n := c.randomNode(rng); n.up {
			c.crash(n.id, rng.IntN(4))
			c.counts["crash"]++
		}
	case p < 20:
		if n := c.randomNode(rng); !n.up {
			c.restart(n.id)
		}
	case p < 25:
		if len(c.links) > 0 {
			c.cut(c.links[rng.IntN(len(c.links))])
		}
	case p < 45:
		c.rejoin(c.randomNode(rng))
	case p < 65:
		if n := c.randomNode(rng); n.up {
			n.disk.check, n.disk.checkZxid = slices.Clone(n.tree), n.treeZxid
		}
	case p < 70:
		c.tick()
	case p < 180:
		c.load(rng)
	case p < 400:
		if n := c.randomNode(rng); len(n.jobs) > 0 {
			n.writeJob()
			n.drain()
		}
	default:
		for range 3 {
			c.deliverAny(rng)
		}
	}
}

func (c *cluster) deliverAny(rng *rand.Rand) {
	if len(c.links) == 0 {
		return
	}
	k := c.links[rng.IntN(len(c.links))]
	if down := rng.IntN(2) == 0; down && len(k.down) > 0 || !down && len(k.up) > 0 {
		c.deliverOne(k, down)
	}
}

// rejoin connects a server that has no leader to one.
func (c *cluster) rejoin(n *node) {
	if !n.up || n.leader != nil || n.learner != nil {
		return
	}
	var role *RoleChange
	if r, ok := n.stopped.(*RoleChange); ok {
		role, n.stopped = r, nil
	}
	if role != nil && role.Leader == n.id && n.mayLead() {
		c.lead(n.id)
		return
	}
	for _, l := range c.nodes {
		if l.leader != nil && n != l {
			c.learn(n.id, l.id, c.masterOf(n, l))
			return
		}
	}
}

// masterOf is whom a server learns from: its leader, or, for an observer with an even
// number of transactions, the first follower of that leader.
func (c *cluster) masterOf(n, leader *node) wire.SID {
	for _, k := range c.links {
		f := k.learner
		if n.observes() && len(n.disk.log)%2 == 0 && f != n && k.leader == leader && f.learner != nil && f.learner.Following() && !f.learner.cfg.Observer {
			return f.id
		}
	}
	return leader.id
}

// load does what clients would.
func (c *cluster) load(rng *rand.Rand) {
	for _, n := range c.nodes {
		leads, follows := n.leader != nil && n.leader.Established(), n.learner != nil && n.learner.Following()
		switch p := rng.IntN(20); {
		case leads && p < 12:
			_ = c.propose(n.id)
		case leads && p == 12:
			n.leader.Read(c.ask())
		case leads && p == 13:
			n.leader.Sync(c.ask())
		case leads && p == 14:
			c.reconfig(n, rng)
		case follows && p == 15:
			n.learner.Forward(wire.ForwardedRequest{Session: 1, Op: wire.OpSync}, nil, c.ask())
		}
		n.drain()
	}
}

// reconfig gives everybody a random role.
func (c *cluster) reconfig(n *node, rng *rand.Rand) {
	servers := slices.Clone(c.config.Servers)
	for i := range servers {
		servers[i].Role = quorum.Participant
		if rng.IntN(3) == 0 {
			servers[i].Role = quorum.Observer
		}
	}
	z := n.leader.Last() + 1
	next, err := quorum.New(int64(z), servers, nil, nil)
	if err != nil || !next.HasQuorum(n.leader.Synced) || n.leader.Active().Pending() {
		return
	}
	if n.leader.Propose(reconfigTxn(z, next)) == nil {
		c.counts["reconfig"]++
	}
}

func reconfigTxn(z wire.Zxid, next quorum.Config) Txn {
	h := wire.TxnHeader{Session: 1, Cxid: 1, Zxid: z, Time: 1, Op: wire.OpReconfig}
	t := wire.EncodeTxn(nil, h, &wire.SetDataTxn{Path: "/zookeeper/config", Data: next.Text(), Version: -1})
	return Txn{z, t.Raw}
}

// elect lets some servers choose a leader, if they are a quorum to it; others may
// stay with an older one.
func (c *cluster) elect(rng *rand.Rand) {
	var ids, others []wire.SID
	for _, i := range rng.Perm(len(c.nodes)) {
		n := c.nodes[i]
		switch {
		case n.mayLead() && rng.IntN(4) > 0:
			ids = append(ids, n.id)
		case n.up && n.observes() && rng.IntN(4) > 0: // it comes later, perhaps by a follower
			n.leave(nil)
		case n.up && (n.force || n.observes()):
			others = append(others, n.id)
		}
	}
	if len(ids) == 0 {
		return
	}
	c.gossip(ids)
	ids = slices.DeleteFunc(ids, func(id wire.SID) bool { return !c.node(id).mayLead() })
	if len(ids) == 0 {
		return
	}
	leader := c.best(ids)
	if !c.node(leader).active().HasQuorum(func(id wire.SID) bool { return slices.Contains(ids, id) }) {
		return
	}
	for _, id := range ids {
		c.node(id).leave(nil)
	}
	c.lead(leader)
	for _, id := range append(ids, others...) {
		if id != leader {
			c.follow(id, leader)
		}
	}
}
