package sim

import (
	"fmt"
	"time"

	"github.com/zabra/zabra/internal/sim/history"
	"github.com/zabra/zabra/wire"
)

// A Result is what a run came to.
type Result struct {
	Options   Options
	Violation *Violation // nil if all is well
	Hash      uint64     // of everything that happened
	Steps     uint64
	Simulated time.Duration // of each server
	Committed int
	Epochs    int
	Answered  int // requests of clients
	Undecided int // paths that porcupine gave up on
	Recent    []string
}

func (r *Result) String() string {
	verdict := "ok"
	if r.Violation != nil {
		verdict = r.Violation.Error()
	}
	return fmt.Sprintf("seed %d: %d voters, %d observers, %d clients, %v: %d transactions in %d epochs, %d answers, %d steps: %s",
		r.Options.Seed, r.Options.Voters, r.Options.Observers, r.Options.Clients, r.Simulated, r.Committed, r.Epochs, r.Answered, r.Steps, verdict)
}

// Run simulates a cluster until something is wrong or its time is over.
func Run(o Options) Result {
	c := newCluster(o)
	run(c)
	return c.result()
}

func run(c *cluster) {
	o := c.opts
	for _, s := range c.servers {
		c.kernel.After(0, nil, s.start)
	}
	c.nemesis.begin()
	c.kernel.RunUntil(o.Faults, c.ok)
	if c.ok() {
		c.nemesis.heal()
		c.kernel.RunUntil(o.Faults+o.Heal, c.ok)
	}
	if c.ok() {
		c.converged()
	}
	if c.ok() {
		c.rest()
	}
}

// result judges what the clients saw, and sums up.
func (c *cluster) result() Result {
	r := Result{
		Options: c.opts, Hash: c.kernel.Trace.Hash(), Steps: c.kernel.Steps(), Simulated: c.kernel.Now(),
		Committed: len(c.ledger.delivered), Epochs: len(c.ledger.reigns), Recent: c.kernel.Trace.Recent(),
	}
	if c.ok() {
		committed, logs := c.committed(), c.logs()
		problems := history.Check(committed, logs)
		judge := history.Registers
		if c.opts.Linearizable {
			judge = history.RegistersAndReads
		}
		more, undecided := judge(committed, logs, registers, time.Second)
		c.countReaped(committed)
		r.Undecided = undecided
		for _, p := range append(problems, more...) {
			c.fail(p.Check, "%s", p.Text)
		}
		c.earlyExpiry()
	}
	for _, cl := range c.clients {
		for _, o := range cl.log.Ops {
			if o.Answered {
				r.Answered++
			}
		}
	}
	r.Violation = c.violation
	return r
}

// countReaped counts the nodes that the ensemble removed by itself.
func (c *cluster) countReaped(committed []wire.Txn) {
	for i := range committed {
		d, ok := committed[i].Body.(*wire.DeleteTxn)
		switch {
		case !ok || committed[i].Header.Op != wire.OpDeleteContainer:
		case d.Path == ttlNode:
			c.grid.did("TTL node reaped")
		default:
			c.grid.did("container reaped")
		}
	}
}

// earlyExpiry checks that no session was ended by a leader although its client was in
// contact with a server just before (I19). A server may be cut off for syncLimit
// ticks before it knows, and what it heard meanwhile the leader never hears.
func (c *cluster) earlyExpiry() {
	o := &c.opts
	hops := 1
	if o.Masters {
		hops = 2 // a follower that is cut off itself, and does not know it yet, hears of its observers
	}
	atLeast := o.SessionTimeout - time.Duration(hops*(o.SyncLimit+2))*o.TickTime - 600*time.Millisecond
	contacts := map[wire.SessionID][]*history.Op{}
	for _, cl := range c.clients {
		for _, op := range cl.log.Ops {
			if op.Answered {
				contacts[op.Session] = append(contacts[op.Session], op)
			}
		}
	}
	for _, e := range c.expiries {
		var last *history.Op
		for _, op := range contacts[e.session] {
			if op.Return <= e.at {
				last = op
			}
		}
		if last != nil && e.at-last.Call < atLeast {
			c.fail("I19", "session %v was expired at %v, and its client had sent a request at %v that was answered at %v", e.session, e.at, last.Call, last.Return)
			return
		}
	}
}

// orphans checks that nothing at rest belongs to a session that is no more (I19).
func (c *cluster) orphans(s *server) {
	for id, n := range s.core.Tree().EphemeralOwners() {
		if _, ok := s.core.Tree().SessionTimeout(id); !ok {
			c.fail("I19", "server %d holds %d nodes of session %v, which has ended", s.id, n, id)
			return
		}
	}
}

func msec(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
