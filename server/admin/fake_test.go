package admin

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with the file, or writes the file with -update. The files
// were compared with what Apache ZooKeeper 3.9.5 answered in the state that the
// fake nodes describe: they are equal but for the order of sets, which ZooKeeper
// leaves to chance, and for the times in expiry_time_to_session_ids.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it)\n--- got\n%s\n--- want\n%s", path, got, want)
	}
}

// A fakeNode is a server that stands still.
type fakeNode struct {
	status     Status
	config     Config
	conns      []Connection
	sessions   Sessions
	ephemerals map[wire.SessionID][]string
	watches    map[wire.SessionID][]string
	digests    []Digest
	last       *Snapshot
	ensemble   *Ensemble

	snapshot    []byte
	snapshotErr error
	restored    []byte
	restoreErr  error
	asked       Credentials
	denied      int32 // permission bits the ids do not have
	resets      []string
	shed        int
}

func (n *fakeNode) Status() Status                          { return n.status }
func (n *fakeNode) Config() Config                          { return n.config }
func (n *fakeNode) DirSizes() (int64, int64)                { return 67109358, 67109359 }
func (n *fakeNode) Connections() []Connection               { return n.conns }
func (n *fakeNode) ResetConnectionStats()                   { n.resets = append(n.resets, "connections") }
func (n *fakeNode) ShedConnections(percent int) int         { n.shed = percent; return 3 }
func (n *fakeNode) Sessions() Sessions                      { return n.sessions }
func (n *fakeNode) Ephemerals() map[wire.SessionID][]string { return n.ephemerals }
func (n *fakeNode) Watches() map[wire.SessionID][]string    { return n.watches }
func (n *fakeNode) Digests() []Digest                       { return n.digests }
func (n *fakeNode) Ensemble() *Ensemble                     { return n.ensemble }
func (n *fakeNode) ResetObserverStats()                     { n.resets = append(n.resets, "observers") }
func (n *fakeNode) Allowed(_ []wire.ID, perm int32) bool    { return n.denied&perm == 0 }

func (n *fakeNode) LastSnapshot() (Snapshot, bool) {
	if n.last == nil {
		return Snapshot{}, false
	}
	return *n.last, true
}

func (n *fakeNode) WatchSummary() WatchSummary {
	s := WatchSummary{Connections: len(n.watches), Paths: len(watchesByPath(n.watches))}
	for _, paths := range n.watches {
		s.Total += len(paths)
	}
	return s
}

func (n *fakeNode) Authenticate(c Credentials) ([]wire.ID, bool) {
	n.asked = c
	switch {
	case c.Scheme == "digest" && string(c.Data) == "super:secret":
		return []wire.ID{{Scheme: "digest", ID: "super:hash"}}, true
	case c.Scheme == "ip" && c.Remote.IsValid():
		return []wire.ID{{Scheme: "ip", ID: c.Remote.String()}}, true
	}
	return nil, false
}

func (n *fakeNode) TakeSnapshot(context.Context) (SnapshotFile, error) {
	if n.snapshotErr != nil {
		return SnapshotFile{}, n.snapshotErr
	}
	r := io.NopCloser(bytes.NewReader(n.snapshot))
	return SnapshotFile{ReadCloser: r, Zxid: 0x131, Size: int64(len(n.snapshot))}, nil
}

func (n *fakeNode) Restore(_ context.Context, r io.Reader) (wire.Zxid, error) {
	b, err := io.ReadAll(r)
	n.restored = b
	return 0x131, errors.Join(err, n.restoreErr)
}

