package tlsconf

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/zabra/zabra/server/zoocfg"
)

// A policy is what a server offers: versions from min to max, and suites for
// TLS 1.2, nil for Go's choice.
type policy struct {
	min, max uint16
	suites   []uint16
	notes    []string
}

func (p *policy) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// policyOf reads protocol, enabledProtocols and ciphersuites of the keys that
// start with prefix.
func policyOf(prefix string, cfg *zoocfg.TLS) (*policy, error) {
	p := &policy{}
	key, names := prefix+"enabledProtocols", cfg.EnabledProtocols
	if len(names) == 0 {
		key, names = prefix+"protocol", protocolFamily(cfg.Protocol)
	}
	if err := p.setVersions(key, names); err != nil {
		return nil, err
	}
	if len(cfg.CipherSuites) == 0 {
		return p, nil
	}
	return p, p.setSuites(prefix+"ciphersuites", cfg.CipherSuites)
}

// protocolFamily is what Java enables for the name of a TLS context: newer ones
// include TLS 1.2.
func protocolFamily(protocol string) []string {
	switch protocol {
	case "", "TLS", "Default", "TLSv1.3":
		return []string{"TLSv1.3", "TLSv1.2"}
	default:
		return []string{protocol}
	}
}

func (p *policy) setVersions(key string, names []string) error {
	for _, name := range names {
		switch name {
		case "TLSv1.3":
			p.max = tls.VersionTLS13
			if p.min == 0 {
				p.min = tls.VersionTLS13
			}
		case "TLSv1.2":
			p.min = tls.VersionTLS12
			if p.max == 0 {
				p.max = tls.VersionTLS12
			}
		case "TLSv1.1", "TLSv1", "SSLv3", "SSLv2Hello":
			p.note("%s: %s is left out; only TLSv1.2 and TLSv1.3 are offered", key, name)
		default:
			return &PolicyError{Key: key, Value: name, Problem: "is no protocol; want TLSv1.3 or TLSv1.2"}
		}
	}
	if p.max == 0 {
		return &PolicyError{Key: key, Value: strings.Join(names, ","), Problem: "only TLSv1.2 and TLSv1.3 can be offered"}
	}
	return nil
}

// setSuites restricts the offer. Without a suite of a version that version is
// not offered, as in Java.
func (p *policy) setSuites(key string, names []string) error {
	suites13 := 0
	for _, name := range names {
		id, version, err := suiteByName(name)
		switch {
		case err != nil:
			return &PolicyError{Key: key, Value: name, Problem: err.Error()}
		case version == tls.VersionTLS13:
			suites13++
		case id == 0:
			p.note("%s: %s is left out; it is not implemented or not safe", key, name)
		default:
			p.suites = append(p.suites, id)
		}
	}
	return p.matchVersions(key, names, suites13)
}

func (p *policy) matchVersions(key string, names []string, suites13 int) error {
	if suites13 == 0 && p.max == tls.VersionTLS13 {
		p.max = tls.VersionTLS12
		p.note("%s: no suite of TLSv1.3 is listed; TLSv1.3 is not offered", key)
	}
	if len(p.suites) == 0 && p.min == tls.VersionTLS12 {
		p.min = tls.VersionTLS13
		p.note("%s: no suite of TLSv1.2 is listed; TLSv1.2 is not offered", key)
	}
	if p.min > p.max {
		return &PolicyError{Key: key, Value: strings.Join(names, ","), Problem: "no suite of these is implemented for the enabled protocols"}
	}
	if suites13 > 0 && suites13 < countSuites13() && p.max == tls.VersionTLS13 {
		p.note("%s: the suites of TLSv1.3 cannot be chosen one by one; all are offered", key)
	}
	return nil
}

// suiteByName finds a suite by its IANA name, or by Java's old name that starts
// with SSL_. The id is 0 for one that exists and cannot be offered. The version
// is that of TLS 1.3 for its suites, and that of TLS 1.2 for all others.
func suiteByName(name string) (id, version uint16, err error) {
	iana := name
	if rest, ok := strings.CutPrefix(name, "SSL_"); ok {
		iana = "TLS_" + rest
	}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		switch {
		case s.Name != iana:
		case slices.Contains(s.SupportedVersions, tls.VersionTLS13):
			return s.ID, tls.VersionTLS13, nil
		case broken(iana):
			return 0, tls.VersionTLS12, nil
		default:
			return s.ID, tls.VersionTLS12, nil
		}
	}
	if knownElsewhere(iana) {
		return 0, tls.VersionTLS12, nil
	}
	return 0, 0, fmt.Errorf("is no cipher suite; want IANA names such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
}

// broken reports ciphers that Java has disabled as well.
func broken(iana string) bool {
	return strings.Contains(iana, "_RC4_") || strings.Contains(iana, "_3DES_")
}

// knownElsewhere reports the suites that Java has, or had in version 8, and Go
// does not implement.
func knownElsewhere(iana string) bool {
	if iana == "TLS_EMPTY_RENEGOTIATION_INFO_SCSV" {
		return true
	}
	name, isTLS := strings.CutPrefix(iana, "TLS_")
	exchange, cipher, isSuite := strings.Cut(name, "_WITH_")
	exchanges := []string{"RSA", "DHE_RSA", "DHE_DSS", "DH_anon", "ECDHE_RSA", "ECDHE_ECDSA", "ECDH_RSA", "ECDH_ECDSA", "ECDH_anon"}
	ciphers := []string{"AES_128_CBC_SHA", "AES_128_CBC_SHA256", "AES_128_GCM_SHA256", "AES_256_CBC_SHA", "AES_256_CBC_SHA256",
		"AES_256_CBC_SHA384", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256", "3DES_EDE_CBC_SHA", "RC4_128_SHA", "RC4_128_MD5",
		"DES_CBC_SHA", "NULL_SHA", "NULL_SHA256", "NULL_MD5"}
	return isTLS && isSuite && slices.Contains(exchanges, exchange) && slices.Contains(ciphers, cipher)
}

func countSuites13() int {
	n := 0
	for _, s := range tls.CipherSuites() {
		if slices.Contains(s.SupportedVersions, tls.VersionTLS13) {
			n++
		}
	}
	return n
}
