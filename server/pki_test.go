package server_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A holder is a certificate and its key.
type holder struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// A pki is two certificate authorities, of which a server trusts one, and what
// they issued, as files in dir.
type pki struct {
	t              testing.TB
	dir            string
	trusted, other *holder
	serial         int64
}

func newPKI(t testing.TB) *pki {
	t.Helper()
	p := &pki{t: t, dir: filepath.ToSlash(t.TempDir())}
	p.trusted, p.other = p.issue(nil, "Trusted CA"), p.issue(nil, "Other CA")
	p.write("server.pem", p.issue(p.trusted, "server").pem())
	p.write("trust.pem", certPEM(p.trusted.cert))
	return p
}

// issue makes a certificate for a name; without an issuer, an authority.
func (p *pki) issue(issuer *holder, name string, change ...func(*x509.Certificate)) *holder {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	p.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(p.serial),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Example, Inc."}},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for _, f := range change {
		f(template)
	}
	parent, signer := template, crypto.Signer(key)
	if issuer == nil {
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage = x509.KeyUsageCertSign
	} else {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		p.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	return &holder{cert, key}
}

func expired(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }

func (p *pki) write(name string, content []byte) string {
	p.t.Helper()
	path := filepath.ToSlash(filepath.Join(p.dir, name))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func certPEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// pem is the key and the certificate, as a key store.
func (h *holder) pem() []byte {
	der, err := x509.MarshalPKCS8PrivateKey(h.key)
	if err != nil {
		panic(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return bytes.Join([][]byte{key, certPEM(h.cert)}, nil)
}

// config are the lines of zoo.cfg that serve clients with these files.
func (p *pki) config() string {
	return "ssl.keyStore.location=" + p.dir + "/server.pem\nssl.trustStore.location=" + p.dir + "/trust.pem"
}

// client is the TLS of a client that trusts the server's authority and shows
// the holder's certificate, if there is one.
func (p *pki) client(h *holder) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(p.trusted.cert)
	c := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
	if h != nil {
		own := tls.Certificate{Certificate: [][]byte{h.cert.Raw}, PrivateKey: h.key, Leaf: h.cert}
		// Shown also to a server that does not name its issuer.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	return c
}
