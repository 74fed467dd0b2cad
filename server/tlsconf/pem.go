package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/youmark/pkcs8"
)

// pemKeys reads one private key and its chain from one file, in any order.
func pemKeys(st *store) ([]tls.Certificate, error) {
	var (
		key   any
		certs []*x509.Certificate
	)
	for block := range pemBlocks(st.data) {
		switch {
		case isCertificate(block):
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, err
			}
			certs = append(certs, cert)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			if key != nil {
				return nil, errors.New("holds more than one private key")
			}
			var err error
			if key, err = parseKey(block, st.password); err != nil {
				return nil, err
			}
		}
	}
	if key == nil {
		return nil, ErrNoKey
	}
	pair, err := keyPair(key, certs)
	if err != nil {
		return nil, err
	}
	return []tls.Certificate{pair}, nil
}

func pemTrust(st *store) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for block := range pemBlocks(st.data) {
		if !isCertificate(block) {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// pemBlocks iterates over the blocks of a file; text around them is ignored.
func pemBlocks(data []byte) func(func(*pem.Block) bool) {
	return func(yield func(*pem.Block) bool) {
		for {
			block, rest := pem.Decode(data)
			if block == nil || !yield(block) {
				return
			}
			data = rest
		}
	}
}

func isCertificate(block *pem.Block) bool {
	return block.Type == "CERTIFICATE" || block.Type == "X509 CERTIFICATE"
}

// parseKey reads a private key as PKCS 8, encrypted or not, PKCS 1 or SEC 1.
func parseKey(block *pem.Block, password string) (any, error) {
	if strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, errors.New("the key is encrypted the old way of OpenSSL; convert it with openssl pkcs8 -topk8")
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		key, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte(password))
		if err != nil {
			return nil, fmt.Errorf("%w: %v", ErrPassword, err)
		}
		return key, nil
	default:
		return nil, fmt.Errorf("a %s is not supported", strings.ToLower(block.Type))
	}
}
