package admin

import (
	"context"
	"crypto/x509"
	"io"
	"net/netip"
	"time"

	"github.com/zabra/zabra/wire"
)

// A Node is what the commands need of a running server. Its methods are called
// by any goroutine, at any time: also before the server serves and while it
// stops. What they return is the caller's; the methods that gather much (sessions,
// ephemerals, watches) copy it, so that no lock is held while an answer is
// written to a slow reader.
type Node interface {
	// Status is the state now. It is cheap: most commands begin with it.
	Status() Status

	// Config is the configuration that is in force.
	Config() Config

	// DirSizes returns the bytes used by snapshots and by transaction logs.
	DirSizes() (data, log int64)

	// Connections lists the open client connections, those of the plain and of
	// the TLS port, in the order in which they were accepted. A connection that
	// asks with a four-letter word is one of them.
	Connections() []Connection

	// ResetConnectionStats starts the statistics of every client connection anew.
	ResetConnectionStats()

	// ShedConnections closes about percent (1 to 100) of the client connections
	// and returns how many it closed.
	ShedConnections(percent int) int

	// Sessions are the sessions this server knows.
	Sessions() Sessions

	// Ephemerals are the paths of ephemeral znodes by their owner, sorted.
	Ephemerals() map[wire.SessionID][]string

	// Watches are the watched paths by session, sorted. Like the summary they
	// cover the data watches only, not those on children.
	Watches() map[wire.SessionID][]string

	// WatchSummary counts what Watches would list.
	WatchSummary() WatchSummary

	// Digests are the remembered digests of the tree, oldest first.
	Digests() []Digest

	// LastSnapshot is the last snapshot (checkpoint) finished, or the one the
	// server started from; false if there is none.
	LastSnapshot() (Snapshot, bool)

	// Ensemble is the state of a member of an ensemble, nil for a standalone
	// server, and for one that is read-only.
	Ensemble() *Ensemble

	// ResetObserverStats starts the statistics of the observers' connections
	// anew.
	ResetObserverStats()

	// Authenticate returns the ids that the credentials prove, or false if they
	// prove none or the scheme is not known.
	Authenticate(c Credentials) ([]wire.ID, bool)

	// Allowed reports whether one of the ids has the permission bit on the
	// root, as if a client had asked.
	Allowed(ids []wire.ID, perm int32) bool

	// TakeSnapshot writes a snapshot into the data directory, in ZooKeeper's
	// format, and opens it. The caller closes it.
	TakeSnapshot(ctx context.Context) (SnapshotFile, error)

	// Restore replaces the tree with a snapshot in ZooKeeper's format and
	// returns its zxid. It consumes the reader as far as the format goes. An
	// error leaves the tree as it was; a *RefusedError is for who asked.
	Restore(ctx context.Context, snapshot io.Reader) (wire.Zxid, error)
}

// A RefusedError is why a Node does not do what it is asked for.
type RefusedError struct{ Reason string }

// Error implements error.
func (e *RefusedError) Error() string { return "admin: " + e.Reason }

// A Status is the state of a server at one moment.
type Status struct {
	Version     string // as after "Zookeeper version: ", such as 3.9.5-<commit>, built on 2026-02-11 20:18 UTC
	Serving     bool   // requests are answered
	ReadOnly    bool   // only read-only clients are served
	Mode        string // standalone, leader, follower, observer, read-only
	Zxid        wire.Zxid
	Nodes       int   // znodes, the root twice
	Connections int   // client connections, four-letter words included
	Outstanding int64 // requests taken in and not yet answered
	Uptime      time.Duration
	Trouble     string // why only part of the service is there, "" while all of it is
}

// A Config is the configuration in force, as conf, configuration, icfg and sysp
// show it. Times are in milliseconds.
type Config struct {
	ClientPort        int // -1 without
	SecureClientPort  int // -1 without
	DataDir           string
	DataLogDir        string
	TickTime          int
	MaxClientCnxns    int
	MinSessionTimeout int
	MaxSessionTimeout int
	Backlog           int // -1 for the system's default
	ServerID          wire.SID

	// Source is the text of the configuration file, empty without one. What is
	// secret in it must have been taken out.
	Source string

	// Properties are the settings under the names of ZooKeeper's system
	// properties (zookeeper.admin.serverPort), without secrets.
	Properties map[string]string

	// The rest is shown by a member of an ensemble only.
	InitLimit, SyncLimit int
	ElectionPorts        []int
	QuorumPorts          []int
	PeerType             int    // 0 participant, 1 observer
	Membership           string // the text of the dynamic configuration, ending in version=<hex>
}

