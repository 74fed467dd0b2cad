package quorum

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/zabra/zabra/wire"
)

// A LineError is a server, group or weight line that cannot be what it should.
type LineError struct {
	Key   string // such as "server.1"
	Value string
	Want  string // what would be right
}

// Error implements error.
func (e *LineError) Error() string {
	return fmt.Sprintf("quorum: %s = %q: want %s", e.Key, shortened(e.Value), e.Want)
}

// shortened bounds what a message repeats of a text that somebody else wrote.
func shortened(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

const (
	wantServer = "host:quorumPort:electionPort[:participant|observer], more addresses after |, " +
		"and optionally ;[clientHost:]clientPort"
	wantGroup  = "server ids separated by colons, such as 1:2:3"
	wantWeight = "a whole number from 0 to 9223372036854775807"
)

// ParseServer reads a server line: id is what follows "server." in the key. The
// error is a *LineError.
func ParseServer(id, value string) (Server, error) {
	refuse := func(want string) (Server, error) {
		return Server{}, &LineError{Key: "server." + id, Value: value, Want: want}
	}
	sid, ok := ParseSID(id)
	if !ok {
		return refuse("server.N with N a whole number from 0 to 255, because session ids hold one byte of it")
	}
	s, want := parseServerValue(value)
	if want != "" {
		return refuse(want)
	}
	s.ID = sid
	return s, nil
}

// parseServerValue reads the value of a server line; want says what would be
// right.
func parseServerValue(value string) (s Server, want string) {
	s = Server{Role: Participant}
	peers, client, _ := strings.Cut(value, ";")
	if strings.Contains(client, ";") {
		return s, wantServer
	}
	if client = strings.TrimSpace(client); client != "" {
		hp, ok := parseClientPart(client)
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

// ParseGroup reads a group line: id is what follows "group." in the key. The
// error is a *LineError.
func ParseGroup(id, value string) (Group, error) {
	refuse := func(want string) (Group, error) {
		return Group{}, &LineError{Key: "group." + id, Value: value, Want: want}
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return refuse("group.N with N a whole number")
	}
	g := Group{ID: n}
	for _, text := range strings.Split(value, ":") {
		sid, ok := ParseSID(text)
		if !ok {
			return refuse(wantGroup)
		}
		g.Members = append(g.Members, sid)
	}
	return g, nil
}

// ParseWeight reads a weight line: id is what follows "weight." in the key. The
// error is a *LineError.
func ParseWeight(id, value string) (Weight, error) {
	refuse := func(want string) (Weight, error) {
		return Weight{}, &LineError{Key: "weight." + id, Value: value, Want: want}
	}
	sid, ok := ParseSID(id)
	if !ok {
		return refuse("weight.N with N a whole number from 0 to 255")
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return refuse(wantWeight)
	}
	return Weight{ID: sid, Weight: n}, nil
}

// ParseSID reads a server id, 0 to MaxSID, with blanks around it.
func ParseSID(text string) (wire.SID, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return wire.SID(n), err == nil && n >= 0 && wire.SID(n) <= MaxSID
}
