package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/zabra/zabra/server/conn"
)

// listen binds the client ports.
func (s *Server) listen() error {
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
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("server: %s %s cannot be bound: %w; stop what listens there, or choose another port", key, addr, err)
	}
	l := &s.cfg.Limits
	s.ports = append(s.ports, conn.NewPort(ln, s.core, s.metrics, s.log.Named("conn"), conn.Options{
		MaxPerAddr:         l.MaxClientCnxns,
		MaxTotal:           l.MaxCnxns,
		SessionlessTimeout: l.SessionlessTimeout,
		MaxFrame:           l.JuteMaxBuffer,
		TLS:                conf,
		Unify:              unify,
		HandshakeTimeout:   s.cfg.TLS.HandshakeDetectionTimeout,
		MaxHandshakes:      l.OutstandingHandshakes,
	}))
	return nil
}

func (s *Server) clientTLS() (*tls.Config, error) { return nil, errors.New("TLS") }
