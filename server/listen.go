package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/zabra/zabra/internal/bufconn"
	"github.com/zabra/zabra/server/conn"
	"github.com/zabra/zabra/server/tlsconf"
	"github.com/zabra/zabra/server/zoocfg"
	"go.uber.org/zap"
)

// listen binds the client ports.
func (s *Server) listen() error {
	s.serveOn(s.inner, nil, false, 0, 0)
	if addr, ok := s.cfg.ClientAddr(); ok {
		var conf *tls.Config
		if s.cfg.ClientPortUnification {
			var err error
			if conf, err = s.clientTLS(); err != nil {
				return err
			}
		}
		if err := s.bind("clientPort", addr, conf, true); err != nil {
			return err
		}
	}
	if addr, ok := s.cfg.SecureClientAddr(); ok {
		conf, err := s.clientTLS()
		if err != nil {
			return err
		}
		return s.bind("secureClientPort", addr, conf, false)
	}
	return nil
}

func (s *Server) bind(key, addr string, conf *tls.Config, unify bool) error {
	ln, err := listenTCP(addr, s.cfg.ClientTCPKeepAlive, s.cfg.ClientPortListenBacklog)
	if err != nil {
		return fmt.Errorf("server: %s %s cannot be bound: %w; %s", key, addr, err, bindRemedy(err, key+" and "+key+"Address"))
	}
	l := &s.cfg.Limits
	s.serveOn(ln, conf, unify, l.MaxClientCnxns, mostConnections(l.MaxCnxns, clientPorts(s.cfg), descriptorLimit()))
	return nil
}

// serveOn makes a port of a listener, with so many connections at most.
func (s *Server) serveOn(ln net.Listener, conf *tls.Config, unify bool, perAddr, total int) {
	l := &s.cfg.Limits
	s.ports = append(s.ports, conn.NewPort(ln, s.core, s.metrics, s.log.Named("conn"), conn.Options{
		MaxPerAddr:         perAddr,
		MaxTotal:           total,
		SessionlessTimeout: l.SessionlessTimeout,
		MaxFrame:           l.JuteMaxBuffer,
		TLS:                conf,
		Unify:              unify,
		HandshakeTimeout:   s.cfg.TLS.HandshakeDetectionTimeout,
		MaxHandshakes:      l.OutstandingHandshakes,
		Identify:           s.identify,
		Words:              words{s.admin},
		Serving:            func() bool { return s.serving.Load() && s.core.Serving() },
		StopGrace:          s.cfg.Throttle.ShutdownTimeout,
		Throttle:           throttleOptions(s.cfg),
	}))
}

// Dial connects to the server from within its process, without a socket; the names are
// those of net.Dialer, and what they say is of no account. What is spoken, and what
// follows from it, is the same as on a client port without TLS; the peer's address is
// 127.0.0.1. It waits for Run.
//
//	c, err := client.Open(ctx, "127.0.0.1", client.Options{Dial: s.Dial})
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := s.inner.Dial(ctx)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: bufconn.Addr, Err: err}
	}
	return c, nil
}

// clientPorts counts the client ports that are configured.
func clientPorts(cfg *zoocfg.Config) (n int) {
	if _, ok := cfg.ClientAddr(); ok {
		n++
	}
	if _, ok := cfg.SecureClientAddr(); ok {
		n++
	}
	return n
}

// listenTCP binds a client port. A backlog of 0 or less is the system's.
func listenTCP(addr string, keepAlive bool, backlog int) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1} // Go's default is to probe
	if keepAlive {
		lc.KeepAlive = 0
	}
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil || backlog <= 0 {
		return ln, err
	}
	if err := setBacklog(ln.(*net.TCPListener), backlog); err != nil {
		return nil, errors.Join(fmt.Errorf("clientPortListenBacklog %d: %w", backlog, err), ln.Close())
	}
	return ln, nil
}

// clientTLS is how clients are served over TLS.
func (s *Server) clientTLS() (*tls.Config, error) {
	t, err := tlsconf.ForClients(s.cfg, s.tlsReloaded)
	if err != nil {
		return nil, err
	}
	for _, note := range t.Notes() {
		s.log.Warn("TLS", zap.String("note", note))
	}
	return t.Config(), nil
}

// tlsReloaded tells that the stores of keys or certificates were read again.
func (s *Server) tlsReloaded(err error) {
	if err != nil {
		s.log.Error("TLS stores changed and cannot be used; the old ones stay in force", zap.Error(err))
		return
	}
	s.log.Info("TLS stores reloaded")
}

func throttleOptions(cfg *zoocfg.Config) conn.ThrottleOptions {
	t := &cfg.Throttle
	o := conn.ThrottleOptions{
		Tokens: t.ConnectionTokens, FillTime: t.ConnectionFillTime, FillCount: t.ConnectionFillCount,
		OpenWeight: 1, RenewWeight: 1, FreezeTime: t.ConnectionFreezeTime,
		DropIncrease: t.ConnectionDropIncrease, DropDecrease: t.ConnectionDropDecrease, DecreaseRatio: t.ConnectionDecreaseRatio,
	}
	if t.ConnectionWeights {
		o.OpenWeight, o.RenewWeight = t.GlobalWeight, t.RenewWeight
		if cfg.Ensemble.Distributed && cfg.LocalSessions {
			o.OpenWeight = t.LocalWeight
		}
	}
	return o
}
