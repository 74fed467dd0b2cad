package server

import (
	"context"
	"net"
	"time"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/peer"
	"github.com/zabra/zabra/server/zoocfg"
	"go.uber.org/zap"
)

// A follower with observerMasterPort serves observers there, as long as it follows.

// masterAddrs is where a server serves observers.
func masterAddrs(s quorum.Server, port int) (addrs []quorum.HostPort) {
	for _, a := range s.Addrs {
		at := a.Quorum()
		at.Port = port
		addrs = append(addrs, at)
	}
	return addrs
}

// newHosting is nil for a server that is not to serve observers.
func (m *member) newHosting(observe bool) *learners {
	e := &m.server.cfg.Ensemble
	if observe || e.ObserverMasterPort == zoocfg.NoPort {
		return nil
	}
	return m.newLearners(m.log.Named("observers"))
}

// host opens the port for observers. If it cannot be bound, the server follows without
// it, and tries again: its followers' duties come first.
func (u *upstream) host() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.hosted == nil || u.over || u.hosting != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	u.hosting = cancel
	self, _ := u.m.active.Committed.Server(u.m.id)
	var addrs []string
	for _, a := range masterAddrs(self, u.m.server.cfg.Ensemble.ObserverMasterPort) {
		addrs = append(addrs, u.m.bindAddr(a))
	}
	go u.bindHosting(ctx, addrs)
}

// bindAgain is the pause before another attempt to bind the port for observers.
const bindAgain = 2 * time.Second

func (u *upstream) bindHosting(ctx context.Context, addrs []string) {
	var listeners []net.Listener
	told := false
	for _, addr := range addrs {
		ln, err := peer.Bind(ctx, addr, 1, 0)
		for err != nil {
			if !told && ctx.Err() == nil {
				told = true
				u.m.log.Error("observers cannot be served: observerMasterPort cannot be bound, and will be tried again", zap.Error(err))
			}
			select {
			case <-ctx.Done():
				_ = closeAll(listeners)
				return
			case <-time.After(bindAgain):
			}
			ln, err = peer.Bind(ctx, addr, 1, 0)
		}
		listeners = append(listeners, ln)
	}
	u.m.log.Info("observers are served", zap.Strings("at", addrs))
	u.hosted.listen(u.m.carrier, listeners)
}
