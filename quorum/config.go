package quorum

import (
	"cmp"
	"slices"
	"strings"

	"github.com/zabra/zabra/wire"
)

// A Config is the membership of an ensemble at one version. It is a value that
// nobody changes: whatever derives another one from it makes new slices. The
// zero Config has no server and no quorum.
//
// Configs made by New, Parse and Reconfigure are valid and in order; the methods
// rely on the order and never panic on a Config that somebody put together
// otherwise.
type Config struct {
	// Version is the zxid of the transaction that made the configuration; 0 is
	// the one that an ensemble starts with.
	Version int64
	Servers []Server // by ID, each once
	// Groups make a hierarchical quorum; without any, a majority decides.
	Groups []Group // by ID, members ascending
	// Weights are by ID, each once; a server without one has weight 1.
	Weights []Weight
}

// New returns a configuration of its own, in order. The error is a Problems.
func New(version int64, servers []Server, groups []Group, weights []Weight) (Config, error) {
	c := Config{
		Version: version,
		Servers: slices.Clone(servers),
		Groups:  slices.Clone(groups),
		Weights: slices.Clone(weights),
	}
	slices.SortStableFunc(c.Servers, func(a, b Server) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortStableFunc(c.Groups, func(a, b Group) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortStableFunc(c.Weights, func(a, b Weight) int { return cmp.Compare(a.ID, b.ID) })
	for i := range c.Servers {
		c.Servers[i].Addrs = slices.Clone(c.Servers[i].Addrs)
	}
	for i := range c.Groups {
		c.Groups[i].Members = slices.Sorted(slices.Values(c.Groups[i].Members))
	}
	if problems := c.Check(); problems != nil {
		return Config{}, problems
	}
	return c, nil
}

// Server returns the line of a server, and false if it has none.
func (c Config) Server(id wire.SID) (Server, bool) {
	i, ok := slices.BinarySearchFunc(c.Servers, id, func(s Server, id wire.SID) int { return cmp.Compare(s.ID, id) })
	if !ok {
		return Server{}, false
	}
	return c.Servers[i], true
}

// IsMember reports whether a server has a line.
func (c Config) IsMember(id wire.SID) bool {
	_, ok := c.Server(id)
	return ok
}

// IsVoter reports whether a server is a participant.
func (c Config) IsVoter(id wire.SID) bool {
	s, ok := c.Server(id)
	return ok && s.Role == Participant
}

// Voters returns the ids of the participants, ascending.
func (c Config) Voters() []wire.SID {
	var ids []wire.SID
	for _, s := range c.Servers {
		if s.Role == Participant {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// Weight is what the vote of a server counts in its group, 1 unless a weight line
// says otherwise. A server of weight 0 never becomes leader.
func (c Config) Weight(id wire.SID) int64 {
	i, ok := slices.BinarySearchFunc(c.Weights, id, func(w Weight, id wire.SID) int { return cmp.Compare(w.ID, id) })
	if !ok {
		return 1
	}
	return c.Weights[i].Weight
}

// Equal reports whether two configurations are the same to an ensemble: by
// version, or else by members, roles, addresses, client addresses, groups and
// weights. That two different ones bear one version cannot be: a version is the
// zxid of one transaction.
//
// Hosts are compared without regard to case and never resolved. ZooKeeper
// compares what they resolve to, which depends on where and when one asks.
func (c Config) Equal(o Config) bool {
	return c.Version == o.Version || c.SameMembers(o)
}

// SameMembers is Equal without a look at the versions.
func (c Config) SameMembers(o Config) bool {
	return slices.EqualFunc(c.Servers, o.Servers, Server.equal) &&
		slices.EqualFunc(c.Groups, o.Groups, func(a, b Group) bool {
			return a.ID == b.ID && slices.Equal(a.Members, b.Members)
		}) &&
		c.sameWeights(o)
}

func (s Server) equal(o Server) bool {
	return s.ID == o.ID && s.Role == o.Role && s.Client.fold() == o.Client.fold() &&
		slices.Equal(s.foldedAddrs(), o.foldedAddrs())
}

// foldedAddrs are the addresses in an order that does not depend on the one they
// were written in, without case.
func (s Server) foldedAddrs() []PeerAddr {
	addrs := slices.Clone(s.Addrs)
	for i := range addrs {
		addrs[i].Host = strings.ToLower(addrs[i].Host)
	}
	slices.SortFunc(addrs, func(a, b PeerAddr) int {
		return cmp.Or(strings.Compare(a.Host, b.Host), cmp.Compare(a.QuorumPort, b.QuorumPort), cmp.Compare(a.ElectionPort, b.ElectionPort))
	})
	return addrs
}

func (h HostPort) fold() HostPort { return HostPort{strings.ToLower(h.Host), h.Port} }

// sameWeights compares what decides: the weights of the voters of configurations
// with groups.
func (c Config) sameWeights(o Config) bool {
	if len(c.Groups) == 0 {
		return true
	}
	for _, id := range c.Voters() {
		if c.Weight(id) != o.Weight(id) {
			return false
		}
	}
	return true
}
