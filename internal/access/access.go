package access

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/zabra/zabra/client"
)

// An Access is what the user has said. The zero value is a service without TLS, to
// which nobody has to prove anything.
type Access struct {
	// ConfigFile is the path of a configuration of ZooKeeper's Java client.
	ConfigFile string

	// Auth are identities as scheme:credentials. AuthFile is a file of them, one a
	// line; empty lines and those that begin with # are nothing.
	Auth     []string
	AuthFile string

	// SASLUser proves by DIGEST-MD5 who it is, with SASLPassword or what
	// SASLPasswordFile holds. Without it JAASFile, or one that ConfigFile names, may
	// hold both.
	SASLUser, SASLPassword, SASLPasswordFile string
	JAASFile                                 string

	// TLS has connections made by TLS; each of the others implies it. CA, Cert and Key
	// are PEM files; without Key the key is in Cert. ServerName is what the servers'
	// certificates must have, if that is not the host.
	TLS                       bool
	CA, Cert, Key, ServerName string

	// MaxRequest is how many bytes a request may have, as servers have it in their
	// jute.maxbuffer. 0 for what ConfigFile says, or else what servers take by default.
	MaxRequest int
}

// String shows no credentials.
func (a Access) String() string { return "[how to connect]" }

// GoString shows no credentials.
func (a Access) GoString() string { return a.String() }

// Options are those of a client that connects so: Auth, SASL, TLS and MaxRequest. The errors name
// the flag, the file and the line, and show nothing that may be secret.
func (a *Access) Options() (client.Options, error) {
	java, err := a.javaConfig()
	if err != nil {
		return client.Options{}, err
	}
	if a.MaxRequest < 0 {
		return client.Options{}, fmt.Errorf("--max-request %d: want bytes", a.MaxRequest)
	}
	o := client.Options{MaxRequest: cmp.Or(a.MaxRequest, java.maxRequest)}
	var errAuth, errSASL, errTLS error
	o.Auth, errAuth = a.identities()
	o.SASL, errSASL = a.sasl(java)
	o.TLS, errTLS = a.tls(java)
	if err := errors.Join(errAuth, errSASL, errTLS); err != nil {
		return client.Options{}, err
	}
	return o, nil
}

// identities are those of Auth and of AuthFile.
func (a *Access) identities() (list []client.Auth, err error) {
	for _, text := range a.Auth {
		if list, err = appendAuth(list, text); err != nil {
			return nil, fmt.Errorf("--auth: %w", err)
		}
	}
	if a.AuthFile == "" {
		return list, nil
	}
	text, err := readSmall(a.AuthFile)
	if err != nil {
		return nil, fmt.Errorf("--auth-file: %w", err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if list, err = appendAuth(list, line); err != nil {
			return nil, fmt.Errorf("--auth-file %s:%d: %w", a.AuthFile, n, err)
		}
	}
	return list, nil
}

var errAuthForm = errors.New("want scheme:credentials")

func appendAuth(list []client.Auth, text string) ([]client.Auth, error) {
	scheme, data, ok := strings.Cut(text, ":")
	if !ok || scheme == "" {
		return nil, errAuthForm
	}
	return append(list, client.Auth{Scheme: scheme, Data: []byte(data)}), nil
}

// sasl is nil without SASL.
func (a *Access) sasl(java *javaConfig) (client.SASL, error) {
	switch {
	case a.SASLUser != "":
		password, err := a.password()
		if err != nil {
			return nil, err
		}
		return client.DigestMD5(a.SASLUser, password), nil
	case a.SASLPasswordFile != "":
		return nil, errors.New("--sasl-password-file: whose password it is says --sasl-user")
	case a.JAASFile != "":
		m, err := fromJAAS(a.JAASFile, java.section)
		if err != nil {
			return nil, fmt.Errorf("--jaas-file %s: %w", a.JAASFile, err)
		}
		return m, nil
	case java.jaasFile != "" && !java.noSASL:
		m, err := fromJAAS(java.jaasFile, java.section)
		if err != nil {
			return nil, fmt.Errorf("--client-configuration %s: %s: %w", a.ConfigFile, java.jaasFile, err)
		}
		return m, nil
	}
	return nil, nil
}

func (a *Access) password() (string, error) {
	if a.SASLPasswordFile == "" {
		if a.SASLPassword == "" {
			return "", errors.New("--sasl-user: the password is missing; it belongs into the environment, as ZABRA_CLI_SASL_PASSWORD, or into a file, which --sasl-password-file names")
		}
		return a.SASLPassword, nil
	}
	text, err := readSmall(a.SASLPasswordFile)
	if err != nil {
		return "", fmt.Errorf("--sasl-password-file: %w", err)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if len(text) == 0 {
		return "", fmt.Errorf("--sasl-password-file %s: it is empty", a.SASLPasswordFile)
	}
	return string(text), nil
}

// tls is nil without TLS.
func (a *Access) tls(java *javaConfig) (*tls.Config, error) {
	if !a.TLS && a.CA == "" && a.Cert == "" && a.ServerName == "" && !java.secure {
		if a.Key != "" {
			return nil, errors.New("--key: the certificate that it belongs to is missing; --cert names it")
		}
		return nil, nil
	}
	c, err := java.tlsConfig(a)
	if err != nil {
		return nil, fmt.Errorf("--client-configuration %s: %w", a.ConfigFile, err)
	}
	c.ServerName = a.ServerName
	if a.CA != "" {
		if c.RootCAs, err = authorities(a.CA); err != nil {
			return nil, err
		}
	}
	if a.Cert == "" {
		return c, nil
	}
	key := a.Key
	if key == "" {
		key = a.Cert
	}
	pair, err := tls.LoadX509KeyPair(a.Cert, key)
	if err != nil {
		return nil, fmt.Errorf("--cert %s: %w", a.Cert, err)
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return c, nil
}
