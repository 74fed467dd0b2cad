package election

import (
	"container/heap"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

var (
	simSeeds = flag.Int("seeds", 150, "elections to simulate")
	simSeed  = flag.Uint64("seed", 0, "simulate this seed alone, and print what happens")
)

// An elector is a Machine, or the twin of ZooKeeper's in twin_test.go.
type elector interface {
	Start(now int64, own Own, active quorum.Active)
	Receive(now int64, from wire.SID, n *wire.Notification)
	Tick(now int64)
	Deadline() (int64, bool)
	Unreachable(now int64, peer wire.SID)
	Reachable(peer wire.SID)
	Synced(epoch wire.Epoch)
	Settle(state wire.ServerState, leader wire.SID, zxid wire.Zxid)
	Reconfigure(now int64, active quorum.Active)
	Take() Output
	State() wire.ServerState
	Vote() Vote
	Round() int64
}

// A node is a server of the simulation: an elector, the end of its log, and as
// much of ZAB as makes elections matter: who leads gathers learners, gives them
// its history and a new epoch, and gives up without a quorum.
type node struct {
	id   wire.SID
	e    elector
	own  Own
	up   bool
	java bool

	tickAt  int64
	leader  wire.SID          // whom it follows
	synced  bool              // it has the history of its leader
	tries   int               // to reach the leader
	joined  map[wire.SID]bool // its learners, itself included, while it leads
	stands  bool              // it leads an epoch
	giveUp  int64             // when it stops waiting for learners
	initial Vote              // what it should propose in this election
}

// tick passes the time on unless another deadline has replaced this one.
func (n *node) tick(now, at int64) {
	if n.tickAt == at {
		n.tickAt = 0
		n.e.Tick(now)
	}
}

// An event happens at a node, unless the node was restarted since.
type event struct {
	at, order int64
	do        func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

type link struct{ from, to wire.SID }

// A castKey is what a voter said at some time.
type castKey struct {
	id    wire.SID
	round int64
	vote  Vote
}

type sim struct {
	t      testing.TB
	rng    *rand.Rand
	now    int64
	order  int64
	queue  events
	nodes  map[wire.SID]*node
	ids    []wire.SID
	active quorum.Active
	trace  bool
	log    []string

	calm     bool
	loss     float64
	double   float64
	delay    int64
	cut      map[link]bool
	queued   map[link]wire.Notification
	lastSent map[link]wire.Notification

	casts    map[castKey]bool               // votes cast while looking
	honest   map[Vote]bool                  // first votes of their candidates
	followed map[wire.SID]map[wire.SID]bool // who ever followed or led under whom
	results  map[Basis]int
}

func newSim(t testing.TB, seed uint64, active quorum.Active, java func(wire.SID) bool) *sim {
	s := &sim{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), active: active,
		nodes: map[wire.SID]*node{}, cut: map[link]bool{}, queued: map[link]wire.Notification{}, lastSent: map[link]wire.Notification{},
		casts: map[castKey]bool{}, honest: map[Vote]bool{}, followed: map[wire.SID]map[wire.SID]bool{},
		results: map[Basis]int{}, trace: *simSeed != 0,
	}
	ids := map[wire.SID]bool{}
	for _, c := range []quorum.Config{active.Committed, active.Proposed} {
		for _, m := range c.Servers {
			ids[m.ID] = true
		}
	}
	s.ids = slices.Sorted(maps.Keys(ids))
	for _, id := range s.ids {
		m, _ := active.Committed.Server(id)
		s.nodes[id] = &node{id: id, java: java(id), own: Own{Observer: m.Role == quorum.Observer}}
	}
	return s
}

func (s *sim) printf(format string, args ...any) {
	line := fmt.Sprintf("%6d ", s.now) + fmt.Sprintf(format, args...)
	if s.trace {
		fmt.Println(line)
	}
	s.log = append(s.log, line)
	if len(s.log) > 200 {
		s.log = s.log[1:]
	}
}

func (s *sim) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("at %d: %s\n%s", s.now, fmt.Sprintf(format, args...), strings.Join(s.log[max(0, len(s.log)-60):], "\n"))
}

