package zab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// A cluster is servers in memory, driven one step at a time: packets wait on links
// until they are delivered, writes wait until they are synced. It checks that no two
// servers ever deliver different histories.
type cluster struct {
	t        testing.TB
	config   quorum.Config
	nodes    []*node
	links    []*link
	nextConn Conn
	history  []Txn // the longest delivered prefix seen anywhere
	leaders  map[wire.Epoch]wire.SID
	initial  map[wire.Epoch][]Txn
	asked    map[uint64]int // what had been delivered anywhere when a read was asked for
	trace    func(format string, args ...any)
	packet   func(k *link, down bool, pkt *wire.QuorumPacket)
	counts   map[string]int // what happened how often
	init     int
	sync     int
	counter  uint32
	alone    bool // one server, and peers that may say anything
	gap      bool // disks keep the log below a snapshot that they install
	next     int  // payloads and questions
}

// A node is a server: what is on its disk, and what a crash takes away.
type node struct {
	c        *cluster
	id       wire.SID
	disk     disk
	tree     []Txn
	treeZxid wire.Zxid
	up       bool
	force    bool // State.ForceSnapshot
	leader   *Leader
	learner  *Learner
	link     *link // to the leader
	jobs     []job
	snap     *item // received, not installed
	serving  bool
	stopped  error // why the last machine ended
	answered []uint64
}

type disk struct {
	accepted, current wire.Epoch
	config            quorum.Config // activated last
	base              wire.Zxid
	baseTree          []Txn // what base stands for
	log               []Txn
	check             []Txn // checkpoint of the tree
	checkZxid         wire.Zxid
}

func (d *disk) last() wire.Zxid {
	if n := len(d.log); n > 0 {
		return d.log[n-1].Zxid
	}
	return d.base
}

// all is the durable history from the beginning.
func (d *disk) all() []Txn { return append(slices.Clone(d.baseTree), d.log...) }

// Base and Floor make a disk a History.
func (d *disk) Base() wire.Zxid { return d.base }

func (d *disk) Floor(z wire.Zxid) (wire.Zxid, error) {
	if z < d.base {
		return 0, fmt.Errorf("the log begins at %v", d.base)
	}
	at := d.base
	for _, t := range d.log {
		if t.Zxid <= z {
			at = t.Zxid
		}
	}
	return at, nil
}

// A job is a Ready whose writes are not durable yet.
type job struct {
	id     uint64
	writes []Write
	then   []Vouch
}

// A link is a connection. An item in it is a packet, and for a SNAP the snapshot.
type link struct {
	conn            Conn
	leader, learner *node
	down, up        []item // to the learner, to the leader
	dead            bool
}

type item struct {
	pkt  wire.QuorumPacket
	tree []Txn
}

