package zoocfg

import (
	"net"
	"strconv"
	"time"
)

// NoPort stands in a port field for "this port is not configured". Port 0 asks
// the kernel for a free port.
const NoPort = -1

// A Secret is a password or a password's digest. It prints as "[redacted]"
// through fmt, loggers and encoders; Reveal gives the text itself.
type Secret string

// Reveal returns the secret text.
func (s Secret) Reveal() string { return string(s) }

// String returns a mark instead of the text, empty for no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText is String, for JSON and loggers.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

const redacted = "[redacted]"

// A Config is the complete configuration of one server: defaults, file,
// environment and flags merged, derived values filled in. Load makes one that is
// valid; after changing fields by hand call Validate. Nothing in it is shared or
// changes by itself, so it may be read from any goroutine.
//
// Durations that ZooKeeper's file states in milliseconds, seconds or hours are
// time.Durations; sizes that it states in KB are bytes. Each comment gives the
// default, the bound and what breaks. The keys are in docs/configuration.md.
type Config struct {
	// File is the path of the configuration file, as it was given. Empty: none,
	// and the defaults of a standalone server on loopback apply.
	File string
	// Text is the file as it was read. It may hold passwords; admin's
	// initial_configuration is InitialConfiguration instead.
	Text string

	// DataDir holds checkpoints and myid. Required with a file, ./data without.
	// Two servers on one directory would destroy each other's data; the server
	// locks it.
	DataDir string
	// DataLogDir holds the transaction log. Default: DataDir. A device of its own
	// keeps log writes from waiting for checkpoint writes.
	DataLogDir string
	// DataDirAutocreate makes missing data directories. Default true. False
	// guards against starting empty on an unmounted disk.
	DataDirAutocreate bool

	// ClientPort is the plain port for clients, 0 to 65535, NoPort for none.
	// Default: none with a file, 2181 without.
	ClientPort int
	// ClientPortAddress is the address or host name that ClientPort binds. Empty:
	// every interface. Default: empty with a file, 127.0.0.1 without.
	ClientPortAddress string
	// SecureClientPort is the TLS port for clients, NoPort for none (default). It
	// needs TLS.KeyStore.
	SecureClientPort int
	// SecureClientPortAddress is to SecureClientPort what ClientPortAddress is to
	// ClientPort.
	SecureClientPortAddress string
	// ClientPortListenBacklog is the length of the accept queue; -1 (default)
	// leaves it to the system. Too short a queue refuses clients in a storm.
	ClientPortListenBacklog int
	// ClientTCPKeepAlive turns on TCP keep-alive for client connections. Default
	// false: a dead client is noticed when its session expires.
	ClientTCPKeepAlive bool
	// ClientPortUnification lets ClientPort accept TLS as well, told apart by the
	// first bytes. Default false.
	ClientPortUnification bool

	// TickTime is the unit of the limits that are counted in ticks, at least 1 ms.
	// Default 3 s with a file, 2 s without. Short ticks expire sessions during a
	// pause of the client; long ones keep dead sessions.
	TickTime time.Duration
	// MinSessionTimeout and MaxSessionTimeout bound what a client can negotiate.
	// Default 2 and 20 ticks. Min above Max refuses to start.
	MinSessionTimeout, MaxSessionTimeout time.Duration
	// LocalSessions and LocalSessionsUpgrading turn on sessions that only their
	// own server knows, and their upgrade when they make an ephemeral node.
	// Default false.
	LocalSessions, LocalSessionsUpgrading bool
	// ReadOnlyMode lets a server without quorum answer reads of read-only
	// clients. Default false. Those reads may be old.
	ReadOnlyMode bool

	// FourLetterWords are the commands that are answered; "*" means all. Default
	// srvr. isro is on as well when ReadOnlyMode is (package admin).
	FourLetterWords []string

	Limits     Limits
	Throttle   Throttle
	Storage    Storage
	Containers Containers
	Auth       Auth
	// TLS is the material and policy of the client port (ssl.*).
	TLS TLS
	// QuorumTLS is that of the quorum ports and of admin HTTPS (ssl.quorum.*).
	QuorumTLS TLS
	Admin     Admin
	Metrics   Metrics
	Ensemble  Ensemble
	Log       Log
	Audit     Audit

	// ExtendedTypes allows TTL nodes. Default false. Server ids must then be at
	// most 254.
	ExtendedTypes bool
	// Emulate353TTL reads TTL nodes in the layout of 3.5.3. Default false.
	Emulate353TTL bool
	// EnforceQuota refuses writes above a hard quota. Default false: quotas only
	// warn.
	EnforceQuota bool

	settings []Setting
}

