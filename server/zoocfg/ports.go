package zoocfg

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/zabra/zabra/quorum"
)

// A place is a port that a server needs for itself.
type place struct {
	at   quorum.HostPort
	what string // such as "the quorum port of server.2"
	key  string // where to change it
}

// places are the ports that a server line names.
func (s Server) places() (all []place) {
	key := fmt.Sprintf("server.%d", s.ID)
	for _, a := range s.Addrs {
		all = append(all, place{a.Quorum(), "the quorum port of " + key, key}, place{a.Election(), "the election port of " + key, key})
	}
	if !s.Client.IsZero() {
		all = append(all, place{s.Client, "the client port of " + key, key})
	}
	return all
}

// checkClashes finds ports that are needed twice: on one host by several servers, or by
// this server for several things.
func (c *Config) checkClashes(v *validator) {
	e := &c.Ensemble
	if !e.Distributed {
		return
	}
	seen := map[quorum.HostPort]place{}
	for _, s := range e.Servers {
		for _, p := range s.places() {
			if isAny(p.at.Host) { // every server may have it
				continue
			}
			other, taken := seen[p.at]
			v.require(!taken, p.key, "%s, %s, is also %s; give one of them another port", p.what, p.at, other.what)
			seen[p.at] = p
		}
	}
	self, ok := e.Self()
	if !ok {
		return
	}
	for _, own := range c.ownPlaces() {
		for _, s := range e.Servers {
			if s.ID != self.ID && !self.sharesHost(s) {
				continue
			}
			for _, p := range s.places() {
				mine := s.ID == self.ID && strings.HasPrefix(p.what, "the client port") // which is clientPort
				v.require(mine || !own.clashes(p), own.key, "%d is also %s; give one of them another port", own.at.Port, p.what)
			}
		}
	}
}

// clashes reports whether two places on one machine cannot both be had.
func (p place) clashes(o place) bool {
	return p.at.Port > 0 && p.at.Port == o.at.Port && overlap(p.at.Host, o.at.Host)
}

// sharesHost reports whether two servers run on one machine, as far as their lines tell.
func (s Server) sharesHost(o Server) bool {
	for _, a := range s.Addrs {
		for _, b := range o.Addrs {
			if a.Host == b.Host && !isAny(a.Host) {
				return true
			}
		}
	}
	return false
}

// checkOwnClashes finds two services of this server on one port. The two for clients
// have a check of their own.
func (c *Config) checkOwnClashes(v *validator) {
	all := c.ownPlaces()
	for i, p := range all {
		for _, o := range all[:i] {
			clients := o.key == "clientPort" && p.key == "secureClientPort"
			v.require(clients || !p.clashes(o), p.key, "%d is also %s; give one of them another port", p.at.Port, o.key)
		}
	}
}

// ownPlaces are the ports of this server that are in no server line.
func (c *Config) ownPlaces() []place {
	all := []place{
		{quorum.HostPort{Host: c.ClientPortAddress, Port: c.ClientPort}, "", "clientPort"},
		{quorum.HostPort{Host: c.SecureClientPortAddress, Port: c.SecureClientPort}, "", "secureClientPort"},
	}
	if c.Admin.Enable {
		all = append(all, place{quorum.HostPort{Host: c.Admin.Address, Port: c.Admin.Port}, "", "admin.serverPort"})
	}
	if c.Metrics.PrometheusEnabled() {
		all = append(all, place{quorum.HostPort{Host: c.Metrics.HTTPHost, Port: c.Metrics.HTTPPort}, "", "metricsProvider.httpPort"})
	}
	return all
}

// overlap reports whether two ports with one number cannot be bound on both hosts of
// one machine. Names are not resolved; other names may be other addresses.
func overlap(a, b string) bool { return isAny(a) || isAny(b) || a == b }

// adviseLoopback warns of a server that the others look for on their own machines.
func (l *loader) adviseLoopback() {
	e := &l.cfg.Ensemble
	var near, far []Server
	for _, s := range e.Servers {
		for _, a := range s.Addrs {
			if isLoopback(a.Host) {
				near = append(near, s)
			} else {
				far = append(far, s)
			}
		}
	}
	if len(near) == 0 || len(far) == 0 {
		return
	}
	for _, s := range near {
		l.advise(fmt.Sprintf("server.%d", s.ID), "is at %s, where only servers on the same machine find it, and server.%d is not; "+
			"name an address that all servers reach", s.Addrs[0].Host, far[0].ID)
	}
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
