package sim

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// A tale is what happens to three servers, told to a ledger.
type tale struct {
	*ledger
	said []string
}

func newTale(t *testing.T) *tale {
	t.Helper()
	c, err := quorum.Parse([]byte("server.1=h:1:2:participant\nserver.2=i:1:2:participant\nserver.3=j:1:2:participant\nversion=0"))
	if err != nil {
		t.Fatal(err)
	}
	w := &tale{}
	w.ledger = newLedger(c, func(invariant, format string, args ...any) {
		w.said = append(w.said, invariant+": "+fmt.Sprintf(format, args...))
	})
	return w
}

func at(e wire.Epoch, n uint32) wire.Zxid { return wire.MakeZxid(e, n) }

var everybody = []wire.SID{1, 2, 3}

// epoch lets a server be established as its leader, with these to follow.
func (w *tale) epoch(e wire.Epoch, leader wire.SID, all ...wire.SID) {
	for _, id := range all {
		w.wroteEpoch(id, false, e)
	}
	w.leads(leader, e, w.books[leader].end())
	for _, id := range all {
		w.wroteEpoch(id, true, e)
	}
	w.forms(leader, e)
}

// propose lets a leader propose a transaction.
func (w *tale) propose(leader wire.SID, z wire.Zxid) {
	w.proposed(leader, z, raw(z), w.active)
}

func raw(z wire.Zxid) []byte { return fmt.Append(nil, "transaction ", z) }

// log lets servers log a transaction, durably.
func (w *tale) log(z wire.Zxid, all ...wire.SID) {
	for _, id := range all {
		w.appending(id, z, raw(z))
		w.synced(id)
	}
}

func (w *tale) delivers(z wire.Zxid, all ...wire.SID) {
	for _, id := range all {
		w.deliver(id, z, uint64(z))
	}
}

// commit is all that a transaction goes through.
func (w *tale) commit(leader wire.SID, z wire.Zxid) {
	w.propose(leader, z)
	w.log(z, everybody...)
	w.delivers(z, everybody...)
}

