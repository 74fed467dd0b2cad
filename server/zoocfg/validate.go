package zoocfg

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

const (
	loopback        = "127.0.0.1"
	sampleTick      = 2 * time.Second
	minSnapCount    = 2
	maxSIDWithTTL   = 254
	maxSIDWith353   = 127 // of 3.5.3's layout: every owner below 0 is a TTL node
	defaultMinTicks = 2
	defaultMaxTicks = 20
	longestTimeout  = time.Duration(1<<31-1) * time.Millisecond // an int on the wire
	warnBelowVoters = 3
)

// derive fills in what is computed from other values, and corrects the
// value that ZooKeeper corrects instead of refusing.
func (l *loader) derive() {
	c := l.cfg
	if c.DataLogDir == "" {
		c.DataLogDir = c.DataDir
	}
	if c.MinSessionTimeout <= 0 {
		c.MinSessionTimeout = min(defaultMinTicks*c.TickTime, longestTimeout)
	}
	if c.MaxSessionTimeout <= 0 {
		c.MaxSessionTimeout = min(defaultMaxTicks*c.TickTime, longestTimeout)
	}
	if c.Limits.JuteMaxBufferExtra == 0 {
		c.Limits.JuteMaxBufferExtra = c.Limits.JuteMaxBuffer
	}
	if c.Ensemble.ConnectLimit == 0 {
		c.Ensemble.ConnectLimit = c.Ensemble.InitLimit
	}
	if n := c.Storage.SnapCount; n < minSnapCount {
		l.advise("snapCount", "%d is raised to %d", n, minSnapCount)
		c.Storage.SnapCount = minSnapCount
	}
	c.Ensemble.Distributed = c.Ensemble.distributed()
}

// distributed is ZooKeeper's rule: a single server line makes a standalone
// server unless standaloneEnabled is false.
func (e *Ensemble) distributed() bool {
	if len(e.Servers) == 0 {
		return false
	}
	return e.Voters() > 1 || !e.StandaloneEnabled
}

// check resolves what needs myid and validates. What is wrong only because a
// malformed value was not taken is left out: the operator knows already.
func (l *loader) check() {
	l.takeServerLine()
	l.adviseEnsemble()
	l.adviseUnsafe()
	first := newCauses(l.errs)
	for _, err := range l.cfg.problems(l.originOf) {
		if e, ok := err.(*ConflictError); !ok || !first.explain(e) {
			l.errs = append(l.errs, err)
		}
	}
}

// causes are malformed values, from which other problems follow.
type causes struct {
	origins map[Origin]bool
	keys    map[string]bool
	servers []string // lines, by their keys
}

func newCauses(errs Errors) causes {
	c := causes{origins: map[Origin]bool{}, keys: map[string]bool{}}
	for _, err := range errs {
		switch e := err.(type) {
		case *ValueError:
			c.origins[e.Origin] = true
			if k, _, ok := keys.lookup(e.Key); ok {
				c.keys[k.Name] = true
				if k.Name == "server." {
					c.servers = append(c.servers, e.Key)
				}
			}
		case *ConflictError: // a line that is there twice
			c.servers = append(c.servers, e.Key)
		}
	}
	return c
}

// explain reports whether a problem follows from what is malformed: it is about that
// value, or about one that needs it, or about how many servers there are.
func (c causes) explain(e *ConflictError) bool {
	switch {
	case c.origins[e.Origin],
		e.Key == "clientPortAddress" && c.keys["clientPort"],
		e.Key == "secureClientPortAddress" && c.keys["secureClientPort"],
		e.Key == "server.N" && len(c.servers) > 0:
		return true
	}
	return slices.ContainsFunc(c.servers, func(key string) bool {
		return strings.HasPrefix(e.Problem, "there is no line "+key+";")
	})
}

// sort puts errors and warnings in the order of the lines they are about.
func (l *loader) sort() {
	slices.SortStableFunc(l.errs, func(a, b error) int { return byLine(originOfError(a), originOfError(b)) })
	slices.SortStableFunc(l.warnings, func(a, b Warning) int { return byLine(a.Origin, b.Origin) })
}

