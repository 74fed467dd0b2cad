package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/zabra/zabra/server/admin"
	"github.com/zabra/zabra/server/tlsconf"
	"go.uber.org/zap"
)

// A webPort is an HTTP server and where it listens.
type webPort struct {
	name   string
	scheme string // of its URL
	ln     net.Listener
	server *http.Server
}

// words shows the admin package's four-letter words to the client ports.
type words struct{ a *admin.Admin }

func (words) IsWord(length int32) bool {
	_, ok := admin.IsWord(length)
	return ok
}

func (w words) Answer(to io.Writer, rest io.Reader, length int32) error {
	return w.a.Answer(to, rest, admin.Word(length))
}

func (s *Server) newAdmin() *admin.Admin {
	a := &s.cfg.Admin
	return admin.New(admin.Options{
		Node: node{s}, Metrics: s.metrics, Log: s.log.Named("admin"),
		Whitelist: strings.Join(s.cfg.FourLetterWords, ","), ReadOnlyMode: s.cfg.ReadOnlyMode,
		CommandURL: a.CommandURL, SnapshotEnabled: a.SnapshotEnabled, RestoreEnabled: a.RestoreEnabled,
		SerializeLastZxid: s.cfg.Storage.SerializeLastZxid, RateInterval: a.RateLimitInterval,
		UseXForwardedFor: s.cfg.Auth.UseXForwardedFor, IdleTimeout: a.IdleTimeout, ProcessMetrics: true,
		Memory: memory(),
	})
}

// listenAdmin binds the admin port and the port of the Prometheus provider.
func (s *Server) listenAdmin() error {
	if addr, ok := s.cfg.AdminAddr(); ok {
		if err := s.bindAdmin(addr); err != nil {
			return err
		}
	}
	if addr, ok := s.cfg.MetricsAddr(); ok {
		return s.bindWeb("metrics", "http", addr, s.admin.MetricsHandler(), nil)
	}
	return nil
}

func (s *Server) bindAdmin(addr string) error {
	mode := admin.PlainOnly
	switch a := &s.cfg.Admin; {
	case a.ForceHTTPS:
		mode = admin.TLSOnly
	case a.PortUnification:
		mode = admin.PlainAndTLS
	}
	if mode == admin.PlainOnly {
		return s.bindWeb("admin", "http", addr, s.admin.Handler(), nil)
	}
	scheme := "http"
	if mode == admin.TLSOnly {
		scheme = "https"
	}
	t, err := tlsconf.ForAdmin(s.cfg, s.tlsReloaded)
	if err != nil {
		return err
	}
	return s.bindWeb("admin", scheme, addr, s.admin.Handler(), func(ln net.Listener) net.Listener {
		return admin.Secure(ln, mode, t.Config(), func() { s.metrics.InsecureAdmin.Inc(0) })
	})
}

// webKeys are, for each web port, the key that says where it is and what does
// without it.
var webKeys = map[string][2]string{
	"admin":   {"admin.serverPort", "set admin.enableServer=false"},
	"metrics": {"metricsProvider.httpPort", "remove metricsProvider.className"},
}

func (s *Server) bindWeb(name, scheme, addr string, h http.Handler, secure func(net.Listener) net.Listener) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("server: %s %s cannot be bound: %w; %s; or %s",
			webKeys[name][0], addr, err, bindRemedy(err, webKeys[name][0]), webKeys[name][1])
	}
	ln = newLimitListener(ln, maxWebConns)
	if secure != nil {
		ln = secure(ln)
	}
	s.web = append(s.web, &webPort{name, scheme, ln, admin.NewServer(h, s.cfg.Admin.IdleTimeout, s.log.Named("admin"))})
	return nil
}

// serveAdmin serves the web ports until ctx is done.
func (s *Server) serveAdmin(ctx context.Context, running *sync.WaitGroup) {
	for _, w := range s.web {
		stop := context.AfterFunc(ctx, func() { _ = w.server.Close() })
		running.Go(func() {
			defer stop()
			if err := w.server.Serve(w.ln); !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("web port stopped", zap.String("port", w.name), zap.Error(err))
			}
		})
	}
}

// A WebAddr is where something is served over HTTP.
type WebAddr struct {
	Name string
	Addr net.Addr
	URL  string // of its first page
}

// Web are the addresses of the web ports.
func (s *Server) Web() []WebAddr {
	var addrs []WebAddr
	for _, w := range s.web {
		addrs = append(addrs, WebAddr{w.name, w.ln.Addr(), w.scheme + "://" + w.ln.Addr().String() + "/"})
	}
	return addrs
}