func (s *sim) after(ms int64, do func()) {
	s.order++
	heap.Push(&s.queue, event{s.now + ms, s.order, do})
}

// at does something at a node if it is still the same life of it.
func (s *sim) at(n *node, ms int64, do func()) {
	e := n.e
	s.after(ms, func() {
		if n.up && n.e == e {
			do()
			s.step(n)
		}
	})
}

func (s *sim) run(until int64) {
	for len(s.queue) > 0 && s.queue[0].at <= until {
		ev := heap.Pop(&s.queue).(event)
		s.now = ev.at
		ev.do()
	}
	s.now = until
}

func (s *sim) chance(p float64) bool { return !s.calm && s.rng.Float64() < p }

func (s *sim) boot(n *node) {
	n.up = true
	opts := Options{ID: n.id}
	if n.java {
		n.e = newTwin(opts)
	} else {
		n.e = New(opts)
	}
	n.tickAt, n.leader, n.joined, n.stands = 0, 0, nil, false
	s.printf("%d boots: log ends at %s, epoch %d, untrusted %v", n.id, n.own.LastLogged, n.own.CurrentEpoch, n.own.Untrusted)
	s.look(n)
	s.step(n)
}

func (s *sim) crash(n *node) {
	s.printf("%d crashes", n.id)
	n.up, n.e = false, nil
	if !n.java && s.active.IsVoter(n.id) && s.forgetful() && s.chance(0.2) {
		n.own.LastLogged, n.own.CurrentEpoch, n.own.Untrusted = 0, 0, true
	}
}

// forgetful reports whether one more server may lose its disk: the others must
// remain a quorum.
func (s *sim) forgetful() bool {
	untrusted := 1
	for _, n := range s.nodes {
		if n.own.Untrusted {
			untrusted++
		}
	}
	return len(s.active.Committed.Groups) == 0 && !s.active.Pending() && 2*(untrusted+1) < len(s.active.Voters())+1
}

// look starts an election.
func (s *sim) look(n *node) {
	n.leader, n.synced, n.joined, n.stands, n.tries = 0, false, nil, false, 0
	n.initial = noVote
	if !n.own.Observer && !n.own.Untrusted && s.active.Committed.IsVoter(n.id) {
		n.initial = Vote{n.id, n.own.LastLogged, int64(n.own.CurrentEpoch)}
		s.honest[n.initial] = true
	}
	n.e.Start(s.now, n.own, s.active)
}

// step does what an elector wants done, after anything happened to it.
func (s *sim) step(n *node) {
	for {
		s.remember(n)
		out := n.e.Take()
		for _, m := range out.Messages {
			if b := ballotOf(&m.Notification); b.state == wire.Looking {
				s.cast(n, b.round, b.Vote)
			}
			s.transmit(n, m)
		}
		if out.Deserted && n.joined != nil && !n.stands {
			if m, ok := n.e.(*Machine); ok && !m.CanLead(func(id wire.SID) bool { return n.joined[id] }) {
				s.printf("%d gives up, deserted", n.id)
				s.look(n)
				continue
			}
		}
		if out.Decision == nil {
			break
		}
		s.decided(n, *out.Decision)
	}
	if at, ok := n.e.Deadline(); ok && at != n.tickAt {
		n.tickAt = at
		s.at(n, max(0, at-s.now), func() { n.tick(s.now, at) })
	}
}

// remember notes what a node supports, and checks that it may.
func (s *sim) remember(n *node) {
	v := n.e.Vote()
	if n.e.State() != wire.Looking {
		if s.followed[v.Leader] == nil {
			s.followed[v.Leader] = map[wire.SID]bool{}
		}
		s.followed[v.Leader][n.id] = true
		return
	}
	s.cast(n, n.e.Round(), v)
}