// byLine orders the files' lines first, by file, then what has no line.
func byLine(a, b Origin) int {
	switch {
	case (a.Line == 0) != (b.Line == 0):
		return b.Line - a.Line
	case a.File != b.File:
		return strings.Compare(a.File, b.File)
	default:
		return a.Line - b.Line
	}
}

func originOfError(err error) Origin {
	switch err := err.(type) {
	case *ValueError:
		return err.Origin
	case *ConflictError:
		return err.Origin
	case *SyntaxError:
		return Origin{File: err.File, Line: err.Line}
	default:
		return Origin{}
	}
}

func (l *loader) adviseUnsafe() {
	if l.cfg.Auth.SkipACL {
		l.advise("skipACL", "is on; everyone may do everything")
	}
	l.adviseSASL()
	l.adviseProviders()
}

// adviseProviders warns of providers that are code of others: without a word somebody
// would rely on them.
func (l *loader) adviseProviders() {
	known := []string{"SASL", "X509", "Digest", "IP", "Ensemble"}
	for _, p := range l.cfg.Auth.Providers {
		if !slices.ContainsFunc(known, func(name string) bool {
			return p.Class == "org.apache.zookeeper.server.auth."+name+"AuthenticationProvider"
		}) {
			l.advise("authProvider."+p.Name, "%s is Java code, which is not run here: its scheme does not exist", p.Class)
		}
	}
}

// adviseSASL warns where SASL is asked for and nobody can log in with it. ZooKeeper
// gets its users from a JVM property, which a zoo.cfg that moves here does not have.
func (l *loader) adviseSASL() {
	a := &l.cfg.Auth
	if a.JAASFile != "" {
		return
	}
	const remedy = "nobody can log in with SASL: set java.security.auth.login.config, which ZooKeeper has from its JVM's options, to the file with the users"
	switch {
	case slices.Contains(a.EnforcedSchemes(), "sasl"):
		key := "enforce.auth.schemes"
		if a.RequireSASL {
			key = "sessionRequireClientSASLAuth"
		}
		l.advise(key, "%s", remedy)
	case a.Scheme("SASLAuthenticationProvider"):
		for _, p := range a.Providers {
			if p.Class == "org.apache.zookeeper.server.auth.SASLAuthenticationProvider" {
				l.advise("authProvider."+p.Name, "%s", remedy)
				return
			}
		}
	}
}

// takeServerLine applies this server's own line: its client part is the client
// port, and its role wins over peerType.
func (l *loader) takeServerLine() {
	c := l.cfg
	self, ok := c.Ensemble.Self()
	if !ok {
		return
	}
	if string(self.Role) != c.Ensemble.PeerType {
		if l.isWritten("peerType") {
			l.advise("peerType", "%s differs from the role in server.%d, which wins", c.Ensemble.PeerType, self.ID)
		}
		c.Ensemble.PeerType = string(self.Role)
	}
	if self.Client.IsZero() {
		return
	}
	if c.ClientPort != NoPort && l.cfg.File != "" && !agrees(c.ClientPortAddress, c.ClientPort, self.Client) {
		l.errs = append(l.errs, &ConflictError{Origin: self.Origin, Key: fmt.Sprintf("server.%d", self.ID),
			Problem: fmt.Sprintf("its client address %s is not that of clientPort and clientPortAddress; state one of them or the same", self.Client)})
		return
	}
	c.ClientPort, c.ClientPortAddress = self.Client.Port, self.Client.Host
}

// agrees reports whether clientPort and the client part of the server line mean
// the same: equal ports, and equal addresses unless the former is any.
func agrees(address string, port int, client quorum.HostPort) bool {
	return port == client.Port && (isAny(address) || address == client.Host)
}

func isAny(address string) bool {
	return address == "" || address == "0.0.0.0" || address == "::" || address == "0:0:0:0:0:0:0:0"
}

func (l *loader) isWritten(key string) bool {
	return slices.ContainsFunc(l.written, func(w written) bool { return w.id() == key })
}

func (l *loader) adviseEnsemble() {
	e := &l.cfg.Ensemble
	if !e.Distributed {
		return
	}
	l.adviseLoopback()
	l.adviseLacks()
	voters := e.Voters()
	switch {
	case voters > 0 && voters < warnBelowVoters:
		l.advise("server.N", "%d voting server(s) survive no failure; three survive one", voters)
	case len(e.Groups) > 0:
		if groups := e.weighing(); groups > 0 && groups%2 == 0 {
			l.advise("group.N", "%d groups survive the loss of no more groups than %d", groups, groups-1)
		}
	case voters > 0 && voters%2 == 0:
		l.advise("server.N", "%d voting servers survive no more failures than %d", voters, voters-1)
	}
}

