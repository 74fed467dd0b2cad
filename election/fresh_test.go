package election

import (
	"fmt"
	"testing"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// A gathering is a few servers whose messages arrive at once.
type gathering struct {
	t        *testing.T
	config   quorum.Config
	machines map[wire.SID]*Machine
	vouched  map[wire.SID]bool
	seen     []sent // all messages so far
	now      int64
	life     int64
	lost     func(sent) bool // nil if no message gets lost
}

type sent struct {
	from, to wire.SID
	n        wire.Notification
}

func gather(t *testing.T, config quorum.Config) *gathering {
	return &gathering{t: t, config: config, machines: map[wire.SID]*Machine{}, vouched: map[wire.SID]bool{}}
}

// start starts a server with what its disk holds, in place of an earlier life of it.
func (g *gathering) start(id wire.SID, own Own) {
	g.life++
	m := New(Options{ID: id, Number: g.life * 1000, Connections: true})
	g.machines[id], g.vouched[id] = m, false
	m.Start(g.now, own, only(g.config))
	for other, o := range g.machines {
		if other != id {
			o.Reachable(id)
			m.Reachable(other)
		}
	}
}

// run delivers messages, and lets time pass when there are none.
func (g *gathering) run(millis int64) {
	for end := g.now + millis; g.now < end; g.now += 10 {
		for again := true; again; {
			again = false
			for id := wire.SID(1); id <= 9; id++ {
				m := g.machines[id]
				if m == nil {
					continue
				}
				m.Tick(g.now)
				out := m.Take()
				g.vouched[id] = g.vouched[id] || out.Vouched
				for _, msg := range out.Messages {
					s := sent{id, msg.To, msg.Notification}
					g.seen = append(g.seen, s)
					if g.lost != nil && g.lost(s) {
						continue
					}
					if to := g.machines[msg.To]; to != nil {
						again = true
						to.Receive(g.now, id, &msg.Notification)
					}
				}
			}
		}
	}
}

func (g *gathering) leader() (id wire.SID) {
	for other, m := range g.machines {
		if m.State() == wire.Leading {
			id = other
		}
	}
	return id
}

func (g *gathering) want(leader wire.SID) {
	g.t.Helper()
	if got := g.leader(); got != leader {
		g.t.Errorf("server %d leads, want %d", got, leader)
	}
}

var (
	freshOwn   = Own{Untrusted: true, Fresh: true}
	damagedOwn = Own{Untrusted: true}
)

// A server that has learned that the ensemble is new says so again to those who still
// ask: its answers may have been lost, and it does not repeat its claim. With
// Options.Connections its votes say as much.
func TestTheAnswerOfAServerThatVouchedIsLost(t *testing.T) {
	g := gather(t, members(3, 0))
	g.lost = func(s sent) bool {
		to := g.machines[s.to]
		return g.now < 100 && s.from == 2 && to.asking && s.n.PeerEpoch == to.number
	}
	for id := wire.SID(1); id <= 3; id++ {
		g.start(id, freshOwn)
		g.machines[id].opts.Connections = false
	}
	g.run(100)
	if !g.vouched[2] || g.vouched[1] || g.vouched[3] {
		t.Fatalf("who votes: %v, want server 2 only", g.vouched)
	}
	g.run(2000)
	g.want(3)
}

// S21 for disks that are empty from the start.
func TestS21FreshServers(t *testing.T) {
	data := Own{LastLogged: wire.MakeZxid(3, 7), CurrentEpoch: 3}
	for _, tc := range []struct {
		name   string
		own    []Own
		leader wire.SID
		awaits []wire.SID // of server 1
	}{
		{"a new ensemble", []Own{freshOwn, freshOwn, freshOwn}, 3, nil},
		{"a new ensemble of one", []Own{freshOwn}, 1, nil},
		{"one is not heard of", []Own{freshOwn, freshOwn, {Observer: true}}, 0, []wire.SID{3}},
		{"one holds data", []Own{freshOwn, freshOwn, data}, 0, []wire.SID{3}},
		{"a majority holds data", []Own{freshOwn, data, data}, 3, nil},
		{"one is damaged", []Own{freshOwn, freshOwn, damagedOwn}, 0, []wire.SID{3}},
		{"all are damaged", []Own{damagedOwn, damagedOwn, damagedOwn}, 0, nil},
		{"an operator vouches for a majority", []Own{{}, {}, freshOwn}, 3, nil},
		{"an operator vouches for a majority, and one is not heard of", []Own{{}, {}, {Observer: true}}, 2, nil},
		{"an operator vouches for one, and one is not heard of", []Own{{}, freshOwn, {Observer: true}}, 0, nil},
		{"an operator vouches for one", []Own{{}, freshOwn, freshOwn}, 3, nil},
		{"the first leader got no further than its epoch", []Own{{CurrentEpoch: 1}, freshOwn, freshOwn}, 1, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := gather(t, members(len(tc.own), 0))
			for i, own := range tc.own {
				if !own.Observer {
					g.start(wire.SID(i+1), own)
				}
			}
			g.run(100_000)
			g.want(tc.leader)
			if got := g.machines[1].Awaits(); fmt.Sprint(got) != fmt.Sprint(tc.awaits) && tc.leader == 0 {
				t.Errorf("server 1 waits for %v, want %v", got, tc.awaits)
			}
			for id, vouched := range g.vouched {
				if vouched && !tc.own[id-1].Fresh {
					t.Errorf("server %d is vouched for", id)
				}
			}
		})
	}
}

// The third server of a new ensemble comes an hour after the others.
func TestS21FreshServersWaitForTheLast(t *testing.T) {
	g := gather(t, members(3, 0))
	g.start(1, freshOwn)
	g.start(2, freshOwn)
	g.run(3_600_000)
	g.want(0)
	g.start(3, freshOwn)
	g.run(DefaultFinalizeWait + 100)
	g.want(3)
}