// cast notes a vote of a node that looks.
func (s *sim) cast(n *node, round int64, v Vote) {
	s.casts[castKey{n.id, round, v}] = true
	if v == noVote {
		return
	}
	if n.own.Untrusted {
		s.fail("%d votes for %s and may have forgotten anything", n.id, v)
	}
	if !s.honest[v] {
		s.fail("%d votes for %s, whom nobody ever was", n.id, v)
	}
	if v.compare(n.initial) < 0 {
		s.fail("%d votes for %s and has %s itself", n.id, v, n.initial)
	}
	if v != n.initial && s.active.Committed.Weight(v.Leader) == 0 {
		s.fail("%d votes for %s, who has no weight", n.id, v)
	}
}

// transmit puts a message into the queue for a peer, which has room for one, the
// newer replacing the older.
func (s *sim) transmit(n *node, m Message) {
	l := link{n.id, m.To}
	_, queued := s.queued[l]
	s.queued[l] = m.Notification
	if !queued {
		s.after(s.rng.Int64N(3), func() { s.flush(l) })
	}
}

func (s *sim) flush(l link) {
	msg := s.queued[l]
	delete(s.queued, l)
	old, had := s.lastSent[l]
	s.lastSent[l] = msg
	if had && s.chance(s.double) {
		s.carry(l, old) // what a new connection begins with
	}
	s.carry(l, msg)
	if s.chance(s.double) {
		s.carry(l, msg)
	}
}

func (s *sim) carry(l link, msg wire.Notification) {
	if s.chance(s.loss) {
		return
	}
	from, to := s.nodes[l.from], s.nodes[l.to]
	life := from.e
	s.after(1+s.rng.Int64N(s.delay), func() {
		switch {
		case s.cut[l] || s.cut[link{l.to, l.from}]:
		case to.up:
			if s.trace {
				b := ballotOf(&msg)
				s.printf("  %d hears %d: %s %s round %d", l.to, l.from, b.state, b.Vote, b.round)
			}
			to.e.Receive(s.now, l.from, &msg)
			s.step(to)
		case from.up && from.e == life && (s.calm || s.rng.IntN(4) > 0):
			from.e.Unreachable(s.now, l.to)
			s.step(from)
		}
	})
}

func (s *sim) decided(n *node, d Decision) {
	s.printf("%d decides: %s %s round %d, %s", n.id, d.State, d.Vote, d.Round, d.Basis)
	s.results[d.Basis]++
	s.checkDecision(n, d)
	if d.State == wire.Leading {
		n.joined = map[wire.SID]bool{n.id: true}
		n.giveUp = s.now + 2000
		s.gather(n)
		s.at(n, 500, func() { s.keepLeading(n) })
		return
	}
	n.leader, n.tries = d.Vote.Leader, 0
	s.at(n, 1, func() { s.keepFollowing(n) })
}

// checkDecision holds a decision to what an election promises.
func (s *sim) checkDecision(n *node, d Decision) {
	if d.Basis != Joined && s.active.IsVoter(n.id) {
		s.cast(n, d.Round, d.Vote)
	}
	var ground func(id wire.SID) bool
	if d.Basis == Joined {
		ground = func(id wire.SID) bool { return s.followed[d.Vote.Leader][id] || s.casts[castKey{id, d.Round, d.Vote}] }
	} else {
		ground = func(id wire.SID) bool { return s.casts[castKey{id, d.Round, d.Vote}] }
	}
	if !s.active.HasQuorum(ground) {
		s.fail("%d decides without a quorum: %+v", n.id, d)
	}
	// ZooKeeper's servers may take office on the word of those who elected them
	// before a restart.
	if !n.java && d.State == wire.Leading && (d.Vote.Leader != n.id || d.Vote != n.initial) {
		s.fail("%d leads with a vote that it does not cast: %+v", n.id, d)
	}
	if d.State == wire.Observing && !n.own.Observer {
		s.fail("%d takes a role that is not its own: %+v", n.id, d)
	}
	if d.State == wire.Leading && n.own.Untrusted {
		s.fail("%d leads and may have forgotten anything", n.id)
	}
}

