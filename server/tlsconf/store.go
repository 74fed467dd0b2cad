package tlsconf

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/zabra/zabra/server/zoocfg"
)

// maxStoreBytes bounds a store; the certificates of every public authority are
// about 300 KB.
const maxStoreBytes = 16 << 20

// A store is the content of one file, open and typed.
type store struct {
	data     []byte
	password string
	format   string // JKS, PKCS12 or PEM
}

// openStore reads a store and its password, and tells its format.
func openStore(s *zoocfg.Store) (*store, error) {
	format, err := formatOf(s)
	if err != nil {
		return nil, err
	}
	data, err := readBounded(s.Location)
	if err != nil {
		return nil, err
	}
	password, err := passwordOf(s)
	if err != nil {
		return nil, err
	}
	if format != "PEM" {
		if format, err = sniff(data); err != nil {
			return nil, err
		}
	}
	return &store{data: data, password: password, format: format}, nil
}

// formatOf is the stated type, or else that of the file's extension.
func formatOf(s *zoocfg.Store) (string, error) {
	format := strings.ToUpper(s.Type)
	if format == "" {
		switch {
		case strings.HasSuffix(s.Location, ".jks"):
			format = "JKS"
		case strings.HasSuffix(s.Location, ".pem"):
			format = "PEM"
		case strings.HasSuffix(s.Location, ".p12"):
			format = "PKCS12"
		case strings.HasSuffix(s.Location, ".bcfks"):
			format = "BCFKS"
		}
	}
	switch format {
	case "JKS", "PEM", "PKCS12":
		return format, nil
	case "BCFKS":
		return "", ErrBCFKS
	default:
		return "", ErrUnknownType
	}
}

// sniff tells JKS from PKCS12 by content. Java opens either under either name,
// and keytool has written PKCS12 into files called .jks since Java 9.
func sniff(data []byte) (string, error) {
	switch {
	case bytes.HasPrefix(data, []byte(jksMagic)):
		return "JKS", nil
	case bytes.HasPrefix(data, []byte(jceksMagic)):
		return "", ErrJCEKS
	case bytes.HasPrefix(data, []byte{0x30}):
		return "PKCS12", nil
	case bytes.Contains(data, []byte("-----BEGIN ")):
		return "", errors.New("is a PEM file; set the type to PEM or name it .pem")
	default:
		return "", errors.New("is neither a JKS nor a PKCS12 store")
	}
}

// passwordOf is the content of PasswordPath without one final line end, or else
// Password.
func passwordOf(s *zoocfg.Store) (string, error) {
	if s.PasswordPath == "" {
		return s.Password.Reveal(), nil
	}
	text, err := readBounded(s.PasswordPath)
	if err != nil {
		return "", fmt.Errorf("password file %s: %w", s.PasswordPath, err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

// loadKeys reads the certificates that a server can show.
func loadKeys(s *zoocfg.Store) ([]tls.Certificate, error) {
	st, err := openStore(s)
	if err != nil {
		return nil, err
	}
	var certs []tls.Certificate
	switch st.format {
	case "JKS":
		certs, err = jksKeys(st)
	case "PKCS12":
		certs, err = pkcs12Keys(st)
	default:
		certs, err = pemKeys(st)
	}
	if err == nil && len(certs) == 0 {
		err = ErrNoKey
	}
	return certs, err
}

// loadTrust reads the certificates that clients' certificates may lead to.
func loadTrust(s *zoocfg.Store) ([]*x509.Certificate, error) {
	st, err := openStore(s)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	switch st.format {
	case "JKS":
		certs, err = jksTrust(st)
	case "PKCS12":
		certs, err = pkcs12Trust(st)
	default:
		certs, err = pemTrust(st)
	}
	if err == nil && len(certs) == 0 {
		err = ErrNoTrust
	}
	return certs, err
}

// keyPair joins a key with its certificate and the chain above that, both found
// among certs, in whatever order they are.
func keyPair(key any, certs []*x509.Certificate) (tls.Certificate, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return tls.Certificate{}, fmt.Errorf("a private key of type %T cannot sign", key)
	}
	leaf := leafOf(signer, certs)
	if leaf == nil {
		return tls.Certificate{}, errors.New("no certificate belongs to the private key")
	}
	pair := tls.Certificate{PrivateKey: key, Leaf: leaf}
	for _, cert := range chainOf(leaf, certs) {
		pair.Certificate = append(pair.Certificate, cert.Raw)
	}
	return pair, nil
}

func leafOf(key crypto.Signer, certs []*x509.Certificate) *x509.Certificate {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil
	}
	for _, cert := range certs {
		if public.Equal(cert.PublicKey) {
			return cert
		}
	}
	return nil
}

// chainOf follows issuers from the leaf until a certificate that issued itself,
// or whose issuer is not there.
func chainOf(leaf *x509.Certificate, certs []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for len(chain) <= len(certs) {
		last := chain[len(chain)-1]
		if bytes.Equal(last.RawIssuer, last.RawSubject) {
			break
		}
		issuer := issuerOf(last, certs)
		if issuer == nil {
			break
		}
		chain = append(chain, issuer)
	}
	return chain
}

func issuerOf(cert *x509.Certificate, certs []*x509.Certificate) *x509.Certificate {
	for _, c := range certs {
		if bytes.Equal(c.RawSubject, cert.RawIssuer) && cert.CheckSignatureFrom(c) == nil {
			return c
		}
	}
	return nil
}

// readBounded reads a file of at most maxStoreBytes. Errors do not repeat the
// path.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, bareError(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxStoreBytes+1))
	if err != nil {
		return nil, bareError(err)
	}
	if len(data) > maxStoreBytes {
		return nil, ErrTooLarge
	}
	return data, nil
}

func bareError(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
