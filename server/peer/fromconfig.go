package peer

import (
	"fmt"
	"os"
	"time"

	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/tlsconf"
	"github.com/zabra/zabra/server/zoocfg"
)

// FromConfig is the transport that a configuration asks for: its timeouts, TLS with
// sslQuorum or portUnification, and SASL with quorum.auth.enableSasl. onReload is as in tlsconf.ForQuorum. notes are
// lines for the log at start.
func FromConfig(c *zoocfg.Config, onReload func(error)) (t Transport, notes []string, err error) {
	e := &c.Ensemble
	t.DialTimeout = e.CnxTimeout
	if t.HandshakeTimeout = e.CnxnTimeout; t.HandshakeTimeout < 0 {
		t.HandshakeTimeout = time.Duration(e.SyncLimit) * c.TickTime
	}
	// As long as a leader waits for a learner that says nothing.
	t.UserTimeout = time.Duration(max(e.InitLimit, e.SyncLimit)) * c.TickTime
	if t.SASL, err = saslFromConfig(c); err != nil {
		return t, nil, err
	}
	if !e.SSLQuorum && !e.PortUnification {
		return t, nil, nil
	}
	secure, err := tlsconf.ForQuorum(c, onReload)
	if err != nil {
		return t, nil, err
	}
	t.Server, t.Unify = secure.Config(), e.PortUnification
	if e.SSLQuorum {
		t.Client = secure.DialConfig
	}
	return t, secure.Notes(), nil
}

// A SASLConfigError is a mistake in what a configuration says about SASL between
// servers.
type SASLConfigError struct {
	File    string // the JAAS file
	Problem string
}

func (e *SASLConfigError) Error() string {
	return fmt.Sprintf("peer: SASL between servers: %s %s", e.File, e.Problem)
}

// saslFromConfig reads the JAAS file: the users of the server's section, and the name
// and password of the learner's.
func saslFromConfig(c *zoocfg.Config) (*SASL, error) {
	e := &c.Ensemble
	if !e.SASLEnable {
		return nil, nil
	}
	file := c.Auth.JAASFile
	if file == "" {
		return nil, &SASLConfigError{"java.security.auth.login.config", "is not set; it names the file with the users"}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("peer: SASL between servers: %w", err)
	}
	sections, err := auth.ParseJAAS(string(text))
	if err != nil {
		return nil, fmt.Errorf("peer: SASL between servers: %s: %w", file, err)
	}
	server, ok := sections[e.SASLServerContext]
	if !ok {
		return nil, &SASLConfigError{file, fmt.Sprintf("has no section %q", e.SASLServerContext)}
	}
	s := &SASL{Prove: e.SASLLearnerRequire, Require: e.SASLServerRequire}
	if s.Users, err = auth.JAASUsers(server, ""); err != nil {
		return nil, fmt.Errorf("peer: SASL between servers: %s: %w", file, err)
	}
	for _, m := range sections[e.SASLLearnerContext] {
		s.User, s.Password = m.Options["username"], m.Options["password"]
	}
	if s.Prove && s.User == "" {
		return nil, &SASLConfigError{file, fmt.Sprintf("has no section %q with username and password", e.SASLLearnerContext)}
	}
	return s, nil
}
