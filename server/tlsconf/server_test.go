package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zabra/zabra/server/zoocfg"
)

const password = "change it: äß"

// world is a small PKI: a root, an intermediate, a server and a client below it,
// and a stranger.
type world struct {
	dir                                 string
	root, mid, server, client, stranger *entity
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	w.root = issue(t, nil, "root", authority)
	w.mid = issue(t, w.root, "mid", authority)
	w.server = issue(t, w.mid, "server", forName("zk.example.org"))
	w.client = issue(t, w.mid, "client", forAddress("127.0.0.1"))
	w.stranger = issue(t, nil, "stranger")
	return w
}

// config is a configuration with PEM stores of the world.
func (w *world) config(t testing.TB) zoocfg.TLS {
	t.Helper()
	return zoocfg.TLS{
		KeyStore:             zoocfg.Store{Location: writeFile(t, w.dir, "key.pem", pemStore(t, w.server, ""))},
		TrustStore:           zoocfg.Store{Location: writeFile(t, w.dir, "trust.pem", pemCerts(w.root.cert))},
		Protocol:             "TLSv1.3",
		ClientAuth:           "need",
		HostnameVerification: true,
	}
}

func mustServer(t testing.TB, cfg zoocfg.TLS) *Server {
	t.Helper()
	s, err := newServer("ssl.", cfg, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// handshake connects a client to s over loopback and exchanges one byte each
// way. It returns what the server knows of the connection.
func handshake(t testing.TB, s *Server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	clientDone := make(chan error, 1)
	go func() {
		conn, err := tls.Dial("tcp", ln.Addr().String(), client)
		if err == nil {
			_, err = conn.Write([]byte{1})
			if err == nil {
				_, err = io.ReadFull(conn, make([]byte, 1))
			}
			conn.Close()
		}
		clientDone <- err
	}()
	raw, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn := tls.Server(raw, s.Config())
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err = conn.Read(make([]byte, 1)); err == nil {
		_, err = conn.Write([]byte{2})
	}
	state := conn.ConnectionState()
	conn.Close()
	return state, errors.Join(err, <-clientDone)
}

func (w *world) clientConfig(who *entity) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(w.root.cert)
	c := &tls.Config{RootCAs: roots, ServerName: "zk.example.org"}
	if who != nil {
		// GetClientCertificate sends it even if the server's list of authorities
		// does not name its issuer.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair := who.tlsCertificate()
			return &pair, nil
		}
	}
	return c
}

func TestEveryFormatServes(t *testing.T) {
	w := newWorld(t)
	roots := []*x509.Certificate{w.root.cert}
	rsaServer := issueFor(t, w.mid, "server", rsaKey(t), forName("zk.example.org"))
	secret := writeFile(t, w.dir, "secret", []byte(password+"\n"))
	pw := zoocfg.Secret(password)
	for name, stores := range map[string][2]zoocfg.Store{
		"jks": {{Location: writeFile(t, w.dir, "a.jks", jksStore(t, w.server, nil, password)), Password: pw},
			{Location: writeFile(t, w.dir, "at.jks", jksStore(t, nil, roots, password)), Password: pw}},
		"jks with an RSA key": {{Location: writeFile(t, w.dir, "r.jks", jksStore(t, rsaServer, nil, password)), Password: pw},
			{Location: writeFile(t, w.dir, "rt.jks", jksStore(t, rsaServer, roots, password)), Password: pw}},
		"p12": {{Location: writeFile(t, w.dir, "b.p12", p12Store(t, w.server, password)), PasswordPath: secret},
			{Location: writeFile(t, w.dir, "bt.p12", p12Trust(t, roots, password)), PasswordPath: secret, Password: "ignored"}},
		"pkcs12 named jks": {{Location: writeFile(t, w.dir, "c.jks", p12Store(t, w.server, password)), Password: pw},
			{Location: writeFile(t, w.dir, "ct.jks", p12Trust(t, roots, password)), Password: pw}},
		"jks by type": {{Location: writeFile(t, w.dir, "d.bin", jksStore(t, w.server, nil, password)), Password: pw, Type: "JKS"},
			{Location: writeFile(t, w.dir, "dt.bin", jksStore(t, nil, roots, password)), Password: pw, Type: "PKCS12"}},
		"pem": {{Location: writeFile(t, w.dir, "e.pem", pemStore(t, w.server, ""))},
			{Location: writeFile(t, w.dir, "et.pem", pemCerts(w.stranger.cert, w.root.cert))}},
		"encrypted pem": {{Location: writeFile(t, w.dir, "f.pem", pemStore(t, w.server, password)), Password: pw},
			{Location: writeFile(t, w.dir, "ft.x", pemCerts(w.root.cert)), Type: "pem"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustServer(t, zoocfg.TLS{KeyStore: stores[0], TrustStore: stores[1], ClientAuth: "need"})
			state, err := handshake(t, s, w.clientConfig(w.client))
			if err != nil {
				t.Fatal(err)
			}
			id, err := SubjectName(state.PeerCertificates[0])
			if err != nil || id != `CN=client,O=Example\, Inc.` {
				t.Errorf("got %q %v", id, err)
			}
			if _, err := handshake(t, s, w.clientConfig(w.stranger)); name != "pem" && err == nil {
				t.Error("a stranger was let in")
			}
		})
	}
}

