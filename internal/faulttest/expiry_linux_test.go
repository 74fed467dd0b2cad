package faulttest

import (
	"cmp"
	"slices"
	"time"

	"github.com/zabra/zabra/internal/sim/history"
	"github.com/zabra/zabra/wire"
)

// What a server has heard it tells its leader with every ping, so the last tick or two of
// it can be lost with the server. A server that is cut off may answer reads for
// syncLimit ticks before it knows, and its leader hears of none of them.
const (
	afterWrite = sessionTimeout - time.Second
	afterRead  = afterWrite - 2*time.Second
)

// expiries checks that no session was expired while its client was in contact with the
// ensemble, and that each of those that ended without being closed was expired.
func (l *load) expiries(v *verdict, committed []wire.Txn) {
	ends := endings(committed)
	order := newOrder(l)
	for id, t := range ends {
		if t.Cxid != 0 {
			continue // closed by its client
		}
		v.expired++
		from, to := order.around(t.Zxid)
		l.early(v, t, from, to, order.writes[id], afterWrite)
		if !l.e.patient {
			l.early(v, t, from, to, order.reads[id], afterRead)
		}
	}
	for _, c := range l.all {
		for _, r := range c.refused {
			if ends[r.session] == nil {
				v.say("expiry", "client %d was told that session %v had ended, and it had not", c.id, r.session)
			}
		}
		for _, id := range c.abandoned {
			if ends[id] == nil {
				v.say("expiry", "session %v of client %d was left alone and has not ended", id, c.id)
			}
		}
	}
}

// endings are the transactions that ended sessions.
func endings(committed []wire.Txn) map[wire.SessionID]*wire.TxnHeader {
	ends := map[wire.SessionID]*wire.TxnHeader{}
	for i := range committed {
		h := &committed[i].Header
		if _, ended := ends[h.Session]; h.Op == wire.OpCloseSession && !ended {
			ends[h.Session] = h
		}
	}
	return ends
}

// early looks at the last contact of a session before a leader expired it, which was
// between two moments.
func (l *load) early(v *verdict, t *wire.TxnHeader, from, to time.Duration, contacts []*history.Op, atLeast time.Duration) {
	for _, o := range slices.Backward(contacts) {
		if !(o.IsWrite() && o.Zxid < t.Zxid) && o.Return > from {
			continue // perhaps not before the session was expired
		}
		if to < o.Call+atLeast {
			v.say("expiry", "session %v was expired at %v, between %v and %v; its client had an answer to the %v that it asked for at %v",
				t.Session, t.Zxid, from, to, o.Op, o.Call)
		}
		return
	}
}

// An order says when transactions happened, by the answered writes on both sides of them.
type order struct {
	answered []*history.Op   // writes, by zxid
	latest   []time.Duration // when any of those before was asked for
	soonest  []time.Duration // when any from here on was answered

	writes, reads map[wire.SessionID][]*history.Op // answered, in turn
}

func newOrder(l *load) *order {
	r := &order{writes: map[wire.SessionID][]*history.Op{}, reads: map[wire.SessionID][]*history.Op{}}
	for _, c := range l.all {
		for _, o := range c.log.Ops {
			switch {
			case !o.Answered:
			case o.IsWrite():
				r.answered = append(r.answered, o)
				r.writes[o.Session] = append(r.writes[o.Session], o)
			default:
				r.reads[o.Session] = append(r.reads[o.Session], o)
			}
		}
	}
	slices.SortFunc(r.answered, func(a, b *history.Op) int { return cmp.Compare(a.Zxid, b.Zxid) })
	n := len(r.answered)
	r.latest, r.soonest = make([]time.Duration, n+1), make([]time.Duration, n+1)
	r.soonest[n] = l.now()
	for i, o := range r.answered {
		r.latest[i+1] = max(r.latest[i], o.Call)
	}
	for i, o := range slices.Backward(r.answered) {
		r.soonest[i] = min(r.soonest[i+1], o.Return)
	}
	return r
}

// around returns two moments between which a transaction happened.
func (r *order) around(z wire.Zxid) (from, to time.Duration) {
	i, _ := slices.BinarySearchFunc(r.answered, z, func(o *history.Op, z wire.Zxid) int { return cmp.Compare(o.Zxid, z) })
	return r.latest[i], r.soonest[i]
}
