package server

import (
	"errors"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/peer"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A learnerConn is a learner's connection as its leader sees it: who it is, how it was
// brought up to date, and what went back and forth.
type learnerConn struct {
	*peer.Conn
	began time.Time
	log   *zap.Logger
	stats *syncStats
	// listed reports whether a server belongs to the configuration.
	listed func(wire.SID) bool

	sid      atomic.Int64 // noSID until it has said so
	observer atomic.Bool
	claim    atomic.Int64 // where its log ended when it came
	how      atomic.Int32 // how it is brought up to date: DIFF, TRUNC or SNAP; 0 before
	history  atomic.Int64 // bytes of that
	settle   atomic.Bool  // that is over
	live     atomic.Bool  // it serves
	marked   atomic.Bool  // a mark waits among the packets

	in, out, requests atomic.Int64 // packets

	uptake uptake

	started time.Time // when the history began; of the goroutine that sends
	told    time.Time // when it was said last that it lags; of the goroutine that looks
}

// noSID is the id of a learner that has not said who it is.
const noSID = -1

// syncStats counts how learners are brought up to date.
type syncStats struct {
	metrics      *metrics.Metrics
	snaps, diffs atomic.Int64 // under way
}

func newLearnerConn(c *peer.Conn, log *zap.Logger, stats *syncStats, listed func(wire.SID) bool) *learnerConn {
	l := &learnerConn{Conn: c, began: time.Now(), log: log, stats: stats, listed: listed}
	l.sid.Store(noSID)
	l.uptake.conn = c
	return l
}

// name is the learner for a log line.
func (l *learnerConn) name() []zap.Field {
	kind := "follower"
	if l.observer.Load() {
		kind = "observer"
	}
	if l.sid.Load() == noSID {
		kind = "unknown"
	}
	return []zap.Field{zap.Int64("server", l.sid.Load()), zap.String("learner", kind), zap.Stringer("peer", l.Remote())}
}

// received notes what came. It is called by the goroutine that reads.
func (l *learnerConn) received(pkts []wire.QuorumPacket) {
	l.in.Add(int64(len(pkts)))
	for i := range pkts {
		switch p := &pkts[i]; p.Type {
		case wire.PacketRequest:
			l.requests.Add(1)
		case wire.PacketRevalidate:
			l.stats.metrics.Revalidates.Inc(0)
		case wire.PacketFollowerInfo, wire.PacketObserverInfo:
			l.introduced(p)
		case wire.PacketAckEpoch:
			l.claim.Store(int64(p.Zxid))
		}
	}
}

// isMember reports whether the learner belongs to the configuration.
func (l *learnerConn) isMember() bool { return l.listed(wire.SID(l.sid.Load())) }

func (l *learnerConn) introduced(p *wire.QuorumPacket) {
	var info wire.LearnerInfo
	d := wire.NewDecoder(p.Data)
	if info.DecodeFrom(&d); d.Err() != nil {
		return // the leader's machine drops it
	}
	l.observer.Store(p.Type == wire.PacketObserverInfo)
	l.sid.Store(int64(info.SID))
	if l.isMember() {
		l.log.Info("a learner has connected", l.name()...)
		return
	}
	l.log.Warn("a learner has connected that has no server line here: it is served, and its vote does not count; "+
		"add its line to the configuration of every server", l.name()...)
}

// sending notes what is sent. It is called by one goroutine at a time.
func (l *learnerConn) sending(pkts []wire.QuorumPacket) {
	l.out.Add(int64(len(pkts)))
	if l.live.Load() {
		return
	}
	for i := range pkts {
		switch p := &pkts[i]; p.Type {
		case wire.PacketDiff, wire.PacketTrunc, wire.PacketSnap:
			l.begins(p)
		case wire.PacketProposal, wire.PacketInform:
			l.history.Add(int64(len(p.Data)))
		case wire.PacketUpToDate:
			l.isLive()
		}
	}
}

func (l *learnerConn) begins(p *wire.QuorumPacket) {
	l.started = time.Now()
	l.how.Store(int32(p.Type))
	m := l.stats.metrics
	if p.Type == wire.PacketSnap {
		m.SnapCount.Inc(0)
		m.InflightSnaps.Observe(0, l.stats.snaps.Add(1))
	} else {
		m.DiffCount.Inc(0)
		m.InflightDiffs.Observe(0, l.stats.diffs.Add(1))
	}
	l.log.Info("bringing a learner up to date", append(l.name(), zap.Stringer("by", p.Type),
		zap.Stringer("its log ends at", wire.Zxid(l.claim.Load())), zap.Stringer("zxid", p.Zxid))...)
}

// streaming is f, counted.
func (l *learnerConn) streaming(f func(w io.Writer) error) func(w io.Writer) error {
	return func(w io.Writer) error { return f(counter{w, &l.history}) }
}

// isLive notes that the learner has confirmed its history, and serves from now on.
func (l *learnerConn) isLive() {
	l.live.Store(true)
	l.settled()
	l.log.Info("a learner is up to date", append(l.name(), zap.Stringer("by", wire.PacketType(l.how.Load())),
		zap.Int64("bytes", l.history.Load()), zap.Duration("took", time.Since(l.started)))...)
}

// settled notes that the history is not under way any more.
func (l *learnerConn) settled() {
	how := wire.PacketType(l.how.Load())
	if how == 0 || !l.settle.CompareAndSwap(false, true) {
		return
	}
	if how == wire.PacketSnap {
		l.stats.snaps.Add(-1)
	} else {
		l.stats.diffs.Add(-1)
	}
}

// ended notes the end of the connection, and why.
func (l *learnerConn) ended(why error) {
	l.settled()
	if errors.Is(why, peer.ErrClosed) {
		return // this server closed it, and has said why
	}
	l.log.Warn("a learner has gone", append(l.name(), zap.Error(why), zap.Duration("connected for", time.Since(l.began)))...)
}

// A counter counts what is written.
type counter struct {
	w io.Writer
	n *atomic.Int64
}

func (c counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// dropped tells that this server ends the connection, why, and what to look at.
func (l *learnerConn) dropped(err error) {
	l.log.Warn("a learner is dropped", append(l.name(), why(err)...)...)
}

// resetStats counts packets anew.
func (l *learnerConn) resetStats() {
	l.in.Store(0)
	l.out.Store(0)
	l.requests.Store(0)
}

const (
	lagging = 1 << 20     // bytes that wait for a learner that lags
	lagTold = time.Minute // between two lines about that
)

// look measures what waits for the learner. It is called by one goroutine, every now
// and then.
func (l *learnerConn) look() {
	id := l.sid.Load()
	if id == noSID {
		return
	}
	l.mark(id)
	l.stats.metrics.LearnerPacketSize.Observe(0, strconv.FormatInt(id, 10), int64(l.Queued()))
	if n := l.Backlog(); n >= lagging && time.Since(l.told) >= lagTold {
		l.told = time.Now()
		l.log.Warn("a learner lags", append(l.name(), zap.Int64("bytes that wait for it", n), zap.Int("packets", l.Queued()))...)
	}
}

// mark measures how long a packet that is sent now waits for its turn.
func (l *learnerConn) mark(id int64) {
	if !l.live.Load() || !l.marked.CompareAndSwap(false, true) {
		return
	}
	began := time.Now()
	l.SendStream(func(io.Writer) error {
		l.stats.metrics.LearnerPacketTime.Observe(0, strconv.FormatInt(id, 10), time.Since(began))
		l.marked.Store(false)
		return nil
	})
}