// weighing counts the groups that have any weight, of whom more than half decide.
func (e *Ensemble) weighing() (n int) {
	c := e.membership()
	for _, g := range e.Groups {
		if slices.ContainsFunc(g.Members, func(id wire.SID) bool { return c.IsVoter(id) && c.Weight(id) > 0 }) {
			n++
		}
	}
	return n
}

// Validate reports everything that is wrong with the configuration as Errors of
// *ConflictError, nil if it can run. Load has done it already.
func (c *Config) Validate() error {
	return c.problems(func(string) Origin { return Origin{File: c.File} }).asError()
}

// problems checks values against each other. originOf says where a key was
// written.
func (c *Config) problems(originOf func(string) Origin) Errors {
	v := validator{originOf: originOf}
	c.checkPaths(&v)
	c.checkPorts(&v)
	c.checkTimes(&v)
	c.checkTLS(&v)
	c.checkAuth(&v)
	c.Ensemble.check(&v)
	c.checkSessionIDs(&v)
	c.checkOwnClashes(&v)
	c.checkClashes(&v)
	return v.errs
}

type validator struct {
	originOf func(string) Origin
	errs     Errors
}

// require records a problem of key unless ok.
func (v *validator) require(ok bool, key, format string, args ...any) {
	if !ok {
		v.errs = append(v.errs, &ConflictError{Origin: v.originOf(key), Key: key, Problem: fmt.Sprintf(format, args...)})
	}
}

func (c *Config) checkPaths(v *validator) {
	v.require(c.DataDir != "", "dataDir", "is not set; it is the directory of the data and of myid")
}

func (c *Config) checkPorts(v *validator) {
	v.require(c.ClientPort != NoPort || c.SecureClientPort != NoPort, "clientPort",
		"no client port is configured; set clientPort, secureClientPort or a client part in this server's server line")
	v.require(c.ClientPort != NoPort || c.ClientPortAddress == "", "clientPortAddress", "is set and clientPort is not")
	v.require(c.SecureClientPort != NoPort || c.SecureClientPortAddress == "", "secureClientPortAddress",
		"is set and secureClientPort is not")
	clash := c.ClientPort > 0 && c.ClientPort == c.SecureClientPort &&
		(isAny(c.ClientPortAddress) || isAny(c.SecureClientPortAddress) || c.ClientPortAddress == c.SecureClientPortAddress)
	v.require(!clash, "secureClientPort", "is the same as clientPort; use another port, or client.portUnification=true on clientPort")
}

func (c *Config) checkTimes(v *validator) {
	v.require(c.TickTime > 0, "tickTime", "must be at least 1 ms")
	v.require(c.MinSessionTimeout <= c.MaxSessionTimeout, "minSessionTimeout",
		"%v is more than maxSessionTimeout, %v", c.MinSessionTimeout, c.MaxSessionTimeout)
	v.require(c.Ensemble.MinNotification <= c.Ensemble.MaxNotification, "fastleader.minNotificationInterval",
		"is more than fastleader.maxNotificationInterval")
	t := &c.Throttle
	v.require(t.LocalWeight <= t.RenewWeight && t.RenewWeight <= t.GlobalWeight, "connection_throttle_renew_session_weight",
		"weights must not fall from local (%d) to renewed (%d) to global (%d) sessions", t.LocalWeight, t.RenewWeight, t.GlobalWeight)
}

