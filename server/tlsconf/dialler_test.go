package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/zabra/zabra/server/zoocfg"
)

// quorumConfig is that of a server with the certificate of who.
func (w *world) quorumConfig(t testing.TB, who *entity, change func(*zoocfg.TLS)) *zoocfg.Config {
	t.Helper()
	c := &zoocfg.Config{QuorumTLS: w.config(t)}
	c.QuorumTLS.KeyStore.Location = writeFile(t, t.TempDir(), "key.pem", pemStore(t, who, ""))
	c.QuorumTLS.ClientHostnameVerification = true
	if change != nil {
		change(&c.QuorumTLS)
	}
	return c
}

// meet connects two servers over loopback, as if name had been dialled.
func meet(t testing.TB, dialler, acceptor *zoocfg.Config, name string) error {
	t.Helper()
	d, err := ForQuorum(dialler, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ForQuorum(acceptor, nil)
	if err != nil {
		t.Fatal(err)
	}
	return meetServers(t, d, a, name)
}

func meetServers(t testing.TB, d, a *Server, name string) error {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dialled := make(chan error, 1)
	go func() {
		raw, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			dialled <- err
			return
		}
		defer raw.Close()
		raw.SetDeadline(time.Now().Add(time.Minute))
		dialled <- swap(tls.Client(raw, d.DialConfig(name, raw.RemoteAddr())))
	}()
	raw, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	raw.SetDeadline(time.Now().Add(time.Minute))
	err = swap(tls.Server(raw, a.Config()))
	raw.Close()
	return errors.Join(err, <-dialled)
}

// swap exchanges a byte with the other side.
func swap(c *tls.Conn) error {
	if _, err := c.Write([]byte{1}); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

func TestServersMeet(t *testing.T) {
	w := newWorld(t)
	local := issue(t, w.mid, "local", forAddress("127.0.0.1"))
	both := issue(t, w.mid, "both", forAddress("127.0.0.1"), forName("zk1"))
	clientOnly := issue(t, w.mid, "client only", forAddress("127.0.0.1"), func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	serverOnly := issue(t, w.mid, "server only", forAddress("127.0.0.1"), func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	old := issue(t, w.mid, "old", forAddress("127.0.0.1"), expired)
	lenient := func(c *zoocfg.TLS) { c.HostnameVerification = false }
	reverse := func(c *zoocfg.TLS) { c.AllowReverseDNS = true }
	anonymous := func(c *zoocfg.TLS) { c.ClientAuth = "none" }
	for _, tt := range []struct {
		what              string
		dialler, acceptor *entity
		name              string
		change            func(*zoocfg.TLS)
		ok                bool
	}{
		{"addresses fit", local, local, "127.0.0.1", nil, true},
		{"the address fits, the name does not", local, local, "zk9", nil, true},
		{"the name fits", local, both, "zk1", nil, true},
		{"the name fits, the address does not", local, w.server, "zk.example.org", nil, true},
		{"nothing of the acceptor fits", local, w.server, "zk1", nil, false},
		{"nothing of it fits, and nobody asks", local, w.server, "zk1", lenient, true},
		{"nothing of it fits, nor does DNS", local, w.server, "127.0.0.1", reverse, false},
		{"nothing of the dialler fits", w.server, local, "127.0.0.1", nil, false},
		{"nothing of it fits, and nobody asks", w.server, local, "127.0.0.1", lenient, true},
		{"the dialler shows none", w.stranger, local, "127.0.0.1", anonymous, true},
		{"the dialler is a stranger", w.stranger, local, "127.0.0.1", lenient, false},
		{"the acceptor is a stranger", local, w.stranger, "127.0.0.1", lenient, false},
		{"the acceptor is a stranger, and asks nothing", local, w.stranger, "127.0.0.1", anonymous, false},
		{"the acceptor has expired", local, old, "127.0.0.1", nil, false},
		{"the dialler has expired", old, local, "127.0.0.1", nil, false},
		{"the acceptor is for clients", local, clientOnly, "127.0.0.1", nil, false},
		{"the dialler is for clients", clientOnly, local, "127.0.0.1", nil, true},
		{"the dialler is for servers", serverOnly, local, "127.0.0.1", nil, false},
		{"the acceptor is for servers", local, serverOnly, "127.0.0.1", nil, true},
	} {
		err := meet(t, w.quorumConfig(t, tt.dialler, tt.change), w.quorumConfig(t, tt.acceptor, tt.change), tt.name)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
}

func TestServersAgreeOnAVersion(t *testing.T) {
	w := newWorld(t)
	local := issue(t, w.mid, "local", forAddress("127.0.0.1"))
	only := func(version string) func(*zoocfg.TLS) {
		return func(c *zoocfg.TLS) { c.EnabledProtocols = []string{version} }
	}
	old, recent := w.quorumConfig(t, local, only("TLSv1.2")), w.quorumConfig(t, local, only("TLSv1.3"))
	if err := meet(t, old, old, "127.0.0.1"); err != nil {
		t.Error(err)
	}
	if err := meet(t, old, recent, "127.0.0.1"); err == nil {
		t.Error("TLSv1.2 met TLSv1.3")
	}
}

func TestQuorumNeedsATrustStore(t *testing.T) {
	w := newWorld(t)
	_, err := ForQuorum(w.quorumConfig(t, w.server, func(c *zoocfg.TLS) {
		c.TrustStore.Location, c.ClientAuth = "", "none"
	}), nil)
	var policy *PolicyError
	if !errors.As(err, &policy) || policy.Key != "ssl.quorum.trustStore.location" {
		t.Errorf("got %v", err)
	}
}

// A dialler sees new certificates as an acceptor does.
func TestDiallerReloads(t *testing.T) {
	w := newWorld(t)
	local := issue(t, w.mid, "local", forAddress("127.0.0.1"))
	c := w.quorumConfig(t, w.stranger, nil)
	c.Ensemble.ReloadCerts = true
	d, err := ForQuorum(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ForQuorum(w.quorumConfig(t, local, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := meetServers(t, d, a, "127.0.0.1"); err == nil {
		t.Fatal("a stranger was let in")
	}
	path := c.QuorumTLS.KeyStore.Location
	if err := os.WriteFile(path, pemStore(t, local, ""), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	d.lastCheck.Store(0)
	if err := meetServers(t, d, a, "127.0.0.1"); err != nil {
		t.Error(err)
	}
}