// A leaf that is itself in the trust store is trusted, as in Java.
func TestTrustedLeaf(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	cfg.TrustStore.Location = writeFile(t, w.dir, "leaf.pem", pemCerts(w.stranger.cert))
	s := mustServer(t, cfg)
	if _, err := handshake(t, s, w.clientConfig(w.stranger)); err != nil {
		t.Error(err)
	}
	if _, err := handshake(t, s, w.clientConfig(w.client)); err == nil {
		t.Error("another client was let in")
	}
}

func TestClientAuth(t *testing.T) {
	w := newWorld(t)
	old := issue(t, w.mid, "old", expired)
	for _, tc := range []struct {
		auth   string
		who    *entity
		ok     bool
		asked  bool
		expect string
	}{
		{"need", nil, false, true, "no certificate"},
		{"need", w.client, true, true, ""},
		{"need", w.stranger, false, true, "a stranger"},
		{"need", old, false, true, "an expired certificate"},
		{"want", nil, true, true, ""},
		{"want", w.client, true, true, ""},
		{"want", w.stranger, false, true, "a stranger"},
		{"none", nil, true, false, ""},
		{"none", w.stranger, true, false, ""},
	} {
		cfg := w.config(t)
		cfg.ClientAuth = tc.auth
		state, err := handshake(t, mustServer(t, cfg), w.clientConfig(tc.who))
		if (err == nil) != tc.ok {
			t.Errorf("%s with %s: %v", tc.auth, tc.expect, err)
		}
		if sent := len(state.PeerCertificates) > 0; tc.ok && sent != (tc.asked && tc.who != nil) {
			t.Errorf("%s: certificate known %v", tc.auth, sent)
		}
	}
}

func TestWantWithoutTrustSaysSo(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	cfg.ClientAuth, cfg.TrustStore = "want", zoocfg.Store{}
	s := mustServer(t, cfg)
	if notes := strings.Join(s.Notes(), "\n"); !strings.Contains(notes, "no effect without ssl.trustStore.location") {
		t.Errorf("got %q", notes)
	}
	if _, err := handshake(t, s, w.clientConfig(w.stranger)); err != nil {
		t.Error(err)
	}
}

