package access

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zabra/zabra/internal/properties"
	"github.com/zabra/zabra/server/tlsconf"
	"github.com/zabra/zabra/server/zoocfg"
)

// A javaConfig is what is read of a configuration of ZooKeeper's Java client.
type javaConfig struct {
	secure   bool
	ssl      zoocfg.TLS
	noSASL   bool
	jaasFile string
	section  string

	maxRequest int // 0 if it says nothing
}

// javaConfig is the one of ConfigFile; without it, that of an empty one.
func (a *Access) javaConfig() (*javaConfig, error) {
	j := &javaConfig{section: "Client"}
	j.ssl.HostnameVerification = true
	if a.ConfigFile == "" {
		return j, nil
	}
	text, err := readSmall(a.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("--client-configuration: %w", err)
	}
	props, err := properties.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--client-configuration %s: %w", a.ConfigFile, err)
	}
	for _, p := range properties.LastOfEach(props) {
		if p.Key == "jute.maxbuffer" {
			if j.maxRequest, err = bufferSize(p.Value); err != nil {
				return nil, fmt.Errorf("--client-configuration %s: jute.maxbuffer=%s: want bytes", a.ConfigFile, p.Value)
			}
			continue
		}
		j.set(strings.TrimPrefix(p.Key, "zookeeper."), p.Value)
	}
	return j, nil
}

// bufferSize is a number as Java's Integer.decode takes it, which Java's client has it
// read by.
func bufferSize(text string) (int, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 0, 31)
	return int(n), err
}

func (j *javaConfig) set(key, value string) {
	isTrue := strings.EqualFold(value, "true")
	switch key {
	case "client.secure":
		j.secure = isTrue
	case "sasl.client":
		j.noSASL = !isTrue
	case "sasl.clientconfig":
		j.section = value
	case "java.security.auth.login.config":
		j.jaasFile = value
	case "ssl.protocol":
		j.ssl.Protocol = value
	case "ssl.enabledProtocols":
		j.ssl.EnabledProtocols = list(value)
	case "ssl.ciphersuites":
		j.ssl.CipherSuites = list(value)
	case "ssl.hostnameVerification":
		j.ssl.HostnameVerification = isTrue
	case "ssl.crl":
		j.ssl.CRL = isTrue
	case "ssl.ocsp":
		j.ssl.OCSP = isTrue
	case "ssl.context.supplier.class":
		j.ssl.ContextSupplier = value
	default:
		setStore(&j.ssl.KeyStore, strings.TrimPrefix(key, "ssl.keyStore."), key, value)
		setStore(&j.ssl.TrustStore, strings.TrimPrefix(key, "ssl.trustStore."), key, value)
	}
}

// setStore sets what a key says about a store; what is the key's end if it is one of
// that store.
func setStore(s *zoocfg.Store, what, key, value string) {
	switch {
	case what == key:
	case what == "location":
		s.Location = value
	case what == "password":
		s.Password = zoocfg.Secret(value)
	case what == "passwordPath":
		s.PasswordPath = value
	case what == "type":
		s.Type = value
	}
}

// list is a comma-separated one.
func list(value string) (parts []string) {
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// tlsConfig reads the stores, but those in whose place there are flags.
func (j *javaConfig) tlsConfig(a *Access) (*tls.Config, error) {
	ssl := j.ssl
	if a.Cert != "" {
		ssl.KeyStore = zoocfg.Store{}
	}
	if a.CA != "" {
		ssl.TrustStore = zoocfg.Store{}
	}
	typed(&ssl.KeyStore)
	typed(&ssl.TrustStore)
	return tlsconf.ForTool(ssl)
}

// typed takes a store for PEM whose name does not tell, such as ca.crt.
func typed(s *zoocfg.Store) {
	switch filepath.Ext(s.Location) {
	case ".jks", ".pem", ".p12", ".bcfks":
	default:
		if s.Type == "" {
			s.Type = "PEM"
		}
	}
}
