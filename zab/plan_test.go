package zab

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zabra/zabra/wire"
)

// A reign is what one leader of a small world did: it took over a history and proposed
// some transactions.
type reign struct {
	epoch   wire.Epoch
	initial []wire.Zxid
	history []wire.Zxid
}

// TestPlanGivesTheLeadersHistory makes leaders that take over a part of each other's
// histories, and learners that have a part of any, and follows the plan by hand.
func TestPlanGivesTheLeadersHistory(t *testing.T) {
	counts := map[wire.PacketType]int{}
	for seed := range uint64(20000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		reigns := randomReigns(rng)
		last := reigns[len(reigns)-1]
		// The log of the leader begins somewhere.
		d := disk{}
		from := rng.IntN(len(last.history) + 1)
		if rng.IntN(2) == 0 {
			from = 0
		}
		from = min(from, len(last.initial))
		if from > 0 {
			d.base = last.history[from-1]
		}
		for _, z := range last.history[from:] {
			d.log = append(d.log, Txn{Zxid: z})
		}
		h := horizon{epoch: last.epoch, initial: end(last.initial), end: end(last.initial), proposed: end(last.history)}
		if n := rng.IntN(len(last.history) + 1); n > len(last.initial) {
			h.end = last.history[n-1]
		}
		// The learner has a part of what some leader had, or stands at its epoch<<32.
		had := reigns[rng.IntN(len(reigns))]
		own := slices.Clone(had.history[:rng.IntN(len(had.history)+1)])
		peer := end(own)
		if rng.IntN(5) == 0 && had.epoch <= last.epoch {
			own, peer = slices.Clone(had.initial), wire.MakeZxid(had.epoch, 0)
		}
		s := planSync(&d, peer, h)
		counts[s.First]++
		got := follow(t, own, s, last.history, seed)
		want := last.history[:slices.Index(last.history, h.end)+1]
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: learner with %v at %v, leader %+v, log from %v: plan %+v gives\n%v, want\n%v", seed, own, peer, h, d.base, s, got, want)
		}
	}
	for _, p := range []wire.PacketType{wire.PacketDiff, wire.PacketTrunc, wire.PacketSnap} {
		if counts[p] < 500 {
			t.Errorf("%v was planned %d times", p, counts[p])
		}
	}
}

func end(history []wire.Zxid) wire.Zxid {
	if len(history) == 0 {
		return 0
	}
	return history[len(history)-1]
}

// follow does what a learner does with a plan.
func follow(t *testing.T, own []wire.Zxid, s Stream, leader []wire.Zxid, seed uint64) []wire.Zxid {
	switch s.First {
	case wire.PacketSnap:
		own, s.Range.After = nil, 0
	case wire.PacketTrunc:
		if s.Zxid != 0 && !slices.Contains(own, s.Zxid) {
			t.Fatalf("seed %d: TRUNC to %v, the learner has %v", seed, s.Zxid, own)
		}
		own = slices.DeleteFunc(own, func(z wire.Zxid) bool { return z > s.Zxid })
	}
	for _, z := range leader {
		if z > s.Range.After && z <= s.Range.To {
			own = append(own, z)
		}
	}
	return own
}

// randomReigns plays the protocol with histories alone: what a leader proposes exists
// only when its initial history is what all later ones begin with.
func randomReigns(rng *rand.Rand) []reign {
	var reigns []reign
	var committed []wire.Zxid
	var known [][]wire.Zxid // histories that somebody has
	known = append(known, nil)
	epoch := wire.Epoch(0)
	for range 2 + rng.IntN(4) {
		epoch += wire.Epoch(1 + rng.IntN(2))
		// A leader has everything committed, and of what nobody decided what it has.
		var able [][]wire.Zxid
		for _, h := range known {
			if len(h) >= len(committed) && slices.Equal(h[:len(committed)], committed) {
				able = append(able, h)
			}
		}
		r := reign{epoch: epoch, initial: able[rng.IntN(len(able))]}
		r.history = slices.Clone(r.initial)
		if rng.IntN(3) > 0 { // it is established
			for c := range uint32(rng.IntN(5)) {
				r.history = append(r.history, wire.MakeZxid(epoch, c+1))
			}
			committed = r.history[:len(r.initial)+rng.IntN(len(r.history)-len(r.initial)+1)]
			// Who does not take part any more keeps what it has, but does not lead.
			known = nil
			for n := len(committed); n <= len(r.history); n++ {
				known = append(known, r.history[:n])
			}
		}
		reigns = append(reigns, r)
	}
	return reigns
}

// A purgedLog begins behind a checkpoint.
type purgedLog wire.Zxid

func (p purgedLog) Base() wire.Zxid { return wire.Zxid(p) }

func (p purgedLog) Floor(z wire.Zxid) (wire.Zxid, error) {
	if z < wire.Zxid(p) {
		return 0, errNoHeader
	}
	return z, nil
}

// What a leader has purged in its own epoch it cannot send: the learner gets the tree.
func TestPlanDoesNotReachBehindAPurge(t *testing.T) {
	h := horizon{epoch: 1, initial: 0, end: wire.MakeZxid(1, 30), proposed: wire.MakeZxid(1, 30)}
	log := purgedLog(wire.MakeZxid(1, 20))
	for counter, want := range map[uint32]wire.PacketType{0: wire.PacketSnap, 19: wire.PacketSnap, 20: wire.PacketDiff, 25: wire.PacketDiff} {
		if got := planSync(log, wire.MakeZxid(1, counter), h).First; got != want {
			t.Errorf("a learner at 1.%d gets %v, want %v", counter, got, want)
		}
	}
}
