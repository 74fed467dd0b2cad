package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/zabra/zabra/internal/properties"
)

// A cliTLS is how zabra cli speaks TLS.
type cliTLS struct {
	on        bool
	ca        string // PEM; the system's if empty
	cert, key string // PEM; no certificate of one's own if empty
	name      string // that the server's certificate must have; the host's if empty
	anyName   bool
}

func (t *cliTLS) register(f *pflag.FlagSet) {
	f.BoolVar(&t.on, "tls", false, "connect by TLS; the other TLS flags imply it")
	f.StringVar(&t.ca, "cafile", "", "PEM file with the authorities that may have signed the server's certificate")
	f.StringVar(&t.cert, "cert", "", "PEM file with a client certificate")
	f.StringVar(&t.key, "key", "", "PEM file with its key; the file of the certificate if not given")
	f.StringVar(&t.name, "tls-server-name", "", "name that the server's certificate must have, if it is not the host's")
}

// config is nil without TLS.
func (t *cliTLS) config() (*tls.Config, error) {
	if !t.on && t.ca == "" && t.cert == "" && t.name == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.name}
	if t.ca != "" {
		pool, err := authorities(t.ca)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = pool
	}
	if t.cert != "" {
		key := t.key
		if key == "" {
			key = t.cert
		}
		pair, err := tls.LoadX509KeyPair(t.cert, key)
		if err != nil {
			return nil, fmt.Errorf("--cert %s: %w", t.cert, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	if t.anyName {
		anyName(cfg)
	}
	return cfg, nil
}

func authorities(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--cafile: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--cafile %s: there is no PEM certificate in it", path)
	}
	return pool, nil
}

// anyName checks who signed a certificate, and not whose it is: what the Java client
// does with ssl.hostnameVerification=false.
func anyName(cfg *tls.Config) {
	cfg.InsecureSkipVerify = true
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		o := x509.VerifyOptions{Roots: cfg.RootCAs, Intermediates: x509.NewCertPool()}
		for _, above := range state.PeerCertificates[1:] {
			o.Intermediates.AddCert(above)
		}
		_, err := state.PeerCertificates[0].Verify(o)
		return err
	}
}

// fromFile takes the TLS settings of the Java client's configuration. Stores must be
// PEM.
func (t *cliTLS) fromFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("--client-configuration: %w", err)
	}
	props, err := properties.Parse(text)
	if err != nil {
		return fmt.Errorf("--client-configuration %s: %w", path, err)
	}
	for _, p := range properties.LastOfEach(props) {
		if err := t.setting(strings.TrimPrefix(p.Key, "zookeeper."), p.Value); err != nil {
			return fmt.Errorf("--client-configuration %s:%d: %s: %w", path, p.Line, p.Key, err)
		}
	}
	return nil
}

func (t *cliTLS) setting(key, value string) error {
	switch key {
	case "client.secure":
		t.on = strings.EqualFold(value, "true")
	case "ssl.trustStore.location":
		return pemStore(&t.ca, value)
	case "ssl.keyStore.location":
		return pemStore(&t.cert, value)
	case "ssl.hostnameVerification":
		t.anyName = strings.EqualFold(value, "false")
	case "ssl.crl", "ssl.ocsp":
		if strings.EqualFold(value, "true") {
			return errors.New("revocation is not looked at here, so it cannot be relied on")
		}
	}
	return nil
}

// pemStore sets a file that a flag has not set already.
func pemStore(at *string, path string) error {
	if *at != "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), "-----BEGIN ") {
		return fmt.Errorf("%s is no PEM file; keytool and openssl pkcs12 make one of it", path)
	}
	*at = path
	return nil
}
