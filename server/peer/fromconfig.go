package peer

import (
	"time"

	"github.com/zabra/zabra/server/tlsconf"
	"github.com/zabra/zabra/server/zoocfg"
)

// FromConfig is the transport that a configuration asks for: its timeouts, and TLS
// with sslQuorum or portUnification. onReload is as in tlsconf.ForQuorum. notes are
// lines for the log at start.
func FromConfig(c *zoocfg.Config, onReload func(error)) (t Transport, notes []string, err error) {
	e := &c.Ensemble
	t.DialTimeout = e.CnxTimeout
	if t.HandshakeTimeout = e.CnxnTimeout; t.HandshakeTimeout < 0 {
		t.HandshakeTimeout = time.Duration(e.SyncLimit) * c.TickTime
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