func TestVersions(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		protocol string
		enabled  []string
		suites   []string
		min, max uint16
	}{
		{"TLSv1.3", nil, nil, tls.VersionTLS12, tls.VersionTLS13},
		{"", nil, nil, tls.VersionTLS12, tls.VersionTLS13},
		{"TLSv1.2", nil, nil, tls.VersionTLS12, tls.VersionTLS12},
		{"TLSv1.3", []string{"TLSv1.3"}, nil, tls.VersionTLS13, tls.VersionTLS13},
		{"TLSv1.3", []string{"TLSv1.1", "TLSv1.2"}, nil, tls.VersionTLS12, tls.VersionTLS12},
		{"TLSv1.3", nil, []string{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}, tls.VersionTLS12, tls.VersionTLS12},
		{"TLSv1.3", nil, []string{"TLS_AES_128_GCM_SHA256"}, tls.VersionTLS13, tls.VersionTLS13},
	} {
		cfg := w.config(t)
		cfg.Protocol, cfg.EnabledProtocols, cfg.CipherSuites = tc.protocol, tc.enabled, tc.suites
		s := mustServer(t, cfg)
		for _, version := range []uint16{tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
			client := w.clientConfig(w.client)
			client.MinVersion, client.MaxVersion = version, version
			_, err := handshake(t, s, client)
			if want := tc.min <= version && version <= tc.max; (err == nil) != want {
				t.Errorf("%+v: %s: %v", tc, tls.VersionName(version), err)
			}
		}
	}
}