// Limits bound what clients can take.
type Limits struct {
	// MaxClientCnxns is the number of connections of one client address; 0 = no
	// bound. Default 60, 0 without a file. The excess connection is closed at once.
	MaxClientCnxns int
	// MaxCnxns is the number of connections of a port; 0 (default) = no bound.
	MaxCnxns int
	// JuteMaxBuffer is the largest frame, in bytes. Default 1048575, at least
	// 1024. It must be equal on all servers and clients: a reply above the
	// client's bound disconnects that client.
	JuteMaxBuffer int
	// JuteMaxBufferExtra is what transactions may be larger than a frame, in
	// bytes. Default JuteMaxBuffer, at least 1024. A request that would become a
	// larger one is refused.
	JuteMaxBufferExtra int
	// GlobalOutstanding is the number of requests in the pipeline above which
	// connections with an outstanding request are not read. Default 1000, at
	// least 1.
	GlobalOutstanding int
	// LargeRequestThreshold is the size in bytes above which a write is large; -1
	// (default) = none is. LargeRequestMaxBytes bounds the sum of large writes in
	// flight; default 100 MiB. Above it the connection is closed.
	LargeRequestThreshold, LargeRequestMaxBytes int
	// SessionlessTimeout closes a connection that opens no session. Default 10 s.
	SessionlessTimeout time.Duration
	// OutstandingHandshakes bounds TLS handshakes in flight; -1 (default) = no
	// bound. The excess connection is closed.
	OutstandingHandshakes int
	// MaxUnsent is the number of bytes that may wait for a client that does not
	// read before it is disconnected. Default 16 MiB, at least 64 KiB.
	MaxUnsent int
	// MaxTotalUnsent bounds the same over all clients; the one for which most waits
	// is disconnected first. 0 (default) is an eighth of the memory that GOMEMLIMIT
	// or else the machine allows.
	MaxTotalUnsent int
}

// Throttle holds the knobs against request and connection floods.
type Throttle struct {
	// MaxRequests is the number of requests in the pipeline above which new ones
	// wait; 0 (default) = off. StallTime (100 ms) is how often the wait is
	// reconsidered.
	MaxRequests int
	StallTime   time.Duration
	// OpWaitTime answers -127 to a request that waited longer; 0 (default) = off.
	OpWaitTime time.Duration

	// ConnectionTokens is the size of a token bucket for new and renewed
	// sessions; 0 (default) = off. FillTime (1 ms) and FillCount (1) say how it
	// fills.
	ConnectionTokens    int
	ConnectionFillTime  time.Duration
	ConnectionFillCount int
	// ConnectionFreezeTime (negative, the default, = off) is how often the probability of
	// dropping a connection changes, by DropIncrease (0.02) and DropDecrease
	// (0.002) when the bucket is below and above DecreaseRatio (0).
	ConnectionFreezeTime    time.Duration
	ConnectionDropIncrease  float64
	ConnectionDropDecrease  float64
	ConnectionDecreaseRatio float64
	// ConnectionWeights (false) makes a session cost GlobalWeight (3),
	// LocalWeight (1) or RenewWeight (2) tokens instead of one. Local may not
	// exceed renewed, nor renewed global.
	ConnectionWeights                      bool
	GlobalWeight, LocalWeight, RenewWeight int
	// ShutdownTimeout bounds the wait for requests in flight when the server
	// stops. Default 10 s.
	ShutdownTimeout time.Duration
}

