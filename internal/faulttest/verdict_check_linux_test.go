package faulttest

import (
	"testing"
	"time"

	"github.com/zabra/zabra/internal/sim/history"
	"github.com/zabra/zabra/wire"
)

// told is a write that a client had answered.
func told(session wire.SessionID, xid wire.Xid, z wire.Zxid, call, ret time.Duration) *history.Op {
	return &history.Op{Op: wire.OpSetData, Session: session, Xid: xid, Zxid: z, Call: call, Return: ret, Answered: true}
}

// Sessions that were expired too early, or not at all, are found.
func TestVerdictOnExpiry(t *testing.T) {
	const sec = time.Second
	ended := func(z wire.Zxid, session wire.SessionID, xid wire.Xid) wire.Txn {
		return wire.Txn{Header: wire.TxnHeader{Zxid: z, Session: session, Cxid: xid, Op: wire.OpCloseSession}}
	}
	for name, tt := range map[string]struct {
		ends    []wire.Txn
		refused []refusal
		reads   bool // session 7 has read once, too
		wrong   bool
	}{
		"while it read":                {ends: []wire.Txn{ended(12, 7, 0)}, reads: true, wrong: true},
		"after its timeout":            {ends: []wire.Txn{ended(12, 7, 0)}},
		"before another's write":       {ends: []wire.Txn{ended(2, 7, 0)}, wrong: true},
		"closed by its client":         {ends: []wire.Txn{ended(2, 7, 3)}},
		"never":                        {wrong: true},
		"refused although it is there": {ends: []wire.Txn{ended(12, 7, 0)}, refused: []refusal{{8, 5 * sec}}, wrong: true},
	} {
		t.Run(name, func(t *testing.T) {
			// Session 7 has a write answered at once, and is left alone; session 8 writes
			// half a second later and once more much later.
			a := &client{abandoned: []wire.SessionID{7}, refused: tt.refused, log: &history.Log{Ops: []*history.Op{told(7, 1, 1, 0, sec/10)}}}
			b := &client{log: &history.Log{Ops: []*history.Op{told(8, 1, 3, sec/2, sec), told(8, 2, 13, 5*sec, 6*sec)}}}
			l := &load{e: &ensemble{}, began: time.Now().Add(-10 * sec), all: []*client{a, b}}
			if tt.reads {
				a.log.Ops = append(a.log.Ops, &history.Op{Op: wire.OpGetData, Session: 7, Xid: 2, Call: 4 * sec, Return: 4*sec + 1, Answered: true})
				b.log.Ops = append(b.log.Ops, told(8, 3, 11, 4*sec+2, 4*sec+3), told(8, 4, 14, 4*sec+4, 4*sec+5))
			}
			v := &verdict{}
			l.expiries(v, tt.ends)
			if v.has("expiry") != tt.wrong {
				t.Errorf("found %q", v.problems)
			}
		})
	}
}

// A load that stands still is stuck, however much was written before.
func TestVerdictOnProgress(t *testing.T) {
	l := &load{e: &ensemble{patience: 50 * time.Millisecond}, began: time.Now()}
	one, other := &server{id: 1}, &server{id: 2}
	for range enough {
		l.writes = append(l.writes, write{time.Second, 2 * time.Second, one})
	}
	if err := l.acknowledged(enough, time.Second, one); err != nil {
		t.Error(err)
	}
	if l.acknowledged(1, time.Second, other) == nil {
		t.Error("writes of one server count for another")
	}
	if l.acknowledged(1, 1500*time.Millisecond, nil) == nil {
		t.Error("writes count that were asked for before")
	}
}
