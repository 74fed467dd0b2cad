package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/peer"
	"github.com/zabra/zabra/server/pipeline"
	"github.com/zabra/zabra/wire"
	"github.com/zabra/zabra/zab"
)

// errStopping is why a role ends that this server gives up by itself.
var errStopping = errors.New("server: stopping")

// upstream is a learner's side of its connection to the leader, or, if it observes, to a
// follower that serves observers.
type upstream struct {
	m       *member
	ctx     context.Context // ends with the role
	cancel  context.CancelFunc
	ended   chan struct{}
	master  wire.SID // whom it is connected to, or wants to be
	observe bool
	masters []route // followers that an observer prefers to the leader

	mu      sync.Mutex
	conn    *peer.Conn // nil until the leader is reached
	hosted  *learners  // its own observers, nil if there can be none
	hosting context.CancelFunc
	over    bool

	learning *pipeline.Learning // nil until the leader is reached
	acks     ackProbe
}

// learn makes this server a follower or an observer of the leader that was elected.
func (m *member) learn(leader wire.SID, observe bool) (memberRole, error) {
	l, ok := m.active.Committed.Server(leader)
	if !ok {
		return nil, fmt.Errorf("server: server %d was elected, and is not in the configuration", leader)
	}
	e := &m.server.cfg.Ensemble
	limit := time.Duration(e.ConnectLimit) * m.server.cfg.TickTime
	ctx, cancel := context.WithCancel(context.Background())
	u := &upstream{m: m, ctx: ctx, cancel: cancel, ended: make(chan struct{}), master: leader, observe: observe}
	cfg := zab.LearnerConfig{
		ID: m.id, Leader: leader, Observer: observe, State: m.state(), Log: history{m.server.data}, Active: m.active,
		InitLimit: e.InitLimit, SyncLimit: e.SyncLimit, MaxBacklog: observerBacklog(m.server.cfg), Throttle: m.throttle(),
	}
	if observe {
		u.masters = m.masters(leader)
	}
	direct := m.direct(l, observe)
	go func() {
		c, master, err := m.dialLearner(ctx, u.masters, direct, limit)
		m.mail.put(func() { u.connected(c, master, err, cfg) })
	}()
	return u, nil
}

// connected goes on when the leader was reached, or not. It runs on the member's
// goroutine.
func (u *upstream) connected(c *peer.Conn, master wire.SID, err error, cfg zab.LearnerConfig) {
	u.mu.Lock()
	over := u.over
	u.conn = c
	if err == nil {
		u.master, u.hosted = master, u.m.newHosting(cfg.Observer)
	}
	u.mu.Unlock()
	switch {
	case over && c != nil:
		c.Close()
		return
	case over:
		return
	case err != nil:
		u.m.again(err)
		return
	}
	u.m.learnsFrom(master)
	learning := u.m.server.core.Learn(zab.NewLearner(cfg), u, u.m.server.data, u.m.settings(), u.m.report())
	u.mu.Lock()
	u.learning = learning
	if u.hosted != nil {
		u.hosted.host, u.hosted.ahead = learning.Hosting(), c
	}
	u.mu.Unlock()
	c.Start(u.handler(c, learning, describe(master, cfg.Leader)))
	switch {
	case master != cfg.Leader:
		u.m.detours = 0
	case len(u.masters) > 0:
		u.wantsMaster(u.ctx, u.masters, learning)
	}
	go u.watch(c, learning, u.m.server.cfg.TickTime/2)
}

// handler takes what comes from the leader, or from a follower that serves observers.
func (u *upstream) handler(c *peer.Conn, learning *pipeline.Learning, from string) peer.Handler {
	f := &feed{m: u.m, conn: c, acks: &u.acks}
	return peer.Handler{
		Receive: func(pkts []wire.QuorumPacket) error {
			f.received(pkts)
			learning.Receive(pkts)
			return nil
		},
		Snapshot: func(snap wire.QuorumPacket, r io.Reader) error {
			f.begins(&snap)
			learning.Receive([]wire.QuorumPacket{snap})
			tree, err := datatree.ReadStream(r, snap.Zxid, u.m.server.data.treeOptions())
			if err != nil {
				return fmt.Errorf("server: snapshot of the leader: %w", err)
			}
			learning.Snapshot(tree)
			return nil
		},
		Ended: func(why error) {
			learning.Disconnected(fmt.Errorf("server: connection to %s: %w", from, why))
		},
	}
}

// mismatch lets the learner end, to begin again with the leader's tree.
func (u *upstream) mismatch(z wire.Zxid) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.learning != nil {
		u.learning.Mismatch(z)
	}
}

// watch tells the learner that a snapshot is on its way.
func (u *upstream) watch(c *peer.Conn, learning *pipeline.Learning, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var received int64
	for {
		select {
		case <-u.ended:
			return
		case <-tick.C:
		}
		if n := c.Received(); n > received {
			received = n
			learning.Progress()
		}
	}
}

// describe names whom a learner learns from.
func describe(master, leader wire.SID) string {
	if master == leader {
		return fmt.Sprintf("the leader, server %d", leader)
	}
	return fmt.Sprintf("server %d, a follower of leader %d that serves observers", master, leader)
}

// Send queues packets for the leader, or for an observer.
func (u *upstream) Send(to zab.Conn, pkts ...wire.QuorumPacket) {
	if to == 0 {
		u.conn.Send(pkts...)
		if d, ok := u.acks.acknowledged(pkts); ok {
			u.m.server.metrics.ProposalAckLatency.Observe(0, d)
		}
		return
	}
	began := time.Now()
	u.hosted.Send(to, pkts...)
	u.m.server.metrics.ObserverMasterCommit.Observe(0, time.Since(began))
}

// Stream queues what f writes for an observer.
func (u *upstream) Stream(to zab.Conn, f func(io.Writer) error) { u.hosted.Stream(to, f) }

// Close ends the connection of an observer.
func (u *upstream) Close(to zab.Conn, err error) { u.hosted.Close(to, err) }

// observers are those that learn from this server; nil if there can be none.
func (u *upstream) observers() *learners {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.hosted
}

func (u *upstream) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over {
		return
	}
	u.over = true
	u.cancel()
	close(u.ended)
	if u.conn != nil {
		u.conn.Close()
	}
	if u.hosting != nil {
		u.hosting()
	}
	if u.hosted != nil {
		u.hosted.close()
	}
}
