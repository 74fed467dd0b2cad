package status

import (
	"net"
	"slices"
	"strconv"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

// members are the servers to ask.
type members struct {
	config quorum.Config // of their ensemble; without servers if it is not known
	places []place
}

// A place is a server, and where its clients connect to.
type place struct {
	id      *wire.SID // nil if it is not known
	host    string    // in the configuration
	address string    // "" if it is not known
}

// servers are new rows for all of them.
func (m *members) servers() []*Server {
	list := []*Server{}
	for _, p := range m.places {
		list = append(list, &Server{ID: p.id, Address: p.address})
	}
	return list
}

// A merger makes one list of the addresses that were given and of the members of the
// ensemble they belong to.
type merger struct {
	members
	given []string
	told  map[string]found // what given addresses told
	used  map[string]bool  // addresses that have their place
	same  func(hostA, hostB string) bool
}

// merge makes that list.
func merge(given []string, all []found, same func(a, b string) bool) members {
	m := merger{given: given, told: map[string]found{}, used: map[string]bool{}, same: same}
	for _, f := range all {
		if !f.ok {
			continue
		}
		m.told[f.address] = f
		if len(m.config.Servers) == 0 || f.config.Version > m.config.Version {
			m.config = f.config
		}
	}
	for _, s := range m.config.Servers {
		m.places = append(m.places, place{id: &s.ID, host: s.Addrs[0].Host})
	}
	m.bySession()
	m.byConfig(all)
	m.byName()
	m.byHost()
	m.byPort()
	m.others()
	return m.members
}

// bySession takes given addresses for those whose sessions they open.
func (m *merger) bySession() {
	for _, address := range m.given {
		f, ok := m.told[address]
		if !ok || len(f.config.Servers) == 0 {
			continue
		}
		for i := range m.places {
			if byte(*m.places[i].id) == f.id {
				m.put(i, address)
			}
		}
	}
}

// put notes an address of a place, which may have one already.
func (m *merger) put(i int, address string) {
	if m.places[i].address == "" {
		m.places[i].address = address
	}
	m.used[address] = true
}

// byConfig takes the addresses in the configurations. Where zoo.cfg has a clientPort
// they are not there.
func (m *merger) byConfig(all []found) {
	configs := []quorum.Config{m.config}
	for _, f := range all {
		configs = append(configs, f.config)
	}
	for i, p := range m.places {
		for _, c := range configs {
			s, ok := c.Server(*p.id)
			if !ok || s.Client.IsZero() || m.places[i].address != "" {
				continue
			}
			host := s.Client.Host
			if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
				host = p.host
			}
			m.put(i, net.JoinHostPort(host, strconv.Itoa(s.Client.Port)))
		}
	}
}

// left are the given addresses that have no place yet, and opened no session.
func (m *merger) left() (list []string) {
	for _, address := range m.given {
		if _, ok := m.told[address]; !ok && !m.used[address] {
			list = append(list, address)
		}
	}
	return list
}

// byName finds given addresses that are in the configuration under another name.
func (m *merger) byName() {
	for _, address := range m.left() {
		host, port, _ := net.SplitHostPort(address)
		for _, p := range m.places {
			h, pt, _ := net.SplitHostPort(p.address)
			if p.address != "" && pt == port && m.same(h, host) {
				m.used[address] = true
			}
		}
	}
}

// byHost takes a given address for the member at the same host, where there is one of
// each.
func (m *merger) byHost() {
	for i, p := range m.places {
		if places, addresses := m.atHost(p.host); p.address == "" && len(places) == 1 && len(addresses) == 1 {
			m.put(i, addresses[0])
		}
	}
}

// atHost are the places without an address, and the addresses without a place, at a
// host.
func (m *merger) atHost(host string) (places []int, addresses []string) {
	for i, p := range m.places {
		if p.address == "" && m.same(p.host, host) {
			places = append(places, i)
		}
	}
	for _, address := range m.left() {
		if h, _, _ := net.SplitHostPort(address); m.same(h, host) {
			addresses = append(addresses, address)
		}
	}
	return places, addresses
}

// byPort supposes that members have the port that was given for others, as they have
// where they run on hosts of their own.
func (m *merger) byPort() {
	if len(m.given) == 0 {
		return
	}
	_, port, _ := net.SplitHostPort(m.given[0])
	for i, p := range m.places {
		if address := net.JoinHostPort(p.host, port); p.address == "" && !m.isTaken(address) {
			m.put(i, address)
		}
	}
}

func (m *merger) isTaken(address string) bool {
	host, port, _ := net.SplitHostPort(address)
	return slices.ContainsFunc(m.places, func(p place) bool {
		h, pt, _ := net.SplitHostPort(p.address)
		return p.address != "" && pt == port && m.same(h, host)
	})
}

// others are given addresses of nobody in the configuration: they get a place each. Where
// they can only be those of members without an address, they stand for these.
func (m *merger) others() {
	var rest []place
	for i := 0; i < len(m.places); {
		places, addresses := m.atHost(m.places[i].host)
		if m.places[i].address != "" || len(addresses) < len(places) {
			i++
			continue
		}
		for _, address := range addresses {
			rest = append(rest, place{address: address})
			m.used[address] = true
		}
		for _, at := range slices.Backward(places) {
			m.places = slices.Delete(m.places, at, at+1)
		}
		i = 0
	}
	for _, address := range m.given {
		if !m.used[address] {
			rest = append(rest, place{address: address})
			m.used[address] = true
		}
	}
	m.places = append(m.places, rest...)
}
