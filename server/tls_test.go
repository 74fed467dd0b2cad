package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zabra/zabra/internal/rawclient"
	"github.com/zabra/zabra/wire"
)

// trySession opens a session over TLS, or returns why it cannot.
func (s *site) trySession(addr string, conf *tls.Config) (*rawclient.Conn, error) {
	nc, err := s.dialTLS(addr, conf)
	if err != nil {
		return nil, err
	}
	c, err := rawclient.NewConn(nc, rawclient.Options{})
	if err != nil {
		nc.Close()
	}
	return c, err
}

// Who may open a session, by the port and by what the port demands.
func TestTLSAdmission(t *testing.T) {
	p := newPKI(t)
	good, stranger := p.issue(p.trusted, "client"), p.issue(p.other, "client")
	old := p.issue(p.trusted, "client", expired)
	selfSigned := p.issue(nil, "client")
	tls11 := func(c *tls.Config) *tls.Config {
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		return c
	}
	wrongName := func(c *tls.Config) *tls.Config {
		c.ServerName = "elsewhere.example"
		return c
	}
	distrust := func(c *tls.Config) *tls.Config {
		c.RootCAs = nil
		return c
	}
	for _, port := range []string{"secureClientPort", "clientPort"} {
		for _, demand := range []string{"need", "want", "none"} {
			t.Run(port+"/"+demand, func(t *testing.T) {
				lines := []string{p.config(), "ssl.clientAuth=" + demand, "secureClientPort=0\nsecureClientPortAddress=127.0.0.1"}
				if port == "clientPort" {
					lines[2] = "client.portUnification=true"
				}
				s := startSite(t, lines...)
				for _, c := range []struct {
					name string
					conf *tls.Config
					ok   bool
				}{
					{"a trusted certificate", p.client(good), true},
					{"no certificate", p.client(nil), demand != "need"},
					{"a certificate of another authority", p.client(stranger), demand == "none"},
					{"a self-signed certificate", p.client(selfSigned), demand == "none"},
					{"an expired certificate", p.client(old), demand == "none"},
					{"TLS 1.1", tls11(p.client(good)), false},
					{"another server's name", wrongName(p.client(good)), false},
					{"no trust in the server", distrust(p.client(good)), false},
				} {
					conn, err := s.trySession(s.secureAddr(), c.conf)
					if (err == nil) != c.ok {
						t.Errorf("%s: %v, want success %v", c.name, err, c.ok)
					}
					if err == nil {
						conn.Close()
					}
				}
				s.client().Close() // the plain port serves as before
			})
		}
	}
}

// A client that speaks plainly to the TLS port gets nothing: no session, no
// four-letter word, no hint.
func TestPlaintextOnTheTLSPort(t *testing.T) {
	p := newPKI(t)
	s := startSite(t, p.config(), "secureClientPort=0\nsecureClientPortAddress=127.0.0.1")
	for name, hello := range map[string][]byte{
		"a session":          rawclient.AppendConnect(nil, rawclient.Options{}),
		"a four-letter word": []byte("srvr"),
		"HTTP":               []byte("GET / HTTP/1.0\r\n\r\n"),
	} {
		nc, err := net.Dial("tcp", s.secureAddr())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(patience))
		nc.Write(hello)
		if got, err := io.ReadAll(nc); len(got) != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: answered %q, %v; want to be cut off", name, got, err)
		}
		nc.Close()
	}
	if got := value(scrape(t, "http://"+s.webAddr("admin")+"/metrics")["global_sessions"], ""); got != 0 {
		t.Errorf("%v sessions", got)
	}
}

