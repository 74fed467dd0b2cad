package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

func pkcs12Keys(st *store) ([]tls.Certificate, error) {
	key, leaf, others, err := pkcs12.DecodeChain(st.data, st.password)
	if err != nil {
		return nil, pkcs12Error(err)
	}
	pair, err := keyPair(key, append([]*x509.Certificate{leaf}, others...))
	if err != nil {
		return nil, err
	}
	return []tls.Certificate{pair}, nil
}

// pkcs12Trust reads the certificates that Java has marked as trusted. Java takes
// no others for trust anchors either.
func pkcs12Trust(st *store) ([]*x509.Certificate, error) {
	certs, err := pkcs12.DecodeTrustStore(st.data, st.password)
	if err != nil && !errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, fmt.Errorf("is no trust store as Java's keytool makes one (keytool -importcert): %w", err)
	}
	return certs, pkcs12Error(err)
}

func pkcs12Error(err error) error {
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return ErrPassword
	}
	return err
}
