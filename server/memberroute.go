package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/peer"
	"github.com/zabra/zabra/server/zoocfg"
	"github.com/zabra/zabra/wire"
)

// A route is a server that this one can learn from.
type route struct {
	id    wire.SID
	addrs []string
	tries int           // see peer.DialConfig
	after time.Duration // pause before it is dialled
}

// routes are the ways to a leader: for an observer with observerMasterPort the followers
// first, in random order so that observers spread over them, and the leader itself if
// there is none. With observer.reconnectDelayMs observers do not come to the leader all
// at once.
func (m *member) routes(leader quorum.Server, observe bool) (list []route) {
	e := &m.server.cfg.Ensemble
	direct := route{id: leader.ID}
	for _, a := range leader.Addrs {
		direct.addrs = append(direct.addrs, a.Quorum().String())
	}
	if !observe {
		return []route{direct}
	}
	direct.after = upTo(e.ObserverReconnectDelay)
	if e.ObserverMasterPort != zoocfg.NoPort {
		list = m.masters(leader.ID)
	}
	return append(list, direct)
}

func (m *member) masters(leader wire.SID) (list []route) {
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

// dialFirst dials one route after the other until one leads to a server. Each has an
// equal part of the limit.
func (m *member) dialFirst(ctx context.Context, routes []route, limit time.Duration) (*peer.Conn, wire.SID, error) {
	var errs []error
	for _, r := range routes {
		select {
		case <-time.After(r.after):
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
		part, cancel := context.WithTimeout(ctx, limit/time.Duration(len(routes)))
		c, err := peer.Dial(part, peer.DialConfig{
			Transport: m.carrier, Tries: r.tries, Pause: m.server.cfg.Ensemble.LeaderConnectDelay,
		}, r.addrs...)
		cancel()
		if err == nil {
			return c, r.id, nil
		}
		errs = append(errs, fmt.Errorf("server: connecting to server %d: %w", r.id, err))
	}
	return nil, 0, errors.Join(errs...)
}