func TestSuitesAreRestricted(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	cfg.CipherSuites = []string{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
		"SSL_RSA_WITH_3DES_EDE_CBC_SHA"}
	s := mustServer(t, cfg)
	state, err := handshake(t, s, w.clientConfig(w.client))
	if err != nil || state.CipherSuite != tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 {
		t.Errorf("got %s, %v", tls.CipherSuiteName(state.CipherSuite), err)
	}
	client := w.clientConfig(w.client)
	client.MaxVersion, client.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	if _, err := handshake(t, s, client); err == nil {
		t.Error("a suite that is not listed was taken")
	}
	if notes := s.Notes(); len(notes) != 3 {
		t.Errorf("got %q", notes)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	good := w.config(t)
	missing := filepath.Join(w.dir, "missing.pem")
	jks := jksStore(t, w.server, nil, password)
	for name, tc := range map[string]struct {
		change func(*zoocfg.TLS)
		want   string
	}{
		"crl":            {func(c *zoocfg.TLS) { c.CRL = true }, `ssl.crl = "true": revocation lists are not supported`},
		"ocsp":           {func(c *zoocfg.TLS) { c.OCSP = true }, `ssl.ocsp = "true": OCSP is not supported`},
		"java class":     {func(c *zoocfg.TLS) { c.ContextSupplier = "a.B" }, "ssl.context.supplier.class"},
		"no key store":   {func(c *zoocfg.TLS) { c.KeyStore.Location = "" }, "ssl.keyStore.location"},
		"no trust store": {func(c *zoocfg.TLS) { c.TrustStore.Location = "" }, "ssl.trustStore.location"},
		"missing file":   {func(c *zoocfg.TLS) { c.KeyStore.Location = missing }, "ssl.keyStore.location: " + missing + ": no such file"},
		"missing password file": {func(c *zoocfg.TLS) { c.KeyStore.PasswordPath = missing },
			"password file " + missing + ": no such file"},
		"unknown extension": {func(c *zoocfg.TLS) { c.KeyStore.Location = writeFile(t, w.dir, "key", nil) }, "cannot tell the format"},
		"bcfks":             {func(c *zoocfg.TLS) { c.TrustStore.Location = "x.bcfks" }, "BCFKS stores are not supported"},
		"jceks": {func(c *zoocfg.TLS) {
			c.KeyStore.Location = writeFile(t, w.dir, "j.jks", []byte(jceksMagic+"rest"))
		}, "JCEKS"},
		"pem named jks": {func(c *zoocfg.TLS) {
			c.KeyStore.Location = writeFile(t, w.dir, "p.jks", pemStore(t, w.server, ""))
		}, "is a PEM file"},
		"garbage": {func(c *zoocfg.TLS) { c.KeyStore.Location = writeFile(t, w.dir, "g.p12", []byte("garbage")) }, "neither"},
		"damaged jks": {func(c *zoocfg.TLS) {
			c.KeyStore.Location = writeFile(t, w.dir, "cut.jks", jks[:len(jks)-30])
		}, "damaged JKS store at offset"},
		"jks with a byte too many": {func(c *zoocfg.TLS) {
			c.KeyStore = zoocfg.Store{Location: writeFile(t, w.dir, "long.jks", append(jks[:len(jks):len(jks)], 0)), Password: password}
		}, "damaged JKS store at offset"},
		"wrong jks password": {func(c *zoocfg.TLS) {
			c.KeyStore = zoocfg.Store{Location: writeFile(t, w.dir, "w.jks", jks), Password: "wrong"}
		}, "wrong password"},
		"wrong p12 password": {func(c *zoocfg.TLS) {
			c.KeyStore = zoocfg.Store{Location: writeFile(t, w.dir, "w.p12", p12Store(t, w.server, password)), Password: "wrong"}
		}, "wrong password"},
		"wrong pem password": {func(c *zoocfg.TLS) {
			c.KeyStore = zoocfg.Store{Location: writeFile(t, w.dir, "w.pem", pemStore(t, w.server, password)), Password: "wrong"}
		}, "wrong password"},
		"pem without key": {func(c *zoocfg.TLS) {
			c.KeyStore.Location = writeFile(t, w.dir, "nokey.pem", pemCerts(w.server.cert))
		}, "holds no private key"},
		"pem with another's certificate": {func(c *zoocfg.TLS) {
			c.KeyStore.Location = writeFile(t, w.dir, "other.pem", append(pemStore(t, w.server, "")[:250], pemCerts(w.client.cert)...))
		}, "no certificate belongs to the private key"},
		"key store as trust store": {func(c *zoocfg.TLS) {
			c.TrustStore = zoocfg.Store{Location: writeFile(t, w.dir, "ks.jks", jks), Password: password}
		}, "holds no trusted certificate"},
		"p12 key store as trust store": {func(c *zoocfg.TLS) {
			c.TrustStore = zoocfg.Store{Location: writeFile(t, w.dir, "ks.p12", p12Store(t, w.server, password)), Password: password}
		}, "is no trust store"},
		"unknown suite":    {func(c *zoocfg.TLS) { c.CipherSuites = []string{"TLS_FANCY"} }, `ssl.ciphersuites = "TLS_FANCY": is no cipher suite`},
		"no usable suite":  {func(c *zoocfg.TLS) { c.CipherSuites = []string{"TLS_RSA_WITH_RC4_128_SHA"} }, "no suite of these"},
		"unknown protocol": {func(c *zoocfg.TLS) { c.EnabledProtocols = []string{"TLS1.3"} }, `ssl.enabledProtocols = "TLS1.3"`},
		"only old protocols": {func(c *zoocfg.TLS) { c.Protocol = "TLSv1.1" },
			`ssl.protocol = "TLSv1.1": only TLSv1.2 and TLSv1.3`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			tc.change(&cfg)
			_, err := newServer("ssl.", cfg, false, nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %s", err, tc.want)
			}
			var store *StoreError
			var policy *PolicyError
			if !errors.As(err, &store) && !errors.As(err, &policy) {
				t.Errorf("%T is no typed error", err)
			}
		})
	}
}