// connected reports whether two nodes can talk.
func (s *sim) connected(a, b wire.SID) bool {
	return s.nodes[a].up && s.nodes[b].up && !s.cut[link{a, b}] && !s.cut[link{b, a}]
}

// gather makes an epoch out of a leader with a quorum of learners: the history of
// the leader and a new epoch for them all.
func (s *sim) gather(n *node) {
	if !n.stands && !s.active.HasQuorum(func(id wire.SID) bool { return n.joined[id] }) {
		return
	}
	if !n.stands {
		n.stands = true
		epoch := n.own.CurrentEpoch
		for id := range n.joined {
			epoch = max(epoch, s.nodes[id].own.CurrentEpoch)
		}
		n.own.CurrentEpoch = epoch + 1
		n.own.LastLogged = wire.MakeZxid(epoch+1, 1+uint32(s.rng.IntN(3)))
		n.e.Synced(n.own.CurrentEpoch)
		s.printf("%d leads epoch %d with %v", n.id, n.own.CurrentEpoch, slices.Sorted(maps.Keys(n.joined)))
		s.commitReconfig()
		if !s.active.IsVoter(n.id) {
			s.look(n) // the others follow whom they now elect
			return
		}
	}
	for _, id := range slices.Sorted(maps.Keys(n.joined)) {
		if f := s.nodes[id]; f != n && !f.synced {
			f.synced = true
			f.own.LastLogged, f.own.CurrentEpoch, f.own.Untrusted = n.own.LastLogged, n.own.CurrentEpoch, false
			s.at(f, s.rng.Int64N(100), func() {
				if f.leader == n.id && f.synced {
					f.e.Synced(f.own.CurrentEpoch)
				}
			})
		}
	}
}

// commitReconfig ends a reconfiguration, which a new leader does first.
func (s *sim) commitReconfig() {
	if !s.active.Pending() {
		return
	}
	s.active = only(s.active.Proposed)
	for _, id := range s.ids {
		n := s.nodes[id]
		member, _ := s.active.Committed.Server(id)
		was := n.own.Observer
		n.own.Observer = member.Role != quorum.Participant
		if n.up && n.leader != 0 && was != n.own.Observer {
			// It goes to its new role at once, without an election.
			state := wire.Following
			if n.own.Observer {
				state = wire.Observing
			}
			n.e.Settle(state, n.leader, 5)
		}
		if n.up && n.e.State() == wire.Looking {
			s.look(n)
			s.at(n, 0, func() {})
		} else if n.up {
			n.e.Reconfigure(s.now, s.active)
		}
	}
}

func (s *sim) keepLeading(n *node) {
	if n.joined == nil {
		return
	}
	for id := range n.joined {
		if id != n.id && (!s.connected(n.id, id) || s.nodes[id].leader != n.id) {
			delete(n.joined, id)
		}
	}
	enough := s.active.HasQuorum(func(id wire.SID) bool { return n.joined[id] })
	if !enough && (n.stands || s.now >= n.giveUp) {
		s.printf("%d steps down", n.id)
		s.look(n)
		return
	}
	if n.stands && s.rng.IntN(2) == 0 {
		n.own.LastLogged++ // and whoever is lucky logs it, too
		for id := range n.joined {
			if f := s.nodes[id]; f != n && f.synced && f.own.LastLogged+1 == n.own.LastLogged && s.rng.IntN(3) > 0 {
				f.own.LastLogged = n.own.LastLogged
			}
		}
	}
	s.at(n, 200, func() { s.keepLeading(n) })
}