func newCluster(t testing.TB, voters, observers int) *cluster {
	c := &cluster{t: t, init: 10, sync: 5, trace: func(string, ...any) {}, packet: func(*link, bool, *wire.QuorumPacket) {}, leaders: map[wire.Epoch]wire.SID{}, initial: map[wire.Epoch][]Txn{}, asked: map[uint64]int{}, counts: map[string]int{}}
	var text strings.Builder
	for i := 1; i <= voters+observers; i++ {
		role := quorum.Participant
		if i > voters {
			role = quorum.Observer
		}
		fmt.Fprintf(&text, "server.%d=h%d:2888:3888:%s\n", i, i, role)
		c.nodes = append(c.nodes, &node{c: c, id: wire.SID(i), up: true})
	}
	text.WriteString("version=0")
	config, err := quorum.Parse([]byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	c.config = config
	for _, n := range c.nodes {
		n.disk.config = config
	}
	return c
}

func (c *cluster) node(id wire.SID) *node { return c.nodes[id-1] }

func (n *node) state() State {
	if plant.In(plant.UncommittedInTree) && n.disk.last() > n.treeZxid {
		n.tree, n.treeZxid = n.disk.all(), n.disk.last()
	}
	s := State{AcceptedEpoch: n.disk.accepted, CurrentEpoch: n.disk.current, Last: n.disk.last(), Applied: n.treeZxid, ForceSnapshot: n.force}
	if plant.In(plant.VoteFromTree) {
		s.Last = n.treeZxid
	}
	if logged := s.Last.Epoch(); logged > s.CurrentEpoch {
		s.CurrentEpoch = logged
		n.disk.current = logged
	}
	return s
}

// active is the configurations in force as a server knows them: the one that was
// activated, and what waits in its log.
func (n *node) active() quorum.Active {
	a := quorum.Active{Committed: n.disk.config}
	for _, t := range n.disk.log {
		if config, ok := reconfigured(t); ok {
			a = a.Behind(config)
		}
	}
	return a
}

func reconfigured(t Txn) (quorum.Config, bool) {
	if opOf(t.Raw) != wire.OpReconfig {
		return quorum.Config{}, false
	}
	config, err := configOf(t.Raw)
	return config, err == nil
}

// observes reports whether a server joins as an observer.
func (n *node) observes() bool {
	a := n.active()
	return a.Committed.IsMember(n.id) && !a.IsVoter(n.id)
}

// lead makes a server leader.
func (c *cluster) lead(id wire.SID) *Leader {
	n := c.node(id)
	n.leave(nil)
	l, err := NewLeader(LeaderConfig{ID: id, State: n.state(), Log: &n.disk, Active: n.active(),
		InitLimit: c.init, SyncLimit: c.sync, LastCounter: c.counter})
	if err != nil {
		c.t.Fatal(err)
	}
	n.leader = l
	n.drain()
	return l
}

// follow connects a server to a leader.
func (c *cluster) follow(id, leader wire.SID) { c.learn(id, leader, leader) }

// learn connects a server to a leader, or to a follower of it that is an observer
// master.
func (c *cluster) learn(id, leader, master wire.SID) {
	n, to := c.node(id), c.node(master)
	n.leave(nil)
	c.nextConn++
	n.link = &link{conn: c.nextConn, leader: to, learner: n}
	c.links = append(c.links, n.link)
	n.learner = NewLearner(LearnerConfig{ID: id, Leader: leader, Observer: n.observes(), State: n.state(), Log: &n.disk,
		Active: n.active(), InitLimit: c.init, SyncLimit: c.sync, MaxBuffer: 200})
	if to.leader != nil {
		to.leader.Connected(n.link.conn)
	} else {
		to.learner.Master().Connected(n.link.conn)
		c.counts["mastered"]++
	}
	n.c.trace("%d follows %d by %d on %d", id, leader, master, c.nextConn)
	n.drain()
	to.drain()
}

// leave ends a server's role. What it had begun to write is done or lost; the driver
// of a real server waits.
func (n *node) leave(why error) {
	if why != nil {
		n.stopped = why
		n.c.trace("%d stops: %v", n.id, why)
		n.c.counts[fmt.Sprintf("%T", why)]++
		if _, ok := why.(*ResyncError); ok {
			n.force = true
		}
	}
	n.leader, n.learner, n.serving = nil, nil, false
	for len(n.jobs) > 0 {
		n.writeJob()
	}
	n.snap = nil
	for _, k := range slices.Clone(n.c.links) {
		if k.leader == n || k.learner == n {
			n.c.cut(k)
		}
	}
}

// crash loses everything that is not durable, and keep of the writes under way.
func (c *cluster) crash(id wire.SID, keep int) {
	n := c.node(id)
	var under []Write
	for _, j := range n.jobs {
		under = append(under, j.writes...)
	}
	for _, w := range under[:min(keep, len(under))] {
		n.disk.write(n, w)
	}
	n.jobs = nil
	n.leave(nil)
	n.up, n.tree, n.treeZxid = false, nil, 0
}

func (c *cluster) restart(id wire.SID) {
	n := c.node(id)
	n.up = true
	n.tree, n.treeZxid = slices.Clone(n.disk.check), n.disk.checkZxid
}

// cut ends a link; both ends see it.
func (c *cluster) cut(k *link) {
	if k.dead {
		return
	}
	k.dead = true
	c.links = slices.DeleteFunc(c.links, func(o *link) bool { return o == k })
	if l := k.leader.leader; l != nil {
		l.Disconnected(k.conn)
		k.leader.drain()
	} else if l := k.leader.learner; l != nil {
		l.Master().Disconnected(k.conn)
		k.leader.drain()
	}
	if k.learner.link == k && k.learner.learner != nil {
		k.learner.link = nil
		k.learner.leave(nil)
	}
}

// drain does what a server's machine wants.
func (n *node) drain() {
	for n.leader != nil {
		r, ok := n.leader.Ready()
		if !ok {
			return
		}
		n.doLeader(&r)
	}
	for n.learner != nil {
		r, ok := n.learner.Ready()
		if !ok {
			return
		}
		n.doLearner(&r)
	}
}

func (n *node) doLeader(r *LeaderReady) {
	n.do(&r.Ready)
	n.answer(r.Confirmed)
	n.c.oneLeader(n)
	if r.Established {
		n.c.complete(n)
		n.c.counts["established"]++
		n.serving = true
		n.force = false
		n.c.trace("%d leads epoch %d", n.id, n.leader.Epoch())
	}
	n.close(r.Close)
	for _, req := range r.Requests {
		if req.Op == wire.OpSync {
			n.leader.SyncFor(req.From)
			continue
		}
		n.c.trace("%d gets %v of session %v from %d", n.id, req.Op, req.Session, req.SID)
	}
	for _, rv := range r.Revalidations {
		n.leader.Revalidated(rv.From, rv.Session, true)
	}
	n.adopt(r.Activated)
	if r.Stop != nil {
		n.leave(r.Stop)
	}
}

func (n *node) close(list []Close) {
	for _, cl := range list {
		n.c.trace("%d closes %d: %v", n.id, cl.Conn, cl.Err)
		for _, k := range slices.Clone(n.c.links) {
			if k.conn == cl.Conn {
				n.c.cut(k)
			}
		}
	}
}

func (n *node) adopt(a *Activation) {
	if a != nil && a.Config.Version > n.disk.config.Version {
		n.disk.config = a.Config
	}
}

// gossip tells everybody the newest configuration, as notifications do.
func (c *cluster) gossip(ids []wire.SID) {
	newest := quorum.Config{}
	for _, id := range ids {
		if d := &c.node(id).disk; d.config.Version >= newest.Version {
			newest = d.config
		}
	}
	for _, id := range ids {
		c.node(id).disk.config = newest
	}
}

func (n *node) doLearner(r *LearnerReady) {
	n.do(&r.Ready)
	for _, a := range r.Synced {
		n.answer([]uint64{a.ID})
	}
	if r.Serving {
		n.serving, n.force = true, false
		n.c.trace("%d serves in epoch %d", n.id, r.Epoch)
	}
	n.adopt(r.Activated)
	n.close(r.Close)
	if r.Stop != nil {
		n.leave(r.Stop)
	}
}

func (n *node) do(r *Ready) {
	for i := range r.Send {
		n.send(&r.Send[i])
	}
	n.jobs = append(n.jobs, job{r.ID, r.Writes, r.Then})
	if !r.Replay.Empty() {
		for _, t := range n.disk.log {
			if t.Zxid > r.Replay.After && t.Zxid <= r.Replay.To {
				n.apply(t)
			}
		}
		if n.treeZxid < r.Replay.To && n.disk.base < r.Replay.To {
			n.c.t.Fatalf("%d replayed to %v, has %v", n.id, r.Replay.To, n.treeZxid)
		}
	}
	for _, t := range r.Deliver {
		if t.Zxid > n.disk.last() {
			n.c.t.Fatalf("%d delivers %v, its log ends at %v", n.id, t.Zxid, n.disk.last())
		}
		n.apply(t)
	}
	for len(n.jobs) > 0 && len(n.jobs[0].writes) == 0 {
		n.writeJob()
	}
}

func (n *node) send(m *Message) {
	k := n.linkTo(m.To)
	if k == nil {
		return
	}
	if m.Stream == nil {
		k.put(n, item{pkt: m.Packet()})
		return
	}
	s, after := m.Stream, m.Stream.Range.After
	n.c.counts[s.First.String()]++
	if s.First == wire.PacketSnap {
		after = n.treeZxid
		if after > max(s.Range.To, 0) {
			n.c.t.Fatalf("%d sends a snapshot at %v, beyond %v", n.id, after, s.Range.To)
		}
		k.put(n, item{wire.QuorumPacket{Type: s.First, Zxid: after}, slices.Clone(n.tree)})
	} else if s.First != 0 {
		k.put(n, item{pkt: wire.QuorumPacket{Type: s.First, Zxid: s.Zxid}})
	}
	for _, t := range n.disk.log {
		if t.Zxid <= after || t.Zxid > s.Range.To {
			continue
		}
		if s.Inform {
			k.put(n, item{pkt: wire.QuorumPacket{Type: wire.PacketInform, Zxid: t.Zxid, Data: t.Raw}})
			continue
		}
		k.put(n, item{pkt: wire.QuorumPacket{Type: wire.PacketProposal, Zxid: t.Zxid, Data: t.Raw}})
		k.put(n, item{pkt: wire.QuorumPacket{Type: wire.PacketCommit, Zxid: t.Zxid}})
	}
}

// linkTo is the link that a machine names, nil if it is gone.
func (n *node) linkTo(conn Conn) *link {
	if conn == 0 {
		return n.link
	}
	for _, k := range n.c.links {
		if k.conn == conn {
			return k
		}
	}
	return nil
}

func (k *link) put(from *node, i item) {
	if from == k.leader {
		k.down = append(k.down, i)
	} else {
		k.up = append(k.up, i)
	}
}

// apply delivers a transaction to the tree, and compares with what anybody else
// delivered.
func (n *node) apply(t Txn) {
	if t.Zxid <= n.treeZxid {
		return
	}
	n.tree, n.treeZxid = append(n.tree, t), t.Zxid
	n.c.check(n)
}

// writeJob makes the oldest Ready of a server durable.
func (n *node) writeJob() {
	j := n.jobs[0]
	n.jobs = n.jobs[1:]
	for _, w := range j.writes {
		n.disk.write(n, w)
	}
	for i := range j.then {
		n.vouch(&j.then[i])
	}
	switch {
	case n.leader != nil:
		n.leader.Persisted(j.id)
	case n.learner != nil:
		n.learner.Persisted(j.id)
	}
}

func (n *node) vouch(v *Vouch) {
	if n.leader == nil && n.learner == nil {
		return
	}
	for pkt := range v.Packets() {
		n.honest(&pkt)
		if k := n.linkTo(v.To); k != nil {
			k.put(n, item{pkt: pkt})
		}
	}
}

func (d *disk) write(n *node, w Write) {
	switch w.Op {
	case WriteAcceptedEpoch:
		if w.Epoch < d.accepted {
			n.c.t.Fatalf("server %d: acceptedEpoch goes back from %d to %d", n.id, d.accepted, w.Epoch)
		}
		d.accepted = w.Epoch
	case WriteCurrentEpoch:
		if w.Epoch < d.current || w.Epoch > d.accepted {
			n.c.t.Fatalf("server %d: currentEpoch from %d to %d, accepted %d", n.id, d.current, w.Epoch, d.accepted)
		}
		d.current = w.Epoch
		n.wroteEpoch()
	case WriteTruncate:
		d.log = slices.DeleteFunc(slices.Clone(d.log), func(t Txn) bool { return t.Zxid > w.Zxid })
	case WriteSnapshot:
		if n.snap == nil {
			return // a crash came between: the snapshot is lost with the memory
		}
		if !n.c.gap || len(d.log) == 0 {
			d.base, d.baseTree, d.log = w.Zxid, n.snap.tree, nil
		} else {
			d.log = append(d.log, n.snap.tree[len(n.snap.tree)-1])
		}
		d.check, d.checkZxid = n.snap.tree, w.Zxid
		n.tree, n.treeZxid = slices.Clone(n.snap.tree), w.Zxid
	case WriteTxns:
		for _, t := range w.Txns {
			if !t.Zxid.Follows(d.last()) {
				n.c.t.Fatalf("server %d logs %v after %v", n.id, t.Zxid, d.last())
			}
			if limit := n.c.counter; limit > 0 && t.Zxid.Counter() > limit {
				n.c.t.Fatalf("server %d logs %v, the last counter is %d", n.id, t.Zxid, limit)
			}
			d.log = append(d.log, t)
		}
	}
}

// deliverOne delivers the oldest item of a link in one direction.
func (c *cluster) deliverOne(k *link, down bool) {
	if down {
		i := k.down[0]
		c.packet(k, down, &i.pkt)
		k.down = k.down[1:]
		n := k.learner
		if i.pkt.Type == wire.PacketSnap {
			n.snap = &i
		}
		n.learner.Receive(&i.pkt)
		if i.pkt.Type == wire.PacketSnap {
			n.learner.SnapshotRead()
		}
		n.drain()
		return
	}
	i := k.up[0]
	c.packet(k, down, &i.pkt)
	k.up = k.up[1:]
	if l := k.leader.leader; l != nil {
		l.Receive(k.conn, &i.pkt)
	} else {
		k.leader.learner.Master().Receive(k.conn, &i.pkt)
	}
	k.leader.drain()
}

// settle delivers and syncs until nothing is under way.
func (c *cluster) settle() {
	for c.stepAny() {
	}
}

// deliver delivers everything that is under way between two servers, and what
// follows from it, without a sync.
func (c *cluster) deliver(a, b wire.SID) {
	for again := true; again; {
		again = false
		for _, k := range c.links {
			if k.leader.id != a && k.leader.id != b || k.learner.id != a && k.learner.id != b {
				continue
			}
			if len(k.down) > 0 || len(k.up) > 0 {
				c.deliverOne(k, len(k.down) > 0)
				again = true
				break
			}
		}
	}
}

// flush makes everything that a server has under way durable.
func (c *cluster) flush(id wire.SID) {
	n := c.node(id)
	for len(n.jobs) > 0 {
		n.writeJob()
		n.drain()
	}
}

// proposals proposes some transactions and settles.
func (c *cluster) proposals(id wire.SID, count int) {
	for range count {
		if err := c.propose(id); err != nil {
			c.t.Fatalf("propose at %d: %v", id, err)
		}
	}
	c.settle()
}

// lone appends transactions to the log of a leader that nobody else gets.
func (c *cluster) lone(id wire.SID, count int) {
	for range count {
		if err := c.propose(id); err != nil {
			c.t.Fatalf("propose at %d: %v", id, err)
		}
	}
	c.flush(id)
}

func (c *cluster) stepAny() bool {
	for _, n := range c.nodes {
		if len(n.jobs) > 0 {
			n.writeJob()
			n.drain()
			return true
		}
	}
	for _, k := range c.links {
		if len(k.down) > 0 || len(k.up) > 0 {
			c.deliverOne(k, len(k.down) > 0)
			return true
		}
	}
	return false
}

// txn makes a transaction.
func txn(z wire.Zxid, payload string) Txn {
	h := wire.TxnHeader{Session: 1, Cxid: 1, Zxid: z, Time: 1, Op: wire.OpSetData}
	t := wire.EncodeTxn(nil, h, &wire.SetDataTxn{Path: "/a", Data: []byte(payload), Version: 1})
	return Txn{z, t.Raw}
}

func (c *cluster) propose(id wire.SID) error {
	c.next++
	n := c.node(id)
	err := n.leader.Propose(txn(n.leader.Last()+1, fmt.Sprint("p", c.next)))
	n.drain()
	return err
}

func (c *cluster) tick(ids ...wire.SID) {
	for _, n := range c.nodes {
		if len(ids) > 0 && !slices.Contains(ids, n.id) {
			continue
		}
		switch {
		case n.leader != nil:
			n.leader.Tick()
		case n.learner != nil:
			n.learner.Tick()
		}
		n.drain()
	}
}

// best is whom an election among some servers would choose.
func (c *cluster) best(ids []wire.SID) wire.SID {
	return slices.MaxFunc(ids, func(a, b wire.SID) int {
		x, y := c.node(a), c.node(b)
		return cmp.Or(cmp.Compare(x.state().CurrentEpoch, y.state().CurrentEpoch),
			cmp.Compare(x.state().Last, y.state().Last), cmp.Compare(a, b))
	})
}

// mayLead reports whether a server votes and has a history to vouch for.
func (n *node) mayLead() bool { return n.up && !n.force && n.active().IsVoter(n.id) }

// form lets some servers elect one of them, and settles.
func (c *cluster) form(ids ...wire.SID) wire.SID {
	c.gossip(ids)
	voters := slices.DeleteFunc(slices.Clone(ids), func(id wire.SID) bool { return !c.node(id).mayLead() })
	leader := c.best(voters)
	for _, id := range ids {
		c.node(id).leave(nil)
	}
	c.lead(leader)
	// Who promised a later epoch than the others has to be there when it is decided.
	ids = slices.Clone(ids)
	slices.SortStableFunc(ids, func(a, b wire.SID) int { return cmp.Compare(c.node(b).disk.accepted, c.node(a).disk.accepted) })
	for _, id := range ids {
		if id != leader {
			c.follow(id, leader)
		}
	}
	c.settle()
	return leader
}

func TestThreeServers(t *testing.T) {
	c := newCluster(t, 3, 1)
	leader := c.form(1, 2, 3, 4)
	if leader != 3 || !c.node(3).leader.Established() {
		t.Fatalf("leader %d", leader)
	}
	for range 5 {
		if err := c.propose(3); err != nil {
			t.Fatal(err)
		}
	}
	c.settle()
	for _, n := range c.nodes {
		if len(n.tree) != 5 || !n.serving || n.disk.current != 1 || len(n.disk.log) != 5 {
			t.Errorf("server %d delivered %d, serving %v, epoch %d: %v", n.id, len(n.tree), n.serving, n.disk.current, n.stopped)
		}
	}
	c.durable()
}
