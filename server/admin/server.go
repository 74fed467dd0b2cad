package admin

import (
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// DefaultIdleTimeout is admin.idleTimeout.
const DefaultIdleTimeout = 30 * time.Second

const (
	headerTimeout  = 10 * time.Second // for the request line and header, against clients that dribble
	maxHeaderBytes = 16 << 10
)

// NewServer returns an HTTP server for a handler of this package. idle is how
// long a connection may be quiet between requests and how long one request may
// take; snapshot and restore extend it while bytes keep moving. 0 means
// DefaultIdleTimeout. HTTP/2 is off.
func NewServer(h http.Handler, idle time.Duration, logger *zap.Logger) *http.Server {
	if idle == 0 {
		idle = DefaultIdleTimeout
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: min(headerTimeout, idle),
		ReadTimeout:       idle,
		WriteTimeout:      2 * idle, // counted from the end of the header: the body's time and the answer's
		IdleTimeout:       idle,
		MaxHeaderBytes:    maxHeaderBytes,
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:          stdLog(logger),
	}
}

// stdLog passes what net/http has to say, such as failed TLS handshakes, on at
// debug level: any caller can provoke it.
func stdLog(logger *zap.Logger) *log.Logger {
	std, err := zap.NewStdLogAt(logger, zap.DebugLevel)
	if err != nil {
		return log.Default()
	}
	return std
}

// A TLSMode says which connections the admin port takes.
type TLSMode uint8

// The modes.
const (
	PlainOnly   TLSMode = iota // HTTP
	TLSOnly                    // HTTPS, admin.forceHttps
	PlainAndTLS                // either, by the first byte: admin.portUnification
)

// Secure wraps the admin port's listener. config is only used with TLS; whether
// it asks for a client's certificate (admin.needClientAuth) is its own matter.
// onPlain, if not nil, is called for each connection without TLS that
// PlainAndTLS takes.
func Secure(l net.Listener, mode TLSMode, config *tls.Config, onPlain func()) net.Listener {
	switch mode {
	case TLSOnly:
		return tls.NewListener(l, http11(config))
	case PlainAndTLS:
		return newEitherListener(l, http11(config), onPlain)
	}
	return l
}

// http11 is the configuration, offering HTTP/1.1 alone.
func http11(config *tls.Config) *tls.Config {
	c := config.Clone()
	c.NextProtos = []string{"http/1.1"}
	return c
}
