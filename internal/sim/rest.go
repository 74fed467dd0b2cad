package sim

import (
	"bytes"
	"slices"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
)

// patience is how long one waits for what may be under way just now.
const patience = 5 * time.Second

// await lets time pass until something is so, or patience is over.
func (c *cluster) await(so func() bool) {
	for end := c.kernel.Now() + patience; c.ok() && !so() && c.kernel.Now() < end; {
		c.kernel.RunUntil(c.kernel.Now()+msec(100), c.ok)
	}
}

// idlers returns the servers that do not serve.
func (c *cluster) idlers() []*server {
	return slices.DeleteFunc(slices.Clone(c.servers), (*server).serves)
}

func (s *server) serves() bool { return s.up() && s.core.Serving() }

// converged checks that a healed ensemble serves, under load (I21). All servers do so at
// one time; but where epochs end after a few transactions, and the next one begins,
// there may be no such time. Then each of them has to be seen.
func (c *cluster) converged() {
	idle := c.idlers()
	c.await(func() bool {
		if c.opts.LastCounter == 0 {
			idle = c.idlers()
		} else {
			idle = slices.DeleteFunc(idle, (*server).serves)
		}
		return len(idle) == 0
	})
	if len(idle) > 0 {
		c.notServing(idle[0], "under load")
		return
	}
	since := c.opts.Faults + c.opts.Heal/2
	for _, cl := range c.clients {
		late := 0
		for _, o := range cl.log.Ops {
			if o.Answered && o.Return > since {
				late++
			}
		}
		if late == 0 {
			c.fail("I21", "client %d got no answer since %v, although everything was healed at %v", cl.id, since, c.opts.Faults)
			return
		}
	}
}

// notServing says that a server does not serve.
func (c *cluster) notServing(s *server, when string) {
	what := "down"
	if s.up() && s.role != nil {
		what = s.role.name() + " in " + s.role.phase()
	}
	c.fail("I21", "server %d does not serve %s, %v after everything was healed: it is %s", s.id, when, c.kernel.Now()-c.opts.Faults, what)
}

// rest lets the load end, and then checks that all serve, whatever their epochs, and that
// they agree.
func (c *cluster) rest() {
	for _, cl := range c.clients {
		cl.idle = true
	}
	c.kernel.RunUntil(c.kernel.Now()+patience, c.ok)
	// Something may have been reaped just now, and a COMMIT still be on its way.
	c.await(func() bool { return c.laggard() == nil && len(c.idlers()) == 0 })
	if c.ok() {
		c.agree()
	}
}

// laggard returns a server that serves and has not applied all that was delivered, nil
// if there is none.
func (c *cluster) laggard() *server {
	last := c.ledger.delivered[len(c.ledger.delivered)-1]
	for _, s := range c.servers {
		if s.serves() && s.core.Tree().LastZxid() != last {
			return s
		}
	}
	return nil
}

// agree checks that all servers at rest hold one state (I17).
func (c *cluster) agree() {
	if idle := c.idlers(); len(idle) > 0 {
		c.notServing(idle[0], "at rest")
		return
	}
	if s := c.laggard(); s != nil {
		c.fail("I21", "server %d is at %v at rest, and %v was delivered", s.id, s.core.Tree().LastZxid(), c.ledger.delivered[len(c.ledger.delivered)-1])
		return
	}
	var first []byte
	var of wire.SID
	for _, s := range c.servers {
		c.orphans(s)
		var b bytes.Buffer
		if err := datatree.WriteSnapshot(&b, s.core.Tree(), datatree.Stream); err != nil {
			c.fail("driver", "server %d cannot write a snapshot: %v", s.id, err)
			return
		}
		if first == nil {
			first, of = b.Bytes(), s.id
		} else if !sameTree(first, b.Bytes()) {
			c.fail("I17", "servers %d and %d are at rest at %v, and their trees differ", of, s.id, s.core.Tree().LastZxid())
			return
		}
	}
}

// sameTree compares two snapshots but for the order of nodes.
func sameTree(a, b []byte) bool {
	read := func(s []byte) (*datatree.Tree, error) {
		return datatree.ReadStream(bytes.NewReader(s), 1, treeOptions)
	}
	x, err1 := read(a)
	y, err2 := read(b)
	if err1 != nil || err2 != nil {
		return false
	}
	if x.Digest() != y.Digest() || x.NodeCount() != y.NodeCount() || x.SessionCount() != y.SessionCount() {
		return false
	}
	for id, timeout := range x.Sessions() {
		if t, ok := y.SessionTimeout(id); !ok || t != timeout {
			return false
		}
	}
	return true
}