// Storage says how the log and the checkpoints are kept.
type Storage struct {
	// SnapCount is the number of transactions between checkpoints. Default
	// 100000, at least 2. More makes restarts longer, fewer makes more writes.
	SnapCount int
	// SnapSizeLimit is the number of log bytes between checkpoints. Default 4
	// GiB; 0 or less = off.
	SnapSizeLimit int64
	// TxnLogSizeLimit, if positive, is the size of log segments in bytes instead
	// of PreAllocSize. Default 0.
	TxnLogSizeLimit int64
	// PreAllocSize is the size of log segments, which are allocated whole. Default
	// 64 MiB; 0 = the default.
	PreAllocSize int64
	// FsyncWarning logs and counts an fsync that took longer. Default 1 s.
	FsyncWarning time.Duration
	// SerializeLastZxid writes the last zxid into exported snapshots. Default
	// true. Without it admin's snapshot and restore are refused.
	SerializeLastZxid bool
}

// Containers says how empty container and expired TTL nodes are removed.
type Containers struct {
	// CheckInterval is the time between two rounds. Default 60 s, at least 1 ms.
	CheckInterval time.Duration
	// MaxPerMinute bounds removals. Default 10000, at least 1.
	MaxPerMinute int
	// MaxNeverUsed removes containers that never had a child; 0 (default) = never.
	MaxNeverUsed time.Duration
}

// A Provider is one authProvider.X line: X and the Java class.
type Provider struct {
	Name  string
	Class string
}

// Auth says who is who.
type Auth struct {
	// Providers are the authProvider.X lines, by name. Only those whose class
	// Zabra has an equivalent of can have an effect.
	Providers []Provider
	// SuperUsers are the values of superUser and superUser.X: SASL ids with all
	// rights.
	SuperUsers []string
	// DigestEnabled allows the digest scheme. Default true.
	DigestEnabled bool
	// SuperDigest makes the digest id equal to it super: "super:<base64>".
	SuperDigest Secret
	// DigestAlg hashes passwords: SHA1 (default), SHA-256 and others of Java's
	// names. It must be the same in the whole ensemble and for all time.
	DigestAlg string
	// X509SuperUser is the subject, as Java prints it, that is super.
	X509SuperUser string
	// EnsembleNames are the names a client of scheme "ensemble" may expect here.
	EnsembleNames []string
	// UseXForwardedFor takes the address of an admin request from that header.
	// Default false: anyone can send the header.
	UseXForwardedFor bool
	// Enforce answers -124 to requests of clients without an id of one of
	// EnforceSchemes. Default false.
	Enforce        bool
	EnforceSchemes []string
	// RequireSASL is Enforce with scheme sasl. Default false.
	RequireSASL bool
	// AllowFailedSASL keeps connections whose SASL failed. Default false.
	AllowFailedSASL bool
	// LetAnySASLUser is the ACL id that matches every SASL user. Default none.
	LetAnySASLUser string
	// JAASFile and JAASSection name the file and section with the server's SASL
	// users. Default none and Server.
	JAASFile, JAASSection string
	// SkipACL allows everything to everyone. Default false.
	SkipACL bool
	// EagerACLCheck makes followers check before they forward. Default false.
	EagerACLCheck bool
}

// A Store is a file with keys or certificates.
type Store struct {
	Location string // path; empty = none
	Password Secret // default empty
	// PasswordPath is a file with the password; it wins over Password.
	PasswordPath string
	Type         string // JKS, PEM, PKCS12, BCFKS; empty = by extension
}

// TLS is one family of ssl keys. server/tlsconf makes a tls.Config of it.
type TLS struct {
	KeyStore, TrustStore Store
	// Protocol is TLSv1.3 (default) or TLSv1.2.
	Protocol string
	// EnabledProtocols, if not empty, are the only versions offered.
	EnabledProtocols []string
	// CipherSuites, if not empty, are the only suites offered, by IANA name.
	CipherSuites []string
	// ClientAuth is "need" (default), "want" or "none".
	ClientAuth string
	// HostnameVerification (true) and ClientHostnameVerification (false for
	// clients, true between servers) compare a client certificate's names with
	// the client's address; both must be on. AllowReverseDNS also compares the
	// name that DNS gives for the address.
	HostnameVerification, ClientHostnameVerification, AllowReverseDNS bool
	// CRL and OCSP ask for revocation checks, which Zabra refuses to promise.
	CRL, OCSP bool
	// HandshakeDetectionTimeout bounds the wait for the bytes that tell TLS from
	// plain. Default 5 s, at least 1 ms.
	HandshakeDetectionTimeout time.Duration
	// ContextSupplier is a Java class; set, it is an error.
	ContextSupplier string
	// Reload reads the stores again when the files change. Default false.
	Reload bool
}

