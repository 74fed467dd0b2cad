package server

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/zabra/zabra/server/audit"
	"go.uber.org/zap"
)

// Run serves until ctx is done, and then stops without losing anything. It
// returns an error if the server had to stop by itself, as it must when its log
// cannot be written.
func (s *Server) Run(ctx context.Context) error {
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	core, member := newStage(ctx), newStage(ctx)
	core.Go(func() { cancel(s.core.Run(core.ctx)) })
	var rest sync.WaitGroup
	s.serve(work, cancel, &rest)
	if s.member != nil {
		s.member.fatal = func(err error) { cancel(err) }
		member.Go(func() { s.member.run(member.ctx) })
	}
	s.tellBegun()

	<-work.Done()
	s.tellStopping(work)
	s.stopPorts() // the ensemble answers what is under way
	member.end()
	core.end()
	rest.Wait()
	if s.member != nil {
		s.member.close()
	}
	return errors.Join(stopReason(work), s.data.close(), s.audit.close())
}

// A stage is goroutines that go on when the server is told to stop, until it is their
// turn.
type stage struct {
	sync.WaitGroup
	ctx  context.Context
	stop context.CancelFunc
}

func newStage(ctx context.Context) *stage {
	s := new(stage)
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

func (s *stage) end() {
	s.stop()
	s.Wait()
}

// serve starts what ends with work. A client port that fails ends it.
func (s *Server) serve(work context.Context, cancel context.CancelCauseFunc, running *sync.WaitGroup) {
	for _, p := range s.ports {
		running.Go(func() {
			if err := p.Serve(work); err != nil {
				cancel(fmt.Errorf("client port: %w", err))
			}
		})
	}
	running.Go(func() { s.data.checkpoints(work, s.core) })
	running.Go(func() { s.data.watchPresence(work, s.gone(cancel)) })
	if s.member != nil {
		running.Go(func() { s.data.scrubs(work) })
	}
	running.Go(func() { tuneCollector(work) })
	s.serveAdmin(work, running)
}

// tellBegun tells everybody that the ports take connections.
func (s *Server) tellBegun() {
	mode, line := "standalone", "serving"
	if s.member != nil {
		mode, line = "ensemble", "started; clients are served as soon as there is a leader"
	}
	s.serving.Store(true)
	s.audit.server(audit.Start, audit.Success)
	close(s.begun)
	s.log.Info(line, zap.String("mode", mode), zap.String("compatible", versionLine()),
		zap.Stringers("clients", s.Addrs()))
}

// tellStopping tells everybody that they take none any more, and why.
func (s *Server) tellStopping(work context.Context) {
	s.serving.Store(false)
	s.log.Info("stopping", zap.Error(stopReason(work)))
	s.audit.server(audit.Stop, audit.Invoked)
}

// stopPorts returns when the clients were answered, or have been waited for.
func (s *Server) stopPorts() {
	var ports sync.WaitGroup
	for _, p := range s.ports {
		ports.Go(p.Stop)
	}
	ports.Wait()
}

// stopReason is why the server stops by itself, nil if it was asked to.
func stopReason(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
