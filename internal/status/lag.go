package status

import (
	"context"
	"slices"
	"time"
)

// leaderOf is the row of who leads, nil if none does. Of two the one with the later epoch
// leads in earnest.
func leaderOf(servers []*Server) (l *Server) {
	for _, s := range servers {
		if s.Role == leader && (l == nil || s.zxid > l.zxid) {
			l = s
		}
	}
	return l
}

// behind is by how many transactions a server that serves is behind what its leader had.
func behind(s, leader *Server) int64 {
	switch of, by := s.zxid, leader.zxid; {
	case of >= by:
		return 0
	case of.Epoch() == by.Epoch():
		return int64(by - of)
	default:
		return int64(by.Counter()) // all of the epochs before came with the leader
	}
}

// again is the pause before somebody who is behind is asked again.
const again = 5 * time.Millisecond

// compare fills in the lag of all rows.
func (a *Asker) compare(ctx context.Context, r *Report) {
	l := leaderOf(r.Servers)
	if l == nil {
		return
	}
	r.Leader = l.ID
	each(r.Servers, func(s *Server) {
		if s == l || s.State != Serving || s.Role != follower && s.Role != observer {
			return
		}
		n := behind(s, l)
		s.Lag = &n
		took := int64(0)
		if n > 0 {
			d, ok := a.catchUp(ctx, *s, l)
			took, s.Late = d.Milliseconds(), !ok
		}
		s.LagMS = &took
	})
}

// catchUp waits until a server has what the leader had, and returns how long after it
// that was at most.
func (a *Asker) catchUp(ctx context.Context, s Server, l *Server) (time.Duration, bool) {
	ctx, cancel := context.WithDeadline(ctx, time.Now().Add(a.o.MaxLag))
	defer cancel()
	pause := again
	for {
		now, err := a.zxidOf(ctx, &s)
		if err == nil && behind(now, l) == 0 {
			return time.Since(l.asked), true
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, 100*time.Millisecond)
		case <-ctx.Done():
			return time.Since(l.asked), false
		}
	}
}

// zxidOf asks a server for its zxid, on the way on which it has answered before.
func (a *Asker) zxidOf(ctx context.Context, s *Server) (*Server, error) {
	if s.byAdmin {
		return a.admin(ctx, s.Address)
	}
	return a.srvr(ctx, s.Address)
}

// distinct leaves out rows that stand for a server that has another one, and sorts them.
func distinct(servers []*Server) []*Server {
	var list []*Server
	for _, s := range servers {
		again := func(o *Server) bool { return o != s && o.ID != nil && *o.ID == *s.ID }
		if s.State != NoAddress || !slices.ContainsFunc(servers, again) {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(x, y *Server) int {
		switch {
		case x.ID == nil && y.ID == nil:
			return 0
		case x.ID == nil:
			return 1
		case y.ID == nil:
			return -1
		}
		return int(*x.ID - *y.ID)
	})
	return list
}