func (c *Config) checkTLS(v *validator) {
	if c.SecureClientPort != NoPort || c.ClientPortUnification {
		key := "secureClientPort"
		if c.SecureClientPort == NoPort {
			key = "client.portUnification"
		}
		v.require(c.TLS.KeyStore.Location != "", key, "needs a certificate; set ssl.keyStore.location")
		v.require(c.TLS.ClientAuth != "need" || c.TLS.TrustStore.Location != "", key,
			"needs trusted certificates to check clients with; set ssl.trustStore.location, or ssl.clientAuth=none")
	}
	if c.Ensemble.Distributed && (c.Ensemble.SSLQuorum || c.Ensemble.PortUnification) {
		key := "sslQuorum"
		if !c.Ensemble.SSLQuorum {
			key = "portUnification"
		}
		v.require(c.QuorumTLS.KeyStore.Location != "", key, "needs a certificate; set ssl.quorum.keyStore.location")
		v.require(c.QuorumTLS.TrustStore.Location != "", key,
			"needs trusted certificates to check servers with; set ssl.quorum.trustStore.location")
	}
	if c.Admin.Enable && (c.Admin.ForceHTTPS || c.Admin.PortUnification) {
		v.require(c.QuorumTLS.KeyStore.Location != "", "admin.forceHttps", "needs a certificate; set ssl.quorum.keyStore.location")
		v.require(!c.Admin.NeedClientAuth || c.QuorumTLS.TrustStore.Location != "", "admin.needClientAuth",
			"needs trusted certificates; set ssl.quorum.trustStore.location")
	}
}

func (c *Config) checkAuth(v *validator) {
	v.require(!c.Auth.Enforce || len(c.Auth.EnforceSchemes) > 0, "enforce.auth.enabled", "needs enforce.auth.schemes")
}

// checkSessionIDs sees to it that no session of this server, whose ids begin with its
// own, looks like the mark of a TTL node: its ephemeral nodes would not end with it.
func (c *Config) checkSessionIDs(v *validator) {
	id := c.Ensemble.MyID
	if c.ExtendedTypes && c.Emulate353TTL {
		v.require(id <= maxSIDWith353, "emulate353TTLNodes", "leaves ids up to %d; this server's myid is %d", maxSIDWith353, id)
		return
	}
	v.require(!c.ExtendedTypes || id <= maxSIDWithTTL, "extendedTypesEnabled", "leaves ids up to %d; this server's myid is %d", maxSIDWithTTL, id)
}

func (e *Ensemble) check(v *validator) {
	v.require(!e.SASLServerRequire || e.SASLEnable, "quorum.auth.serverRequireSasl", "needs quorum.auth.enableSasl=true")
	v.require(!e.SASLLearnerRequire || e.SASLEnable, "quorum.auth.learnerRequireSasl", "needs quorum.auth.enableSasl=true")
	v.require(!e.SASLServerRequire || e.SASLLearnerRequire, "quorum.auth.serverRequireSasl",
		"needs quorum.auth.learnerRequireSasl=true, or this server could not join")
	e.checkServers(v)
	for _, p := range e.membership().Check() {
		v.require(false, p.Key, "%s", p.Reason)
	}
	if !e.Distributed {
		return
	}
	v.require(e.InitLimit > 0, "initLimit", "is not set; an ensemble needs it: ticks that a server may take to connect and catch up, such as 10")
	v.require(e.SyncLimit > 0, "syncLimit", "is not set; an ensemble needs it: ticks that a server may be behind or silent, such as 5")
	v.require(e.MyID != NoSID || e.unreadable, "dataDir", "has no file myid; write the number of this server's line into it, such as 1 for server.1")
	_, listed := e.Self()
	v.require(e.MyID == NoSID || listed, fmt.Sprintf("server.%d", e.MyID), "is missing, and the file myid says that it is this server; %s", e.unlisted())
}

// unlisted says what to do about a server that has no line.
func (e *Ensemble) unlisted() string {
	if e.Version > 0 {
		return "a reconfiguration has removed it: let another one add it again, with a line for it here meanwhile, or correct myid"
	}
	return "add the line to the configuration of every server, or correct myid"
}

func (e *Ensemble) checkServers(v *validator) {
	if len(e.Servers) == 0 {
		return
	}
	voters := e.Voters()
	v.require(voters > 0, "server.N", "all servers are observers; at least one must vote")
	v.require(voters != 1 || len(e.Servers) == 1 || !e.StandaloneEnabled, "server.N",
		"observers need a quorum to observe; add voting servers, or set standaloneEnabled=false")
	for _, s := range e.Servers {
		v.require(len(s.Addrs) == 1 || e.MultiAddress, fmt.Sprintf("server.%d", s.ID),
			"has several addresses; set multiAddress.enabled=true")
	}
}