func (s *sim) keepFollowing(n *node) {
	if n.leader == 0 {
		return
	}
	l := s.nodes[n.leader]
	switch {
	case !s.connected(n.id, n.leader) || l.joined == nil || n.synced && !l.joined[n.id]:
		n.synced = false
		if n.tries++; n.tries > 5 || l.joined != nil && !l.joined[n.id] && n.tries > 1 {
			s.printf("%d loses %d", n.id, n.leader)
			s.look(n)
			return
		}
		s.at(n, 100, func() { s.keepFollowing(n) })
		return
	case !n.synced && !n.own.Observer && !n.own.Untrusted && s.ahead(n, l):
		s.printf("%d refuses %d, which is behind it", n.id, n.leader)
		s.look(n)
		return
	case !l.joined[n.id] || l.stands && !n.synced:
		l.joined[n.id] = true
		s.gather(l)
		s.step(l)
	}
	n.tries = 0
	s.at(n, 100, func() { s.keepFollowing(n) })
}

// ahead reports whether a learner has more history than a leader that is only
// taking office.
func (s *sim) ahead(n, l *node) bool {
	mine := Vote{0, n.own.LastLogged, int64(n.own.CurrentEpoch)}
	theirs := Vote{0, l.own.LastLogged, int64(l.own.CurrentEpoch)}
	return !l.stands && mine.compare(theirs) > 0
}

// trouble lets bad things happen for a while.
func (s *sim) trouble(until int64) {
	for s.now < until {
		s.run(s.now + 1 + s.rng.Int64N(1500))
		n := s.nodes[s.ids[s.rng.IntN(len(s.ids))]]
		switch s.rng.IntN(6) {
		case 0, 1:
			if n.up {
				s.crash(n)
			} else {
				s.boot(n)
			}
		case 2:
			s.partition()
		case 3:
			clear(s.cut)
		case 4:
			l := link{n.id, s.ids[s.rng.IntN(len(s.ids))]}
			s.cut[l] = true // one way is no way: connections need both
			s.printf("cut %v", l)
		case 5:
			if n.up {
				s.printf("%d is made to look", n.id)
				s.look(n)
				s.step(n)
			}
		}
	}
}

func (s *sim) partition() {
	side := map[wire.SID]bool{}
	for _, id := range s.ids {
		side[id] = s.rng.IntN(2) == 0
	}
	for _, a := range s.ids {
		for _, b := range s.ids {
			s.cut[link{a, b}] = side[a] != side[b]
		}
	}
	s.printf("partition %v", side)
}

// settle ends all trouble and waits until there is one leader and all the others
// are with it.
func (s *sim) settle(limit int64) {
	s.calm = true
	clear(s.cut)
	s.printf("calm")
	for _, id := range s.ids {
		if n := s.nodes[id]; !n.up {
			s.boot(n)
		}
	}
	for end := s.now + limit; s.now < end; {
		s.run(s.now + 50)
		if s.settled() {
			return
		}
	}
	s.fail("no leader whom all follow after %d ms of calm", limit)
}

func (s *sim) settled() bool {
	var leader *node
	for _, n := range s.nodes {
		if n.stands {
			if leader != nil {
				return false
			}
			leader = n
		}
	}
	if leader == nil {
		return false
	}
	for _, n := range s.nodes {
		if n != leader && (n.leader != leader.id || !leader.joined[n.id] || n.own.Untrusted) {
			return false
		}
	}
	return true
}

// simConfigs are the memberships that seeds are spread over.
var simConfigs = []quorum.Active{
	only(members(1, 1)),
	only(members(3, 0)),
	only(members(3, 2)),
	only(members(5, 0)),
	only(members(4, 1)),
	only(members(7, 0)),
	only(grouped(0)),
	only(grouped(3)),
	{Committed: members(3, 2), Proposed: at(5, members(5, 0))},
	{Committed: members(5, 0), Proposed: at(5, members(3, 0))},
}

func at(version int64, c quorum.Config) quorum.Config {
	c.Version = version
	return c
}

// grouped is three groups of three, with servers without weight.
func grouped(weightless int) quorum.Config {
	var groups []quorum.Group
	var weights []quorum.Weight
	for g := range 3 {
		first := wire.SID(3*g + 1)
		groups = append(groups, quorum.Group{ID: int64(g), Members: []wire.SID{first, first + 1, first + 2}})
		weights = append(weights, quorum.Weight{ID: first, Weight: int64(1 + g)})
	}
	for id := range weightless {
		weights = append(weights, quorum.Weight{ID: wire.SID(9 - 3*id), Weight: 0})
	}
	return must(quorum.New(0, members(9, 0).Servers, groups, weights))
}

