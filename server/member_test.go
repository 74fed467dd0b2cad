package server_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/freeport"
	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// startEnsemble starts servers 1 to n on empty directories and waits until all of
// them serve.
func startEnsemble(t testing.TB, n int, config ...string) []*site {
	t.Helper()
	m := newMembers(t, n, 0)
	return m.start(func(int) []string { return config })
}

// members are the addresses of servers that are to form an ensemble: the voters first,
// and behind them the observers.
type members struct {
	t         testing.TB
	voters    int
	hosts     []string
	quorum    []int // ports
	elections []int
}

func newMembers(t testing.TB, voters, observers int) *members {
	t.Helper()
	n := voters + observers
	m := &members{t: t, voters: voters, quorum: freePorts(t, n), elections: freePorts(t, n)}
	for range n {
		m.hosts = append(m.hosts, "127.0.0.1")
	}
	return m
}

// lines are the server lines, with these quorum ports.
func (m *members) lines(quorum []int) string {
	var b strings.Builder
	for i, host := range m.hosts {
		role := ""
		if i >= m.voters {
			role = ":observer"
		}
		fmt.Fprintf(&b, "server.%d=%s:%d:%d%s\n", i+1, host, quorum[i], m.elections[i], role)
	}
	return b.String()
}

// start starts the servers, each with its lines of configuration, on empty directories,
// and waits until all of them serve. Lines "server.1=..." replace those of the members.
func (m *members) start(config func(i int) []string) []*site {
	t := m.t
	t.Helper()
	var sites []*site
	for i := range m.hosts {
		sites = append(sites, m.site(i, config(i)))
	}
	allServe(sites)
	return sites
}

// site starts one of the members.
func (m *members) site(i int, config []string) *site {
	t := m.t
	t.Helper()
	s := &site{t: t, dir: filepath.ToSlash(t.TempDir()), log: new(lines)}
	if err := os.WriteFile(filepath.Join(s.dir, "myid"), fmt.Append(nil, i+1), 0o600); err != nil {
		t.Fatal(err)
	}
	own := strings.Join(config, "\n") + "\n"
	if !strings.Contains(own, "server.1=") {
		own = m.lines(m.quorum) + own
	}
	s.config = siteDefaults + "initLimit=20\nsyncLimit=40\ndataDir=" + s.dir + "\n" + own
	s.launch()
	t.Cleanup(func() {
		s.halt()
		if t.Failed() {
			log := s.log.String()
			t.Logf("end of the log of server %d:\n%s", i+1, log[max(0, len(log)-4000):])
		}
	})
	return s
}

// allServe waits until all servers serve: each of them, since one that lost its leader
// just now may not know that another serves again.
func allServe(sites []*site) {
	for _, s := range sites {
		s.t.Helper()
		s.eventually("the server to serve", s.serves)
	}
}

var ports freeport.Ports

// freePorts are ports that nobody listens on.
func freePorts(t testing.TB, n int) (list []int) {
	t.Helper()
	for range n {
		port, err := ports.Free()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, port)
	}
	return list
}

// read reads a node behind a sync.
func (c *client) read(path string) (string, error) {
	if err := c.Do(wire.OpSync, &wire.PathRequest{Path: path}, &wire.PathResponse{}); err != nil {
		return "", err
	}
	var r wire.GetDataResponse
	err := c.Do(wire.OpGetData, &wire.PathWatchRequest{Path: path}, &r)
	return string(r.Data), err
}

// agree wants every server to show the same node.
func agree(t testing.TB, sites []*site, path, want string) {
	t.Helper()
	for i, s := range sites {
		if got, err := s.client().read(path); err != nil || got != want {
			t.Errorf("server %d: %s is %q, %v; want %q", i+1, path, got, err, want)
		}
	}
}

// leaderOf wants one server to call itself the leader, and the others followers.
func leaderOf(t *testing.T, sites []*site) (leader *site) {
	t.Helper()
	for i, s := range sites {
		switch got := s.word(t, "srvr"); {
		case strings.Contains(got, "Mode: leader") && leader == nil:
			leader = s
		case !strings.Contains(got, "Mode: follower"):
			t.Fatalf("server %d: srvr says %q", i+1, got)
		}
	}
	if leader == nil {
		t.Fatal("nobody leads")
	}
	return leader
}

