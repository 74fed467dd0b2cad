package zoocfg

import (
	"fmt"
	"slices"
	"time"

	"github.com/zabra/zabra/quorum"
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
