package election

import (
	"testing"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

func TestNothingBeforeStart(t *testing.T) {
	m := New(Options{ID: 1})
	m.Receive(0, 2, looking(2, 5, 1, 1))
	m.Tick(1000)
	m.Unreachable(0, 2)
	m.Reachable(2)
	m.Reconfigure(0, only(members(3, 0)))
	expect(t, m.Take())
	if _, ok := m.Deadline(); ok {
		t.Error("it waits for something")
	}
}

func TestASingleServerLeadsAtOnce(t *testing.T) {
	_, out := started(1, members(1, 0), Own{LastLogged: 3, CurrentEpoch: 1})
	expect(t, out, "decided: LEADING 1 (0x3, epoch 1) round 1, all have spoken")
	_, out = started(1, members(1, 0), Own{Untrusted: true})
	expect(t, out)
}

func TestVotesAreRepeated(t *testing.T) {
	m := New(Options{ID: 1, MaxInterval: 1000})
	m.Start(100, Own{}, only(members(2, 0)))
	m.Take()
	for _, want := range []int64{300, 700, 1500, 2500, 3500} {
		if at, ok := m.Deadline(); at != want || !ok {
			t.Fatalf("deadline %d, want %d", at, want)
		}
		m.Tick(want - 1)
		expect(t, m.Take())
		m.Tick(want)
		expect(t, m.Take(), "to 2: LOOKING 1 (0x0, epoch 0) round 1")
	}
	m.Start(4000, Own{}, only(members(2, 0)))
	if at, _ := m.Deadline(); at != 4200 {
		t.Errorf("the pause goes on: %d", at)
	}
}

// Where no votes are missing but those of servers that cannot be reached, nobody
// waits; where something is heard of one again, it is waited for.
func TestUnreachableServersAreNotWaitedFor(t *testing.T) {
	elect := func(before func(*Machine)) Output {
		m, _ := started(2, members(5, 0), Own{LastLogged: 5})
		m.Receive(1, 1, looking(2, 5, 0, 1))
		m.Receive(1, 3, looking(2, 5, 0, 1))
		m.Take()
		before(m)
		out := m.Take()
		out.Messages = nil
		return out
	}
	const decided = "decided: LEADING 2 (0x5, epoch 0) round 1, all have spoken"
	expect(t, elect(func(m *Machine) { m.Unreachable(2, 4) }))
	expect(t, elect(func(m *Machine) { m.Unreachable(2, 4); m.Unreachable(2, 5) }), decided)
	expect(t, elect(func(m *Machine) { m.Unreachable(2, 4); m.Unreachable(2, 9) }))
	expect(t, elect(func(m *Machine) { m.Unreachable(2, 4); m.Reachable(4); m.Unreachable(2, 5) }))
	expect(t, elect(func(m *Machine) { m.Unreachable(2, 4); m.Receive(2, 4, looking(4, 9, 0, 0)); m.Unreachable(2, 5) }))
	expect(t, elect(func(m *Machine) {
		m.Unreachable(2, 4)
		m.Receive(2, 4, settled(wire.Following, 5, 0, 9))
		m.Unreachable(2, 5)
	}))
	expect(t, elect(func(m *Machine) { m.Unreachable(2, 4); m.Receive(2, 5, looking(5, 4, 0, 1)) }), decided)
	expect(t, elect(func(m *Machine) { m.Unreachable(2, 4); m.Receive(2, 5, settled(wire.Following, 2, 0, 1)) }))

	// Without a quorum nothing is decided, whoever is dead.
	m, _ := started(2, members(5, 0), Own{LastLogged: 5})
	m.Receive(1, 1, looking(2, 5, 0, 1))
	m.Take()
	for id := wire.SID(3); id <= 5; id++ {
		m.Unreachable(2, id)
	}
	m.Tick(5000)
	if out := m.Take(); out.Decision != nil {
		t.Errorf("got %s", show(out))
	}
}

func TestReachableIsToldTheVote(t *testing.T) {
	m, _ := started(1, members(3, 1), Own{LastLogged: 5})
	m.Reachable(2)
	expect(t, m.Take(), "to 2: LOOKING 1 (0x5, epoch 0) round 1")
	m.Reachable(1)
	m.Reachable(4) // observers ask
	expect(t, m.Take())
}

// A quorum that agrees stays open for a better vote, and only as long as it agrees.
func TestFinalizeWait(t *testing.T) {
	m, _ := started(2, members(5, 0), Own{LastLogged: 5})
	m.Receive(1, 1, looking(2, 5, 0, 1))
	m.Receive(50, 3, looking(2, 5, 0, 1)) // a quorum, open until 250
	m.Receive(60, 1, looking(2, 5, 0, 1))
	if at, _ := m.Deadline(); at != 200 {
		t.Errorf("deadline %d", at)
	}
	m.Tick(200)
	if at, _ := m.Deadline(); at != 250 {
		t.Errorf("deadline %d", at)
	}
	m.Receive(240, 4, looking(4, 6, 0, 1)) // a better vote: 2 and 4 agree
	if at, _ := m.Deadline(); at != 600 {
		t.Errorf("deadline %d", at)
	}
	m.Receive(260, 1, looking(4, 6, 0, 1))
	m.Take()
	m.Tick(459)
	expect(t, m.Take())
	m.Tick(460)
	expect(t, m.Take(), "decided: FOLLOWING 4 (0x6, epoch 0) round 1, a quorum agrees")

	// A voter goes over to another round: no quorum any more.
	m, _ = started(2, members(5, 0), Own{LastLogged: 5})
	m.Receive(1, 1, looking(2, 5, 0, 1))
	m.Receive(1, 3, looking(2, 5, 0, 1))
	m.Receive(2, 3, looking(3, 4, 0, 1))
	m.Take()
	m.Tick(201)
	if out := m.Take(); out.Decision != nil {
		t.Errorf("got %s", show(out))
	}
}

func TestJoiningALeader(t *testing.T) {
	following, leading := wire.Following, wire.Leading
	type vote struct {
		from  wire.SID
		state wire.ServerState
		sid   wire.SID
		epoch int64
		round int64
	}
	for name, tt := range map[string]struct {
		votes []vote
		want  bool
	}{
		"a quorum and the leader":           {[]vote{{1, following, 3, 2, 9}, {2, following, 3, 2, 9}, {3, leading, 3, 2, 9}}, true},
		"in whatever rounds":                {[]vote{{1, following, 3, 2, 7}, {3, leading, 3, 2, 8}, {2, following, 3, 2, 9}}, true},
		"no quorum of others":               {[]vote{{1, following, 3, 2, 9}, {3, leading, 3, 2, 9}}, false},
		"without the leader":                {[]vote{{1, following, 3, 2, 9}, {2, following, 3, 2, 9}, {4, following, 3, 2, 9}}, false},
		"it follows":                        {[]vote{{1, following, 3, 2, 9}, {2, following, 3, 2, 9}, {3, following, 3, 2, 9}}, false},
		"it leads and names another":        {[]vote{{1, following, 3, 2, 9}, {2, following, 3, 2, 9}, {4, following, 3, 2, 9}, {3, leading, 4, 2, 9}}, false},
		"it leads and named another first":  {[]vote{{3, leading, 4, 2, 9}, {1, following, 3, 2, 9}, {2, following, 3, 2, 9}, {4, following, 3, 2, 9}}, false},
		"of two epochs":                     {[]vote{{1, following, 3, 1, 9}, {2, following, 3, 2, 9}, {3, leading, 3, 2, 9}}, false},
		"of two epochs, in this round":      {[]vote{{1, following, 3, 1, 1}, {2, following, 3, 2, 1}, {3, leading, 3, 2, 1}}, true},
		"one of them in another round":      {[]vote{{1, following, 3, 1, 1}, {2, following, 3, 2, 2}, {3, leading, 3, 2, 1}}, false},
		"of two leaders":                    {[]vote{{1, following, 4, 2, 9}, {2, following, 3, 2, 9}, {3, leading, 3, 2, 9}}, false},
		"one of them observes":              {[]vote{{1, wire.Observing, 3, 2, 9}, {2, following, 3, 2, 9}, {3, leading, 3, 2, 9}}, false},
		"one of them is a stranger":         {[]vote{{8, following, 3, 2, 9}, {2, following, 3, 2, 9}, {3, leading, 3, 2, 9}}, false},
		"one of them does not vote":         {[]vote{{6, following, 3, 2, 9}, {2, following, 3, 2, 9}, {3, leading, 3, 2, 9}}, false},
		"a leader that does not vote":       {[]vote{{1, following, 6, 2, 9}, {2, following, 6, 2, 9}, {3, following, 6, 2, 9}, {6, leading, 6, 2, 9}}, false},
		"one of them looks again":           {[]vote{{1, following, 3, 2, 9}, {1, wire.Looking, 1, 2, 10}, {2, following, 3, 2, 9}, {3, leading, 3, 2, 9}}, false},
		"one of them repeats that it looks": {[]vote{{1, following, 3, 2, 9}, {1, wire.Looking, 1, 2, 9}, {2, following, 3, 2, 9}, {3, leading, 3, 2, 9}}, true},
		"they say that it is this one":      {[]vote{{1, following, 5, 2, 9}, {2, following, 5, 2, 9}, {3, following, 5, 2, 9}}, false},
		"in this round, for another vote":   {[]vote{{1, following, 5, 2, 1}, {2, following, 5, 2, 1}, {3, following, 5, 2, 1}}, false},
	} {
		m, _ := started(5, members(5, 1), Own{LastLogged: 1})
		for _, v := range tt.votes {
			m.Receive(1, v.from, settled(v.state, v.sid, v.epoch, v.round))
		}
		d := m.Take().Decision
		if (d != nil) != tt.want || d != nil && (d.State != following || d.Vote.Leader != 3 || d.Basis != Joined || m.Round() != d.Round) {
			t.Errorf("%s: got %+v", name, d)
		}
	}
}

// Whoever looks for long asks seldom. When somebody turns out to have a leader, it
// asks soon again, and then less and less again.
func TestNewsOfALeaderIsAskedAfterSoon(t *testing.T) {
	m, _ := started(1, members(5, 0), Own{})
	now := int64(0)
	next := func() int64 {
		at, _ := m.Deadline()
		return at - now
	}
	for range 10 {
		now += next()
		m.Tick(now)
	}
	if next() != DefaultMaxInterval {
		t.Fatalf("asks after %d ms", next())
	}
	m.Receive(now, 3, settled(wire.Leading, 3, 8, 4))
	if next() != DefaultMinInterval {
		t.Errorf("hears of a leader and asks after %d ms", next())
	}
	now += next()
	m.Tick(now)
	m.Receive(now, 3, settled(wire.Leading, 3, 8, 4))
	if next() != 2*DefaultMinInterval {
		t.Errorf("hears nothing new and asks after %d ms", next())
	}
	m.Receive(now, 2, settled(wire.Following, 3, 8, 4))
	if next() != DefaultMinInterval {
		t.Errorf("hears of a follower and asks after %d ms", next())
	}
}

// Others decided for this server, in this round and with its vote, before it did.
func TestElectedByOthers(t *testing.T) {
	for _, tt := range []struct {
		zxid  wire.Zxid // of this server now
		round int64
		want  bool
	}{
		{0x100000005, 1, true},
		{0x100000006, 1, false},
		{0x100000005, 9, false}, // before it was restarted
		{0x100000005, 0, false},
	} {
		m, _ := started(5, members(5, 0), Own{LastLogged: tt.zxid, CurrentEpoch: 1})
		for id := wire.SID(1); id <= 3; id++ {
			m.Receive(1, id, settled(wire.Following, 5, 1, tt.round))
		}
		if d := m.Take().Decision; (d != nil && d.State == wire.Leading && d.Basis == Joined) != tt.want {
			t.Errorf("%+v: %+v", tt, d)
		}
	}
}

// A voter that has decided for what this server proposes has spoken.
func TestSettledVotersHaveSpoken(t *testing.T) {
	m, _ := started(1, members(3, 0), Own{})
	m.Receive(1, 2, looking(2, 5, 0, 1))
	m.Take()
	n := looking(2, 5, 0, 1)
	n.State = wire.Following
	m.Receive(2, 3, n)
	expect(t, m.Take(), "decided: FOLLOWING 2 (0x5, epoch 0) round 1, all have spoken")
}

// A round that is joined is taken over, unless it is none: servers that a
// reconfiguration gave their roles report -1.
func TestRoundOfAJoinedLeader(t *testing.T) {
	for round, want := range map[int64]int64{9: 9, 1: 1, -1: 3, 0: 3} {
		m, _ := started(2, members(2, 0), Own{Observer: true})
		m.Start(1, Own{Observer: true}, only(members(3, 0)))
		m.Start(1, Own{Observer: true}, only(members(3, 0)))
		m.Receive(1, 1, settled(wire.Following, 3, 2, round))
		m.Receive(1, 3, settled(wire.Leading, 3, 2, round))
		if d := m.Take().Decision; d == nil || d.State != wire.Observing || m.Round() != want {
			t.Errorf("round %d: %+v, now %d", round, d, m.Round())
		}
	}
}

func TestRoundsThatNobodyCountsTo(t *testing.T) {
	m, _ := started(1, members(3, 0), Own{})
	m.Receive(1, 2, looking(2, 9, 9, 1<<62+1))
	m.Receive(1, 2, settled(wire.Following, 3, 9, 1<<62+1))
	m.Receive(1, 3, settled(wire.Leading, 3, 9, 1<<62+1))
	if out := m.Take(); m.Round() != 1 || out.Decision != nil || len(out.Messages) != 0 {
		t.Errorf("round %d, %s", m.Round(), show(out))
	}
}

func TestAnswersToStrangers(t *testing.T) {
	m, _ := started(1, members(3, 1), Own{LastLogged: 5})
	const observer, stranger = 4, 9
	ask := func(now int64, from wire.SID, round int64) Output {
		n := looking(wire.NoSID, noVote.Zxid, noVote.PeerEpoch, round)
		m.Receive(now, from, n)
		return m.Take()
	}
	expect(t, ask(1, observer, 8), "to 4: LOOKING 1 (0x5, epoch 0) round 1")
	expect(t, ask(2, observer, 8)) // the same question, the same answer
	expect(t, ask(300, observer, 8), "to 4: LOOKING 1 (0x5, epoch 0) round 1")
	expect(t, ask(300, stranger, 1), "to 9: LOOKING 1 (0x5, epoch 0) round 1")
	m.Receive(301, stranger, settled(wire.Following, 3, 1, 1))
	m.Receive(301, stranger, looking(2, 99, 9, 99)) // a vote that does not count
	expect(t, m.Take(), "to 9: LOOKING 1 (0x5, epoch 0) round 1")

	// Who asked is told the outcome.
	m.Receive(302, 2, settled(wire.Following, 3, 0, 7))
	m.Receive(302, 3, settled(wire.Leading, 3, 0, 7))
	expect(t, m.Take(),
		"to 4: FOLLOWING 3 (0x100000005, epoch 0) round 7",
		"to 9: FOLLOWING 3 (0x100000005, epoch 0) round 7",
		"decided: FOLLOWING 3 (0x100000005, epoch 0) round 7, the leader stands")
	m.Synced(1)
	expect(t, ask(303, observer, 8), "to 4: FOLLOWING 3 (0x100000005, epoch 1) round 7")
}

// Strangers get the round of this server, voters that of the vote.
func TestRoundOfAnswers(t *testing.T) {
	m, _ := started(1, members(3, 1), Own{})
	m.Receive(1, 2, settled(wire.Following, 3, 2, -1))
	m.Receive(1, 3, settled(wire.Leading, 3, 2, -1))
	m.Take()
	m.Receive(2, 2, looking(2, 0, 0, 8))
	m.Receive(2, 4, looking(2, 0, 0, 8))
	expect(t, m.Take(),
		"to 2: FOLLOWING 3 (0x100000005, epoch 2) round -1",
		"to 4: FOLLOWING 3 (0x100000005, epoch 2) round 1")
}

func TestPeersUnderManyIds(t *testing.T) {
	m, _ := started(1, members(3, 0), Own{})
	for id := range wire.SID(10 * maxAsked) {
		m.Receive(1, 100+id, looking(2, 0, 0, 8))
	}
	if len(m.asked) > maxAsked || len(m.askers) > maxAsked {
		t.Errorf("%d and %d peers are remembered", len(m.asked), len(m.askers))
	}
}

func TestSettle(t *testing.T) {
	m, _ := started(3, members(3, 0), Own{LastLogged: 5})
	m.Settle(wire.Leading, 3, 0x100000007)
	m.Receive(1, 1, looking(1, 5, 0, 1))
	expect(t, m.Take(), "to 1: LEADING 3 (0x100000007, epoch 0) round 1")
	if m.CanLead(func(id wire.SID) bool { return id == 3 }) || !m.CanLead(func(id wire.SID) bool { return id > 1 }) {
		t.Error("nobody elected it, so that only the connected count")
	}
	m.Synced(4)
	m.Receive(2, 1, looking(1, 5, 0, 1))
	expect(t, m.Take(), "to 1: LEADING 3 (0x100000007, epoch 4) round 1")
	m.Start(9, Own{LastLogged: 8, CurrentEpoch: 4}, only(members(3, 0)))
	if m.Round() != 2 {
		t.Errorf("round %d", m.Round())
	}
}

func TestNewerConfiguration(t *testing.T) {
	withConfig := func(c quorum.Config) *wire.Notification {
		n := looking(2, 9, 1, 1)
		n.Config = c.Text()
		return n
	}
	newer := at(7, members(5, 0))
	m, _ := started(1, members(3, 0), Own{})
	m.Receive(1, 2, withConfig(newer))
	expect(t, m.Take(), "newer configuration 7")
	// It was not adopted: now the vote counts.
	m.Receive(2, 2, withConfig(newer))
	expect(t, m.Take(),
		"to 2: LOOKING 2 (0x9, epoch 1) round 1",
		"to 3: LOOKING 2 (0x9, epoch 1) round 1")

	// A stranger may know better than this server.
	m, _ = started(1, members(3, 0), Own{})
	m.Receive(1, 5, withConfig(newer))
	expect(t, m.Take(), "newer configuration 7")
	m.Reconfigure(1, only(newer))
	expect(t, m.Take(),
		"to 2: LOOKING 1 (0x0, epoch 0) round 2",
		"to 3: LOOKING 1 (0x0, epoch 0) round 2",
		"to 4: LOOKING 1 (0x0, epoch 0) round 2",
		"to 5: LOOKING 1 (0x0, epoch 0) round 2")

	for name, c := range map[string]quorum.Config{"older": at(0, members(5, 0)), "the same": members(3, 0)} {
		m, _ = started(1, members(3, 0), Own{})
		m.Receive(1, 2, withConfig(c))
		if out := m.Take(); out.Newer != nil || len(out.Messages) != 2 {
			t.Errorf("%s: %s", name, show(out))
		}
	}
	m, _ = started(1, members(3, 0), Own{})
	n := withConfig(newer)
	n.Config = append(n.Config, "\nx=y"...)
	m.Receive(1, 2, n)
	if out := m.Take(); out.Newer != nil || len(out.Messages) != 2 {
		t.Errorf("malformed: %s", show(out))
	}
	m = New(Options{ID: 1})
	m.Start(0, Own{}, only(members(3, 0)))
	m.Take()
	m.Receive(1, 2, withConfig(newer))
	if out := m.Take(); out.Newer != nil || len(out.Messages) != 2 {
		t.Errorf("not enabled: %s", show(out))
	}
	m, _ = started(1, members(1, 1), Own{})
	m.Receive(1, 2, withConfig(newer))
	if out := m.Take(); out.Newer != nil {
		t.Errorf("not looking: %s", show(out))
	}
}

func TestReconfigure(t *testing.T) {
	three := members(3, 0)
	for name, tt := range map[string]struct {
		to   quorum.Active
		anew bool
	}{
		"the same again":       {only(three), false},
		"another version":      {only(at(9, three)), false},
		"another member":       {only(at(9, members(4, 0))), true},
		"another role":         {only(at(9, members(2, 1))), true},
		"one is under way":     {quorum.Active{Committed: three, Proposed: at(9, members(5, 0))}, true},
		"one that is not":      {quorum.Active{Committed: three, Proposed: members(5, 0)}, false},
		"it is committed":      {only(at(9, members(5, 0))), true},
		"the same as one more": {quorum.Active{Committed: three, Proposed: at(9, three)}, true},
	} {
		m, _ := started(1, three, Own{})
		m.Reconfigure(1, tt.to)
		if (m.Round() == 2) != tt.anew || (len(m.Take().Messages) > 0) != tt.anew {
			t.Errorf("%s: round %d", name, m.Round())
		}
	}
	m, _ := started(1, three, Own{})
	m.Settle(wire.Following, 2, 5)
	m.Reconfigure(1, only(at(9, members(5, 0))))
	expect(t, m.Take())
	m.Receive(2, 5, looking(5, 0, 0, 1))
	out := m.Take()
	expect(t, out, "to 5: FOLLOWING 2 (0x5, epoch 0) round 1")
	if c := string(out.Messages[0].Notification.Config); c != string(at(9, members(5, 0)).Text()) {
		t.Errorf("it tells of %s", c)
	}
}

// While a reconfiguration is under way both configurations must have a quorum.
func TestTwoConfigurations(t *testing.T) {
	active := quorum.Active{Committed: members(3, 2), Proposed: at(9, members(5, 0))}
	m := New(Options{ID: 3})
	m.Start(0, Own{LastLogged: 9}, active)
	expect(t, m.Take(),
		"to 1: LOOKING 3 (0x9, epoch 0) round 1",
		"to 2: LOOKING 3 (0x9, epoch 0) round 1",
		"to 4: LOOKING 3 (0x9, epoch 0) round 1",
		"to 5: LOOKING 3 (0x9, epoch 0) round 1")
	m.Receive(1, 1, looking(3, 9, 0, 1)) // 2 of 3, and 2 of 5
	m.Unreachable(2, 2)
	m.Unreachable(2, 4)
	m.Unreachable(2, 5)
	m.Take()
	m.Tick(1000)
	if d := m.Take().Decision; d != nil {
		t.Fatalf("got %+v", d)
	}
	m.Receive(1001, 4, looking(3, 9, 0, 1)) // 3 of 5
	if d := m.Take().Decision; d == nil || d.State != wire.Leading {
		t.Fatalf("got %+v", d)
	}

	// Who votes in the new one alone has no vote of its own yet, and supports others.
	m = New(Options{ID: 4})
	m.Start(0, Own{LastLogged: 99, Observer: true}, active)
	m.Take()
	m.Receive(1, 3, looking(3, 9, 0, 1))
	expect(t, m.Take(),
		"to 1: LOOKING 3 (0x9, epoch 0) round 1",
		"to 2: LOOKING 3 (0x9, epoch 0) round 1",
		"to 3: LOOKING 3 (0x9, epoch 0) round 1",
		"to 5: LOOKING 3 (0x9, epoch 0) round 1")
	m.Receive(2, 1, looking(3, 9, 0, 1))
	for _, id := range []wire.SID{2, 5} {
		m.Unreachable(3, id)
	}
	if d := m.Take().Decision; d == nil || d.State != wire.Observing {
		t.Fatalf("1, 3 and 4 are a quorum of both: %+v", d)
	}
}

// A participant that its configuration does not list follows without a vote.
func TestParticipantWithoutALine(t *testing.T) {
	m, out := started(7, members(3, 0), Own{LastLogged: 99, CurrentEpoch: 9})
	expect(t, out,
		"to 1: LOOKING nobody round 1",
		"to 2: LOOKING nobody round 1",
		"to 3: LOOKING nobody round 1")
	for id := wire.SID(1); id <= 3; id++ {
		m.Receive(1, id, looking(3, 5, 1, 1))
	}
	if d := m.Take().Decision; d == nil || d.State != wire.Following || d.Basis != Unanimous {
		t.Errorf("got %+v", d)
	}
}

func TestUnknownStatesAreIgnored(t *testing.T) {
	m, _ := started(1, members(3, 0), Own{})
	for _, state := range []wire.ServerState{-1, 4, 77} {
		n := looking(3, 9, 9, 9)
		n.State = state
		m.Receive(1, 3, n)
		m.Receive(1, 9, n)
	}
	m.Receive(1, 1, looking(3, 9, 9, 9)) // and what is said in its own name
	expect(t, m.Take())
	if m.Round() != 1 || m.Vote().Leader != 1 {
		t.Errorf("round %d, %s", m.Round(), m.Vote())
	}
}

// What was heard in an earlier election counts in none that follows.
func TestEachElectionBeginsEmpty(t *testing.T) {
	m, _ := started(5, members(5, 0), Own{})
	m.Receive(1, 1, settled(wire.Following, 3, 2, 9))
	m.Receive(1, 2, looking(5, 0, 0, 1))
	m.Unreachable(1, 4)
	m.Start(2, Own{}, only(members(5, 0)))
	m.Receive(3, 2, settled(wire.Following, 3, 2, 9))
	m.Receive(3, 3, settled(wire.Leading, 3, 2, 9))
	m.Take()
	if m.State() != wire.Looking || len(m.recv) != 1 || len(m.silent) != 0 {
		t.Errorf("%s: %v, silent %v", m.State(), m.recv, m.silent)
	}
}

// A vote of a later round is weighed against the first vote of this server, not
// against what it has come to support: that was in another round.
func TestLaterRound(t *testing.T) {
	for zxid, want := range map[wire.Zxid]Vote{
		6: {Leader: 2, Zxid: 6},
		4: {Leader: 1, Zxid: 5},
	} {
		m, _ := started(1, members(5, 0), Own{LastLogged: 5})
		m.Receive(1, 3, looking(3, 9, 0, 1))
		m.Receive(2, 2, looking(2, zxid, 0, 2))
		if m.Vote() != want || m.Round() != 2 {
			t.Errorf("%s: votes for %s in round %d", zxid, m.Vote(), m.Round())
		}
	}
}

// A voter that was heard before and falls back to a worse vote was restarted, or
// lost what it was told.
func TestWorseVoteIsAnswered(t *testing.T) {
	m, _ := started(1, members(5, 0), Own{LastLogged: 5})
	m.Receive(1, 2, looking(1, 5, 0, 1))
	expect(t, m.Take(), "to 2: LOOKING 1 (0x5, epoch 0) round 1")
	m.Receive(2, 2, looking(1, 5, 0, 1))
	expect(t, m.Take())
	m.Receive(3, 2, looking(2, 4, 0, 1))
	expect(t, m.Take(), "to 2: LOOKING 1 (0x5, epoch 0) round 1")
}

// Peers may still vote for what this server was before it lost a part of its log.
// It must not take office on the strength of that.
func TestVotesForAnEarlierLife(t *testing.T) {
	for _, own := range []Own{{LastLogged: 5}, {LastLogged: 5, Observer: true}, {Untrusted: true}} {
		m, _ := started(1, members(3, 0), own)
		for _, round := range []int64{1, 2} {
			m.Receive(1, 2, looking(1, 9, 0, round))
			m.Receive(1, 3, looking(1, 9, 0, round))
		}
		m.Tick(1000)
		if out := m.Take(); out.Decision != nil || m.Vote() != m.initial {
			t.Errorf("%+v: %s", own, show(out))
		}
	}
}

// Votes count for voters only: not for observers, not for strangers.
func TestCandidatesVote(t *testing.T) {
	m, _ := started(1, members(3, 1), Own{LastLogged: 5})
	for _, candidate := range []wire.SID{4, 9, 0, -1} {
		for _, round := range []int64{1, 5} {
			m.Receive(1, 2, looking(candidate, 99, 9, round))
			m.Receive(1, 3, looking(candidate, 99, 9, round))
		}
	}
	expect(t, m.Take())
	if m.Vote().Leader != 1 || m.Round() != 1 || len(m.recv) != 1 {
		t.Errorf("votes for %s in round %d with %v", m.Vote(), m.Round(), m.recv)
	}
}

// An observer asks and listens. Nobody needs to hear what it thinks of a vote.
func TestObserversDoNotCorrectVoters(t *testing.T) {
	m, _ := started(4, members(3, 1), Own{Observer: true})
	m.Receive(1, 3, looking(3, 9, 0, 1))
	m.Take()
	m.Receive(2, 1, looking(1, 5, 0, 1))
	expect(t, m.Take())
}

// The wait is for a vote better than the one that is agreed on: a new proposal
// begins a new one, also where it has a quorum at once.
func TestFinalizeWaitBeginsAnew(t *testing.T) {
	c := must(quorum.New(0, members(5, 0).Servers, []quorum.Group{{ID: 1, Members: []wire.SID{1, 2, 3, 4, 5}}},
		[]quorum.Weight{{ID: 3, Weight: 3}, {ID: 4, Weight: 2}, {ID: 5, Weight: 0}}))
	m, _ := started(1, c, Own{})
	m.Receive(1, 2, looking(2, 5, 0, 1))
	m.Receive(1, 4, looking(2, 5, 0, 1))   // 1, 2 and 4 have 4 of 7
	m.Receive(150, 3, looking(3, 6, 0, 1)) // 1 and 3 have, too
	m.Tick(349)
	if d := m.Take().Decision; d != nil {
		t.Fatalf("got %+v", d)
	}
	m.Tick(350)
	expect(t, m.Take(), "decided: FOLLOWING 3 (0x6, epoch 0) round 1, a quorum agrees")
}

// 3 is heard, has the best vote, and did not answer when it was to be followed. For a
// while the others elect one of themselves.
func TestAvoidedCandidate(t *testing.T) {
	m, _ := started(2, members(3, 0), Own{LastLogged: 5})
	m.Avoid(0, 3, 1000)
	m.Receive(1, 3, looking(3, 9, 0, 1))
	expect(t, m.Take(), "to 3: LOOKING 2 (0x5, epoch 0) round 1")
	m.Receive(2, 3, looking(3, 9, 0, 7)) // nor by a later round
	expect(t, m.Take(), "to 1: LOOKING 2 (0x5, epoch 0) round 7", "to 3: LOOKING 2 (0x5, epoch 0) round 7")
	m.Receive(3, 1, looking(2, 5, 0, 7))
	expect(t, m.Take(), "to 1: LOOKING 2 (0x5, epoch 0) round 7",
		"to 1: LEADING 2 (0x5, epoch 0) round 7", "to 3: LEADING 2 (0x5, epoch 0) round 7",
		"decided: LEADING 2 (0x5, epoch 0) round 7, all have spoken")

	// There may be no quorum without it: then it is elected after all.
	m, _ = started(2, members(3, 0), Own{LastLogged: 5})
	m.Unreachable(0, 1)
	m.Avoid(0, 3, 1000)
	m.Receive(1, 3, looking(3, 9, 0, 1))
	m.Tick(999)
	if m.Take(); m.Vote().Leader != 2 {
		t.Errorf("votes for %v too early", m.Vote())
	}
	for at, ok := m.Deadline(); ok && at <= 1000; at, ok = m.Deadline() {
		m.Tick(at)
	}
	if m.Round() != 2 {
		t.Errorf("no new round: %d", m.Round())
	}
	m.Receive(1001, 3, looking(3, 9, 0, 2))
	m.Unreachable(1001, 1)
	if d := m.Take().Decision; d == nil || d.Vote.Leader != 3 {
		t.Errorf("decided %v", d)
	}

	// Who has a leader already is followed; the next election knows nothing of it.
	m, _ = started(2, members(3, 0), Own{LastLogged: 5})
	m.Avoid(0, 3, 1000)
	m.Receive(1, 1, settled(wire.Following, 3, 1, 4))
	m.Receive(1, 3, settled(wire.Leading, 3, 1, 4))
	if d := m.Take().Decision; d == nil || d.Vote.Leader != 3 {
		t.Errorf("decided %v", d)
	}
	m.Start(10, Own{LastLogged: 5}, only(members(3, 0)))
	m.Receive(11, 3, looking(3, 9, 0, 9))
	if m.Vote().Leader != 3 {
		t.Errorf("votes for %v", m.Vote())
	}
}

// A server hears, while it looks, of a configuration that changes its role. It takes that
// role: one that called itself an observer would be no leader's follower to the others.
func TestReconfigureChangesTheRole(t *testing.T) {
	observer := members(2, 1)
	voter := members(3, 0)
	voter.Version = 9
	m, _ := started(3, observer, Own{LastLogged: 5, Observer: true})
	m.Reconfigure(1, only(voter))
	m.Receive(2, 1, settled(wire.Following, 2, 1, 4))
	m.Receive(2, 2, settled(wire.Leading, 2, 1, 4))
	if d := m.Take().Decision; d == nil || d.State != wire.Following {
		t.Errorf("decided %v", d)
	}
	voter.Version, observer.Version = 0, 9
	m, _ = started(3, voter, Own{LastLogged: 5})
	m.Reconfigure(1, only(observer))
	m.Receive(2, 1, settled(wire.Following, 2, 1, 4))
	m.Receive(2, 2, settled(wire.Leading, 2, 1, 4))
	if d := m.Take().Decision; d == nil || d.State != wire.Observing {
		t.Errorf("decided %v", d)
	}
}

// 3 is an observer as far as it knows, and is in a later round than the others. By the
// configuration that is proposed they need its voice, and do not hear of its round.
func TestWhoHasNoVoteHasNoRound(t *testing.T) {
	known, proposed := members(2, 2), members(4, 0)
	proposed.Version = 9
	o, _ := started(3, known, Own{LastLogged: 4, Observer: true})
	o.Start(1, Own{LastLogged: 4, Observer: true}, only(known)) // round 2
	o.Take()
	m := New(Options{ID: 2, Reconfig: true})
	m.Start(0, Own{LastLogged: 5}, quorum.Active{Committed: known, Proposed: proposed})
	m.Take()
	m.Receive(1, 1, looking(2, 5, 0, 1))
	m.Unreachable(1, 4)
	o.Receive(2, 2, looking(2, 5, 0, 1))
	for _, msg := range o.Take().Messages {
		if msg.To == 2 {
			m.Receive(3, 3, &msg.Notification)
		}
	}
	m.Tick(1000)
	if d := m.Take().Decision; d == nil || d.Vote.Leader != 2 {
		t.Errorf("decided %v", d)
	}
	// A voter keeps its round.
	v, _ := started(3, proposed, Own{LastLogged: 4})
	v.Start(1, Own{LastLogged: 4}, only(proposed))
	v.Take()
	v.Receive(2, 2, looking(2, 5, 0, 1))
	if v.Round() != 2 {
		t.Errorf("round %d", v.Round())
	}
}
