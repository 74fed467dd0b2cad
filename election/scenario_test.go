package election

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/wire"
)

// The scenarios are those of section 10 of the reference of the quorum protocol, as
// far as they concern an election.

// S1. C led epoch 1 and sent 1.6 to B alone, which logged it and did not apply it.
// B must be elected over A although A has the larger id, because of its log.
func TestS01VoteIsOfTheLog(t *testing.T) {
	const a, b, c = 2, 1, 3 // ids, so that A would win with equal histories
	config := members(3, 0)
	logged := Own{LastLogged: wire.MakeZxid(1, 6), CurrentEpoch: 1}
	mb, out := started(b, config, logged)
	expect(t, out,
		"to 2: LOOKING 1 (0x100000006, epoch 1) round 1",
		"to 3: LOOKING 1 (0x100000006, epoch 1) round 1")
	ma, _ := started(a, config, Own{LastLogged: wire.MakeZxid(1, 5), CurrentEpoch: 1})
	ma.Unreachable(0, c)
	mb.Unreachable(0, c)
	ma.Receive(1, b, &out.Messages[0].Notification)
	out = ma.Take()
	if d := out.Decision; d == nil || d.State != wire.Following || d.Vote.Leader != b {
		t.Fatalf("A: %s", show(out))
	}
	mb.Receive(2, a, &out.Messages[0].Notification)
	if d := mb.Take().Decision; d == nil || d.State != wire.Leading || d.Vote.Zxid != logged.LastLogged {
		t.Fatalf("B: %+v", d)
	}

	// After the new leader lost its quorum, its vote is again what it is told of
	// the log, and nothing that is remembered of the time as leader.
	mb.Synced(2)
	mb.Start(9, Own{LastLogged: wire.MakeZxid(2, 3), CurrentEpoch: 2}, only(config))
	expect(t, mb.Take(),
		"to 2: LOOKING 1 (0x200000003, epoch 2) round 2",
		"to 3: LOOKING 1 (0x200000003, epoch 2) round 2")
}

// S18. B elects C during the time in which C still waits for votes, then hears a
// better one and looks again. C must not wait for B until initLimit.
func TestS18VoterChangesItsMind(t *testing.T) {
	self := func(id wire.SID) bool { return id == 3 }
	lead := func(t *testing.T) *Machine {
		m, _ := started(3, members(4, 0), Own{LastLogged: 5, CurrentEpoch: 1})
		m.Receive(0, 1, looking(3, 5, 1, 1))
		m.Receive(0, 2, looking(3, 5, 1, 1))
		m.Tick(DefaultFinalizeWait)
		if d := m.Take().Decision; d == nil || d.State != wire.Leading || d.Basis != Waited {
			t.Fatalf("got %+v", d)
		}
		return m
	}
	for name, n := range map[string]*wire.Notification{
		"in the same round": looking(4, 6, 1, 1),
		"in the next round": looking(2, 5, 1, 2),
		"for the same vote": looking(3, 5, 1, 2),
	} {
		m := lead(t)
		m.Receive(201, 2, n)
		if out := m.Take(); !out.Deserted {
			t.Errorf("%s: %s", name, show(out))
		}
		if m.CanLead(self) {
			t.Errorf("%s: 1 and 3 are no quorum of 4", name)
		}
		if !m.CanLead(func(id wire.SID) bool { return id == 3 || id == 4 }) {
			t.Errorf("%s: 4 has come instead", name)
		}
	}
	for name, n := range map[string]*wire.Notification{
		"its old vote again":      looking(3, 5, 1, 1),
		"its first vote, late":    looking(2, 5, 1, 1),
		"a vote of earlier times": looking(4, 6, 1, 0),
	} {
		m := lead(t)
		m.Receive(201, 2, n)
		if out := m.Take(); out.Deserted || !m.CanLead(self) {
			t.Errorf("%s: %s", name, show(out))
		}
	}
	// A voter that elected this server later counts, too.
	m := lead(t)
	m.Receive(201, 4, looking(3, 5, 1, 1))
	m.Receive(202, 2, looking(4, 6, 1, 1))
	if !m.Take().Deserted || !m.CanLead(self) {
		t.Error("1, 3 and 4 are a quorum of 4")
	}
	// Once the epoch stands, learners that leave are another matter.
	m = lead(t)
	m.Synced(2)
	m.Receive(300, 2, looking(2, 5, 1, 2))
	if out := m.Take(); out.Deserted {
		t.Errorf("established: %s", show(out))
	}
}