// A certificate is an identity: in ACLs, with auth, for super, in whoAmI.
func TestCertificateIdentity(t *testing.T) {
	p := newPKI(t)
	s := startSite(t, p.config(), "secureClientPort=0\nsecureClientPortAddress=127.0.0.1", "ssl.clientAuth=want",
		`X509AuthenticationProvider.superUser=CN=root,O=Example\\, Inc.`)
	as := func(name string) *client {
		t.Helper()
		var h *holder
		if name != "" {
			h = p.issue(p.trusted, name)
		}
		nc, err := s.dialTLS(s.secureAddr(), p.client(h))
		if err != nil {
			t.Fatal(err)
		}
		return s.session(nc)
	}
	alice, bob, nobody, root := as("alice"), as("bob"), as(""), as("root")

	var who wire.WhoAmIResponse
	alice.do(wire.OK, wire.OpWhoAmI, nil, &who)
	dn := ""
	for _, c := range who.Clients {
		if c.Scheme == "x509" {
			dn = c.User
		}
	}
	if !strings.Contains(dn, "CN=alice") || !strings.Contains(dn, "Example") {
		t.Fatalf("alice is %+v", who.Clients)
	}
	mine := wire.ACL{Perms: wire.PermAll, ID: wire.ID{Scheme: "x509", ID: dn}}
	alice.create("/named", "secret", wire.ModePersistent, mine)
	alice.create("/auth", "secret", wire.ModePersistent, wire.ACL{Perms: wire.PermAll, ID: wire.ID{Scheme: "auth"}})
	for _, path := range []string{"/named", "/auth"} {
		read := &wire.PathWatchRequest{Path: path}
		alice.do(wire.OK, wire.OpGetData, read, nil)
		root.do(wire.OK, wire.OpGetData, read, nil)
		bob.do(wire.NoAuth, wire.OpGetData, read, nil)
		nobody.do(wire.NoAuth, wire.OpGetData, read, nil)
		s.client().do(wire.NoAuth, wire.OpGetData, read, nil)
	}
	root.do(wire.OK, wire.OpDelete, &wire.PathVersionRequest{Path: "/named", Version: -1}, nil)
	// A certificate cannot be claimed: auth x509 with a name proves nothing.
	claim := s.client()
	if code := claim.code(wire.OpAuth, &wire.AuthRequest{Scheme: "x509", Auth: []byte(dn)}, nil); code != wire.AuthFailed {
		t.Errorf("auth x509 over a plain connection: %v", code)
	}
}

// Handshakes that are begun and never finished hold up nobody, and are given up.
func TestStalledHandshakes(t *testing.T) {
	const stalled = 1000
	p := newPKI(t)
	s := startSite(t, p.config(), "secureClientPort=0\nsecureClientPortAddress=127.0.0.1", "ssl.clientAuth=want",
		"ssl.handshakeDetectionTimeoutMillis=12000", "nio.sessionlessCnxnTimeout=12000")
	conns := make([]net.Conn, stalled)
	for i := range conns {
		nc, err := net.Dial("tcp", s.secureAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if conns[i] = nc; i%2 == 0 {
			nc.Write([]byte{0x16, 3, 1, 2}) // the beginning of a hello
		}
	}
	s.eventually("the handshakes to be under way", func() bool {
		return value(scrape(t, "http://"+s.webAddr("admin")+"/metrics")["outstanding_tls_handshake"], "") >= stalled/2
	})
	c, err := s.trySession(s.secureAddr(), p.client(nil))
	if err != nil {
		t.Fatalf("a session beside %d stalled handshakes: %v", stalled, err)
	}
	c.Close()
	for _, nc := range conns {
		nc.SetReadDeadline(time.Now().Add(patience))
		if _, err := nc.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a stalled handshake is never given up")
		}
	}
	s.eventually("the handshakes to be gone", func() bool {
		m := scrape(t, "http://"+s.webAddr("admin")+"/metrics")
		return value(m["outstanding_tls_handshake"], "") == 0 && value(m["num_alive_connections"], "") == 0
	})
}

