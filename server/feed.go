package server

import (
	"encoding/binary"
	"time"

	"github.com/zabra/zabra/server/metrics"
	"github.com/zabra/zabra/server/peer"
	"github.com/zabra/zabra/wire"
	"go.uber.org/zap"
)

// A feed looks at what a leader sends this learner: first how it is brought up to
// date, then how old transactions are when they arrive. The goroutine that reads the
// connection owns it.
type feed struct {
	m     *member
	conn  *peer.Conn
	began time.Time
	from  int64 // bytes received when it began
	fed   fed
	live  bool
	made  stamps
	acks  *ackProbe
}

// A fed says how a learner was brought up to date.
type fed struct {
	how   wire.PacketType // DIFF, TRUNC or SNAP; 0 for a leader
	txns  int64
	bytes int64
	took  time.Duration
}

func (f fed) fields() []zap.Field {
	if f.how == 0 {
		return nil
	}
	return []zap.Field{zap.Stringer("by", f.how), zap.Int64("transactions", f.txns), zap.Int64("bytes", f.bytes),
		zap.Duration("transfer", f.took)}
}

// begins takes the first packet of the history.
func (f *feed) begins(p *wire.QuorumPacket) {
	f.began, f.from, f.fed.how = time.Now(), f.conn.Received(), p.Type
	f.m.mail.put(f.m.synchronizes)
	f.m.log.Info("being brought up to date", zap.Stringer("by", p.Type), zap.Stringer("zxid", p.Zxid), zap.Stringer("peer", f.conn.Remote()))
}

// received takes packets before anybody else does.
func (f *feed) received(pkts []wire.QuorumPacket) {
	if f.live {
		f.measure(pkts)
		return
	}
	for i := range pkts {
		switch p := &pkts[i]; p.Type {
		case wire.PacketDiff, wire.PacketTrunc, wire.PacketSnap:
			f.begins(p)
		case wire.PacketProposal:
			f.fed.txns++
			f.made.put(p.Zxid, madeAt(p.Data))
		case wire.PacketInform:
			f.fed.txns++
		case wire.PacketUpToDate:
			f.live = true
			f.fed.bytes, f.fed.took = f.conn.Received()-f.from, time.Since(f.began)
			how := f.fed
			f.m.mail.put(func() { f.m.learned(how) })
			f.measure(pkts[i+1:])
			return
		}
	}
}

// measure counts proposals and commits, and how old they are by the leader's clock:
// nothing if that is ahead of ours.
func (f *feed) measure(pkts []wire.QuorumPacket) {
	now := time.Now().UnixMilli()
	mt := f.m.server.metrics
	var proposals, commits int64
	var last wire.Zxid
	latency, propagation := ages{timer: &mt.ProposalLatency}, ages{timer: &mt.CommitPropagationLatency}
	for i := range pkts {
		switch p := &pkts[i]; p.Type {
		case wire.PacketProposal:
			proposals++
			last = p.Zxid
			made := madeAt(p.Data)
			f.made.put(p.Zxid, made)
			latency.add(since(now, made))
		case wire.PacketCommit, wire.PacketCommitAndActivate:
			commits++
			if made, ok := f.made.get(p.Zxid); ok {
				propagation.add(since(now, made))
			}
		case wire.PacketInform:
			commits++
			propagation.add(since(now, madeAt(p.Data)))
		case wire.PacketInformAndActivate:
			commits++
		}
	}
	latency.tell()
	propagation.tell()
	if proposals > 0 {
		f.acks.arrived(last)
	}
	if proposals+commits > 0 {
		mt.LearnerProposals.Add(0, proposals)
		mt.LearnerCommits.Add(0, commits)
	}
}

// An ages gathers durations for a timer as long as they are the same: what a leader has
// made together is of the same millisecond.
type ages struct {
	timer *metrics.Timer
	age   time.Duration
	n     int64
}

func (a *ages) add(age time.Duration) {
	if age != a.age {
		a.tell()
		a.age = age
	}
	a.n++
}

func (a *ages) tell() {
	a.timer.ObserveN(0, a.age, a.n)
	a.n = 0
}

func since(now, made int64) time.Duration { return time.Duration(now-made) * time.Millisecond }

// madeAt is when a leader made a transaction, in milliseconds: a field of the header
// (wire.TxnHeader) that stands in front.
func madeAt(raw []byte) int64 {
	const at = 8 + 4 + 8
	if len(raw) < at+8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(raw[at:]))
}

// stamps remembers when the last transactions were made.
type stamps struct {
	of [1024]struct {
		zxid wire.Zxid
		ms   int64
	}
}

func (s *stamps) put(z wire.Zxid, ms int64) {
	e := &s.of[uint64(z)%uint64(len(s.of))]
	e.zxid, e.ms = z, ms
}

func (s *stamps) get(z wire.Zxid) (ms int64, ok bool) {
	e := &s.of[uint64(z)%uint64(len(s.of))]
	return e.ms, e.zxid == z
}
