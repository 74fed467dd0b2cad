package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zabra/zabra/internal/sim/history"
	"github.com/zabra/zabra/internal/sim/simdisk"
	"github.com/zabra/zabra/internal/sim/simnet"
	"github.com/zabra/zabra/internal/sim/vtime"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/wire"
)

// A cluster is a simulated ensemble with its clients.
type cluster struct {
	opts    Options
	kernel  *vtime.Kernel
	net     *simnet.Net
	rng     *rand.Rand
	config  quorum.Config
	ledger  *ledger
	servers []*server
	clients []*client
	nemesis *nemesis
	grid    *Grid
	schemes *auth.Schemes    // of all servers
	metrics *metrics.Metrics // that nobody looks at

	violation *Violation
	slow      map[wire.SID]time.Duration
	onWire    map[int64]*wireQueue
	proposed  map[wire.Zxid]time.Duration
	expiries  []expiry
	counted   int // of the transactions delivered
}

// A wireQueue is the proposals on a connection that were not committed on it yet.
type wireQueue struct{ waiting []wire.Zxid }

// An expiry is the end of a session that its client did not ask for.
type expiry struct {
	session wire.SessionID
	at      time.Duration // when it was proposed
}

func newCluster(o Options) *cluster {
	k := vtime.New(o.Seed)
	k.Trace.Out = o.Trace
	c := &cluster{
		opts: o, kernel: k, rng: k.Rand("cluster"), grid: o.Grid, slow: map[wire.SID]time.Duration{},
		onWire: map[int64]*wireQueue{}, proposed: map[wire.Zxid]time.Duration{},
	}
	if c.grid == nil {
		c.grid = NewGrid()
	}
	members := o.Voters + o.Observers
	c.net = simnet.New(k, members+1+o.Clients, o.Weather)
	var lines []quorum.Server
	for id := wire.SID(1); int(id) <= members; id++ {
		role := quorum.Participant
		if int(id) > o.Voters {
			role = quorum.Observer
		}
		addr := quorum.PeerAddr{Host: fmt.Sprintf("s%d", id), QuorumPort: 2888, ElectionPort: 3888}
		lines = append(lines, quorum.Server{
			ID: id, Addrs: []quorum.PeerAddr{addr}, Role: role, Client: quorum.HostPort{Host: addr.Host, Port: 2181},
		})
	}
	var err error
	groups, weights := c.hierarchy()
	if c.config, err = quorum.New(0, lines, groups, weights); err != nil {
		panic(err) // our own mistake: the lines are made here
	}
	if c.schemes, err = auth.New(auth.Config{SuperDigest: superDigest}); err != nil {
		panic(err) // the same
	}
	c.metrics = metrics.New()
	c.ledger = newLedger(c.config, c.fail)
	c.ledger.counter = o.LastCounter
	for _, l := range lines {
		c.servers = append(c.servers, c.newServer(l.ID))
	}
	for i := range o.Clients {
		c.clients = append(c.clients, newClient(c, i))
	}
	c.nemesis = newNemesis(c)
	return c
}

// hierarchy draws groups and weights of the voters, none for quorums of a majority.
func (c *cluster) hierarchy() (groups []quorum.Group, weights []quorum.Weight) {
	if !c.opts.Groups {
		return nil, nil
	}
	c.grid.did("hierarchical quorum")
	size := 1 + c.rng.IntN(3)
	for id := wire.SID(1); int(id) <= c.opts.Voters; id++ {
		if (int(id)-1)%size == 0 {
			groups = append(groups, quorum.Group{ID: int64(len(groups) + 1)})
		}
		g := &groups[len(groups)-1]
		g.Members = append(g.Members, id)
		weight := int64(1 + c.rng.IntN(3))
		if len(g.Members) > 1 && c.rng.IntN(4) == 0 {
			weight = 0
		}
		weights = append(weights, quorum.Weight{ID: id, Weight: weight})
	}
	return groups, weights
}

