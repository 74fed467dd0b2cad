package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/zabra/zabra/client"
)

// named is a certificate for a host, and who trusts it.
func named(t *testing.T, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// By TLS a server has to be the one that was asked for, by the name it was given or by that
// of the configuration; a name's address is not what counts.
func TestTLSVerifiesTheName(t *testing.T) {
	certificate, trusted := named(t, "zoo.example")
	f := play(t, func(c *fakeConn) {
		c.Conn = tls.Server(c.Conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
		c.serve(1)
	})
	open := func(host string, cfg *tls.Config) error {
		ctx, giveUp := context.WithTimeout(t.Context(), time.Minute)
		defer giveUp()
		tries := 0
		c, err := client.Open(ctx, host, client.Options{
			TLS:     cfg,
			Resolve: func(context.Context, string) ([]string, error) { return []string{"10.0.0.1"}, nil },
			Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				if tries++; tries > 1 {
					giveUp()
				}
				return new(net.Dialer).DialContext(ctx, network, f.addr)
			},
		})
		if err == nil {
			_, _, err = c.Get(ctx, "/")
			c.Close()
		}
		return err
	}
	shared := &tls.Config{RootCAs: trusted}
	if err := open("zoo.example:2281", shared); err != nil {
		t.Error(err)
	}
	var name x509.HostnameError
	if err := open("other.example:2281", shared); !errors.As(err, &name) || name.Host != "other.example" {
		t.Error(err)
	}
	if err := open("other.example:2281", &tls.Config{RootCAs: trusted, ServerName: "zoo.example"}); err != nil {
		t.Error(err)
	}
	var unknown x509.UnknownAuthorityError
	if err := open("zoo.example:2281", &tls.Config{RootCAs: x509.NewCertPool()}); !errors.As(err, &unknown) {
		t.Error(err)
	}
	if shared.ServerName != "" {
		t.Errorf("the caller's configuration is changed: %q", shared.ServerName)
	}
}