// S21. Two of three disks were replaced. The servers on them must not elect one of
// themselves, nor help to elect anybody; with a majority of others they follow.
func TestS21ServersThatForgotDoNotVote(t *testing.T) {
	config := members(3, 0)
	ma, out := started(1, config, Own{Untrusted: true})
	expect(t, out, "to 2: LOOKING nobody round 1", "to 3: LOOKING nobody round 1")
	silence := out.Messages[0].Notification
	mb, _ := started(2, config, Own{Untrusted: true})
	mc, _ := started(3, config, Own{LastLogged: wire.MakeZxid(7, 9), CurrentEpoch: 7})
	mc.Take()
	for now := int64(0); now < 100_000; now += 100 {
		for _, m := range []*Machine{ma, mb, mc} {
			m.Tick(now)
			m.Receive(now, m.opts.ID%3+1, &silence)
			m.Receive(now, m.opts.ID%3+1, looking(m.opts.ID%3+1, wire.NoZxid, 9, m.clock))
			if m != mc {
				m.Receive(now, 3, looking(3, wire.MakeZxid(7, 9), 7, m.clock))
			}
			for _, msg := range m.Take().Messages {
				if m != mc && msg.Notification.Leader != wire.NoSID {
					t.Fatalf("server %d supports %d", m.opts.ID, msg.Notification.Leader)
				}
			}
			if m.State() != wire.Looking {
				t.Fatalf("server %d ends the election: %s %s", m.opts.ID, m.State(), m.Vote())
			}
		}
	}

	m, _ := started(5, members(5, 0), Own{Untrusted: true})
	m.Receive(1, 1, settled(wire.Following, 3, 8, 4))
	m.Receive(1, 2, settled(wire.Following, 3, 8, 3))
	m.Receive(1, 3, settled(wire.Leading, 3, 8, 4))
	expect(t, m.Take(), "decided: FOLLOWING 3 (0x100000005, epoch 8) round 4, the leader stands")
}

// S21. Elections follow each other, and a server that may have forgotten something
// always asks while one is under way. It is told how each of them ends, and nobody
// waits for it.
func TestS21ServersThatForgotAreToldTheOutcome(t *testing.T) {
	config := members(3, 0)
	own := Own{LastLogged: wire.MakeZxid(7, 9), CurrentEpoch: 7}
	forgetful, _ := started(1, config, Own{Untrusted: true})
	ms := map[wire.SID]*Machine{1: forgetful}
	ms[2], _ = started(2, config, own)
	ms[3], _ = started(3, config, own)
	now := int64(0)
	for round := int64(2); round < 10; round++ {
		now += 1000
		if forgetful.State() != wire.Looking {
			forgetful.Start(now, Own{Untrusted: true}, only(config))
			forgetful.Take() // lost, as it begins to look before there is anybody to hear it
		}
		bases := map[wire.SID]Basis{}
		ms[2].Start(now, own, only(config))
		ms[3].Start(now, own, only(config))
		for busy := true; busy; {
			busy = false
			for id := wire.SID(1); id <= 3; id++ {
				out := ms[id].Take()
				if out.Decision != nil {
					bases[id] = out.Decision.Basis
				}
				for _, msg := range out.Messages {
					ms[msg.To].Receive(now, id, &msg.Notification)
					busy = true
				}
			}
		}
		if bases[1] != Joined || bases[2] == Waited || bases[3] == Waited {
			t.Fatalf("round %d ended by %v", round, bases)
		}
	}
}

// S21, the vote of a ZooKeeper server: zxid -1, with the epoch that its files kept.
// It must not win by that epoch, and the election need not wait for more from it.
func TestS21ZxidMinusOneIsNoVote(t *testing.T) {
	m, _ := started(1, members(3, 0), Own{LastLogged: 5, CurrentEpoch: 1})
	m.Receive(1, 3, looking(3, wire.NoZxid, 9, 1))
	m.Receive(1, 3, looking(3, wire.NoZxid, 9, 8))
	if m.Vote().Leader != 1 || m.Round() != 1 {
		t.Errorf("votes for %s in round %d", m.Vote(), m.Round())
	}
	m.Receive(2, 2, looking(1, 5, 1, 1))
	if d := m.Take().Decision; d == nil || d.Basis != Unanimous || d.State != wire.Leading {
		t.Errorf("got %+v", d)
	}
}

