package tlsconf

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"

	keystore "github.com/pavlo-v-chernykh/keystore-go/v4"
)

// The first bytes of Java's two own formats.
const (
	jksMagic   = "\xfe\xed\xfe\xed"
	jceksMagic = "\xce\xce\xce\xce"
)

func openJKS(st *store) (keystore.KeyStore, error) {
	if err := checkJKS(st.data); err != nil {
		return keystore.KeyStore{}, err
	}
	ks := keystore.New(keystore.WithOrderedAliases(), keystore.WithCaseExactAliases())
	if err := ks.Load(bytes.NewReader(st.data), []byte(st.password)); err != nil {
		return ks, fmt.Errorf("%w: %v", ErrPassword, err)
	}
	return ks, nil
}

func jksKeys(st *store) ([]tls.Certificate, error) {
	ks, err := openJKS(st)
	if err != nil {
		return nil, err
	}
	var pairs []tls.Certificate
	for _, alias := range ks.Aliases() {
		if !ks.IsPrivateKeyEntry(alias) {
			continue
		}
		entry, err := ks.GetPrivateKeyEntry(alias, []byte(st.password))
		if err != nil {
			return nil, fmt.Errorf("key %q: its password must be that of the store: %w", alias, err)
		}
		pair, err := jksPair(entry)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", alias, err)
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

func jksPair(entry keystore.PrivateKeyEntry) (tls.Certificate, error) {
	key, err := x509.ParsePKCS8PrivateKey(entry.PrivateKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	var certs []*x509.Certificate
	for _, c := range entry.CertificateChain {
		cert, err := x509.ParseCertificate(c.Content)
		if err != nil {
			return tls.Certificate{}, err
		}
		certs = append(certs, cert)
	}
	return keyPair(key, certs)
}

func jksTrust(st *store) ([]*x509.Certificate, error) {
	ks, err := openJKS(st)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for _, alias := range ks.Aliases() {
		if !ks.IsTrustedCertificateEntry(alias) {
			continue
		}
		entry, err := ks.GetTrustedCertificateEntry(alias)
		if err != nil {
			return nil, fmt.Errorf("certificate %q: %w", alias, err)
		}
		cert, err := x509.ParseCertificate(entry.Certificate.Content)
		if err != nil {
			return nil, fmt.Errorf("certificate %q: %w", alias, err)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// checkJKS walks the lengths of a JKS file, so that a damaged one is refused
// before memory is taken for what it claims to hold.
//
//	file  ::= magic:4 version:4 count:4 entry* sha1:20
//	entry ::= 1:4 alias:2+ created:8 key:4+ count:4 cert*   a key with its chain
//	        | 2:4 alias:2+ created:8 cert                   a trusted certificate
//	cert  ::= type:2+ content:4+                            no type in version 1
//
// where n+ is a length of n bytes and as many bytes.
func checkJKS(data []byte) error {
	w := jksWalk{data: data, pos: len(jksMagic)}
	version, count := w.uint(4), w.uint(4)
	for i := uint64(0); i < count && !w.failed; i++ {
		tag := w.uint(4)
		w.skip(w.uint(2) + 8)
		certs := uint64(1)
		switch tag {
		case 1:
			w.skip(w.uint(4))
			certs = w.uint(4)
		case 2:
		default:
			w.failed = true
		}
		for ; certs > 0 && !w.failed; certs-- {
			if version == 2 {
				w.skip(w.uint(2))
			}
			w.skip(w.uint(4))
		}
	}
	if w.failed || len(data)-w.pos != 20 {
		return fmt.Errorf("damaged JKS store at offset %d", w.pos)
	}
	return nil
}

type jksWalk struct {
	data   []byte
	pos    int
	failed bool
}

func (w *jksWalk) uint(n int) uint64 {
	if w.failed || len(w.data)-w.pos < n {
		w.failed = true
		return 0
	}
	b := w.data[w.pos : w.pos+n]
	w.pos += n
	if n == 2 {
		return uint64(binary.BigEndian.Uint16(b))
	}
	return uint64(binary.BigEndian.Uint32(b))
}

func (w *jksWalk) skip(n uint64) {
	if w.failed || uint64(len(w.data)-w.pos) < n {
		w.failed = true
		return
	}
	w.pos += int(n)
}
