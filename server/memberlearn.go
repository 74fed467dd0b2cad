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

// upstream is a learner's side of its connection to the leader.
type upstream struct {
	m      *member
	cancel context.CancelFunc
	ended  chan struct{}

	mu   sync.Mutex
	conn *peer.Conn // nil until the leader is reached
	over bool

	learning *pipeline.Learning // nil until the leader is reached
}

// learn makes this server a follower or an observer of the leader that was elected.
func (m *member) learn(leader wire.SID, observe bool) (memberRole, error) {
	l, ok := m.active.Committed.Server(leader)
	if !ok {
		return nil, fmt.Errorf("server: server %d was elected, and is not in the configuration", leader)
	}
	var addrs []string
	for _, a := range l.Addrs {
		addrs = append(addrs, a.Quorum().String())
	}
	e := &m.server.cfg.Ensemble
	limit := time.Duration(e.ConnectLimit) * m.server.cfg.TickTime
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	u := &upstream{m: m, cancel: cancel, ended: make(chan struct{})}
	cfg := zab.LearnerConfig{
		ID: m.id, Leader: leader, Observer: observe, State: m.state(), Log: m.server.data.log, Active: m.active,
		InitLimit: e.InitLimit, SyncLimit: e.SyncLimit,
	}
	go func() {
		c, err := peer.Dial(ctx, peer.DialConfig{Transport: m.carrier, Pause: e.LeaderConnectDelay}, addrs...)
		m.mail.put(func() { u.connected(c, err, cfg) })
	}()
	return u, nil
}

// connected goes on when the leader was reached, or not. It runs on the member's
// goroutine.
func (u *upstream) connected(c *peer.Conn, err error, cfg zab.LearnerConfig) {
	u.cancel()
	u.mu.Lock()
	over := u.over
	u.conn = c
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
	f := &feed{m: u.m, conn: c}
	learning := u.m.server.core.Learn(zab.NewLearner(cfg), u, u.m.server.data, u.m.settings(), u.m.report())
	u.mu.Lock()
	u.learning = learning
	u.mu.Unlock()
	c.Start(peer.Handler{
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
			learning.Disconnected(fmt.Errorf("server: connection to the leader, server %d: %w", cfg.Leader, why))
		},
	})
	go u.watch(c, learning, u.m.server.cfg.TickTime/2)
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

// Send queues packets for the leader.
func (u *upstream) Send(_ zab.Conn, pkts ...wire.QuorumPacket) { u.conn.Send(pkts...) }

// Stream is not used: a learner has nothing to stream.
func (u *upstream) Stream(zab.Conn, func(io.Writer) error) {}

// Close ends the connection.
func (u *upstream) Close(_ zab.Conn, err error) {
	u.m.log.Warn("the connection to the leader is given up", why(err)...)
	u.conn.Close()
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
}