// S22. A newcomer finds a quorum of equal votes although one member adopted the new
// epoch late, and although zxid and round differ for good.
func TestS22JoinWhileEpochsDiffer(t *testing.T) {
	answer := func(m *Machine, peer wire.SID) *wire.Notification {
		m.Take()
		m.Receive(1000, peer, looking(5, 0, 0, 1))
		out := m.Take()
		if len(out.Messages) != 1 || out.Messages[0].To != peer {
			t.Fatalf("got %s", show(out))
		}
		return &out.Messages[0].Notification
	}
	config := members(5, 0)
	member := func(id wire.SID) *Machine {
		m, _ := started(id, config, Own{LastLogged: wire.Zxid(id), CurrentEpoch: 1})
		for _, peer := range []wire.SID{1, 2, 3} {
			if peer != id {
				m.Receive(0, peer, looking(3, 3, 1, 1))
			}
		}
		m.Tick(DefaultFinalizeWait)
		return m
	}
	ms := map[wire.SID]*Machine{1: member(1), 2: member(2), 3: member(3)}
	ms[3].Synced(2)
	ms[1].Synced(2)
	newcomer, _ := started(5, config, Own{})
	newcomer.Start(999, Own{}, only(config)) // not in the round of the others
	for _, id := range []wire.SID{1, 2, 3} {
		newcomer.Receive(1000, id, answer(ms[id], 5))
	}
	if d := newcomer.Take().Decision; d != nil {
		t.Fatalf("two of five report epoch 2, and yet: %+v", d)
	}
	ms[2].Synced(2)
	newcomer.Tick(1200)
	newcomer.Receive(1201, 2, answer(ms[2], 5))
	if d := newcomer.Take().Decision; d == nil || d.State != wire.Following || d.Vote.Leader != 3 || d.Basis != Joined {
		t.Fatalf("got %+v", d)
	}

	// A member that joined in another round with another zxid counts all the same.
	late, _ := started(4, config, Own{})
	late.Start(5, Own{}, only(config))
	for _, id := range []wire.SID{1, 2, 3} {
		late.Receive(1000, id, answer(ms[id], 4))
	}
	late.Synced(2)
	again, _ := started(5, config, Own{})
	for id, m := range map[wire.SID]*Machine{2: ms[2], 3: ms[3], 4: late} {
		m.asked = map[wire.SID]exchange{}
		again.Receive(2000, id, answer(m, 5))
	}
	if d := again.Take().Decision; d == nil || d.Vote.Leader != 3 {
		t.Fatalf("got %+v", d)
	}
}

// A peer of format version 0 never replaced the epoch in its vote: with it the
// leader alone decides.
func TestS22WithServersThatKeepTheOldEpoch(t *testing.T) {
	for version, joins := range map[int32]bool{0: true, 1: false, 2: false} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			m, _ := started(3, members(3, 0), Own{})
			old := settled(wire.Following, 2, 1, 4)
			old.Version = version
			m.Receive(0, 1, old)
			m.Receive(0, 2, settled(wire.Leading, 2, 2, 4))
			if d := m.Take().Decision; (d != nil) != joins {
				t.Errorf("got %+v", d)
			}
		})
	}
}

// A server that nobody could reach as a leader is no candidate. It votes for whoever has
// at least what it has, and for nobody who has less: there is no leader then, and what
// it alone has is not lost.
func TestAServerThatCannotLeadVotesForOthers(t *testing.T) {
	unfit := func(zxid wire.Zxid) Own { return Own{LastLogged: zxid, CurrentEpoch: 1, Unfit: true} }
	fit := func(zxid wire.Zxid) Own { return Own{LastLogged: zxid, CurrentEpoch: 1} }
	for _, c := range []struct {
		name   string
		start  map[wire.SID]Own
		leader wire.SID
	}{
		{"three with one history", map[wire.SID]Own{1: fit(5), 2: fit(5), 3: unfit(5)}, 2},
		{"two with one history", map[wire.SID]Own{1: fit(5), 3: unfit(5)}, 1},
		{"the other has more", map[wire.SID]Own{1: fit(6), 3: unfit(5)}, 1},
		{"the other has less", map[wire.SID]Own{1: fit(4), 3: unfit(5)}, 0},
		{"the others have less", map[wire.SID]Own{1: fit(4), 2: fit(3), 3: unfit(5)}, 1},
		{"two that cannot", map[wire.SID]Own{1: fit(5), 2: unfit(5), 3: unfit(5)}, 1},
		{"nobody can", map[wire.SID]Own{1: unfit(5), 2: unfit(5), 3: unfit(5)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gather(t, members(3, 0))
			for id := wire.SID(1); id <= 3; id++ {
				if own, there := c.start[id]; there {
					g.start(id, own)
				}
			}
			g.run(5000)
			g.want(c.leader)
			for id, m := range g.machines {
				if follows := m.State() == wire.Following; c.leader != 0 && id != c.leader && !follows {
					t.Errorf("server %d is %v", id, m.State())
				}
			}
		})
	}
}
