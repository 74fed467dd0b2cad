package tlsconf

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/zabra/zabra/server/zoocfg"
)

// ForTool is the configuration of a client, from the ssl keys of a configuration of
// ZooKeeper's Java client. Without a trust store the authorities of the system are
// trusted, without a key store no certificate is shown. The name that a server's
// certificate must have is left to whoever dials: to ServerName. Stores are read once.
func ForTool(cfg zoocfg.TLS) (*tls.Config, error) {
	s := &Server{prefix: "ssl.", cfg: cfg}
	if err := s.refuseUnchecked(); err != nil {
		return nil, err
	}
	p, err := policyOf(s.prefix, &cfg)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: p.min, MaxVersion: p.max, CipherSuites: p.suites}
	if cfg.KeyStore.Location != "" {
		keys, err := loadKeys(&cfg.KeyStore)
		if err != nil {
			return nil, &StoreError{Key: s.prefix + "keyStore.location", Path: cfg.KeyStore.Location, Err: err}
		}
		showAlways(c, keys)
	}
	if cfg.TrustStore.Location != "" {
		if c.RootCAs, err = s.loadRoots(); err != nil {
			return nil, err
		}
	}
	if !cfg.HostnameVerification {
		anyName(c)
	}
	return c, nil
}

// showAlways shows a certificate also to a server that does not name its issuer.
func showAlways(c *tls.Config, keys []tls.Certificate) {
	m := &material{config: &tls.Config{Certificates: keys}}
	c.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return m.certificateFor(asked), nil
	}
}

// anyName checks who signed a certificate, and not whose it is.
func anyName(c *tls.Config) {
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(state tls.ConnectionState) error {
		o := x509.VerifyOptions{Roots: c.RootCAs, Intermediates: x509.NewCertPool()}
		for _, above := range state.PeerCertificates[1:] {
			o.Intermediates.AddCert(above)
		}
		_, err := state.PeerCertificates[0].Verify(o)
		return err
	}
}
