package server_test

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// onHosts gives each member an address of its own, so that all can have the same port
// for observers; it skips the test where loopback has only one.
func (m *members) onHosts() (masterPort string) {
	m.t.Helper()
	for i := range m.hosts {
		m.hosts[i] = fmt.Sprintf("127.0.0.%d", i+1)
	}
	ln, err := net.Listen("tcp", m.hosts[len(m.hosts)-1]+":0")
	if err != nil {
		m.t.Skip("loopback has one address only: ", err)
	}
	ln.Close()
	return fmt.Sprint("observerMasterPort=", freePorts(m.t, 1)[0])
}

// master is the id of the server that an observer learns from.
func (s *site) master(t *testing.T) int {
	t.Helper()
	id, err := strconv.Atoi(s.mntr(t)["zk_observer_master_id"])
	if err != nil {
		t.Fatalf("%s: %v", s.word(t, "mntr"), err)
	}
	return id
}

// fromFollowers waits until observers serve that have learned from followers. One for
// which the followers were too slow after an election begins with the leader, and changes
// later.
func fromFollowers(t *testing.T, leaderID int, observers ...*site) {
	t.Helper()
	for _, s := range observers {
		s.eventually("the observer to learn from a follower", func() bool {
			m := s.mntr(t)
			id, err := strconv.Atoi(m["zk_observer_master_id"])
			return err == nil && id != leaderID && m["zk_peer_state"] == "observing - broadcast"
		})
	}
}

// Observers with observerMasterPort learn from followers. What clients do through them
// is as it is everywhere.
func TestObserversLearnFromFollowers(t *testing.T) {
	m := newMembers(t, 3, 2)
	port := m.onHosts()
	sites := m.start(func(int) []string { return []string{port} })
	_, leaderID, _ := lead(t, sites)
	fromFollowers(t, leaderID, sites[3:]...)
	sites[0].eventually("two observers, and none of them at the leader", func() bool {
		observed := 0
		for i, s := range sites[:3] {
			n, _ := strconv.Atoi(s.mntr(t)["zk_synced_observers"])
			if i+1 == leaderID && n > 0 {
				return false // it has not noticed yet that one has gone
			}
			observed += n
		}
		return observed == 2
	})
	for _, s := range sites[3:] {
		if id := s.master(t); id == leaderID || id < 1 || id > 3 {
			t.Errorf("an observer learns from server %d, and %d leads", id, leaderID)
		}
	}
	for i, s := range sites {
		s.client().create(fmt.Sprint("/n", i), fmt.Sprint(i), wire.ModePersistent)
	}
	for i := range sites {
		agree(t, sites, fmt.Sprint("/n", i), fmt.Sprint(i))
	}
	sites[3].client().do(wire.NodeExists, wire.OpCreate,
		&wire.CreateRequest{Path: "/n0", ACL: anyone}, &wire.PathResponse{})
	watchThroughObserver(t, sites[3], sites[4])
	moveBetweenObservers(t, sites)
	asked, informed := 0, 0
	for i, s := range sites[:3] {
		m := s.mntr(t)
		n, _ := strconv.Atoi(m["zk_revalidate_count"])
		if i+1 == leaderID && n == 0 {
			t.Error("the leader was asked about no session")
		} else if i+1 != leaderID {
			asked += n
			n, _ = strconv.Atoi(m["zk_cnt_om_commit_process_time_ms"])
			informed += n
		}
	}
	if asked == 0 || informed == 0 {
		t.Errorf("followers count %d questions of observers about sessions, and %d packets to them", asked, informed)
	}
}

func watchThroughObserver(t *testing.T, a, b *site) {
	t.Helper()
	c := a.client()
	if err := c.Do(wire.OpExists, &wire.PathWatchRequest{Path: "/w", Watch: true}, &wire.StatResponse{}); err == nil {
		t.Fatal("/w is there")
	}
	b.client().create("/w", "", wire.ModePersistent)
	if _, err := c.read("/w"); err != nil {
		t.Fatal(err)
	}
	if len(*c.events) != 1 {
		t.Errorf("%d events, want 1", len(*c.events))
	}
}

// moveBetweenObservers moves a session from one observer to the next, and to a voter;
// its node goes with the session's end, and not before.
func moveBetweenObservers(t *testing.T, sites []*site) {
	t.Helper()
	c := sites[3].client()
	c.create("/e", "", wire.ModeEphemeral)
	for _, to := range []*site{sites[4], sites[0], sites[1], sites[3]} {
		next, err := to.open(rawclient.Options{Timeout: patience, Session: c.Session, Passwd: c.Passwd})
		if err != nil {
			t.Fatal(err)
		}
		if next.Session != c.Session {
			t.Fatalf("session %v instead of %v", next.Session, c.Session)
		}
		next.create("/e"+to.addr(), "", wire.ModeEphemeral)
		c = next
	}
	agree(t, sites, "/e", "")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for i, s := range sites {
		if _, err := s.client().read("/e"); err == nil {
			t.Errorf("server %d: the node outlives its session", i+1)
		}
	}
}

