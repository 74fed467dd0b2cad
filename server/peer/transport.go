package peer

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Defaults of a Transport.
const (
	DefaultDialTimeout      = 5 * time.Second
	DefaultHandshakeTimeout = 10 * time.Second
)

// A Transport says how servers reach each other. The zero Transport is plain TCP.
// It may be shared by the ports of a server, and is not changed once it is in use.
type Transport struct {
	// Dial connects to host:port, resolving the host. nil is TCP with keepalive.
	// TCP_NODELAY is set on every TCP connection, as Go does by itself.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// DialTimeout bounds one attempt to connect, over all addresses, with the
	// handshakes that follow; 0 is DefaultDialTimeout.
	DialTimeout time.Duration
	// HandshakeTimeout bounds what happens on an accepted connection before it is
	// in use: TLS, initial message, SASL; 0 is DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// UserTimeout ends a connection whose peer's system has acknowledged nothing of
	// what was sent for so long (TCP_USER_TIMEOUT, on Linux); 0 leaves it to the system.
	UserTimeout time.Duration

	// Server is the TLS of accepted connections, nil for none. With Unify, those
	// that do not begin with a TLS handshake are served too.
	Server *tls.Config
	Unify  bool
	// Client returns the TLS of a connection that was dialled as host and has
	// reached remote. A nil Client, or a nil Config, is none.
	Client func(host string, remote net.Addr) *tls.Config

	// SASL follows TLS; nil is none.
	SASL *SASL
}

// keepAlive notices within a minute that a machine is gone, where nothing is being
// sent that would show it.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 10 * time.Second, Count: 4}

func (t *Transport) dialTimeout() time.Duration { return orDefault(t.DialTimeout, DefaultDialTimeout) }

func (t *Transport) handshakeTimeout() time.Duration {
	return orDefault(t.HandshakeTimeout, DefaultHandshakeTimeout)
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// connect dials one address and makes it secure.
func (t *Transport) connect(ctx context.Context, addr string) (net.Conn, error) {
	dial := t.Dial
	if dial == nil {
		dial = (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext
	}
	nc, err := dial(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	setUserTimeout(nc, t.UserTimeout)
	if t.Client == nil {
		return nc, nil
	}
	return t.startTLS(ctx, nc, addr)
}

func (t *Transport) startTLS(ctx context.Context, nc net.Conn, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("peer: address %q: %w", addr, err)
	}
	config := t.Client(host, nc.RemoteAddr())
	if config == nil {
		return nc, nil
	}
	secure := tls.Client(nc, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, fmt.Errorf("peer: TLS handshake with %s: %w", addr, err)
	}
	return secure, nil
}

// errPlain ends an accepted connection that does not begin as TLS does.
var errPlain = errors.New("peer: dialler does not speak TLS, which the port demands")

// tlsRecord is the first byte of a TLS handshake. Neither port's protocol begins
// with it: an initial message begins with 0xff, or with 0 as a quorum packet does.
const tlsRecord = 0x16

// accepted makes a connection secure that was accepted. The caller has set a
// deadline and closes nc on an error.
func (t *Transport) accepted(nc net.Conn) (net.Conn, error) {
	setUserTimeout(nc, t.UserTimeout)
	if t.Server == nil {
		return nc, nil
	}
	r := bufio.NewReaderSize(nc, 1) // 16 bytes, the least
	first, err := r.Peek(1)
	if err != nil {
		return nil, fmt.Errorf("peer: before the first byte: %w", err)
	}
	peeked := &peeked{nc, r}
	if first[0] != tlsRecord {
		if !t.Unify {
			return nil, errPlain
		}
		return peeked, nil
	}
	secure := tls.Server(peeked, t.Server)
	if err := secure.Handshake(); err != nil {
		return nil, fmt.Errorf("peer: TLS handshake: %w", err)
	}
	return secure, nil
}

// A peeked is a connection whose first bytes have been looked at.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// CloseWrite sends FIN.
func (p *peeked) CloseWrite() error { return closeWrite(p.Conn) }

// closeNow closes a connection without a farewell: that of TLS could take seconds.
func closeNow(nc net.Conn) { underneath(nc).Close() }

// underneath is the connection that a connection of a Transport runs over, or itself.
func underneath(nc net.Conn) net.Conn {
	for {
		switch c := nc.(type) {
		case *tls.Conn:
			nc = c.NetConn()
		case *peeked:
			nc = c.Conn
		default:
			return nc
		}
	}
}

// closeWrite ends one direction, if the connection can.
func closeWrite(nc net.Conn) error {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
