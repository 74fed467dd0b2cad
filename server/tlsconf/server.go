package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/server/zoocfg"
)

// checkInterval is how often, at most, the files are looked at for changes.
const checkInterval = time.Second

// A Server holds the TLS material and policy of a port, and of the connections
// that are made to others if it is for that too. Its methods may be called from
// any goroutine.
type Server struct {
	prefix   string // "ssl." or "ssl.quorum."
	cfg      zoocfg.TLS
	onReload func(error)
	policy   *policy
	dials    bool // it makes connections too, and so needs the trust store for them

	current   atomic.Pointer[material]
	lastCheck atomic.Int64 // Unix nanoseconds
	reloading sync.Mutex
}

// material is what was read from the files at one time.
type material struct {
	config *tls.Config
	roots  *x509.CertPool // nil if nobody's certificate is looked at
	stamps []stamp
	notes  []string
}

// ForClients makes the TLS of the client port from the ssl keys. onReload, which
// may be nil, is called after each reload of changed files, with the error if
// the old material stays in use.
func ForClients(c *zoocfg.Config, onReload func(error)) (*Server, error) {
	return newServer("ssl.", c.TLS, false, onReload)
}

// ForAdmin makes the TLS of the admin server, which ZooKeeper takes from the
// ssl.quorum keys but for client certificates: admin.needClientAuth demands
// them, and without it none is asked for.
func ForAdmin(c *zoocfg.Config, onReload func(error)) (*Server, error) {
	cfg := c.QuorumTLS
	cfg.ClientAuth = "none"
	if c.Admin.NeedClientAuth {
		cfg.ClientAuth = "need"
	}
	cfg.ClientHostnameVerification = false
	cfg.Reload = c.Ensemble.ReloadCerts
	return newServer("ssl.quorum.", cfg, false, onReload)
}

// ForQuorum makes the TLS between servers from the ssl.quorum keys, for both ends
// of a connection. Servers check each other, so a trust store is needed whatever
// ssl.quorum.clientAuth says.
func ForQuorum(c *zoocfg.Config, onReload func(error)) (*Server, error) {
	cfg := c.QuorumTLS
	cfg.Reload = c.Ensemble.ReloadCerts
	return newServer("ssl.quorum.", cfg, true, onReload)
}

func newServer(prefix string, cfg zoocfg.TLS, dials bool, onReload func(error)) (*Server, error) {
	if onReload == nil {
		onReload = func(error) {}
	}
	s := &Server{prefix: prefix, cfg: cfg, dials: dials, onReload: onReload}
	if err := s.refuseUnsupported(); err != nil {
		return nil, err
	}
	var err error
	if s.policy, err = policyOf(prefix, &cfg); err != nil {
		return nil, err
	}
	return s, s.Reload()
}

// refuseUnsupported refuses what a server cannot do with, or without.
func (s *Server) refuseUnsupported() error {
	if err := s.refuseUnchecked(); err != nil {
		return err
	}
	switch {
	case s.cfg.KeyStore.Location == "":
		return &PolicyError{Key: s.prefix + "keyStore.location", Problem: "is not set; a server needs a certificate"}
	case s.dials && s.cfg.TrustStore.Location == "":
		return &PolicyError{Key: s.prefix + "trustStore.location", Problem: "is not set; servers check each other's certificates"}
	case s.cfg.ClientAuth == "need" && s.cfg.TrustStore.Location == "":
		return &PolicyError{Key: s.prefix + "trustStore.location",
			Problem: "is not set; set it, or " + s.prefix + "clientAuth=none"}
	default:
		return nil
	}
}

// refuseUnchecked refuses settings whose silent absence would be a hole.
func (s *Server) refuseUnchecked() error {
	switch {
	case s.cfg.CRL:
		return &PolicyError{Key: s.prefix + "crl", Value: "true",
			Problem: "revocation lists are not supported; remove the key and revoke by issuing short-lived certificates"}
	case s.cfg.OCSP:
		return &PolicyError{Key: s.prefix + "ocsp", Value: "true",
			Problem: "OCSP is not supported; remove the key and revoke by issuing short-lived certificates"}
	case s.cfg.ContextSupplier != "":
		return &PolicyError{Key: s.prefix + "context.supplier.class", Value: s.cfg.ContextSupplier,
			Problem: "Java classes cannot be loaded; set " + s.prefix + "keyStore.location"}
	default:
		return nil
	}
}

// Config is the configuration to serve with. Each handshake gets the material
// that is current then.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         s.policy.min,
		MaxVersion:         s.policy.max,
		GetConfigForClient: s.configFor,
	}
}

// Notes says what the configuration asked for and does not get, or should know:
// lines for the log at start.
func (s *Server) Notes() []string {
	return append(append([]string(nil), s.policy.notes...), s.current.Load().notes...)
}

// Reload reads the stores again. On an error the material in use stays.
func (s *Server) Reload() error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	m, err := s.load()
	if err != nil {
		return err
	}
	s.current.Store(m)
	return nil
}

func (s *Server) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if s.cfg.Reload {
		s.reloadIfChanged(time.Now())
	}
	config := s.current.Load().config
	if !s.verifiesHostnames() {
		return config, nil
	}
	perConn := config.Clone()
	remote := hello.Conn.RemoteAddr()
	perConn.VerifyConnection = func(state tls.ConnectionState) error {
		return verifyHost(state.PeerCertificates, remote, s.cfg.AllowReverseDNS, net.LookupAddr)
	}
	return perConn, nil
}