// A session that is alive through an observer only, without writing anything, is not
// expired by the leader: the follower in between passes on that it was heard of.
func TestTouchesReachTheLeader(t *testing.T) {
	m := newMembers(t, 3, 1)
	port := m.onHosts()
	sites := m.start(func(int) []string { return []string{port} })
	_, leaderID, _ := lead(t, sites)
	fromFollowers(t, leaderID, sites[3])
	const timeout = 5 * time.Second
	idle, err := sites[3].open(rawclient.Options{Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 2*timeout; time.Sleep(timeout / 25) {
		if err := idle.Ping(); err != nil {
			t.Fatal(err)
		}
	}
	idle.create("/alive", "", wire.ModeEphemeral)
	agree(t, sites, "/alive", "")
}

// An observer whose follower goes finds another one; when no follower serves observers
// it goes to the leader; and when the leader goes it comes back with the others.
func TestObserversFindAnotherServer(t *testing.T) {
	m := newMembers(t, 3, 1)
	port := m.onHosts()
	sites := m.start(func(int) []string { return []string{port} })
	observer := sites[3]
	sites[0].client().create("/n", "0", wire.ModePersistent)
	for round := range 3 {
		_, leaderID, _ := lead(t, sites)
		fromFollowers(t, leaderID, observer)
		gone := observer.master(t)
		if round == 2 {
			gone = leaderID
		}
		sites[gone-1].halt()
		up := slices.Delete(slices.Clone(sites), gone-1, gone)
		path := fmt.Sprint("/round", round)
		allServe(up)
		leader, _, _ := lead(t, up)
		fromFollowers(t, slices.Index(sites, leader)+1, observer)
		up[0].client().create(path, "x", wire.ModePersistent)
		agree(t, up, path, "x")
		if id := observer.master(t); id == gone {
			t.Errorf("round %d: the observer still learns from server %d", round, id)
		}
		sites[gone-1].launch()
		allServe(sites)
	}
}

// Where the followers do not serve observers, the leader does, until one of them does.
func TestObserversFallBackToTheLeader(t *testing.T) {
	m := newMembers(t, 3, 1)
	port := m.onHosts()
	sites := m.start(func(i int) []string {
		if i == 3 {
			return []string{port}
		}
		return nil
	})
	_, leaderID, _ := lead(t, sites)
	if id := sites[3].master(t); id != leaderID {
		t.Errorf("the observer learns from server %d, and %d leads", id, leaderID)
	}
	sites[3].client().create("/n", "0", wire.ModePersistent)
	agree(t, sites, "/n", "0")
	follower := sites[leaderID%3]
	follower.halt()
	follower.config += port + "\n"
	follower.launch()
	follower.eventually("the follower to serve again", follower.serves)
	fromFollowers(t, leaderID, sites[3])
	if id := sites[3].master(t); id != leaderID%3+1 {
		t.Errorf("the observer learns from server %d", id)
	}
	allServe(sites)
	agree(t, sites, "/n", "0")
}

// An observer that comes late gets a snapshot, and one that was away what it missed,
// from a follower.
func TestFollowersBringObserversUpToDate(t *testing.T) {
	m := newMembers(t, 3, 1)
	port := m.onHosts()
	sites := m.start(func(int) []string { return []string{port} })
	observer := sites[3]
	_, leaderID, _ := lead(t, sites)
	fromFollowers(t, leaderID, observer)
	c := sites[0].client()
	for i := range 50 {
		c.create(fmt.Sprint("/n", i), "x", wire.ModePersistent)
	}
	for _, by := range []string{"SNAP", "DIFF"} {
		observer.halt()
		if by == "SNAP" {
			observer.wipe()
		} else {
			sites[0].client().create("/missed", "y", wire.ModePersistent)
		}
		before, told := len(observer.log.String()), observerBroughtUp(sites, leaderID)
		observer.launch()
		allServe(sites)
		if observerBroughtUp(sites, leaderID) == told {
			t.Error("no follower brought the observer up to date")
		}
		if log := observer.log.String()[before:]; !strings.Contains(log, fmt.Sprintf(`"by":%q`, by)) {
			t.Errorf("the observer was not brought up to date by %s", by)
		}
	}
	agree(t, sites, "/missed", "y")
}

// observerBroughtUp is how often followers began to bring server 4 up to date.
func observerBroughtUp(sites []*site, leaderID int) (n int) {
	for i, s := range sites[:3] {
		if i+1 != leaderID {
			n += strings.Count(s.log.String(), `"bringing a learner up to date","server":4,"learner":"observer"`)
		}
	}
	return n
}