// simulate runs one seed.
func simulate(t testing.TB, seed uint64, java func(*rand.Rand) func(wire.SID) bool) *sim {
	rng := rand.New(rand.NewPCG(seed, 0))
	s := newSim(t, seed, simConfigs[rng.IntN(len(simConfigs))], java(rng))
	s.delay = 1 + rng.Int64N(1+rng.Int64N(600))
	s.loss, s.double = rng.Float64()*rng.Float64()*0.5, rng.Float64()*0.5
	for _, id := range s.ids {
		n := s.nodes[id]
		n.own.CurrentEpoch = wire.Epoch(rng.IntN(2))
		n.own.LastLogged = wire.MakeZxid(n.own.CurrentEpoch, uint32(rng.IntN(3)))
		s.after(rng.Int64N(300), func() {
			if !n.up {
				s.boot(n)
			}
		})
	}
	s.trouble(rng.Int64N(30_000))
	s.settle(400_000)
	return s
}

// TestSimulation runs ensembles of Machines, and of Machines and twins of
// ZooKeeper's election, through trouble and then calm.
func TestSimulation(t *testing.T) {
	kinds := map[string]func(*rand.Rand) func(wire.SID) bool{
		"zabra":     func(*rand.Rand) func(wire.SID) bool { return func(wire.SID) bool { return false } },
		"zookeeper": func(*rand.Rand) func(wire.SID) bool { return func(wire.SID) bool { return true } },
		"mixed": func(rng *rand.Rand) func(wire.SID) bool {
			mask := rng.Uint64()
			return func(id wire.SID) bool { return mask>>uint(id)&1 == 1 }
		},
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		t.Run(name, func(t *testing.T) {
			if *simSeed != 0 {
				simulate(t, *simSeed, kinds[name])
				return
			}
			results := map[Basis]int{}
			for seed := range uint64(*simSeeds) {
				t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
					s := simulate(t, seed+1, kinds[name])
					for basis, n := range s.results {
						results[basis] += n
					}
				})
			}
			t.Logf("decisions: %v", results)
			for _, basis := range []Basis{Unanimous, Waited, Joined} {
				if results[basis] == 0 && (name != "zookeeper" || basis != Unanimous) {
					t.Errorf("no election ended because %s", basis)
				}
			}
		})
	}
}

// TestFailOverWaitsForNoTimer kills the leader of an ensemble at rest. The others
// notice at about the same time, find the dead one's port closed, and have a
// leader as soon as their messages have crossed: sooner than any of them would
// repeat a message or stop waiting for a better vote.
func TestFailOverWaitsForNoTimer(t *testing.T) {
	for seed := range uint64(50) {
		for _, voters := range []int{3, 5, 7} {
			s := newSim(t, seed, only(members(voters, 0)), func(wire.SID) bool { return false })
			s.calm, s.delay, s.trace = true, 3, testing.Verbose()
			for _, id := range s.ids {
				s.boot(s.nodes[id])
			}
			for !s.settled() {
				s.run(s.now + 50)
			}
			var next []*node
			for _, id := range s.ids {
				if n := s.nodes[id]; n.stands {
					s.crash(n)
				} else {
					next = append(next, n)
				}
			}
			for _, n := range next {
				s.at(n, s.rng.Int64N(20), func() { s.look(n) })
			}
			clear(s.results)
			s.run(s.now + 60)
			leaders := 0
			for _, n := range next {
				if n.e.State() == wire.Looking {
					s.fail("%d is still looking", n.id)
				}
				if n.stands {
					leaders++
				}
			}
			if leaders != 1 || s.results[Waited] != 0 {
				s.fail("%d leaders, %v", leaders, s.results)
			}
		}
	}
}
