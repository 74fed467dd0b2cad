package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"time"
)

// DialConfig is the configuration of one connection that was dialled as host and
// has reached remote, from a Server that ForQuorum made. The certificate of the
// other side is checked against the trust store and, with hostnameVerification, its
// names against host and then against the address of remote, as ZooKeeper does.
func (s *Server) DialConfig(host string, remote net.Addr) *tls.Config {
	if s.cfg.Reload {
		s.reloadIfChanged(time.Now())
	}
	m := s.current.Load()
	return &tls.Config{
		ServerName:   host,
		MinVersion:   s.policy.min,
		MaxVersion:   s.policy.max,
		CipherSuites: s.policy.suites,
		GetClientCertificate: func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return m.certificateFor(asked), nil
		},
		// A name or an address may fit, or none may be asked for, which is for
		// VerifyConnection to find out; it checks the chain as well.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			return s.verifyServer(m.roots, state.PeerCertificates, host, remote)
		},
	}
}

// certificateFor is the first certificate that is of a kind that was asked for, or
// else the first: a server that trusts the very certificate need not name its
// issuer.
func (m *material) certificateFor(asked *tls.CertificateRequestInfo) *tls.Certificate {
	for i := range m.config.Certificates {
		if c := &m.config.Certificates[i]; asked.SupportsCertificate(c) == nil {
			return c
		}
	}
	return &m.config.Certificates[0]
}

var errNoCertificate = errors.New("tlsconf: the server has shown no certificate")

func (s *Server) verifyServer(roots *x509.CertPool, certs []*x509.Certificate, host string, remote net.Addr) error {
	if len(certs) == 0 {
		return errNoCertificate
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, above := range certs[1:] {
		o.Intermediates.AddCert(above)
	}
	if _, err := certs[0].Verify(o); err != nil {
		return err
	}
	if !s.cfg.HostnameVerification || certs[0].VerifyHostname(host) == nil {
		return nil
	}
	// Only an address has no name yet; the name that was dialled is the one to fit.
	_, err := netip.ParseAddr(host)
	return verifyHost(certs, remote, err == nil && s.cfg.AllowReverseDNS, net.LookupAddr)
}
