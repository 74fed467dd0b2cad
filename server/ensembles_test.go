package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// behindProxies starts members, and puts a proxy between one of them and the quorum port
// of each voter.
func (m *members) behindProxies(learner int, config ...string) (sites []*site, proxies []*stallProxy) {
	m.t.Helper()
	ports := slices.Clone(m.quorum)
	for i := range m.voters {
		if i != learner {
			p := newStallProxy(m.t, fmt.Sprint(m.hosts[i], ":", m.quorum[i]))
			ports[i], proxies = p.port, append(proxies, p)
		}
	}
	return m.start(func(i int) []string {
		if i != learner {
			return config
		}
		return append([]string{m.lines(ports)}, config...)
	}), proxies
}

func stallAll(proxies []*stallProxy, on bool) {
	for _, p := range proxies {
		p.stall(on)
	}
}

// everywhere writes through each server and reads it at all of them.
func everywhere(t *testing.T, sites []*site, round string) {
	t.Helper()
	for i, s := range sites {
		s.client().create(fmt.Sprint("/", round, i), round, wire.ModePersistent)
	}
	for i := range sites {
		agree(t, sites, fmt.Sprint("/", round, i), round)
	}
}

// loseLeader stops the leader, and wants the others to go on, and it to come back.
func loseLeader(t *testing.T, sites []*site, voters int, round string) {
	t.Helper()
	leader, _, _ := lead(t, sites[:voters])
	leader.halt()
	others := slices.DeleteFunc(slices.Clone(sites), func(s *site) bool { return s == leader })
	for _, s := range others {
		s.eventually("the others to serve", s.serves)
	}
	everywhere(t, others, round)
	leader.launch()
	leader.eventually("the old leader to serve again", leader.serves)
	agree(t, sites, "/"+round+"0", round)
}

// Five servers outlive two of them.
func TestFiveServers(t *testing.T) {
	sites := startEnsemble(t, 5)
	everywhere(t, sites, "first")
	loseLeader(t, sites, 5, "second")
	a, b := sites[1], sites[3]
	a.halt()
	b.halt()
	rest := []*site{sites[0], sites[2], sites[4]}
	for _, s := range rest {
		s.eventually("three of five to serve", s.serves)
	}
	everywhere(t, rest, "third")
	a.launch()
	b.launch()
	for _, s := range sites {
		s.eventually("all five to serve", s.serves)
	}
	everywhere(t, sites, "fourth")
}

// Three voters and two observers: observers serve reads and pass on writes, come back
// when the leader was lost, and count for nothing: two of three voters are enough, and
// one with both observers is not.
func TestThreeServersAndTwoObservers(t *testing.T) {
	m := newMembers(t, 3, 2)
	sites := m.start(func(int) []string { return nil })
	everywhere(t, sites, "first")
	loseLeader(t, sites, 3, "second")
	_, _, followers := lead(t, sites[:3])
	followers[0].halt()
	everywhere(t, slices.DeleteFunc(slices.Clone(sites), func(s *site) bool { return s == followers[0] }), "third")
	followers[1].halt()
	for _, s := range sites[3:] {
		s.eventually("an observer without a quorum to stop serving", func() bool {
			return strings.TrimSpace(s.word(t, "srvr")) == notServing
		})
	}
	for _, s := range followers {
		s.launch()
	}
	for _, s := range sites {
		s.eventually("all to serve", s.serves)
	}
	everywhere(t, sites, "fourth")
}

// bulk is so much data that few writes of it fill the buffers of a socket.
var bulk = strings.Repeat("x", 500_000)

func writeBig(c *client, path string) {
	c.t.Helper()
	c.create(path, bulk, wire.ModePersistent)
}

