package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/peer"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A route is a server that this one can learn from.
type route struct {
	id    wire.SID
	addrs []string
	tries int           // see peer.DialConfig
	after time.Duration // pause before it is dialled
}

// direct is the way to a leader itself. With observer.reconnectDelayMs observers do not
// come all at once.
func (m *member) direct(leader quorum.Server, observe bool) route {
	r := route{id: leader.ID}
	for _, a := range leader.Addrs {
		r.addrs = append(r.addrs, a.Quorum().String())
	}
	if observe {
		r.after = upTo(m.server.cfg.Ensemble.ObserverReconnectDelay)
	}
	return r
}

// masters are the ways through its followers, in random order so that observers spread
// over them.
func (m *member) masters(leader wire.SID) (list []route) {
	if m.server.cfg.Ensemble.ObserverMasterPort == zoocfg.NoPort {
		return nil
	}
	for _, s := range m.active.Committed.Servers {
		if s.ID == leader || s.Role != quorum.Participant {
			continue
		}
		r := route{id: s.ID, tries: 1}
		for _, a := range masterAddrs(s, m.server.cfg.Ensemble.ObserverMasterPort) {
			r.addrs = append(r.addrs, a.String())
		}
		list = append(list, r)
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// upTo is a random part of d.
func upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// dialLearner connects an observer to a follower, if there are masters, or else to the
// leader. Just after an election the followers do not serve observers yet, so they are
// asked again and again for one tick.
func (m *member) dialLearner(ctx context.Context, masters []route, leader route, limit time.Duration) (*peer.Conn, wire.SID, error) {
	e := &m.server.cfg.Ensemble
	var failed error
	for began := time.Now(); len(masters) > 0 && time.Since(began) < m.server.cfg.TickTime; {
		var c *peer.Conn
		var via wire.SID
		if c, via, failed = m.dialFirst(ctx, masters, limit); failed == nil {
			return c, via, nil
		}
		if !wait(ctx, e.LeaderConnectDelay) {
			break
		}
	}
	c, via, err := m.dialFirst(ctx, []route{leader}, limit)
	if err == nil && failed != nil {
		m.log.Warn("no follower serves observers; learning from the leader", zap.Error(failed))
	}
	return c, via, err
}

// errFollowerServes ends the role of an observer that has learned from the leader for
// want of followers that serve observers.
var errFollowerServes = errors.New("server: a follower serves observers now")

// wantsMaster looks for such a follower, at first after ten ticks. If that did not help the
// last time, it waits twice as long: the clients of this server pay for each change.
func (u *upstream) wantsMaster(ctx context.Context, masters []route, learning *pipeline.Learning) {
	m := u.m
	pause := 10 * m.server.cfg.TickTime << min(m.detours, 10)
	m.detours++
	go func() {
		for wait(ctx, pause) {
			c, _, err := m.dialFirst(ctx, masters, m.server.cfg.TickTime)
			if err == nil {
				c.Close()
				learning.Disconnected(errFollowerServes)
				return
			}
		}
	}()
}

// dialFirst dials one route after the other until one leads to a server. Each has an
// equal part of the limit.
func (m *member) dialFirst(ctx context.Context, routes []route, limit time.Duration) (*peer.Conn, wire.SID, error) {
	var errs []error
	for _, r := range routes {
		if !wait(ctx, r.after) {
			return nil, 0, ctx.Err()
		}
		part, cancel := context.WithTimeout(ctx, limit/time.Duration(len(routes)))
		c, err := peer.Dial(part, peer.DialConfig{
			Transport: m.carrier, Conn: packetLimits(&m.server.cfg.Limits), Tries: r.tries, Pause: m.server.cfg.Ensemble.LeaderConnectDelay, Silence: m.silence(),
		}, r.addrs...)
		cancel()
		if err == nil {
			return c, r.id, nil
		}
		errs = append(errs, fmt.Errorf("server: connecting to server %d: %w", r.id, err))
	}
	return nil, 0, errors.Join(errs...)
}

// silence is how long a leader that was elected, or a follower, may leave a connection
// unanswered: as long as one may be silent that is connected.
func (m *member) silence() time.Duration {
	return time.Duration(m.server.cfg.Ensemble.SyncLimit) * m.server.cfg.TickTime
}

// wait waits for d. It reports false when ctx is done before.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