// Everything that the ledger checks, it finds: each of these tales breaks one invariant,
// and the first complaint is of that one.
func TestTheLedgerFindsWhatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		invariant, what string
		tell            func(w *tale)
	}{
		{"", "all is well", func(w *tale) {
			w.commit(3, at(1, 2))
			w.acks(1, at(1, 2))
			w.votes(1, at(1, 2), "a vote")
			w.epoch(2, 2, everybody...)
			w.promises(1, 2)
			w.acks(1, at(2, 0))
			w.commit(2, at(2, 1))
		}},
		{"I1", "two servers lead one epoch", func(w *tale) { w.leads(2, 1, at(1, 1)) }},
		{"I1", "a server leads an epoch twice", func(w *tale) { w.leads(3, 1, at(1, 1)) }},
		{"I1", "a server is established whose epoch it is not", func(w *tale) { w.forms(2, 1) }},
		{"I2", "who does not lead proposes", func(w *tale) { w.propose(2, at(1, 2)) }},
		{"I2", "what is logged was not proposed", func(w *tale) { w.log(at(1, 2), 1) }},
		{"I2", "what is logged was proposed with other bytes", func(w *tale) {
			w.propose(3, at(1, 2))
			w.appending(1, at(1, 2), []byte("something else"))
		}},
		{"I2", "what is delivered was not proposed", func(w *tale) { w.delivers(at(1, 2), 1) }},
		{"I3", "servers deliver different sequences", func(w *tale) {
			w.propose(3, at(1, 2))
			w.propose(3, at(1, 3))
			w.log(at(1, 2), everybody...)
			w.log(at(1, 3), everybody...)
			w.delivers(at(1, 2), 3)
			w.delivers(at(1, 3), 1)
		}},
		{"I5", "one is left out by all", func(w *tale) {
			w.propose(3, at(1, 2))
			w.propose(3, at(1, 3))
			w.log(at(1, 2), everybody...)
			w.log(at(1, 3), everybody...)
			w.delivers(at(1, 3), 3)
		}},
		{"I7", "an earlier one is delivered behind a later one", func(w *tale) {
			w.propose(3, at(1, 2))
			w.propose(3, at(1, 3))
			w.log(at(1, 2), everybody...)
			w.log(at(1, 3), everybody...)
			w.delivers(at(1, 2), 3)
			w.delivers(at(1, 3), 3)
			w.index, w.books[3].pos = map[wire.Zxid]int{}, len(w.delivered)
			w.delivers(at(1, 2), 3)
		}},
		{"I8", "a leader proposes that lacks what was delivered", func(w *tale) {
			w.commit(3, at(1, 2))
			w.reigns[2] = &reign{leader: 2, initial: at(1, 1), formed: true}
			w.propose(2, at(2, 1))
		}},
		{"I9", "a leader is established that lacks what was delivered", func(w *tale) {
			w.propose(3, at(1, 2))
			w.log(at(1, 2), 1, 3)
			w.delivers(at(1, 2), 1, 3)
			w.epoch(2, 2, 2)
		}},
		{"I9", "what a later epoch's leader lacks is delivered", func(w *tale) {
			w.propose(3, at(1, 2))
			w.log(at(1, 2), 1, 3)
			w.epoch(2, 2, 2)
			w.delivers(at(1, 2), 3)
		}},
		{"I10", "what is delivered is on the disk of one", func(w *tale) {
			w.propose(3, at(1, 2))
			w.log(at(1, 2), 3)
			w.delivers(at(1, 2), 3)
		}},
		{"I10", "who delivers does not have it on disk", func(w *tale) {
			w.propose(3, at(1, 2))
			w.log(at(1, 2), 2, 3)
			w.delivers(at(1, 2), 1)
		}},
		{"I10", "what was synced is not there after a crash", func(w *tale) { w.recovered(1, 0, nil) }},
		{"I10", "what nobody wrote is there after a crash", func(w *tale) { w.recovered(1, 0, []wire.Zxid{at(1, 1), at(1, 2)}) }},
		{"I10", "a quorum gives back what was delivered", func(w *tale) {
			for _, id := range everybody[:2] {
				w.cutting(id, 0)
				w.cut(id, 0)
			}
		}},
		{"I11", "acceptedEpoch falls", func(w *tale) { w.wroteEpoch(1, false, 0) }},
		{"I11", "currentEpoch falls", func(w *tale) { w.wroteEpoch(1, true, 0) }},
		{"I11", "currentEpoch is above acceptedEpoch", func(w *tale) { w.wroteEpoch(1, true, 2) }},
		{"I12", "currentEpoch without the history", func(w *tale) {
			w.propose(3, at(1, 2))
			w.log(at(1, 2), 3)
			for _, id := range everybody {
				w.wroteEpoch(id, false, 2)
			}
			w.leads(3, 2, at(1, 2))
			w.wroteEpoch(1, true, 2)
		}},
		{"I13", "a zxid twice", func(w *tale) {
			w.propose(3, at(1, 2))
			w.propose(3, at(1, 2))
		}},
		{"I13", "a gap in what is proposed", func(w *tale) { w.propose(3, at(1, 3)) }},
		{"I13", "a gap in a log", func(w *tale) {
			w.propose(3, at(1, 2))
			w.propose(3, at(1, 3))
			w.log(at(1, 3), 1)
		}},
		{"I13", "a counter beyond the last", func(w *tale) {
			w.counter = 1
			w.propose(3, at(1, 2))
		}},
		{"I14", "an ACK of what is not durable", func(w *tale) {
			w.propose(3, at(1, 2))
			w.appending(1, at(1, 2), raw(at(1, 2)))
			w.acks(1, at(1, 2))
		}},
		{"I14", "an ACK of an epoch that is not the own", func(w *tale) { w.acks(1, at(2, 0)) }},
		{"I14", "a promise that is not on disk", func(w *tale) { w.promises(1, 2) }},
		{"I15", "a vote for more than is durable", func(w *tale) {
			w.propose(3, at(1, 2))
			w.appending(1, at(1, 2), raw(at(1, 2)))
			w.votes(1, at(1, 2), "a vote")
		}},
		{"I15", "a vote for less than is durable", func(w *tale) { w.votes(1, 0, "a vote") }},
		{"I17", "trees that differ", func(w *tale) {
			w.propose(3, at(1, 2))
			w.log(at(1, 2), everybody...)
			w.deliver(3, at(1, 2), 7)
			w.deliver(1, at(1, 2), 8)
		}},
		{"I17", "a tree that differs is loaded", func(w *tale) { w.loaded(1, at(1, 1), 9) }},
		{"I17", "a tree of what was not delivered is loaded", func(w *tale) { w.loaded(1, at(1, 2), uint64(at(1, 1))) }},
		{"I20", "an older configuration", func(w *tale) {
			w.activates(1, version(9))
			w.activates(1, version(8))
		}},
		{"I20", "an older configuration of the member", func(w *tale) {
			w.adopts(1, version(9))
			w.adopts(1, version(8))
		}},
		{"I20", "two configurations of one version", func(w *tale) {
			other := version(9)
			other.Servers = nil
			w.activates(1, version(9))
			w.activates(2, other)
		}},
		{"I10", "the majority of the proposed configuration is missing", func(w *tale) {
			w.active.Proposed = version(9) // 1 is to be alone
			w.propose(3, at(1, 2))
			w.log(at(1, 2), 2, 3)
			w.delivers(at(1, 2), 3)
		}},
		{"election", "a vote of one elects", func(w *tale) {
			b := ballot{round: 2, leader: 3}
			w.voted(3, b)
			w.elects(3, b, w.active)
		}},
		{"election", "votes of two rounds elect", func(w *tale) {
			w.voted(3, ballot{round: 2, leader: 3})
			w.voted(1, ballot{round: 1, leader: 3})
			w.elects(3, ballot{round: 2, leader: 3}, w.active)
		}},
	} {
		w := newTale(t)
		w.epoch(1, 3, everybody...)
		w.commit(3, at(1, 1))
		if len(w.said) > 0 {
			t.Fatalf("the beginning of all: %v", w.said)
		}
		tc.tell(w)
		switch {
		case tc.invariant == "" && len(w.said) > 0:
			t.Errorf("%s: %v", tc.what, w.said)
		case tc.invariant != "" && (len(w.said) == 0 || w.said[0][:len(tc.invariant)+1] != tc.invariant+":"):
			t.Errorf("%s: %v, want %s", tc.what, w.said, tc.invariant)
		}
	}
}

