package server_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// zone is where the test's own name server gives the answers.
const zone = ".zabra.test"

// A nameServer is a DNS server whose answers change. Names are resolved by Go's own
// resolver, which asks nobody else.
type nameServer struct {
	mu    sync.Mutex
	hosts map[string]netip.Addr // without the zone
}

// names answers for all tests of the package, from before the first one: none of them
// asks a name server that it does not have.
var names = newNameServer()

func newNameServer() *nameServer {
	s := &nameServer{hosts: map[string]netip.Addr{}}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe() // a stream: each message has its length before it
		go s.serve(there)
		return here, nil
	}}
	return s
}

func (s *nameServer) point(host, ip string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[host] = netip.MustParseAddr(ip)
}

func (s *nameServer) serve(nc net.Conn) {
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	b := make([]byte, 2+512)
	for {
		if _, err := io.ReadFull(nc, b[:2]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(b))
		if n > 512 {
			return
		}
		if _, err := io.ReadFull(nc, b[2:2+n]); err != nil {
			return
		}
		reply := s.answer(b[2 : 2+n])
		if _, err := nc.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// answer is that to one query, RFC 1035, 4.1.
func (s *nameServer) answer(query []byte) []byte {
	const header, noName = 12, 3
	labels, at := []string{}, header
	for at < len(query) && query[at] != 0 {
		end := min(at+1+int(query[at]), len(query))
		labels = append(labels, string(query[at+1:end]))
		at = end
	}
	if at+5 > len(query) {
		return nil
	}
	question := query[header : at+5]
	isA := binary.BigEndian.Uint16(query[at+1:]) == 1
	host, ours := strings.CutSuffix(strings.ToLower(strings.Join(labels, ".")), zone)
	s.mu.Lock()
	ip, known := s.hosts[host]
	s.mu.Unlock()

	reply := slices.Concat(query[:2], []byte{0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0}, question) // authoritative
	switch {
	case !known || !ours:
		reply[3] = noName
	case isA: // the others are there, and empty
		reply[7] = 1
		reply = append(reply, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		reply = append(reply, ip.AsSlice()...)
	}
	return reply
}

// needAddress skips a test where this machine does not have an address.
func needAddress(t *testing.T, ip string) {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Skip("this machine has no ", ip, ": ", err)
	}
	ln.Close()
}

// Servers that know each other by IPv6 addresses, and serve clients there, too.
func TestEnsembleOnIPv6(t *testing.T) {
	needAddress(t, "::1")
	m := newMembers(t, 3, 1)
	for i := range m.hosts {
		m.hosts[i] = "[::1]"
	}
	sites := m.start(func(int) []string { return []string{"clientPortAddress=::1", "reconfigEnabled=true", "skipACL=yes"} })
	for _, s := range sites {
		if host, _, _ := net.SplitHostPort(s.addr()); host != "::1" {
			t.Errorf("it serves at %s", s.addr())
		}
	}
	everywhere(t, sites, "first")
	loseLeader(t, sites, 3, "second")
	lines := []string{"server.1=[::1]:", "server.2=[::1]:", "server.3=[::1]:", "server.4=[::1]:"}
	text := sites[0].members(lines...)
	if err := sites[0].client().reconfigure(wire.NullString, "4"); err != nil {
		t.Fatal(err)
	}
	plays := func(mode string) {
		t.Helper()
		sites[3].eventually("server 4 as "+mode, func() bool { return strings.Contains(sites[3].word(t, "srvr"), "Mode: "+mode+"\n") })
	}
	plays("follower") // which does not count
	sites[0].members(lines[:3]...)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, lines[3]) {
			if err := sites[0].client().reconfigure(strings.TrimSpace(line)+";"+sites[3].addr(), wire.NullString); err != nil {
				t.Fatal(err)
			}
		}
	}
	plays("observer")
	for _, s := range sites {
		s.members(lines...)
	}
	everywhere(t, sites, "third")
}

// Servers that know each other by names find one that has moved, wherever its name
// leads now: for votes, as the leader, and as one that follows.
func TestNamesThatLeadElsewhere(t *testing.T) {
	const before, after = "127.0.0.1", "127.0.0.2"
	needAddress(t, after)
	m := newMembers(t, 3, 0)
	for i := range m.hosts {
		m.hosts[i] = fmt.Sprint("zk", i+1, zone)
		names.point(fmt.Sprint("zk", i+1), before)
	}
	if ips, err := net.DefaultResolver.LookupHost(t.Context(), m.hosts[0]); err != nil || !slices.Equal(ips, []string{before}) {
		t.Skip("this machine asks no name server: ", ips, err)
	}
	sites := m.start(func(int) []string { return nil })
	everywhere(t, sites, "first")
	for i, s := range sites {
		s.halt()
		rest := slices.Delete(slices.Clone(sites), i, i+1)
		allServe(rest)
		names.point(fmt.Sprint("zk", i+1), after)
		s.launch()
		s.eventually("the server that has moved to serve", s.serves)
		if nc, err := net.Dial("tcp", fmt.Sprint(before, ":", m.elections[i])); err == nil {
			nc.Close()
			t.Error("it still listens where it was")
		}
		everywhere(t, sites, fmt.Sprint("moved", i))
	}
	// Whoever leads now is not where it was when at least one of the others was started.
	for round := range 2 {
		loseLeader(t, sites, 3, fmt.Sprint("lost", round))
	}
}

// Servers with two addresses each listen on both, and reach each other by the second
// where nobody answers at the first.
func TestServersWithSeveralAddresses(t *testing.T) {
	const first, second = "127.0.0.1", "127.0.0.2"
	needAddress(t, second)
	m := newMembers(t, 3, 0)
	dead := freePorts(t, 2*len(m.hosts))
	sites := m.start(func(own int) []string {
		lines := []string{"multiAddress.enabled=true"}
		for i := range m.hosts {
			q, e := m.quorum[i], m.elections[i]
			if i != own {
				q, e = dead[2*i], dead[2*i+1]
			}
			lines = append(lines, fmt.Sprintf("server.%d=%s:%d:%d|%s:%d:%d", i+1, first, q, e, second, m.quorum[i], m.elections[i]))
		}
		return lines
	})
	everywhere(t, sites, "first")
	_, id, _ := lead(t, sites)
	for _, host := range []string{first, second} {
		for _, port := range []int{m.quorum[id-1], m.elections[id-1]} {
			nc, err := net.Dial("tcp", fmt.Sprint(host, ":", port))
			if err != nil {
				t.Fatal(err)
			}
			nc.Close()
		}
	}
	loseLeader(t, sites, 3, "second")
}