// The bound on handshakes under way refuses the excess, and only while it lasts.
func TestHandshakeLimit(t *testing.T) {
	p := newPKI(t)
	s := startSite(t, p.config(), "secureClientPort=0\nsecureClientPortAddress=127.0.0.1", "ssl.clientAuth=want",
		"netty.server.outstandingHandshake.limit=2")
	var held []net.Conn
	for range 2 {
		nc, err := net.Dial("tcp", s.secureAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.Write([]byte{0x16, 3, 1})
		held = append(held, nc)
	}
	s.eventually("the handshakes to be under way", func() bool {
		return value(scrape(t, "http://"+s.webAddr("admin")+"/metrics")["outstanding_tls_handshake"], "") == 2
	})
	if _, err := s.trySession(s.secureAddr(), p.client(nil)); err == nil {
		t.Error("a third handshake was let in")
	}
	for _, nc := range held {
		nc.Close()
	}
	s.eventually("room for another handshake", func() bool {
		c, err := s.trySession(s.secureAddr(), p.client(nil))
		return err == nil && c.Close() == nil
	})
	if got := value(scrape(t, "http://"+s.webAddr("admin")+"/metrics")["tls_handshake_exceeded"], ""); got < 1 {
		t.Errorf("tls_handshake_exceeded is %v", got)
	}
}

// New certificates are taken up while clients work; nobody who is connected
// notices, and a file that cannot be read changes nothing.
func TestCertificateReloadUnderLoad(t *testing.T) {
	p := newPKI(t)
	s := startSite(t, p.config(), "secureClientPort=0\nsecureClientPortAddress=127.0.0.1", "client.certReload=true", "ssl.clientAuth=want")
	s.client().create("/n", "", wire.ModePersistent)
	var (
		stop    atomic.Bool
		working sync.WaitGroup
		ops     atomic.Int64
	)
	for range 8 {
		c, err := s.trySession(s.secureAddr(), p.client(nil))
		if err != nil {
			t.Fatal(err)
		}
		working.Go(func() {
			defer c.Close()
			for !stop.Load() {
				if err := c.Do(wire.OpSetData, &wire.SetDataRequest{Path: "/n", Data: []byte("x"), Version: -1}, nil); err != nil {
					t.Errorf("a session was disturbed: %v", err)
					return
				}
				ops.Add(1)
			}
		})
	}
	serial := func() int64 {
		nc, err := s.dialTLS(s.secureAddr(), p.client(nil))
		if err != nil {
			t.Errorf("handshake: %v", err)
			return -1
		}
		defer nc.Close()
		return nc.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	first := serial()
	p.write("server.pem", []byte("half a file"))
	for range 3 { // the files are looked at once a second at most
		time.Sleep(600 * time.Millisecond)
		if got := serial(); got != first {
			t.Errorf("certificate %d after a damaged file, want %d", got, first)
		}
	}
	next := p.issue(p.trusted, "server")
	p.write("server.pem", next.pem())
	s.eventually("the new certificate", func() bool { return serial() == next.cert.SerialNumber.Int64() })
	before := ops.Load()
	s.eventually("work to go on", func() bool { return ops.Load() > before+100 })
	stop.Store(true)
	working.Wait()
	if log := s.log.String(); !strings.Contains(log, "TLS stores reloaded") || !strings.Contains(log, "the old ones stay in force") {
		t.Error("the log does not tell of the reloads")
	}
}

// CVE-2026-24281: a client whose certificate names another host was let in if
// reverse DNS said so, which whoever owns the address decides.
func TestCVE2026_24281NamesAreNotTakenFromDNS(t *testing.T) {
	p := newPKI(t)
	s := startSite(t, p.config(), "secureClientPort=0\nsecureClientPortAddress=127.0.0.1", "ssl.clientHostnameVerification=true")
	named := func(ips []net.IP, names ...string) *holder {
		return p.issue(p.trusted, "client", func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = ips, names })
	}
	for _, c := range []struct {
		name string
		h    *holder
		ok   bool
	}{
		{"the address", named([]net.IP{net.IPv4(127, 0, 0, 1)}), true},
		{"another address", named([]net.IP{net.IPv4(10, 9, 8, 7)}), false},
		{"the name that DNS has for the address", named(nil, "localhost"), false},
		{"another address and that name", named([]net.IP{net.IPv4(10, 9, 8, 7)}, "localhost"), false},
		{"any name", named(nil, "*.example"), false},
		{"no name", named(nil), false},
	} {
		conn, err := s.trySession(s.secureAddr(), p.client(c.h))
		if (err == nil) != c.ok {
			t.Errorf("a certificate for %s: %v, want success %v", c.name, err, c.ok)
		}
		if err == nil {
			conn.Close()
		}
	}
}
