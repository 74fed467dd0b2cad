package server

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/internal/bufconn"
	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/server/admin"
	"github.com/zabra/zabra/server/audit"
	"github.com/zabra/zabra/server/auth"
	"github.com/zabra/zabra/server/conn"
	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A Server is one node. Open makes it, Run serves with it, once.
type Server struct {
	cfg     *zoocfg.Config
	log     *zap.Logger
	metrics *metrics.Metrics
	schemes *auth.Schemes
	data    *data
	core    *pipeline.Core
	ports   []*conn.Port
	inner   *bufconn.Listener // of the port for this process
	started time.Time
	serving atomic.Bool
	begun   chan struct{} // closed when Run has started everything
	admin   *admin.Admin
	web     []*webPort
	member  *member      // nil when the server stands alone
	configs *configFiles // nil when nothing is kept in configuration files
	audit   *auditor     // nil without an audit log
}

// Open prepares a node: it locks the data directory, loads the tree and binds
// the ports. The error says what an operator should do.
func Open(cfg *zoocfg.Config, fsys vfs.FS, log *zap.Logger) (*Server, error) {
	s := &Server{cfg: cfg, log: log, metrics: metrics.New(), started: time.Now(), begun: make(chan struct{}), inner: bufconn.Listen()}
	var err error
	if s.schemes, err = newSchemes(cfg); err != nil {
		return nil, err
	}
	if s.audit, err = newAuditor(cfg.Audit, s.schemes, log); err != nil {
		return nil, err
	}
	if s.data, err = openData(cfg, fsys, log.Named("data"), s.metrics); err != nil {
		s.audit.server(audit.Start, audit.Failure)
		return nil, errors.Join(err, s.audit.close())
	}
	if err := s.assemble(); err != nil {
		s.audit.server(audit.Start, audit.Failure)
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) assemble() error {
	sasl, err := newSASL(s.cfg)
	if err != nil {
		return err
	}
	opts := coreOptions(s.cfg)
	opts.NewSASL = sasl
	opts.Unsettled = s.data.joining()
	opts.Audit = s.audit.hears()
	s.configs = newConfigFiles(s.cfg, s.data.fs, s.log.Named("ensemble"))
	s.configs.backup(s.cfg)
	s.core = pipeline.New(s.data.tree, s.data.journal(s.configs), s.schemes, s.metrics, s.events(), opts)
	if s.cfg.Ensemble.Distributed {
		if s.member, err = newMember(s); err != nil {
			return err
		}
	}
	s.gauges()
	s.admin = s.newAdmin()
	if err := s.listen(); err != nil {
		return err
	}
	if err := s.listenAdmin(); err != nil || s.member == nil {
		return err
	}
	return s.member.listen(context.Background())
}

// Close releases what Open took; Run does it itself.
func (s *Server) Close() error {
	for _, p := range s.ports {
		p.Close()
	}
	for _, w := range s.web {
		_ = w.ln.Close()
	}
	if s.member != nil {
		s.member.close()
	}
	return errors.Join(s.data.close(), s.audit.close())
}

// Addrs are the addresses of the client ports.
func (s *Server) Addrs() []net.Addr {
	var addrs []net.Addr
	for _, p := range s.ports[1:] { // the first is for this process
		addrs = append(addrs, p.Addr())
	}
	return addrs
}

// Begun is closed when the ports take connections: a server that stands alone serves, a
// member of an ensemble does as soon as there is a leader.
func (s *Server) Begun() <-chan struct{} { return s.begun }

// Trouble says what keeps the server from serving all there is, "" if nothing does.
func (s *Server) Trouble() string { return s.data.shortage.String() }

func coreOptions(cfg *zoocfg.Config) pipeline.Options {
	id := wire.SID(1)
	if cfg.Ensemble.Distributed {
		id = cfg.Ensemble.MyID
	}
	return pipeline.Options{
		ServerID:         id,
		Member:           cfg.Ensemble.Distributed,
		Linearizable:     cfg.Ensemble.Distributed && cfg.Ensemble.Reads == "linearizable",
		LocalSessions:    cfg.Ensemble.Distributed && cfg.LocalSessions,
		UpgradeSessions:  cfg.LocalSessionsUpgrading,
		Tick:             cfg.TickTime,
		MinTimeout:       cfg.MinSessionTimeout,
		MaxTimeout:       cfg.MaxSessionTimeout,
		MaxFrame:         cfg.Limits.JuteMaxBuffer,
		MaxOutbox:        cfg.Limits.MaxUnsent,
		MaxUnsentTotal:   mostUnsent(int64(cfg.Limits.MaxTotalUnsent), int64(cfg.Limits.MaxUnsent), memory()),
		OutstandingLimit: int64(cfg.Limits.GlobalOutstanding),
		MaxRequests:      int64(cfg.Throttle.MaxRequests),
		StallTime:        cfg.Throttle.StallTime,
		OpWaitTime:       cfg.Throttle.OpWaitTime,
		LargeRequest:     cfg.Limits.LargeRequestThreshold,
		LargeBytes:       int64(cfg.Limits.LargeRequestMaxBytes),
		ReapInterval:     cfg.Containers.CheckInterval,
		ReapPerMinute:    cfg.Containers.MaxPerMinute,
		MaxNeverUsed:     cfg.Containers.MaxNeverUsed,
		Prepare: pipeline.PrepareOptions{
			ExtendedTypes:   cfg.ExtendedTypes,
			EnforceQuota:    cfg.EnforceQuota,
			ReconfigEnabled: cfg.Ensemble.ReconfigEnabled,
			MaxTxn:          maxTxn(&cfg.Limits),
		},
	}
}

// events turns what happens into log lines.
func (s *Server) events() pipeline.Events {
	log := s.log.Named("session")
	seldom := sampled(log)
	return pipeline.Events{
		ClientDropped: func(addr string, id wire.SessionID, why error) {
			log := log
			if manyAtOnce(why) {
				log = seldom
			}
			log.Info("connection dropped", zap.String("peer", addr), zap.Stringer("session", id), zap.Error(why))
		},
		SessionExpired: func(id wire.SessionID, timeout int32) {
			log.Info("session expired", zap.Stringer("session", id), zap.Int32("timeout_ms", timeout))
		},
		SessionUpgraded: func(id wire.SessionID) {
			log.Info("local session upgraded", zap.Stringer("session", id))
		},
		SoftQuota: newQuotaLog(log).warn,
		AuthFailed: func(addr, scheme string, more int64) {
			log.Warn("client failed to authenticate", zap.String("peer", addr), zap.String("scheme", scheme),
				zap.Int64("more_since_the_last_line", more))
		},
		Applied: func(_ wire.Zxid, ops, bytes int) { s.data.applied(ops, bytes) },
	}
}

// manyAtOnce reports whether many connections may end for a reason, again and again.
func manyAtOnce(why error) bool {
	return errors.Is(why, pipeline.ErrDiskFull) || errors.Is(why, pipeline.ErrNotReadOnly) ||
		errors.Is(why, pipeline.ErrGlobalReadOnly) || errors.Is(why, pipeline.ErrReadOnlyEnds)
}

// sampled is log with at most ten lines a second of each text: what many clients
// can cause at the same time must not fill the log.
func sampled(log *zap.Logger) *zap.Logger {
	return log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(c, time.Second, 10, 0)
	}))
}