const fakeVersion = "3.9.5-293c895a8d966a3ecb92872be4a1daf87d725da2, built on 2026-02-11 20:18 UTC"

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// standalone is the state that a real standalone server was brought into to
// record its answers.
func standalone() *fakeNode {
	const first, second wire.SessionID = 0x1000019beb60000, 0x1000019beb60001
	soon, later := at(1795327092000), at(1795327102000)
	return &fakeNode{
		status: Status{
			Version: fakeVersion, Serving: true, Mode: "standalone", Zxid: 0x131,
			Nodes: 8, Connections: 4, Uptime: 36462 * time.Millisecond,
		},
		config: Config{
			ClientPort: 2181, SecureClientPort: -1, DataDir: "/data/version-2", DataLogDir: "/log/version-2",
			TickTime: 2000, MaxClientCnxns: 60, MinSessionTimeout: 4000, MaxSessionTimeout: 40000, Backlog: -1,
			Source:     "tickTime=2000\ndataDir=/data\nclientPort=2181\n4lw.commands.whitelist=*\n",
			Properties: map[string]string{"zookeeper.admin.serverPort": "8080", "zookeeper.4lw.commands.whitelist": "*"},
		},
		conns: []Connection{
			{Remote: netip.MustParseAddrPort("127.0.0.1:38662"), InterestOps: 1, Received: 308, Sent: 309,
				Session: first, LastOp: "GETD", Established: at(1795327074287), Timeout: 10000, LastCxid: 0x133,
				LastZxid: 0x130, LastResponse: 1722386, MaxLatency: 9, Expires: soon},
			{Remote: netip.MustParseAddrPort("127.0.0.1:38674"), InterestOps: 1, Received: 3, Sent: 3,
				Session: second, LastOp: "EXIS", Established: at(1795327074664), Timeout: 20000, LastCxid: 2,
				LastZxid: 0x131, LastResponse: 1722392, LastLatency: 1, AvgLatency: 1, MaxLatency: 2, Expires: later},
			{Remote: netip.MustParseAddrPort("[::1]:38678"), Secure: true, InterestOps: 1, LastOp: "NA",
				Session: second + 1, Established: at(1795327074669), Timeout: 10000, LastCxid: -1, LastZxid: -1, Expires: soon},
			{Remote: netip.MustParseAddrPort("[::ffff:127.0.0.1]:38684"), Received: 1, LastOp: "NA",
				Established: at(1795327074700), Timeout: 10000, LastCxid: -1, LastZxid: -1},
		},
		sessions: Sessions{Global: []Expiry{
			{At: at(1795327086000), IDs: []wire.SessionID{first}},
			{At: at(1795327096000), IDs: []wire.SessionID{second}},
		}},
		ephemerals: map[wire.SessionID][]string{first: {"/a/e1", "/a/e2"}},
		watches:    map[wire.SessionID][]string{first: {"/a", "/nope"}, second: {"/", "/a"}},
		digests:    []Digest{{0x80, 9232178234, 2}, {0x100, 1<<64 - 5, 2}},
		last:       &Snapshot{Zxid: 0x12f, Time: at(1795327039000)},
		snapshot:   []byte("ZKSN and so on"),
	}
}

// leader is the leader of two voters and an observer.
func leader() *fakeNode {
	n := standalone()
	n.status.Mode, n.status.Zxid = "leader", 0x1000003a4
	c := &n.config
	c.ServerID, c.InitLimit, c.SyncLimit = 2, 10, 5
	c.ElectionPorts, c.QuorumPorts = []int{3888}, []int{2888, 2889}
	c.Membership = "server.1=127.0.0.1:2888:3888:participant;127.0.0.1:2181\nversion=0"
	n.ensemble = &Ensemble{
		PeerState: "leading - broadcast", ZabState: "broadcast", LeaderID: 2, LeaderIP: "127.0.0.1", Voting: true,
		Quorum:   []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:2888")},
		Election: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:3888")},
		Client:   "127.0.0.1:2181",
		VotingView: []Member{
			{ID: 1, Servers: []string{"127.0.0.1:23851"}, Election: []string{"127.0.0.1:23861"}, Client: "127.0.0.1:23831"},
			{ID: 2, Servers: []string{"127.0.0.1:23852"}, Election: []string{"127.0.0.1:23862"}, Client: "127.0.0.1:23832"},
		},
		Observers: []Observer{{
			Remote: netip.MustParseAddrPort("127.0.0.1:56660"), ID: 3, Established: at(1795327221733),
			Received: 35, Sent: 963, Requests: 6, LastZxid: 0x1000003a4,
		}},
	}
	return n
}

// observer is one that has local sessions.
func observerNode() *fakeNode {
	n := leader()
	n.status.Mode = "observer"
	n.config.PeerType = 1
	n.ensemble.PeerState, n.ensemble.Voting = "observing - broadcast", false
	n.ensemble.Observers = nil
	n.ensemble.ObserverMaster, n.ensemble.HasObserverMaster = 1, true
	n.sessions = Sessions{
		Learner: true, HasLocal: true,
		Timeouts: []SessionLimit{{0x100001c86940001, 20000}, {0x100001c86940002, 10000}},
		Local:    []Expiry{{At: at(1795327086000), IDs: []wire.SessionID{0x300001c86940009}}, {At: at(1795327088000)}},
	}
	return n
}

// stopped is a server that does not serve.
func stopped() *fakeNode {
	n := standalone()
	n.status.Serving = false
	return n
}

// newAdmin returns an Admin that permits everything, with the counts of the
// recorded server.
func newAdmin(n *fakeNode, change ...func(*Options)) *Admin {
	m := metrics.New()
	m.PacketsReceived.Add(0, 319)
	m.PacketsSent.Add(1, 319)
	m.ReadLatency.ObserveN(0, 0, 100)
	m.ReadLatency.ObserveN(1, time.Millisecond, 210)
	m.UpdateLatency.Observe(2, 9*time.Millisecond)
	m.ResponseSize.Observe(0, 100)
	m.ResponseSize.Observe(0, 16)
	m.LastProposalSize.Set(func() int64 { return 48 })
	m.MinProposalSize.Set(func() int64 { return 36 })
	m.MaxProposalSize.Set(func() int64 { return 91 })
	o := Options{
		Node: n, Metrics: m, Log: zap.NewNop(), Whitelist: "*",
		SnapshotEnabled: true, RestoreEnabled: true, SerializeLastZxid: true,
	}
	for _, f := range change {
		f(&o)
	}
	return New(o)
}