func (c *cluster) newServer(id wire.SID) *server {
	name := fmt.Sprintf("s%d", id)
	s := &server{
		cluster: c, kernel: c.kernel, net: c.net, ledger: c.ledger, id: id, name: name,
		rng: c.kernel.Rand(name), disk: simdisk.New(c.kernel, name, c.opts.Disk),
	}
	s.clock.rate = 1 + c.opts.Drift*(2*s.rng.Float64()-1)
	if c.opts.Initialize {
		c.initialize(s)
	}
	return s
}

// initialize puts an operator's word on a disk that it is right to be empty.
func (c *cluster) initialize(s *server) {
	fs := s.disk.FS()
	if err := fs.MkdirAll(dataDir); err == nil {
		err = vfs.WriteFileAtomic(fs, newName, nil)
		if err != nil {
			panic(err) // in memory, before any fault
		}
	}
}

// fail notes the first violation; the run ends with it.
func (c *cluster) fail(invariant, format string, args ...any) {
	if c.violation == nil {
		c.violation = &Violation{invariant, fmt.Sprintf(format, args...)}
		c.kernel.Trace.Add("!", invariant+": "+c.violation.Text)
	}
}

func (c *cluster) ok() bool { return c.violation == nil }

// server returns the server with an id.
func (c *cluster) server(id wire.SID) *server { return c.servers[id-1] }

// stopped is told that a server's process ended itself.
func (c *cluster) stopped(s *server, what string, err error) {
	if c.nemesis.excuses(s) {
		return
	}
	c.fail("start", "server %d stopped without a fault: %s: %v", s.id, what, err)
}

// slowness is how long a server takes for one thing at most.
func (c *cluster) slowness(s *server) time.Duration { return c.slow[s.id] }

// watchPacket looks at the order of proposals and commits on one connection (I16).
func (c *cluster) watchPacket(_ *server, e *simnet.End, p *wire.QuorumPacket) {
	switch p.Type {
	case wire.PacketProposal:
		q := c.onWire[e.ID()]
		if q == nil {
			q = &wireQueue{}
			c.onWire[e.ID()] = q
		}
		q.waiting = append(q.waiting, p.Zxid)
	case wire.PacketCommit, wire.PacketCommitAndActivate:
		q := c.onWire[e.ID()]
		if q == nil || len(q.waiting) == 0 || q.waiting[0] != p.Zxid {
			c.fail("I16", "server %d sends COMMIT %v to %d, which is not the oldest proposal there", e.Host(), p.Zxid, e.Remote())
			return
		}
		q.waiting = q.waiting[1:]
	}
}

func (c *cluster) proposedAt(z wire.Zxid) { c.proposed[z] = c.kernel.Now() }

// appliedBy is told of every transaction that any server applies.
func (c *cluster) appliedBy(z wire.Zxid) {
	if i, ok := c.ledger.index[z]; !ok || i != c.counted {
		return
	}
	c.counted++
	t, err := wire.DecodeTxn(c.ledger.sent[z].raw)
	if err == nil && t.Header.Op == wire.OpCloseSession && t.Header.Cxid == 0 {
		c.expiries = append(c.expiries, expiry{t.Header.Session, c.proposed[z]})
	}
}

// committed is every transaction that was delivered, in order.
func (c *cluster) committed() []wire.Txn {
	var txns []wire.Txn
	for _, z := range c.ledger.delivered {
		t, err := wire.DecodeTxn(c.ledger.sent[z].raw)
		if err != nil {
			c.fail("wire", "transaction %v cannot be read: %v", z, err)
			continue
		}
		txns = append(txns, t)
	}
	return txns
}

// logs is what the clients saw.
func (c *cluster) logs() []*history.Log {
	var logs []*history.Log
	for _, cl := range c.clients {
		logs = append(logs, cl.log)
	}
	return logs
}