func TestEnsembleServesWhereverAClientConnects(t *testing.T) {
	sites := startEnsemble(t, 3)
	for i, s := range sites {
		s.client().create(fmt.Sprint("/n", i), fmt.Sprint(i), wire.ModePersistent)
	}
	for i := range sites {
		agree(t, sites, fmt.Sprint("/n", i), fmt.Sprint(i))
	}
	leader := leaderOf(t, sites)
	leader.halt()
	others := slices.DeleteFunc(slices.Clone(sites), func(s *site) bool { return s == leader })
	for _, s := range others {
		s.eventually("the others to serve", s.serves)
	}
	others[0].client().create("/after", "x", wire.ModePersistent)
	leader.launch()
	leader.eventually("the server to serve again", leader.serves)
	agree(t, sites, "/after", "x")
}

// A session moves between servers with its password, and its ephemeral node stays.
func TestSessionMovesBetweenServers(t *testing.T) {
	sites := startEnsemble(t, 3)
	a := sites[0].client()
	a.create("/e", "", wire.ModeEphemeral)
	sites[0].halt()
	allServe(sites[1:])
	nc, err := net.Dial("tcp", sites[1].addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	b, err := rawclient.NewConn(nc, rawclient.Options{Timeout: patience, Session: a.Session, Passwd: a.Passwd})
	if err != nil {
		t.Fatal(err)
	}
	if b.Session != a.Session {
		t.Fatalf("session %v instead of %v", b.Session, a.Session)
	}
	agree(t, sites[1:], "/e", "")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for _, s := range sites[1:] {
		if _, err := s.client().read("/e"); err == nil {
			t.Error("the node outlives its session")
		}
	}
}

// wipe removes what a stopped server has on disk.
func (s *site) wipe() {
	s.t.Helper()
	for _, name := range []string{"zabra-log", "zabra-store", "acceptedEpoch", "currentEpoch"} {
		if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A server with an empty disk gets a snapshot, and one that was away the
// transactions that it missed.
func TestServersCatchUp(t *testing.T) {
	sites := startEnsemble(t, 3)
	c := sites[2].client()
	for i := range 50 {
		c.create(fmt.Sprint("/n", i), "x", wire.ModePersistent)
	}
	sites[0].halt()
	allServe(sites[1:])
	sites[2].client().create("/missed", "y", wire.ModePersistent)
	sites[0].launch()
	allServe(sites)
	agree(t, sites, "/missed", "y")

	sites[1].halt()
	sites[1].wipe()
	sites[1].launch()
	allServe(sites)
	agree(t, sites, "/n49", "x")
	agree(t, sites, "/missed", "y")
	sites[1].halt() // what it was sent is on its disk
	sites[1].launch()
	allServe(sites)
	agree(t, sites, "/missed", "y")
}

// members waits until the server shows a configuration, to whoever connects, that
// holds the lines wanted and no other, and returns it.
func (s *site) members(want ...string) (text string) {
	s.t.Helper()
	s.eventually("another configuration", func() bool {
		var served bool
		if text, served = s.tries("/zookeeper/config"); !served {
			return false
		}
		for _, line := range want {
			if !strings.Contains(text, line) {
				return false
			}
		}
		return strings.Count(text, "server.") == len(want)
	})
	return text
}

func (c *client) reconfigure(joining, leaving string) error {
	return c.Do(wire.OpReconfig, &wire.ReconfigRequest{
		Joining: joining, Leaving: leaving, NewMembers: wire.NullString, CurConfigID: -1,
	}, &wire.GetDataResponse{})
}

// Servers leave and come back while the others serve, the leader among them.
func TestReconfigure(t *testing.T) {
	sites := startEnsemble(t, 3, "reconfigEnabled=true", "skipACL=yes")
	sites[2].halt() // so that another one leads
	allServe(sites[:2])
	sites[2].launch()
	allServe(sites)
	text := sites[0].members("server.1=", "server.2=", "server.3=")
	var third string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "server.3=") {
			third = strings.TrimSpace(line)
		}
	}
	for _, leaves := range []int{3, 1} {
		via := sites[1]
		if err := via.client().reconfigure(wire.NullString, fmt.Sprint(leaves)); err != nil {
			t.Fatalf("removing server %d: %v", leaves, err)
		}
		if leaves == 1 {
			break
		}
		for _, s := range sites[:2] {
			s.members("server.1=", "server.2=")
		}
		via.client().create("/two", "x", wire.ModePersistent)
		if err := via.client().reconfigure(third+";"+sites[2].addr(), wire.NullString); err != nil {
			t.Fatalf("taking server 3 back: %v", err)
		}
		for _, s := range sites {
			s.members("server.1=", "server.2=", "server.3=")
		}
		agree(t, sites, "/two", "x")
	}
	for _, s := range sites[1:] {
		s.members("server.2=", "server.3=")
	}
	sites[2].client().create("/after", "x", wire.ModePersistent)
	agree(t, sites[1:], "/after", "x")
	sites[1].halt() // what was agreed on is on disk
	sites[1].launch()
	sites[1].members("server.2=", "server.3=")
}

// A server on another machine that has the number of one that is there already finds no
// leader, says what to look at, and harms nobody.
func TestTwoServersWithOneNumber(t *testing.T) {
	const elsewhere = "127.0.0.2"
	needAddress(t, elsewhere)
	m := newMembers(t, 3, 0)
	sites := m.start(func(int) []string { return nil })
	if _, leaderID, _ := lead(t, sites); leaderID != 3 {
		t.Skipf("server %d leads", leaderID)
	}
	for id, says := range map[int]string{
		1: "whether another server has 1 in its file myid", // nobody calls it
		2: "every myid is used once",                       // 1 tells it of a leader, who does not call it
		3: "another server with the number 3 in its file myid",
	} {
		t.Run(fmt.Sprint("of server ", id), func(t *testing.T) {
			t.Parallel()
			other := &members{t: t, voters: 3, hosts: slices.Clone(m.hosts), quorum: m.quorum, elections: m.elections}
			other.hosts[id-1] = elsewhere
			s := other.site(id-1, nil)
			s.eventually("it to say what to look at", func() bool { return strings.Contains(s.log.String(), says) })
			if s.serves() {
				t.Error("it serves")
			}
		})
	}
	t.Run("meanwhile", func(t *testing.T) {
		t.Parallel()
		everywhere(t, sites, "meanwhile")
	})
}

// A read that comes when a write has been answered elsewhere shows it, if reads are to
// be linearizable.
func TestLinearizableReads(t *testing.T) {
	sites := startEnsemble(t, 3, "zabra.reads=linearizable")
	var readers []*client
	for _, s := range sites {
		readers = append(readers, s.client())
	}
	w := sites[0].client()
	w.create("/n", "0", wire.ModePersistent)
	for i := range 100 {
		want := fmt.Sprint(i + 1)
		w.do(wire.OK, wire.OpSetData, &wire.SetDataRequest{Path: "/n", Data: []byte(want), Version: -1}, nil)
		for k, c := range readers {
			if got, _, _ := c.get("/n"); got != want {
				t.Fatalf("server %d shows %q after %q was written", k+1, got, want)
			}
		}
	}
}

// Reads that are to be linearizable, and arrive together at a follower, are one question
// to the leader.
func TestLinearizableReadsShareAQuestion(t *testing.T) {
	m := newMembers(t, 3, 0)
	sites, proxies := m.behindProxies(0, "zabra.reads=linearizable")
	if leader, _, _ := lead(t, sites); leader == sites[0] {
		t.Fatal("the first server leads")
	}
	c := sites[0].client()
	c.create("/n", "x", wire.ModePersistent)
	said := func() (n int64) {
		for _, p := range proxies {
			n += p.said.Load()
		}
		return n
	}
	const reads = 400
	const question = 41 // bytes at least, of a REQUEST for a sync
	before := said()
	for range reads {
		c.Send(wire.OpGetData, &wire.PathWatchRequest{Path: "/n"})
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for range reads {
		if h, _, err := c.Recv(); err != nil || h.Err != wire.OK {
			t.Fatalf("%v, %v", h.Err, err)
		}
	}
	told := said() - before
	if told < question {
		t.Errorf("the leader was told %d bytes: it was not asked", told)
	}
	if told > reads*question/4 {
		t.Errorf("the leader was told %d bytes for %d reads", told, reads)
	}
}
