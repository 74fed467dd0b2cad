package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/zabra/zabra/server/zoocfg"
)

// tool connects to a server with client certificates by what ForTool makes of cfg.
func (w *world) tool(t *testing.T, cfg zoocfg.TLS, name string) error {
	t.Helper()
	c, err := ForTool(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.ServerName = name
	_, err = handshake(t, mustServer(t, w.config(t)), c)
	return err
}

// The stores of Java's client serve a tool, whatever format they have.
func TestForToolTakesEveryFormat(t *testing.T) {
	w := newWorld(t)
	roots, pw := []*x509.Certificate{w.root.cert}, zoocfg.Secret(password)
	for name, stores := range map[string][2]zoocfg.Store{
		"jks": {{Location: writeFile(t, w.dir, "c.jks", jksStore(t, w.client, nil, password)), Password: pw},
			{Location: writeFile(t, w.dir, "ct.jks", jksStore(t, nil, roots, password)), Password: pw}},
		"p12": {{Location: writeFile(t, w.dir, "c.p12", p12Store(t, w.client, password)), Password: pw},
			{Location: writeFile(t, w.dir, "ct.p12", p12Trust(t, roots, password)), Password: pw}},
		"pem": {{Location: writeFile(t, w.dir, "c.pem", pemStore(t, w.client, ""))},
			{Location: writeFile(t, w.dir, "ct.pem", pemCerts(w.root.cert))}},
	} {
		cfg := zoocfg.TLS{KeyStore: stores[0], TrustStore: stores[1], HostnameVerification: true}
		if err := w.tool(t, cfg, "zk.example.org"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.tool(t, cfg, "elsewhere.example"); err == nil {
			t.Errorf("%s: it is content with another name", name)
		}
	}
}

// Without names the chain is looked at all the same.
func TestForToolWithoutNames(t *testing.T) {
	w := newWorld(t)
	key := zoocfg.Store{Location: writeFile(t, w.dir, "c.pem", pemStore(t, w.client, ""))}
	for _, tc := range []struct {
		trusted *x509.Certificate
		ok      bool
	}{{w.root.cert, true}, {w.stranger.cert, false}} {
		trust := zoocfg.Store{Location: writeFile(t, w.dir, "ct.pem", pemCerts(tc.trusted))}
		if err := w.tool(t, zoocfg.TLS{KeyStore: key, TrustStore: trust}, "elsewhere.example"); (err == nil) != tc.ok {
			t.Errorf("trusting %s: %v", tc.trusted.Subject, err)
		}
	}
}

func TestForToolRefuses(t *testing.T) {
	var policy *PolicyError
	for name, cfg := range map[string]zoocfg.TLS{"crl": {CRL: true}, "ocsp": {OCSP: true}, "class": {ContextSupplier: "x"}, "protocol": {Protocol: "SSLv3"}} {
		if _, err := ForTool(cfg); !errors.As(err, &policy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var store *StoreError
	for name, cfg := range map[string]zoocfg.TLS{"key": {KeyStore: zoocfg.Store{Location: "/none.pem"}}, "trust": {TrustStore: zoocfg.Store{Location: "/none.pem"}}} {
		if _, err := ForTool(cfg); !errors.As(err, &store) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := ForTool(zoocfg.TLS{Protocol: "TLSv1.2", EnabledProtocols: []string{"TLSv1.2"}, HostnameVerification: true})
	if err != nil || c.MaxVersion != tls.VersionTLS12 || c.RootCAs != nil || c.InsecureSkipVerify {
		t.Errorf("%+v %v", c, err)
	}
}
