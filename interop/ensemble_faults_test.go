package interop

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/interop/harness"
	"github.com/zabra/zabra/interop/raw"
)

// Servers are killed, lose their disks and come back, and nothing is lost that was
// acknowledged, nor kept that was not.
func TestMixedEnsembleSurvives(t *testing.T) {
	eachMix(t, func(t *testing.T, n *harness.Ensemble) {
		d := &drill{t: t, n: n}
		d.session = lastingSession(t, n.Servers[0])
		d.session.want("0", raw.OpCreate, flags("/held", raw.Ephemeral))
		three := n.Servers[0].Voters() == 3 // of two, one that dies takes the quorum with it
		for _, s := range n.Others(n.Leader(t)) {
			if three || s.Observer() {
				d.comesBackBehind(s)
				d.comesBackEmpty(s)
			}
		}
		d.leaderDies()
		if three {
			d.comesBackWithMore(false)
		}
		if three && env.Long {
			d.comesBackWithMore(true)
			d.allDie()
		}
		d.check()
	})
}

// A drill counts what was acknowledged.
type drill struct {
	t       *testing.T
	n       *harness.Ensemble
	session *prober
	acked   int
}

func ackedPath(i int) string { return fmt.Sprintf("/acked-%d", i) }

// write writes through every running server, and remembers it.
func (d *drill) write() {
	d.t.Helper()
	for _, s := range d.n.Running() {
		p := newProber(d.t, s)
		for range 5 {
			p.want("0", raw.OpCreate, raw.Create(ackedPath(d.acked), []byte("x"), raw.Open, raw.Persistent))
			d.acked++
		}
		p.end()
	}
}

// back starts a server again, and wants its log to say that it has come by what it
// lacked in one of these ways.
func (d *drill) back(s *harness.Server, ways ...way) {
	d.t.Helper()
	mark := s.LogMark()
	s.Restart(d.t)
	var texts []string
	for _, w := range ways {
		texts = append(texts, w.of(s.Kind))
	}
	if !s.Logged(mark, texts...) {
		d.t.Errorf("%s: the log says nothing of %q", name(s), texts)
	}
	d.n.Await(d.t)
}

// A way to take part again, as the servers of each kind log it.
type way map[harness.Kind]string

// of is the text for a kind; all of Apache's say the same.
func (w way) of(k harness.Kind) string {
	if k == harness.Apache38 {
		k = harness.Apache
	}
	return w[k]
}

var (
	byDiff  = way{harness.Apache: "Getting a diff from the leader", harness.Zabra: `"by": "DIFF"`}
	bySnap  = way{harness.Apache: "Getting a snapshot from leader", harness.Zabra: `"by": "SNAP"`}
	byTrunc = way{harness.Apache: "Truncating log to get in sync with the leader", harness.Zabra: `"by": "TRUNC"`}
	asLead  = way{harness.Apache: "LEADING", harness.Zabra: "LEADING"}
)

func (d *drill) comesBackBehind(s *harness.Server) {
	d.t.Helper()
	ways := []way{byDiff}
	if s.Observer() { // nobody waits for its log
		ways = append(ways, bySnap)
	}
	if env.Long {
		s.Stop()
		d.write()
		d.back(s, ways...)
	}
	s.Kill()
	d.write()
	d.back(s, ways...)
	d.write()
}

func (d *drill) comesBackEmpty(s *harness.Server) {
	d.t.Helper()
	s.Kill()
	d.write()
	if err := s.Wipe(); err != nil {
		d.t.Fatal(err)
	}
	d.back(s, bySnap)
	d.write()
}

func (d *drill) leaderDies() {
	d.t.Helper()
	old := d.n.Leader(d.t)
	old.Kill()
	if old.Voters() == 3 {
		d.n.Await(d.t)
		d.write()
	}
	d.back(old, byDiff, bySnap, asLead)
	d.write()
}

// comesBackWithMore lets a leader log proposals that nobody else ever sees, and come
// back when others lead.
func (d *drill) comesBackWithMore(moved bool) {
	d.t.Helper()
	old := d.n.Leader(d.t)
	others := d.n.Others(old)
	p := newProber(d.t, old)
	for _, s := range others { // they take nothing in, and do not hang up either
		s.Pause(d.t)
	}
	for i := range 3 {
		p.xid++
		if err := p.conn.Send(p.xid, raw.OpCreate, create(fmt.Sprintf("/never-%d", i))); err != nil {
			d.t.Fatalf("%s: %v", name(old), err)
		}
	}
	eventually(d.t, func() string {
		if !old.Holds("/never-2") {
			return name(old) + " has not logged what it was sent"
		}
		return ""
	})
	old.Kill()
	for _, s := range others {
		s.Kill()
	}
	for _, s := range others {
		if err := s.Launch(); err != nil {
			d.t.Fatal(err)
		}
	}
	d.n.Await(d.t)
	if moved {
		d.write()
		d.back(old, bySnap, byTrunc)
	} else {
		d.back(old, byTrunc)
	}
	for _, s := range d.n.Running() {
		q := newProber(d.t, s)
		q.sync()
		q.want("-101", raw.OpExists, raw.Read("/never-0", false))
		q.end()
	}
	d.write()
}

func (d *drill) allDie() {
	d.t.Helper()
	d.n.KillAll()
	for _, s := range d.n.Servers {
		if err := s.Launch(); err != nil {
			d.t.Fatal(err)
		}
	}
	d.n.Await(d.t)
	d.write()
}

// check wants everything acknowledged on every server, and the session that has lived
// through all of it, with its node.
func (d *drill) check() {
	d.t.Helper()
	for _, s := range d.n.Running() {
		p := newProber(d.t, s)
		p.sync()
		for i := range d.acked {
			p.want("0", raw.OpExists, raw.Read(ackedPath(i), false))
		}
		p.want("0", raw.OpExists, raw.Read("/held", false))
		p.end()
	}
	last := d.n.Servers[len(d.n.Servers)-1]
	d.session.move(last).end()
}