func (s *Server) verifiesHostnames() bool {
	return s.cfg.HostnameVerification && s.cfg.ClientHostnameVerification && s.cfg.ClientAuth != "none"
}

// load reads the stores into a new configuration. Stamps are taken before the
// files are read, so that a change in between is seen the next time.
func (s *Server) load() (*material, error) {
	m := &material{stamps: s.stampFiles()}
	keys, err := loadKeys(&s.cfg.KeyStore)
	if err != nil {
		return nil, &StoreError{Key: s.prefix + "keyStore.location", Path: s.cfg.KeyStore.Location, Err: err}
	}
	m.noteExpiry(keys)
	m.config = &tls.Config{
		Certificates: keys,
		MinVersion:   s.policy.min,
		MaxVersion:   s.policy.max,
		CipherSuites: s.policy.suites,
	}
	if err := s.addRoots(m); err != nil {
		return nil, err
	}
	s.addClientAuth(m)
	return m, nil
}

// addRoots reads the trust store if anybody's certificate is looked at.
func (s *Server) addRoots(m *material) error {
	switch {
	case s.cfg.ClientAuth == "none" && !s.dials:
		return nil
	case s.cfg.TrustStore.Location == "":
		m.notes = append(m.notes, s.prefix+"clientAuth=want has no effect without "+s.prefix+"trustStore.location")
		return nil
	}
	var err error
	m.roots, err = s.loadRoots()
	return err
}

// loadRoots reads the trust store.
func (s *Server) loadRoots() (*x509.CertPool, error) {
	trusted, err := loadTrust(&s.cfg.TrustStore)
	if err != nil {
		return nil, &StoreError{Key: s.prefix + "trustStore.location", Path: s.cfg.TrustStore.Location, Err: err}
	}
	roots := x509.NewCertPool()
	for _, cert := range trusted {
		roots.AddCert(cert)
	}
	return roots, nil
}

func (s *Server) addClientAuth(m *material) {
	if s.cfg.ClientAuth == "none" || m.roots == nil {
		return
	}
	m.config.ClientCAs = m.roots
	m.config.ClientAuth = tls.RequireAndVerifyClientCert
	if s.cfg.ClientAuth == "want" {
		m.config.ClientAuth = tls.VerifyClientCertIfGiven
	}
}

func (m *material) noteExpiry(keys []tls.Certificate) {
	for _, pair := range keys {
		if until := pair.Leaf.NotAfter; time.Now().After(until) {
			m.notes = append(m.notes, fmt.Sprintf("the server's certificate %s has expired on %s",
				pair.Leaf.Subject, until.Format(time.DateOnly)))
		}
	}
}

// A stamp tells whether a file is the one that was read.
type stamp struct {
	modified time.Time
	size     int64
}

// stampFiles stamps the stores and their password files. A missing file has the
// zero stamp.
func (s *Server) stampFiles() []stamp {
	var stamps []stamp
	for _, path := range []string{s.cfg.KeyStore.Location, s.cfg.KeyStore.PasswordPath,
		s.cfg.TrustStore.Location, s.cfg.TrustStore.PasswordPath} {
		var st stamp
		if info, err := os.Stat(path); err == nil {
			st = stamp{modified: info.ModTime(), size: info.Size()}
		}
		stamps = append(stamps, st)
	}
	return stamps
}

// reloadIfChanged looks at the files, at most once in checkInterval, and reloads
// when one has changed. One handshake does it; the others go on with what there
// is. Material that cannot be read is reported once and tried again when the
// files change again.
func (s *Server) reloadIfChanged(now time.Time) {
	last := s.lastCheck.Load()
	since := now.UnixNano() - last // below 0 if the clock was put back: that is no reason to wait
	if since >= 0 && since < int64(checkInterval) || !s.lastCheck.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	s.reloading.Lock()
	defer s.reloading.Unlock()
	old := s.current.Load()
	stamps := s.stampFiles()
	if sameStamps(stamps, old.stamps) {
		return
	}
	m, err := s.load()
	if err != nil {
		m = &material{config: old.config, roots: old.roots, notes: old.notes, stamps: stamps}
	}
	s.current.Store(m)
	s.onReload(err)
}

func sameStamps(a, b []stamp) bool {
	for i := range a {
		if !a[i].modified.Equal(b[i].modified) || a[i].size != b[i].size {
			return false
		}
	}
	return true
}

// verifyHost compares the names of a client's certificate with its address, and
// with the name that lookup has for the address if reverse is on. No
// certificate, which clientAuth=want allows, passes.
func verifyHost(certs []*x509.Certificate, remote net.Addr, reverse bool, lookup func(string) ([]string, error)) error {
	if len(certs) == 0 {
		return nil
	}
	host, _, err := net.SplitHostPort(remote.String())
	if err != nil {
		return fmt.Errorf("tlsconf: client address %s: %w", remote, err)
	}
	host, _, _ = strings.Cut(host, "%") // the zone of an IPv6 address
	err = certs[0].VerifyHostname(host)
	if err == nil || !reverse {
		return err
	}
	names, lookupErr := lookup(host)
	if lookupErr != nil {
		return err
	}
	for _, name := range names {
		if certs[0].VerifyHostname(strings.TrimSuffix(name, ".")) == nil {
			return nil
		}
	}
	return err
}
