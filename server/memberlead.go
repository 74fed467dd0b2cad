package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/server/peer"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
	"go.uber.org/zap"
)

// learners is a leader's side of its connections: the quorum port, and what the core
// sends there. A follower has them for its observers.
type learners struct {
	log        *zap.Logger
	host       host
	leadership *pipeline.Leadership // nil of a follower
	ahead      *peer.Conn           // of a follower: the one to its leader, by which requests go on
	ended      chan struct{}

	mu    sync.Mutex
	port  *peer.Listener            // nil until it listens
	conns map[zab.Conn]*learnerConn // nil once closed
	last  zab.Conn

	stats   syncStats
	packets peer.ConnOptions
	listed  func(wire.SID) bool
}

// A host is the core's side of learners: a pipeline.Leadership or a pipeline.Hosting.
type host interface {
	Connected(zab.Conn)
	Disconnected(zab.Conn)
	Receive(conn zab.Conn, pkts []wire.QuorumPacket, ended <-chan struct{})
	Progress(conn zab.Conn)
	Backlog(conn zab.Conn, bytes int64)
	Followers() []zab.Follower
}

func (m *member) newLearners(log *zap.Logger) *learners {
	l := &learners{log: log, ended: make(chan struct{}), conns: map[zab.Conn]*learnerConn{}, packets: packetLimits(&m.server.cfg.Limits)}
	l.stats.metrics = m.server.metrics
	l.listed = func(id wire.SID) bool { return m.config.Load().IsMember(id) }
	return l
}

// listen serves the learners that connect.
func (l *learners) listen(t peer.Transport, listeners []net.Listener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		_ = closeAll(listeners)
		return
	}
	l.port = peer.NewListener(peer.ListenerConfig{Transport: t, Conn: l.packets, Accept: l.accept, Log: l.log.Named("quorum")}, listeners...)
}

// throttle bounds how many observers are brought up to date at once.
func (m *member) throttle() zab.Throttle {
	e := &m.server.cfg.Ensemble
	return zab.Throttle{Snaps: e.MaxSnapSyncs, Diffs: e.MaxDiffSyncs}
}

// lead makes this server the leader that was elected.
func (m *member) lead() (memberRole, error) {
	e := &m.server.cfg.Ensemble
	machine, err := zab.NewLeader(zab.LeaderConfig{
		ID: m.id, State: m.state(), Log: history{m.server.data}, Active: m.active, Reconfig: e.ReconfigEnabled,
		InitLimit: e.InitLimit, SyncLimit: e.SyncLimit, Throttle: m.throttle(), MaxBacklog: maxBacklog(&m.server.cfg.Limits),
	})
	if err != nil {
		return nil, err
	}
	self, _ := m.active.Committed.Server(m.id)
	listeners, err := m.bindQuorum(context.Background(), self, 3, 100*time.Millisecond)
	if m.unfit = err; err != nil {
		return nil, err
	}
	l := m.newLearners(m.log)
	l.leadership = m.server.core.Lead(machine, l, m.server.data, m.settings(), m.report())
	l.host = l.leadership
	l.listen(m.carrier, listeners)
	go l.watch(m.server.cfg.TickTime / 2)
	return l, nil
}

// bindQuorum binds the quorum ports of this server's line, which only a leader has open.
func (m *member) bindQuorum(ctx context.Context, self quorum.Server, tries int, pause time.Duration) (listeners []net.Listener, err error) {
	for _, a := range self.Addrs {
		ln, err := peer.Bind(ctx, m.bindAddr(a.Quorum()), tries, pause)
		if err != nil {
			_ = closeAll(listeners)
			return nil, fmt.Errorf("server: quorum port: %w; %s", err, m.remedy(err))
		}
		listeners = append(listeners, ln)
	}
	return listeners, nil
}

// tryQuorum binds the quorum ports, and lets go of them: who cannot have them cannot lead.
func (m *member) tryQuorum(ctx context.Context, self quorum.Server, tries int) error {
	listeners, err := m.bindQuorum(ctx, self, tries, time.Second)
	if err != nil {
		return err
	}
	return closeAll(listeners)
}

// stillUnfit reports whether this server was elected, could not bind its quorum port, and
// still cannot.
func (m *member) stillUnfit() bool {
	if m.unfit == nil {
		return false
	}
	self, _ := m.active.Committed.Server(m.id)
	if m.unfit = m.tryQuorum(context.Background(), self, 1); m.unfit == nil {
		m.log.Info("this server can bind its quorum port again, and can be elected")
		return false
	}
	m.log.Error("this server cannot lead, and votes for others only", zap.Error(m.unfit))
	return true
}

func (l *learners) accept(pc *peer.Conn) {
	c := newLearnerConn(pc, l.log, &l.stats, l.listed)
	l.mu.Lock()
	if l.conns == nil {
		l.mu.Unlock()
		c.Close()
		return
	}
	if len(l.conns) >= maxLearners {
		c.log.Warn("there are too many learners", zap.Int("connections", len(l.conns)))
		crowded(l.conns).Close()
	}
	l.last++
	id := l.last
	l.conns[id] = c
	l.mu.Unlock()
	l.host.Connected(id)
	c.Start(peer.Handler{
		Receive: func(pkts []wire.QuorumPacket) error {
			c.received(pkts)
			l.waitForLeader(c.Ending())
			l.host.Receive(id, pkts, c.Ending())
			return nil
		},
		Ended: func(why error) {
			c.ended(why)
			l.mu.Lock()
			delete(l.conns, id)
			l.mu.Unlock()
			l.host.Disconnected(id)
		},
	})
}

func (l *learners) conn(id zab.Conn) *learnerConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[id]
}

// Send queues packets for a learner.
func (l *learners) Send(to zab.Conn, pkts ...wire.QuorumPacket) {
	if c := l.conn(to); c != nil {
		c.sending(pkts)
		c.Send(pkts...)
		c.uptake.sent(pkts)
	}
}

// Stream queues what f writes.
func (l *learners) Stream(to zab.Conn, f func(w io.Writer) error) {
	if c := l.conn(to); c != nil {
		c.SendStream(c.streaming(f))
	} else {
		peer.Abandon(f)
	}
}

// Close ends a learner's connection.
func (l *learners) Close(to zab.Conn, why error) {
	if c := l.conn(to); c != nil {
		c.dropped(why)
		c.Close()
	}
}

// watch tells the leader which learners get on with what they were sent, and how much
// waits for each.
func (l *learners) watch(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
		}
		l.mu.Lock()
		for id, c := range l.conns {
			c.look()
			l.host.Backlog(id, c.Backlog())
			if c.uptake.progress() {
				l.host.Progress(id)
			}
		}
		l.mu.Unlock()
	}
}

// close ends all connections and closes the port.
func (l *learners) close() {
	l.mu.Lock()
	conns, port := l.conns, l.port
	l.conns = nil
	l.mu.Unlock()
	if conns == nil {
		return
	}
	close(l.ended)
	if l.leadership != nil {
		l.leadership.Resign(errStopping)
	}
	for _, c := range conns {
		c.Finish(100 * time.Millisecond)
	}
	if port != nil {
		port.Close()
	}
}
