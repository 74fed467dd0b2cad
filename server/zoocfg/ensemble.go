package zoocfg

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// NoSID is the id of a server without a myid file.
const NoSID wire.SID = -1

// A Server is one server.N line.
type Server struct {
	quorum.Server
	Origin Origin
}

// A Group is one group.N line: servers that form a quorum together.
type Group struct {
	quorum.Group
	Origin Origin
}

// A Weight is one weight.N line.
type Weight struct {
	quorum.Weight
	Origin Origin
}

// Ensemble is what servers need to know about each other.
type Ensemble struct {
	// MyID is the number in the myid file, NoSID without one.
	MyID wire.SID

	unreadable bool // the myid file; told already
	// Servers, Groups and Weights are the lines of those names, by id.
	Servers []Server
	Groups  []Group
	Weights []Weight
	// Version is that of the membership: the hexadecimal suffix of the dynamic
	// file's name, 0 without one.
	Version uint64
	// DynamicFile is the file that the membership was read from, empty if it
	// stands in the configuration itself.
	DynamicFile string
	// Next is the membership that was proposed last, if there is a dynamic file and
	// one that holds this beside zoo.cfg; else it has no servers.
	Next quorum.Config
	// Distributed reports that the server lines describe an ensemble.
	Distributed bool

	// StandaloneEnabled (true) runs a single server line as a standalone server;
	// false makes it an ensemble of one.
	StandaloneEnabled bool
	// ReconfigEnabled (false) allows the reconfig request.
	ReconfigEnabled bool
	// PeerType is this server's role; a server line's role wins.
	PeerType string
	// InitLimit, SyncLimit and ConnectLimit are ticks: to connect and catch up,
	// to answer, and to connect. The first two are required in an ensemble, at
	// least 1; the third is InitLimit by default. Too short, a large tree can
	// never be sent; too long, a dead peer is noticed late.
	InitLimit, SyncLimit, ConnectLimit int
	// ElectionAlg can only be 3.
	ElectionAlg int
	// ListenOnAllIPs (false) binds the quorum ports on every interface.
	ListenOnAllIPs bool
	// ObserverMasterPort is where followers serve observers, NoPort for none.
	ObserverMasterPort int
	// ObserverMasterSizeLimit bounds what waits for one of them, in bytes. Default 32 MiB.
	ObserverMasterSizeLimit int
	// SyncEnabled (true) makes observers write a log and checkpoints.
	SyncEnabled bool
	// Reads is "local" or "linearizable": whether a read waits until a quorum has
	// confirmed that this server has seen everything decided before it came.
	Reads string
	// LeaderServes (true) lets the leader accept clients.
	LeaderServes bool
	// DBAutocreate (true) lets an empty server vote when all voters are empty; false
	// asks for the file initialize in DataLogDir.
	DBAutocreate bool
	// CommitLogCount is the number of transactions kept in memory for followers
	// that were away. Default 500.
	CommitLogCount int
	// SnapshotSizeFactor is the share of a checkpoint's size up to which a DIFF
	// is read from the log. Default 0.33; negative = never.
	SnapshotSizeFactor float64
	// ForceSnapshotSync (false) always sends a SNAP.
	ForceSnapshotSync bool

	// TCPKeepAlive (false) is for the election connections.
	TCPKeepAlive bool
	// CnxTimeout bounds connecting for election. Default 5 s.
	CnxTimeout time.Duration
	// CnxnTimeout bounds reading there; negative (default) = SyncLimit ticks.
	CnxnTimeout time.Duration
	// ElectionPortBindRetry is the number of tries to bind. Default 3; 0 = ever.
	ElectionPortBindRetry int
	// MinNotification (200 ms) and MaxNotification (60 s) bound the pause between
	// election messages.
	MinNotification, MaxNotification time.Duration
	// ObserverReconnectDelay (0) is waited before reconnecting, and
	// ObserverElectionDelay (200 ms) before looking for a leader.
	ObserverReconnectDelay, ObserverElectionDelay time.Duration
	// LeaderConnectDelay is the pause between tries to connect. Default 100 ms.
	LeaderConnectDelay time.Duration
	// MaxSnapSyncs (10) and MaxDiffSyncs (100) bound what a leader sends at once.
	MaxSnapSyncs, MaxDiffSyncs int
	// MaxTimeToWaitForEpoch bounds a new leader's wait; negative (default) = by
	// InitLimit.
	MaxTimeToWaitForEpoch time.Duration

	// SSLQuorum, PortUnification and ReloadCerts (false) turn on TLS between
	// servers, both on one port, and reading changed certificates.
	SSLQuorum, PortUnification, ReloadCerts bool
	// MultiAddress (false) allows several addresses in a server line.
	// ReachabilityCheck (true) and ReachabilityTimeout (1 s) choose among them.
	MultiAddress, ReachabilityCheck bool
	ReachabilityTimeout             time.Duration
	// SASL between servers: Enable (false), LearnerRequire, ServerRequire (both
	// need Enable, the latter also the former), contexts and principal.
	SASLEnable, SASLLearnerRequire, SASLServerRequire    bool
	SASLLearnerContext, SASLServerContext, SASLPrincipal string
	// CnxnThreads (20) bounds SASL handshakes at once.
	CnxnThreads int
	// OraclePath is the file that decides for an ensemble of two.
	OraclePath string
}