// Every suite that Java 17 can list is either offered or left out with a note.
func TestJavaSuiteNames(t *testing.T) {
	text, err := os.ReadFile("testdata/suites-java17.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(text))
	for _, name := range names {
		if _, _, err := suiteByName(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "TLS_", "RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_512_CBC_SHA", "tls_aes_128_gcm_sha256"} {
		if _, _, err := suiteByName(name); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	if len(names) < 30 {
		t.Error("too few names")
	}
}

func TestReload(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	cfg.Reload = true
	var reloads []error
	s, err := newServer("ssl.", cfg, false, func(err error) { reloads = append(reloads, err) })
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	look := func() { now = now.Add(2 * checkInterval); s.reloadIfChanged(now) }
	serial := func() string {
		return s.current.Load().config.Certificates[0].Leaf.SerialNumber.String()
	}

	first := serial()
	look()
	if len(reloads) != 0 {
		t.Fatal("a reload without a change")
	}

	next := issue(t, w.mid, "server", forName("zk.example.org"))
	replace(t, cfg.KeyStore.Location, pemStore(t, next, ""), 1)
	s.reloadIfChanged(now.Add(checkInterval / 2))
	if serial() != first {
		t.Fatal("looked at the files too often")
	}
	look()
	if len(reloads) != 1 || reloads[0] != nil || serial() != next.cert.SerialNumber.String() {
		t.Fatalf("got %v, serial %s", reloads, serial())
	}

	replace(t, cfg.KeyStore.Location, []byte("half written"), 2)
	look()
	look()
	if len(reloads) != 2 || reloads[1] == nil || serial() != next.cert.SerialNumber.String() {
		t.Fatalf("a broken file must be reported once and not used: %v", reloads)
	}

	replace(t, cfg.KeyStore.Location, pemStore(t, w.server, ""), 3)
	replace(t, cfg.TrustStore.Location, pemCerts(w.stranger.cert), 3)
	look()
	if len(reloads) != 3 || reloads[2] != nil || serial() != w.server.cert.SerialNumber.String() {
		t.Fatalf("got %v", reloads)
	}
	if _, err := handshake(t, s, w.clientConfig(w.client)); err == nil {
		t.Error("a client of the old trust store was let in")
	}
	if _, err := handshake(t, s, w.clientConfig(w.stranger)); err != nil {
		t.Error(err)
	}
}

// replace writes a file and gives it a time of its own.
func replace(t *testing.T, path string, content []byte, minutes int) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	stamp := time.Now().Add(time.Duration(minutes) * time.Minute)
	if err := os.Chtimes(path, stamp, stamp); err != nil {
		t.Fatal(err)
	}
}

// A clock that is put back does not keep new certificates out until it has caught up.
func TestReloadWhenTheClockIsPutBack(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	cfg.Reload = true
	s := mustServer(t, cfg)
	now := time.Now()
	s.reloadIfChanged(now.Add(365 * 24 * time.Hour))
	next := issue(t, w.mid, "server", forName("zk.example.org"))
	replace(t, cfg.KeyStore.Location, pemStore(t, next, ""), 1)
	s.reloadIfChanged(now)
	if got := s.current.Load().config.Certificates[0].Leaf; !got.Equal(next.cert) {
		t.Errorf("the certificate is %v still", got.SerialNumber)
	}
}

func TestReloadOnHandshake(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	cfg.Reload = true
	s := mustServer(t, cfg)
	next := issue(t, w.mid, "server", forName("zk.example.org"))
	replace(t, cfg.KeyStore.Location, pemStore(t, next, ""), 1)
	var shown *x509.Certificate
	client := w.clientConfig(w.client)
	client.VerifyConnection = func(state tls.ConnectionState) error {
		shown = state.PeerCertificates[0]
		return nil
	}
	if _, err := handshake(t, s, client); err != nil || !shown.Equal(next.cert) {
		t.Fatalf("the new certificate was not shown: %v", err)
	}
}

func TestExpiredServerCertificateIsNoted(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	old := issue(t, w.mid, "server", expired)
	cfg.KeyStore.Location = writeFile(t, w.dir, "old.pem", pemStore(t, old, ""))
	if notes := mustServer(t, cfg).Notes(); len(notes) != 1 || !strings.Contains(notes[0], "has expired on") {
		t.Errorf("got %q", notes)
	}
}

func TestClientHostnameVerification(t *testing.T) {
	w := newWorld(t)
	elsewhere := issue(t, w.mid, "client", forAddress("10.0.0.1"))
	for _, tc := range []struct {
		both, client bool
		who          *entity
		ok           bool
	}{
		{true, true, w.client, true},
		{true, true, elsewhere, false},
		{true, false, elsewhere, true},
		{false, true, elsewhere, true},
	} {
		cfg := w.config(t)
		cfg.HostnameVerification, cfg.ClientHostnameVerification = tc.both, tc.client
		if _, err := handshake(t, mustServer(t, cfg), w.clientConfig(tc.who)); (err == nil) != tc.ok {
			t.Errorf("%v %v: %v", tc.both, tc.client, err)
		}
	}
}

func TestVerifyHost(t *testing.T) {
	named := issue(t, nil, "n", forName("client.example.org")).cert
	addr := &net.TCPAddr{IP: net.ParseIP("10.1.2.3"), Port: 5}
	lookup := func(host string) ([]string, error) {
		if host != "10.1.2.3" {
			t.Errorf("looked up %s", host)
		}
		return []string{"other.example.org.", "client.example.org."}, nil
	}
	if err := verifyHost([]*x509.Certificate{named}, addr, false, lookup); err == nil {
		t.Error("an address passed for a name")
	}
	if err := verifyHost([]*x509.Certificate{named}, addr, true, lookup); err != nil {
		t.Error(err)
	}
	failing := func(string) ([]string, error) { return nil, errors.New("no such host") }
	if err := verifyHost([]*x509.Certificate{named}, addr, true, failing); err == nil {
		t.Error("passed without a name")
	}
	if err := verifyHost(nil, addr, false, lookup); err != nil {
		t.Error("no certificate must pass: clientAuth decides about that")
	}
}

func TestAdminUsesTheQuorumStores(t *testing.T) {
	w := newWorld(t)
	c := &zoocfg.Config{QuorumTLS: w.config(t)}
	s, err := ForAdmin(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t, s, w.clientConfig(nil)); err != nil {
		t.Error(err)
	}
	c.Admin.NeedClientAuth = true
	if s, err = ForAdmin(c, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t, s, w.clientConfig(nil)); err == nil {
		t.Error("let in without a certificate")
	}
	if _, err := ForClients(c, nil); err == nil || !strings.Contains(err.Error(), "ssl.keyStore.location") {
		t.Errorf("got %v", err)
	}
}

// Stores made by the keytool of the machine's JDK, if there is one.
func TestKeytoolStores(t *testing.T) {
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		t.Skip("no keytool")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(keytool, args...).CombinedOutput(); err != nil {
			t.Fatalf("keytool %v: %v\n%s", args, err, out)
		}
	}
	for _, tc := range []struct{ storeType, extension string }{{"JKS", "jks"}, {"PKCS12", "p12"}, {"PKCS12", "jks"}} {
		name := tc.storeType + "-" + tc.extension
		keys, trust, cert := filepath.Join(dir, name+"-keys."+tc.extension), filepath.Join(dir, name+"-trust."+tc.extension),
			filepath.Join(dir, name+".crt")
		run("-genkeypair", "-alias", "server", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", "CN=kt, OU=a+OU=b, O=\"Ex, Inc\", EMAILADDRESS=a@b, C=DE",
			"-ext", "san=dns:zk.example.org", "-keystore", keys, "-storetype", tc.storeType, "-storepass", "changeit", "-keypass", "changeit")
		run("-exportcert", "-alias", "server", "-keystore", keys, "-storepass", "changeit", "-file", cert)
		run("-importcert", "-noprompt", "-alias", "peer", "-file", cert, "-keystore", trust, "-storetype", tc.storeType, "-storepass", "changeit")
		s, err := newServer("ssl.", zoocfg.TLS{ClientAuth: "need",
			KeyStore:   zoocfg.Store{Location: keys, Password: "changeit"},
			TrustStore: zoocfg.Store{Location: trust, Password: "changeit"}}, false, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		pair := s.current.Load().config.Certificates[0]
		roots := x509.NewCertPool()
		roots.AddCert(pair.Leaf)
		state, err := handshake(t, s, &tls.Config{RootCAs: roots, ServerName: "zk.example.org", Certificates: []tls.Certificate{pair}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		id, err := SubjectName(state.PeerCertificates[0])
		if want := `CN=kt,OU=a+OU=b,O=Ex\, Inc,1.2.840.113549.1.9.1=#1603614062,C=DE`; err != nil || id != want {
			t.Errorf("%s: got %s, want %s", name, id, want)
		}
	}
}
