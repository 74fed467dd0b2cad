package tlsconf

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
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

	keystore "github.com/pavlo-v-chernykh/keystore-go/v4"
	"github.com/youmark/pkcs8"
	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// An entity is a certificate with its key and the certificates above it.
type entity struct {
	cert  *x509.Certificate
	key   crypto.Signer
	chain []*x509.Certificate // issuers, nearest first
}

type certOption func(*x509.Certificate)

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid = true, true
	c.KeyUsage = x509.KeyUsageCertSign
}

func forAddress(ip string) certOption {
	return func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP(ip)} }
}

func forName(name string) certOption {
	return func(c *x509.Certificate) { c.DNSNames = []string{name} }
}

func expired(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }

// issue makes an entity; issuer nil makes it sign itself.
func issue(t testing.TB, issuer *entity, name string, options ...certOption) *entity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issueFor(t, issuer, name, key, options...)
}

func issueFor(t testing.TB, issuer *entity, name string, key crypto.Signer, options ...certOption) *entity {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Example, Inc."}},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	for _, option := range options {
		option(template)
	}
	e := &entity{key: key}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
		e.chain = append([]*x509.Certificate{issuer.cert}, issuer.chain...)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	if e.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return e
}

func rsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (e *entity) tlsCertificate() tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{e.cert.Raw}, PrivateKey: e.key}
	for _, above := range e.chain {
		c.Certificate = append(c.Certificate, above.Raw)
	}
	return c
}

func writeFile(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func pkcs8Bytes(t testing.TB, e *entity) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(e.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pemCerts(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// pemStore is key and chain in one PEM text; a password encrypts the key.
func pemStore(t testing.TB, e *entity, password string) []byte {
	t.Helper()
	block := &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8Bytes(t, e)}
	if password != "" {
		der, err := pkcs8.MarshalPrivateKey(e.key, []byte(password), nil)
		if err != nil {
			t.Fatal(err)
		}
		block = &pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}
	}
	return append(pem.EncodeToMemory(block), pemCerts(append([]*x509.Certificate{e.cert}, e.chain...)...)...)
}

// jksStore holds a key entry for e, if not nil, and trusted certificates.
func jksStore(t testing.TB, e *entity, trusted []*x509.Certificate, password string) []byte {
	t.Helper()
	ks := keystore.New(keystore.WithOrderedAliases())
	if e != nil {
		entry := keystore.PrivateKeyEntry{CreationTime: time.Now(), PrivateKey: pkcs8Bytes(t, e)}
		for _, c := range append([]*x509.Certificate{e.cert}, e.chain...) {
			entry.CertificateChain = append(entry.CertificateChain, keystore.Certificate{Type: "X509", Content: c.Raw})
		}
		if err := ks.SetPrivateKeyEntry("server", entry, []byte(password)); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range trusted {
		entry := keystore.TrustedCertificateEntry{CreationTime: time.Now(),
			Certificate: keystore.Certificate{Type: "X509", Content: c.Raw}}
		if err := ks.SetTrustedCertificateEntry(string(rune('a'+i)), entry); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := ks.Store(&out, []byte(password)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func p12Store(t testing.TB, e *entity, password string) []byte {
	t.Helper()
	der, err := pkcs12.Modern2023.Encode(e.key, e.cert, e.chain, password)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func p12Trust(t testing.TB, trusted []*x509.Certificate, password string) []byte {
	t.Helper()
	der, err := pkcs12.Modern2023.EncodeTrustStore(trusted, password)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