// Self returns the line of this server, and false if there is none.
func (e *Ensemble) Self() (Server, bool) {
	return e.Server(e.MyID)
}

// Server returns the line with the id, and false if there is none.
func (e *Ensemble) Server(id wire.SID) (Server, bool) {
	for _, s := range e.Servers {
		if s.ID == id {
			return s, true
		}
	}
	return Server{}, false
}

// originOf says where a server or group line was written.
func (e *Ensemble) originOf(key string) (Origin, bool) {
	for _, s := range e.Servers {
		if key == fmt.Sprintf("server.%d", s.ID) {
			return s.Origin, true
		}
	}
	for _, g := range e.Groups {
		if key == fmt.Sprintf("group.%d", g.ID) {
			return g.Origin, true
		}
	}
	return Origin{}, false
}

// Voters counts the participants.
func (e *Ensemble) Voters() int { return len(e.membership().Voters()) }

// Membership is what the server, group and weight lines say, as servers tell it
// each other. The error is a quorum.Problems, which Validate has reported.
func (e *Ensemble) Membership() (quorum.Config, error) {
	c := e.membership()
	return quorum.New(c.Version, c.Servers, c.Groups, c.Weights)
}

// membership is Membership without a check.
func (e *Ensemble) membership() quorum.Config {
	c := quorum.Config{Version: int64(e.Version)}
	for _, s := range e.Servers {
		c.Servers = append(c.Servers, s.Server)
	}
	for _, g := range e.Groups {
		c.Groups = append(c.Groups, g.Group)
	}
	for _, w := range e.Weights {
		c.Weights = append(c.Weights, w.Weight)
	}
	return c
}

// addServer, addGroup and addWeight are the families' setters. suffix is the
// part of the key after the dot. They return what would be right.

func addServer(c *Config, suffix, value string, o Origin) (want string) {
	s, err := quorum.ParseServer(suffix, value)
	if err != nil {
		return wanted(err)
	}
	line := Server{Server: s, Origin: o}
	at, found := slices.BinarySearchFunc(c.Ensemble.Servers, s.ID, func(s Server, id wire.SID) int {
		return cmp.Compare(s.ID, id)
	})
	if found {
		return fmt.Sprintf("another number: server.%d is there already, %s", s.ID, c.Ensemble.Servers[at].Origin)
	}
	c.Ensemble.Servers = slices.Insert(c.Ensemble.Servers, at, line)
	return ""
}

func addGroup(c *Config, suffix, value string, o Origin) (want string) {
	g, err := quorum.ParseGroup(suffix, value)
	if err != nil {
		return wanted(err)
	}
	line := Group{Group: g, Origin: o}
	at, found := slices.BinarySearchFunc(c.Ensemble.Groups, g.ID, func(g Group, id int64) int {
		return cmp.Compare(g.ID, id)
	})
	if found {
		return fmt.Sprintf("another number: group.%d is there already, %s", g.ID, c.Ensemble.Groups[at].Origin)
	}
	if len(c.Ensemble.Groups) > int(quorum.MaxSID) {
		return "no more groups than there can be servers, 256"
	}
	c.Ensemble.Groups = slices.Insert(c.Ensemble.Groups, at, line)
	return ""
}

func addWeight(c *Config, suffix, value string, o Origin) (want string) {
	w, err := quorum.ParseWeight(suffix, value)
	if err != nil {
		return wanted(err)
	}
	line := Weight{Weight: w, Origin: o}
	at, found := slices.BinarySearchFunc(c.Ensemble.Weights, w.ID, func(w Weight, id wire.SID) int {
		return cmp.Compare(w.ID, id)
	})
	if found {
		return fmt.Sprintf("another number: weight.%d is there already, %s", w.ID, c.Ensemble.Weights[at].Origin)
	}
	c.Ensemble.Weights = slices.Insert(c.Ensemble.Weights, at, line)
	return ""
}

// wanted is what would have been right instead of a line.
func wanted(err error) string {
	var line *quorum.LineError
	if errors.As(err, &line) {
		return line.Want
	}
	return err.Error()
}