// A learner that has stopped reading is given up after syncLimit, and holds up nobody
// meanwhile. When it reads again it gets what it has missed.
func TestStalledLearners(t *testing.T) {
	for name, observers := range map[string]int{"follower": 0, "observer": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMembers(t, 3, observers)
			learner := 0 // which does not lead: that is the second, or the third
			if observers > 0 {
				learner = 3
			}
			sites, proxies := m.behindProxies(learner, "syncLimit=40") // 20 s for the writes
			quick := slices.Delete(slices.Clone(sites), learner, learner+1)
			leader, _, _ := lead(t, quick)
			given := func() bool {
				log := leader.log.String()
				return strings.Contains(log, "a learner is dropped") || strings.Contains(log, "a learner has gone")
			}
			// More than the buffers of the sockets hold.
			lags := func() bool {
				return strings.Contains(leader.log.String(), fmt.Sprintf(`"msg":"a learner lags","server":%d,`, learner+1))
			}
			stallAll(proxies, true)
			c, n := quick[0].client(), 0
			for ; !lags() && n < 40; n++ {
				writeBig(c, fmt.Sprint("/stalled", n))
			}
			for range 3 {
				writeBig(c, fmt.Sprint("/stalled", n))
				n++
			}
			if lag := leader.mntr(t)["zk_1_learner_lag"]; name == "follower" && (lag == "" || lag == "0") {
				t.Errorf("the leader says that the follower is %q behind", lag)
			}
			if given() || !lags() {
				t.Errorf("the learner was given up before the writes were done, or nothing waited for it (%v): they prove nothing", !lags())
			}
			t.Logf("%d writes", n)
			leader.eventually("the learner to be given up", given)
			stallAll(proxies, false)
			sites[learner].eventually("the learner to serve again", sites[learner].serves)
			agree(t, sites, fmt.Sprint("/stalled", n-1), bulk)
		})
	}
}

// A snapshot that takes several times initLimit on its way is waited for as long as it
// makes progress, on both sides, and nobody else waits for it.
func TestSlowSnapshot(t *testing.T) {
	const initLimit = 5 * time.Second
	m := newMembers(t, 3, 0)
	sites, proxies := m.behindProxies(0, "initLimit=10")
	slow, quick := sites[0], sites[1:]
	leader, _, _ := lead(t, quick)
	for i, c := 0, quick[0].client(); i < 16; i++ {
		writeBig(c, fmt.Sprint("/big", i))
	}
	slow.halt()
	slow.wipe()
	for _, p := range proxies {
		p.throttle(600 << 10)
	}
	mark := len(leader.log.String())
	began := time.Now()
	slow.launch()
	writes := 0
	for c := quick[0].client(); !slow.serves(); writes++ {
		c.create(fmt.Sprint("/meanwhile", writes), "", wire.ModePersistent)
		if time.Since(began) > 4*patience {
			t.Fatal("the slow learner does not serve")
		}
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(began)
	if took < 2*initLimit {
		t.Errorf("the snapshot took %v: that proves nothing", took)
	}
	log := leader.log.String()[mark:]
	if n := strings.Count(log, `"bringing a learner up to date"`); n != 1 || strings.Contains(log, "a learner is dropped") {
		t.Errorf("it took the learner %d attempts", n)
	}
	if !strings.Contains(log, `"by":"SNAP"`) {
		t.Error("it was brought up to date without a snapshot")
	}
	if writes < 20 { // one after the other, on whatever disk; who waits for the snapshot has one
		t.Errorf("%d writes meanwhile", writes)
	}
	agree(t, sites, fmt.Sprint("/meanwhile", writes-1), "")
}

// What one server is asked for and refuses is a transaction of all, and harms none of
// those that do not know the question.
func TestRefusalsAreTransactionsOfAll(t *testing.T) {
	m := newMembers(t, 3, 1)
	sites := m.start(func(int) []string { return []string{"enforceQuota=true"} })
	c := sites[0].client()
	for _, path := range []string{"/app", "/zookeeper/quota/app"} {
		c.create(path, "", wire.ModePersistent)
	}
	c.create("/zookeeper/quota/app/zookeeper_limits", "count=1,bytes=-1=;byteHardLimit=-1;countHardLimit=1", wire.ModePersistent)
	c.create("/zookeeper/quota/app/zookeeper_stats", "", wire.ModePersistent)
	// A quota counts from when the leader has applied it, which may be after the answer here.
	agree(t, sites, "/zookeeper/quota/app/zookeeper_stats", "count=1,bytes=0")
	over := wire.CreateRequest{Path: "/app/over", ACL: anyone}
	for i, s := range sites {
		c := s.client()
		c.do(wire.QuotaExceeded, wire.OpCreate, &over, nil)
		c.do(wire.NodeExists, wire.OpCreate, &wire.CreateRequest{Path: "/app", ACL: anyone}, nil)
		c.do(wire.NoNode, wire.OpDelete, &wire.PathVersionRequest{Path: "/none", Version: -1}, nil)
		c.do(wire.BadVersion, wire.OpSetData, &wire.SetDataRequest{Path: "/app", Version: 9}, nil)
		c.create(fmt.Sprint("/after", i), "x", wire.ModePersistent)
		agree(t, sites, fmt.Sprint("/after", i), "x")
	}
}