// Admin is the admin HTTP server.
type Admin struct {
	Enable bool // default true
	// Address and Port are where it listens. Default 0.0.0.0 with a file,
	// 127.0.0.1 without, and 8080.
	Address string
	Port    int
	// CommandURL is the path of the commands. Default /commands.
	CommandURL string
	// IdleTimeout closes idle connections. Default 30 s.
	IdleTimeout time.Duration
	// PortUnification serves HTTPS and HTTP on the port, ForceHTTPS only HTTPS,
	// NeedClientAuth asks for a certificate. Default false. All use QuorumTLS.
	PortUnification, ForceHTTPS, NeedClientAuth bool
	// SnapshotEnabled and RestoreEnabled allow those commands. Default true.
	SnapshotEnabled, RestoreEnabled bool
	// RateLimitInterval is the least time between two of either. Default 5 min.
	RateLimitInterval time.Duration
}

// Metrics is the metrics provider.
type Metrics struct {
	// Class is the Java class of the provider. PrometheusEnabled says what it
	// means here.
	Class string
	// HTTPHost and HTTPPort are where Prometheus scrapes. Default 0.0.0.0 (with
	// no file 127.0.0.1) and 7000.
	HTTPHost string
	HTTPPort int
}

// Audit is the log of who changed what.
type Audit struct {
	Enable bool   // default false
	File   string // default none: the lines go to the server's log
}

// Log is how the server logs.
type Log struct {
	Level  string // debug, info (default), warn, error
	Format string // console (default), json
}

// defaults returns what holds before anything is configured. Most values come
// from the Default texts of the table; here are those that a text cannot state.
func defaults() *Config {
	c := &Config{
		ClientPort:       NoPort,
		SecureClientPort: NoPort,
	}
	c.Ensemble.ObserverMasterPort = NoPort
	c.Ensemble.MyID = NoSID
	return c
}

// ClientAddr is host:port to listen on for plain clients, and false if there is
// no such port.
func (c *Config) ClientAddr() (string, bool) {
	return listenAddr(c.ClientPortAddress, c.ClientPort)
}

// SecureClientAddr is host:port to listen on for TLS clients, and false if there
// is no such port.
func (c *Config) SecureClientAddr() (string, bool) {
	return listenAddr(c.SecureClientPortAddress, c.SecureClientPort)
}

// AdminAddr is host:port of the admin server, and false if it is off.
func (c *Config) AdminAddr() (string, bool) {
	if !c.Admin.Enable {
		return "", false
	}
	return listenAddr(c.Admin.Address, c.Admin.Port)
}

// MetricsAddr is host:port of the Prometheus endpoint of its own, and false if
// the configured provider has none.
func (c *Config) MetricsAddr() (string, bool) {
	if !c.Metrics.PrometheusEnabled() {
		return "", false
	}
	return listenAddr(c.Metrics.HTTPHost, c.Metrics.HTTPPort)
}

func listenAddr(host string, port int) (string, bool) {
	if port == NoPort {
		return "", false
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), true
}

// PrometheusEnabled reports whether the file asks for ZooKeeper's Prometheus
// provider, whose endpoint is a port of its own.
func (m Metrics) PrometheusEnabled() bool { return m.Class == prometheusProvider }

const (
	defaultProvider    = "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider"
	nullProvider       = "org.apache.zookeeper.metrics.impl.NullMetricsProvider"
	prometheusProvider = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"
)

// Scheme reports whether an authProvider line names the class of this simple
// name, such as SASLAuthenticationProvider.
func (a Auth) Scheme(simpleClass string) bool {
	for _, p := range a.Providers {
		if p.Class == "org.apache.zookeeper.server.auth."+simpleClass {
			return true
		}
	}
	return false
}

// EnforcedSchemes returns the schemes of which a client must have one, nil if
// none is enforced.
func (a Auth) EnforcedSchemes() []string {
	var schemes []string
	if a.Enforce {
		schemes = append(schemes, a.EnforceSchemes...)
	}
	if a.RequireSASL {
		schemes = append(schemes, "sasl")
	}
	return schemes
}
