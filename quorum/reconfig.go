package quorum

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// A ReconfigError is a reconfiguration that is refused.
type ReconfigError struct {
	Code   wire.Code // what the client is told
	Reason string    // for the log
	Err    error     // what lies below, or nil
}

// Error implements error.
func (e *ReconfigError) Error() string {
	if e.Err != nil {
		return "reconfig: " + e.Reason + ": " + e.Err.Error()
	}
	return "reconfig: " + e.Reason
}

// Unwrap returns the code and what lies below.
func (e *ReconfigError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.Err}
}

func refused(code wire.Code, format string, args ...any) error {
	return &ReconfigError{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// A Reconfig is what decides about a reconfig request besides the request.
type Reconfig struct {
	// Enabled is the key reconfigEnabled, and StandaloneEnabled the key of that
	// name: with it, an ensemble has at least two voters.
	Enabled, StandaloneEnabled bool
	// Version is that of the new configuration: the zxid of the request.
	Version int64
	// Synced tells which servers are connected to the leader and have its
	// history, the leader itself included.
	Synced func(wire.SID) bool
}

// Reconfigure returns the configuration that a request asks for. The checks are
// those of ZooKeeper's leader, in its order; that the client may write
// /zookeeper/config is for the caller to check, after this.
//
// The error is a *ReconfigError with code ReconfigDisabled, ReconfigInProgress,
// BadVersion, BadArguments or NewConfigNoQuorum.
func (a Active) Reconfigure(req *wire.ReconfigRequest, r Reconfig) (Config, error) {
	switch {
	case !r.Enabled:
		return Config{}, refused(wire.ReconfigDisabled, "reconfigEnabled is not set")
	case a.Pending():
		return Config{}, refused(wire.ReconfigInProgress, "version %x is under way", a.Proposed.Version)
	case req.CurConfigID != -1 && req.CurConfigID != a.Committed.Version:
		return Config{}, refused(wire.BadVersion, "it is meant for version %x, and this is %x", req.CurConfigID, a.Committed.Version)
	}
	next, err := a.Committed.next(req, r.Version)
	if err != nil {
		return Config{}, err
	}
	least := 1
	if r.StandaloneEnabled {
		least = 2
	}
	switch voters := len(next.Voters()); {
	case voters < least:
		return Config{}, refused(wire.BadArguments, "%d of its servers would vote, and at least %d must", voters, least)
	case !next.HasQuorum(r.Synced):
		return Config{}, refused(wire.NewConfigNoQuorum, "no quorum of the new configuration is connected and up to date")
	}
	return next, nil
}

func (c Config) next(req *wire.ReconfigRequest, version int64) (Config, error) {
	if req.NewMembers != wire.NullString {
		return Full(req.NewMembers, version)
	}
	return c.Incremental(orEmpty(req.Joining), orEmpty(req.Leaving), version)
}

func orEmpty(s string) string {
	if s == wire.NullString {
		return ""
	}
	return s
}

// Full returns the configuration whose lines are listed, separated by commas or
// line ends. A version among them does not count. The error is a *ReconfigError
// with code BadArguments.
func Full(members string, version int64) (Config, error) {
	c, err := Parse([]byte(strings.ReplaceAll(members, ",", "\n")))
	if err != nil {
		return Config{}, &ReconfigError{Code: wire.BadArguments, Reason: "the list of members is malformed", Err: err}
	}
	c.Version = version
	return c, nil
}

// Incremental returns the configuration without the servers of leaving, which
// are ids separated by commas, and with those of joining, server lines separated
// by commas that add or replace. Leaving comes first; the id of nobody is no
// error. The error is a *ReconfigError with code BadArguments, also for a
// configuration with groups, which can only be replaced as a whole.
func (c Config) Incremental(joining, leaving string, version int64) (Config, error) {
	if len(c.Groups) > 0 {
		return Config{}, refused(wire.BadArguments, "a configuration with groups can only be replaced as a whole")
	}
	servers := slices.Clone(c.Servers)
	for i, text := range listed(leaving) {
		if i > 0 && plant.In(plant.OnlyOneLeaves) {
			break
		}
		id, ok := ParseSID(text)
		if !ok {
			return Config{}, refused(wire.BadArguments, "%q among the leaving is no server id", shortened(text))
		}
		servers = without(servers, id)
	}
	for _, text := range listed(joining) {
		s, err := parseJoining(text)
		if err != nil {
			return Config{}, err
		}
		servers = without(servers, s.ID)
		if other, clash := clashing(s, servers); clash {
			return Config{}, refused(wire.BadArguments, "server.%d has an address of server.%d", s.ID, other)
		}
		servers = append(servers, s)
	}
	next, err := New(version, servers, nil, nil)
	if err != nil {
		return Config{}, &ReconfigError{Code: wire.BadArguments, Reason: "the new configuration is invalid", Err: err}
	}
	return next, nil
}

// listed cuts a list at its commas and drops blanks and empty entries.
func listed(list string) []string {
	var items []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func without(servers []Server, id wire.SID) []Server {
	return slices.DeleteFunc(servers, func(s Server) bool { return s.ID == id })
}

// parseJoining reads server.N=value, with a client part: clients must be able to
// find a server that joins.
func parseJoining(text string) (Server, error) {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return Server{}, refused(wire.BadArguments, "%q among the joining is no server line", shortened(text))
	}
	s, err := ParseServer(key[strings.LastIndexByte(key, '.')+1:], value)
	if err != nil {
		return Server{}, &ReconfigError{Code: wire.BadArguments, Reason: "a joining server line is malformed", Err: err}
	}
	if s.Client.IsZero() {
		return Server{}, refused(wire.BadArguments, "server.%d has no client port", s.ID)
	}
	return s, nil
}

// clashing finds a server that s shares an address with.
func clashing(s Server, servers []Server) (wire.SID, bool) {
	own := map[HostPort]bool{}
	for _, a := range s.endpoints() {
		own[a] = true
	}
	for _, o := range servers {
		if slices.ContainsFunc(o.endpoints(), func(a HostPort) bool { return own[a] }) {
			return o.ID, true
		}
	}
	return 0, false
}

// endpoints are the addresses of a server that nobody else can have: all but
// those that mean another machine to everyone who reads them.
func (s Server) endpoints() []HostPort {
	all := []HostPort{s.Client}
	for _, a := range s.Addrs {
		all = append(all, a.Quorum(), a.Election())
	}
	kept := all[:0]
	for _, a := range all {
		if a = a.fold(); !a.IsZero() && !isLocal(a.Host) {
			kept = append(kept, a)
		}
	}
	return kept
}

// isLocal recognises wildcard and loopback addresses as they are usually spelled.
func isLocal(host string) bool {
	switch host {
	case "0.0.0.0", "::", "0:0:0:0:0:0:0:0", "::1", "0:0:0:0:0:0:0:1", "localhost":
		return true
	}
	return isLoopback4(host)
}

func isLoopback4(host string) bool {
	parts := strings.Split(host, ".")
	if len(parts) != 4 || parts[0] != "127" {
		return false
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 8); err != nil {
			return false
		}
	}
	return true
}