// A Connection is a client connection and its statistics since it was accepted
// or since they were reset. Latencies are in milliseconds.
type Connection struct {
	Remote      netip.AddrPort
	Secure      bool
	InterestOps int // 1 reading, 4 writing, 5 both; 0 for one that is being closed
	Queued      int64
	Received    int64
	Sent        int64

	Session      wire.SessionID // 0 before there is one
	LastOp       string         // ZooKeeper's four letters, NA before the first
	Established  time.Time
	Timeout      int64 // session timeout in milliseconds
	LastCxid     int64 // -1 before the first request
	LastZxid     wire.Zxid
	LastResponse int64 // milliseconds on the server's own clock
	LastLatency  int64
	MinLatency   int64
	AvgLatency   int64
	MaxLatency   int64

	Expires time.Time // when it is closed unless it is heard of; zero if never
}

// Sessions are the sessions that a server knows. A server that expires them
// itself (standalone, leader) knows when, a follower or observer knows only
// their timeouts.
type Sessions struct {
	Global   []Expiry       // soonest first
	Local    []Expiry       // of this server alone, soonest first
	HasLocal bool           // local sessions are enabled
	Learner  bool           // Timeouts holds the global sessions, Global nothing
	Timeouts []SessionLimit // ascending by id
}

// An Expiry is the sessions that run out at one moment unless they are heard of.
type Expiry struct {
	At  time.Time
	IDs []wire.SessionID // ascending
}

// A SessionLimit is a session and its timeout in milliseconds.
type SessionLimit struct {
	ID      wire.SessionID
	Timeout int32
}

// A WatchSummary counts data watches.
type WatchSummary struct {
	Connections int // with at least one watch
	Paths       int // different ones
	Total       int
}

// A Digest is the digest of the tree after a transaction.
type Digest struct {
	Zxid    wire.Zxid
	Digest  uint64
	Version int
}

// A Snapshot is a finished snapshot.
type Snapshot struct {
	Zxid wire.Zxid
	Time time.Time
}

// A SnapshotFile is an open snapshot in ZooKeeper's format.
type SnapshotFile struct {
	io.ReadCloser
	Zxid wire.Zxid
	Size int64 // bytes
}

// Credentials are what an HTTP request brings to prove who sends it.
type Credentials struct {
	Scheme string              // digest, ip, x509 ...
	Data   []byte              // such as user:password; nil if the header had none
	Remote netip.Addr          // the caller's address
	Certs  []*x509.Certificate // verified chain of the caller, leaf first; nil without TLS
}

// An Ensemble is the state of a member of an ensemble.
type Ensemble struct {
	PeerState  string // leading - broadcast, following - broadcast, looking ...
	ZabState   string // election, discovery, synchronization, broadcast
	LeaderID   wire.SID
	LeaderIP   string // empty while there is no leader
	Voting     bool   // this server is a voting member at its present addresses
	Quorum     []netip.AddrPort
	Election   []netip.AddrPort
	Client     string // host:port
	VotingView []Member

	// Observers in step with this server; only a leader, or a follower with an
	// observer master port, has any.
	Observers []Observer

	ObserverMaster    wire.SID // whom this observer follows
	HasObserverMaster bool
}

// A Member is a voting member of the ensemble.
type Member struct {
	ID       wire.SID
	Servers  []string // host:port
	Election []string // host:port
	Client   string   // host:port, empty if not configured
	Observer bool
}

// An Observer is a connected observer.
type Observer struct {
	Remote        netip.AddrPort
	ID            wire.SID
	Established   time.Time
	QueuedPackets int64
	QueuedBytes   int64
	Received      int64
	Sent          int64
	Requests      int64
	LastZxid      wire.Zxid
}