// Servers of weight 0 acknowledge nothing that counts, and need not be heard.
func TestS21FreshServersOfNoWeight(t *testing.T) {
	config := must(quorum.New(0, members(3, 0).Servers, []quorum.Group{{ID: 1, Members: []wire.SID{1, 2, 3}}}, []quorum.Weight{{ID: 3, Weight: 0}}))
	g := gather(t, config)
	g.start(1, freshOwn)
	g.start(2, freshOwn)
	g.run(1000)
	g.want(2)
}

// Everything that was ever said may come again at any time. A server that lost its disk
// must not take it for the present.
func TestS21OldClaimsVouchForNobody(t *testing.T) {
	if oldClaimsVouch(t) {
		t.Error("it votes")
	}
}

// oldClaimsVouch reports whether a server that lost its disk votes because of what the
// others, who are away, said before.
func oldClaimsVouch(t *testing.T) (vouched bool) {
	g := gather(t, members(3, 0))
	for id := wire.SID(1); id <= 3; id++ {
		g.start(id, freshOwn)
	}
	g.run(1000)
	g.want(3)
	for _, connections := range []bool{false, true} {
		m := New(Options{ID: 1, Number: 9000, Connections: connections})
		m.Start(g.now, freshOwn, only(g.config))
		for range 3 {
			for _, s := range g.seen {
				if s.to == 1 {
					g.now++
					if connections {
						m.Reachable(s.from)
					}
					m.Receive(g.now, s.from, &s.n)
					vouched = m.Take().Vouched || vouched
				}
			}
		}
	}
	return vouched
}

// Apache ZooKeeper's servers know no claims. Their votes with zxid 0 say the same, but
// for the first one of a connection, which may be old; and twice.
func TestS21FreshServersBesideZooKeeper(t *testing.T) {
	start := func() *Machine {
		m := New(Options{ID: 1, Number: 5, Connections: true})
		m.Start(0, freshOwn, only(members(3, 0)))
		return m
	}
	votes := func(m *Machine, n int, from ...wire.SID) (vouched bool) {
		for range n {
			for _, id := range from {
				m.Receive(0, id, looking(id, 0, 0, 1))
				vouched = m.Take().Vouched || vouched
			}
		}
		return vouched
	}
	m := start()
	if votes(m, 1, 2, 3) {
		t.Error("the first votes count")
	}
	for id := wire.SID(2); id <= 3; id++ {
		m.Reachable(id)
	}
	if votes(m, 1, 2, 3) {
		t.Error("the first votes of new connections count")
	}
	if votes(m, 1, 2, 3) {
		t.Error("one vote of each is enough")
	}
	if !votes(m, 1, 2, 3) {
		t.Error("it does not vote after all")
	}
	m = start()
	votes(m, 3, 3)
	m.Receive(0, 3, looking(3, 5, 1, 1))
	if votes(m, 3, 2) {
		t.Error("it votes although one has data")
	}
	m = start()
	votes(m, 2, 2, 3)
	votes(m, 1, 2)
	m.Receive(0, 2, settled(wire.Following, 3, 1, 1))
	if votes(m, 3, 3) {
		t.Error("it votes although one follows a leader")
	}
	m = start()
	for _, id := range []wire.SID{2, 3} {
		for range 5 {
			m.Receive(0, id, looking(id, wire.NoZxid, 0, 1))
		}
	}
	if m.Take().Vouched {
		t.Error("it votes although the others say that they may have forgotten something")
	}
	m = New(Options{ID: 1, Number: 5})
	m.Start(0, freshOwn, only(members(3, 0)))
	if votes(m, 9, 2, 3) {
		t.Error("votes count where connections say nothing")
	}
}

// A server that learns that it has a vote casts it in the round of the others, who may be
// about to agree: here 2 and 3 elect 3, and the vote of server 1 must not draw 2 away.
func TestAServerThatVouchedKeepsTheRound(t *testing.T) {
	m := New(Options{ID: 1, Number: 5, Connections: true})
	m.Start(0, freshOwn, only(members(3, 0)))
	const round = 7
	var out Output
	for range 4 {
		for id := wire.SID(2); id <= 3; id++ {
			m.Receive(0, id, looking(3, 0, 0, round))
			if o := m.Take(); !out.Vouched {
				out = o
			}
		}
	}
	if !out.Vouched || m.Round() != round {
		t.Fatalf("vouched %v, in round %d, want %d", out.Vouched, m.Round(), round)
	}
	for _, msg := range out.Messages {
		if n := msg.Notification; n.Leader != wire.NoSID && n.Round != round {
			t.Errorf("it votes in round %d: %+v", n.Round, n)
		}
	}
}

// ZooKeeper's servers answer a vote of an earlier round with theirs, whomever it names,
// and nobody counts a vote for nobody.
func TestClaimsOnTheWire(t *testing.T) {
	m := New(Options{ID: 1, Number: 5})
	m.Start(0, freshOwn, only(members(2, 0)))
	n := m.Take().Messages[0].Notification
	if n.State != wire.Looking || n.Round != 0 || n.Leader != wire.NoSID || n.Zxid != 6 || n.PeerEpoch != 0 {
		t.Errorf("%+v", n)
	}
	m.Receive(0, 2, &wire.Notification{State: wire.Looking, Leader: wire.NoSID, Zxid: 77, Version: 2})
	n = m.Take().Messages[0].Notification
	if n.Zxid != 6 || n.PeerEpoch != 77 {
		t.Errorf("the claim of the other is answered with %+v", n)
	}
}