// version is a configuration of server 1 alone.
func version(v int64) quorum.Config {
	c, err := quorum.Parse(fmt.Appendf(nil, "server.1=h:1:2:participant\nversion=%x", v))
	if err != nil {
		panic(err)
	}
	return c
}

// A long run fails for each cell of the grid that stayed empty, and for each deed that was
// not done; a short one does not.
func TestAnEmptyCellFailsALongRun(t *testing.T) {
	full := func() *Grid {
		g := NewGrid()
		for _, f := range AllFaults {
			for _, p := range Places {
				g.hit(f, p)
			}
		}
		for _, d := range Deeds {
			g.did(d)
		}
		return g
	}
	if got := missing(full(), gridSeeds); len(got) > 0 {
		t.Errorf("nothing is missing, and it says %v", got)
	}
	for _, f := range AllFaults {
		for _, p := range Places {
			g := full()
			g.count[f][p] = 0
			if got := missing(g, gridSeeds); len(got) != 1 {
				t.Errorf("%s while %s in %s: %v", f, p.Role, p.Phase, got)
			}
			if got := missing(g, gridSeeds-1); len(got) > 0 {
				t.Errorf("in a short run: %v", got)
			}
		}
	}
	for _, d := range Deeds {
		g := full()
		g.deeds[d] = 0
		if got := missing(g, gridSeeds); len(got) != 1 {
			t.Errorf("%s: %v", d, got)
		}
	}
}
