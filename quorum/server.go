package quorum

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zabra/zabra/wire"
)

// MaxSID is the largest server id: session ids have one byte for it.
const MaxSID wire.SID = 255

// A Role says whether a server votes.
type Role string

// The roles of the server lines.
const (
	Participant Role = "participant"
	Observer    Role = "observer"
)

// A HostPort is one end of a connection. The host is a name or an address
// without brackets. The zero HostPort is none.
type HostPort struct {
	Host string
	Port int
}

// IsZero reports that there is no address.
func (h HostPort) IsZero() bool { return h == HostPort{} }

// String joins the two, an IPv6 address in brackets.
func (h HostPort) String() string { return bracketed(h.Host) + ":" + strconv.Itoa(h.Port) }

// A PeerAddr is one address of a server for its peers. Nobody in this package
// resolves a host; addresses are compared as they are spelled.
type PeerAddr struct {
	Host         string
	QuorumPort   int
	ElectionPort int
}

// Quorum is where the server listens for learners when it leads.
func (a PeerAddr) Quorum() HostPort { return HostPort{a.Host, a.QuorumPort} }

// Election is where the server listens for votes.
func (a PeerAddr) Election() HostPort { return HostPort{a.Host, a.ElectionPort} }

// A Server is one server.N line.
type Server struct {
	ID    wire.SID   // 0 to MaxSID; 0 is legal and best avoided
	Addrs []PeerAddr // at least one
	Role  Role
	// Client is the part after the semicolon, zero without one. A port alone
	// stands for that port on every interface, 0.0.0.0.
	Client HostPort
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
	if !s.Client.IsZero() {
		line += ";" + s.Client.String()
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
}

// A Weight is one weight.N line: how much a server's vote counts in its group.
type Weight struct {
	ID     wire.SID
	Weight int64 // not negative
}
