package quorum

import (
	"fmt"
	"strings"

	"github.com/zabra/zabra/wire"
)

// A Problem is a line that does not go together with the others.
type Problem struct {
	Key    string // of the line to change first, such as "group.2"
	Reason string // what is wrong, to be read after the key
}

// Problems are everything wrong with a configuration, in the order of its lines.
type Problems []Problem

// Error implements error.
func (p Problems) Error() string {
	parts := make([]string, len(p))
	for i, one := range p {
		parts[i] = one.Key + ": " + one.Reason
	}
	return "quorum: " + strings.Join(parts, "; ")
}

// Check returns what is wrong with a configuration that is in order, nil if
// nothing is: ids and addresses, and for hierarchical quorums ZooKeeper's rules,
// that groups are disjoint and every voter is in one.
func (c Config) Check() Problems {
	var p Problems
	c.checkServers(&p)
	if len(c.Groups) == 0 {
		p.require(len(c.Weights) == 0, "weight.N", "weights need groups; add group lines")
		return p
	}
	c.checkGroups(&p)
	c.checkWeights(&p)
	return p
}

func (p *Problems) require(ok bool, key, format string, args ...any) {
	if !ok {
		*p = append(*p, Problem{Key: key, Reason: fmt.Sprintf(format, args...)})
	}
}

func (c Config) checkServers(p *Problems) {
	for i, s := range c.Servers {
		key := fmt.Sprintf("server.%d", s.ID)
		p.require(s.ID >= 0 && s.ID <= MaxSID, key, "ids go from 0 to %d", MaxSID)
		p.require(i == 0 || c.Servers[i-1].ID != s.ID, key, "is there twice")
		p.require(s.Role == Participant || s.Role == Observer, key, "has no role")
		p.require(len(s.Addrs) > 0, key, "has no address")
		for _, a := range s.Addrs {
			p.require(isHost(a.Host), key, "%q is no host", shortened(a.Host))
		}
		p.require(s.Client.IsZero() || isHost(s.Client.Host), key, "%q is no host", shortened(s.Client.Host))
	}
}

// isHost lets names and addresses through and nothing that would mean something
// else in a server line or in a properties text: what a peer or a client sends
// is written out again, and must not grow lines there.
func isHost(host string) bool {
	for _, c := range []byte(host) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(".-_:%", c) >= 0:
		default:
			return false
		}
	}
	return host != ""
}

func (c Config) checkGroups(p *Problems) {
	groupOf := map[wire.SID]int64{}
	for i, g := range c.Groups {
		key := fmt.Sprintf("group.%d", g.ID)
		p.require(i == 0 || c.Groups[i-1].ID != g.ID, key, "is there twice")
		for _, id := range g.Members {
			other, taken := groupOf[id]
			p.require(!taken, key, "server %d is in group %d already; take it out of one of them", id, other)
			groupOf[id] = g.ID
			p.require(c.IsMember(id), key, "there is no line server.%d; add it, or take %d out of the group", id, id)
		}
		p.require(c.addsUp(g), key, "the weights of its servers add up to more than 9223372036854775807")
	}
	for _, s := range c.Servers {
		_, grouped := groupOf[s.ID]
		p.require(grouped || s.Role != Participant, fmt.Sprintf("server.%d", s.ID), "is in no group; add it to a group line, or make it an observer")
	}
}

// addsUp reports whether the weight of a group fits an int64.
func (c Config) addsUp(g Group) bool {
	var total uint64
	for _, id := range g.Members {
		// Neither term exceeds 1<<63-1, so the sum does not wrap.
		if total += uint64(max(0, c.Weight(id))); total > 1<<63-1 {
			return false
		}
	}
	return true
}

func (c Config) checkWeights(p *Problems) {
	for i, w := range c.Weights {
		key := fmt.Sprintf("weight.%d", w.ID)
		p.require(i == 0 || c.Weights[i-1].ID != w.ID, key, "is there twice")
		p.require(w.Weight >= 0, key, "is negative")
	}
}
