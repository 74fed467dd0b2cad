package zoocfg

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zabra/zabra/wire"
)

// NoSID is the id of a server without a myid file.
const NoSID wire.SID = -1

// A Role says whether a server votes.
type Role string

// The roles of the server lines.
const (
	Participant Role = "participant"
	Observer    Role = "observer"
)

// A HostPort is one end of a connection. The host is a name or an address
// without brackets.
type HostPort struct {
	Host string
	Port int
}

// String joins the two, an IPv6 address in brackets.
func (h HostPort) String() string { return net.JoinHostPort(h.Host, strconv.Itoa(h.Port)) }

// A PeerAddr is one address of a server for its peers.
type PeerAddr struct {
	Host         string
	QuorumPort   int
	ElectionPort int
}

// A Server is one server.N line.
type Server struct {
	ID    wire.SID
	Addrs []PeerAddr // at least one
	Role  Role
	// Client is the part after the semicolon; its port is NoPort without one.
	Client HostPort
	Origin Origin
}

// String prints the line's value the way ZooKeeper writes it into dynamic files
// and into /zookeeper/config: addresses by host, then the role, then the client
// part.
func (s Server) String() string {
	addrs := slices.Clone(s.Addrs)
	slices.SortStableFunc(addrs, func(a, b PeerAddr) int { return strings.Compare(a.Host, b.Host) })
	parts := make([]string, len(addrs))
	for i, a := range addrs {
		parts[i] = fmt.Sprintf("%s:%d:%d", bracketed(a.Host), a.QuorumPort, a.ElectionPort)
	}
	line := strings.Join(parts, "|") + ":" + string(s.Role)
	if s.Client.Port != NoPort {
		line += fmt.Sprintf(";%s:%d", bracketed(s.Client.Host), s.Client.Port)
	}
	return line
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// A Group is one group.N line: servers that form a quorum together.
type Group struct {
	ID      int64
	Members []wire.SID
	Origin  Origin
}

// A Weight is one weight.N line.
type Weight struct {
	ID     wire.SID
	Weight int64
	Origin Origin
}

// Ensemble is what servers need to know about each other.
type Ensemble struct {
	// MyID is the number in the myid file, NoSID without one.
	MyID wire.SID
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
	// ObserverMasterSizeLimit bounds the packets kept for them. Default 32 MiB.
	ObserverMasterSizeLimit int
	// SyncEnabled (true) makes observers write a log and checkpoints.
	SyncEnabled bool
	// LeaderServes (true) lets the leader accept clients.
	LeaderServes bool
	// DBAutocreate (true) starts with an empty tree; false asks the file
	// initialize in DataDir for leave.
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
func (e *Ensemble) Voters() int {
	n := 0
	for _, s := range e.Servers {
		if s.Role == Participant {
			n++
		}
	}
	return n
}

const (
	wantServer = "host:quorumPort:electionPort[:participant|observer], more addresses after |, " +
		"and optionally ;[clientHost:]clientPort"
	wantGroup  = "server ids separated by colons, such as 1:2:3"
	wantWeight = "a whole number from 0 to 9223372036854775807"
)

// parseServer reads the value of a server.N line; want says what would be right.
func parseServer(value string) (s Server, want string) {
	s = Server{Role: Participant, Client: HostPort{Port: NoPort}}
	peers, client, hasClient := strings.Cut(value, ";")
	if strings.Contains(client, ";") {
		return s, wantServer
	}
	if hasClient && strings.TrimSpace(client) != "" {
		hp, ok := parseClientPart(strings.TrimSpace(client))
		if !ok {
			return s, wantServer
		}
		s.Client = hp
	}
	role := ""
	for _, part := range strings.Split(peers, "|") {
		addr, r, want := parsePeer(strings.TrimSpace(part))
		if want != "" {
			return s, want
		}
		if role != "" && r != "" && r != role {
			return s, "the same role at all addresses of a server"
		}
		if r != "" {
			role = r
		}
		s.Addrs = append(s.Addrs, addr)
	}
	if role != "" {
		s.Role = Role(role)
	}
	return s, ""
}

// parsePeer reads host:port:port[:role].
func parsePeer(text string) (addr PeerAddr, role, want string) {
	host, rest, ok := cutHost(text)
	fields := strings.Split(rest, ":")
	if !ok || host == "" || len(fields) < 2 || len(fields) > 3 {
		return addr, "", wantServer
	}
	quorum, okQ := parsePort(fields[0])
	election, okE := parsePort(fields[1])
	if !okQ || !okE {
		return addr, "", "ports from 0 to 65535 in " + wantServer
	}
	if quorum == election {
		return addr, "", "two different ports for quorum and election"
	}
	if len(fields) == 3 {
		role = strings.ToLower(strings.TrimSpace(fields[2]))
		if role != string(Participant) && role != string(Observer) {
			return addr, "", "role participant or observer"
		}
	}
	return PeerAddr{Host: host, QuorumPort: quorum, ElectionPort: election}, role, ""
}

// cutHost splits off a host, in brackets if it is an IPv6 address.
func cutHost(text string) (host, rest string, ok bool) {
	if !strings.HasPrefix(text, "[") {
		return strings.Cut(text, ":")
	}
	host, rest, ok = strings.Cut(text[1:], "]")
	if !ok || !strings.HasPrefix(rest, ":") {
		return "", "", false
	}
	return host, rest[1:], true
}

// parseClientPart reads [host:]port; without a host every interface is meant.
func parseClientPart(text string) (HostPort, bool) {
	host, port, ok := cutHost(text)
	if !ok {
		host, port = "0.0.0.0", text
	}
	n, ok := parsePort(port)
	return HostPort{Host: host, Port: n}, ok && host != ""
}

func parsePort(text string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	return int(n), err == nil
}

// addServer, addGroup and addWeight are the families' setters. suffix is the
// part of the key after the dot. They return what would be right.

func addServer(c *Config, suffix, value string, o Origin) (want string) {
	id, ok := parseSID(suffix)
	if !ok {
		return "server.N with N a whole number from 0 to 255, because session ids hold one byte of it"
	}
	s, want := parseServer(value)
	if want != "" {
		return want
	}
	s.ID, s.Origin = id, o
	at, found := slices.BinarySearchFunc(c.Ensemble.Servers, id, func(s Server, id wire.SID) int {
		return compare(s.ID, id)
	})
	if found {
		c.Ensemble.Servers[at] = s
		return ""
	}
	c.Ensemble.Servers = slices.Insert(c.Ensemble.Servers, at, s)
	return ""
}

func addGroup(c *Config, suffix, value string, o Origin) (want string) {
	id, err := strconv.ParseInt(suffix, 10, 64)
	if err != nil {
		return "group.N with N a whole number"
	}
	g := Group{ID: id, Origin: o}
	for _, text := range strings.Split(value, ":") {
		sid, ok := parseSID(text)
		if !ok {
			return wantGroup
		}
		g.Members = append(g.Members, sid)
	}
	at, found := slices.BinarySearchFunc(c.Ensemble.Groups, id, func(g Group, id int64) int {
		return compare(g.ID, id)
	})
	if found {
		c.Ensemble.Groups[at] = g
		return ""
	}
	if len(c.Ensemble.Groups) > maxSID {
		return "no more groups than there can be servers, 256"
	}
	c.Ensemble.Groups = slices.Insert(c.Ensemble.Groups, at, g)
	return ""
}

func addWeight(c *Config, suffix, value string, o Origin) (want string) {
	id, ok := parseSID(suffix)
	if !ok {
		return "weight.N with N a whole number from 0 to 255"
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return wantWeight
	}
	w := Weight{ID: id, Weight: n, Origin: o}
	at, found := slices.BinarySearchFunc(c.Ensemble.Weights, id, func(w Weight, id wire.SID) int {
		return compare(w.ID, id)
	})
	if found {
		c.Ensemble.Weights[at] = w
		return ""
	}
	c.Ensemble.Weights = slices.Insert(c.Ensemble.Weights, at, w)
	return ""
}

// maxSID is the largest id that fits the byte it has in a session id. It also
// bounds the lists that a file can make.
const maxSID = 255

func parseSID(text string) (wire.SID, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return wire.SID(n), err == nil && n >= 0 && n <= maxSID
}

func compare[T ~int64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
