package history

import (
	"slices"
	"testing"
	"time"

	"github.com/zabra/zabra/wire"
)

// A story is a history that is right; each test tells it a little wrong.
//
//	zxid 1  session 7 opens        zxid 2  /a created by client 0
//	zxid 3  /a set to "x"          zxid 4  /a/e, ephemeral
//	zxid 5  session 7 ends         zxid 6  session 8 opens
//	zxid 7  /a set to "y" by client 1
type story struct {
	txns   []wire.Txn
	c0, c1 *Log
}

func txn(z wire.Zxid, s wire.SessionID, xid wire.Xid, op wire.OpCode, body wire.Record) wire.Txn {
	return wire.EncodeTxn(nil, wire.TxnHeader{Session: s, Cxid: xid, Zxid: z, Op: op}, body)
}

func sec(n int) time.Duration { return time.Duration(n) * time.Second }

// answer is an operation that was answered.
func answer(l *Log, s wire.SessionID, xid wire.Xid, o Op, call, ret int, z wire.Zxid) *Op {
	o.Client, o.Session, o.Xid, o.Call, o.Return, o.Zxid, o.Answered = l.Client, s, xid, sec(call), sec(ret), z, true
	l.Ops = append(l.Ops, &o)
	l.Items = append(l.Items, Item{Answer: &o})
	return &o
}

func newStory() *story {
	s := &story{c0: &Log{Client: 0}, c1: &Log{Client: 1}}
	s.txns = []wire.Txn{
		txn(1, 7, 0, wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: 9}),
		txn(2, 7, 1, wire.OpCreate, &wire.CreateTxn{Path: "/a"}),
		txn(3, 7, 2, wire.OpSetData, &wire.SetDataTxn{Path: "/a", Data: []byte("x"), Version: 1}),
		txn(4, 7, 3, wire.OpCreate, &wire.CreateTxn{Path: "/e", Ephemeral: true}),
		txn(5, 7, 0, wire.OpCloseSession, &wire.CloseSessionTxn{Paths: []string{"/e"}}),
		txn(6, 8, 0, wire.OpCreateSession, &wire.CreateSessionTxn{Timeout: 9}),
		txn(7, 8, 3, wire.OpSetData, &wire.SetDataTxn{Path: "/a", Data: []byte("y"), Version: 2}),
	}
	s.c0.Items = append(s.c0.Items, Item{Opened: 7})
	answer(s.c0, 7, 1, Op{Op: wire.OpCreate, Path: "/a"}, 1, 2, 2)
	answer(s.c0, 7, 2, Op{Op: wire.OpSetData, Path: "/a", Data: []byte("x"), Version: -1, Stat: wire.Stat{Version: 1}}, 3, 4, 3)
	answer(s.c0, 7, 3, Op{Op: wire.OpCreate, Path: "/e", Mode: wire.ModeEphemeral}, 5, 6, 4)

	s.c1.Items = append(s.c1.Items, Item{Opened: 8})
	answer(s.c1, 8, 1, Op{Op: wire.OpSync, Path: "/a"}, 10, 11, 6)
	answer(s.c1, 8, 2, Op{Op: wire.OpGetData, Path: "/a", Watch: true, Value: []byte("x"), Stat: wire.Stat{Version: 1, Mzxid: 3}}, 10, 12, 6)
	s.c1.Items = append(s.c1.Items, Item{Event: &Event{wire.EventNodeDataChanged, "/a"}})
	answer(s.c1, 8, 3, Op{Op: wire.OpSetData, Path: "/a", Data: []byte("y"), Version: 1, Stat: wire.Stat{Version: 2}}, 13, 14, 7)
	return s
}

func checks(problems []Problem) []string {
	var names []string
	for _, p := range problems {
		if !slices.Contains(names, p.Check) {
			names = append(names, p.Check)
		}
	}
	return names
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(s *story)
		want  string // "" for nothing
	}{
		"nothing": {func(*story) {}, ""},
		"an acknowledged write is lost": {func(s *story) {
			s.txns = slices.Delete(s.txns, 6, 7)
		}, "write"},
		"a write is carried out twice": {func(s *story) {
			s.txns = append(s.txns, txn(8, 8, 3, wire.OpSetData, &wire.SetDataTxn{Path: "/a", Version: 3}))
		}, "write"},
		"an expected version is ignored":         {func(s *story) { s.c1.Ops[2].Version = 0 }, "write"},
		"an answer tells another version":        {func(s *story) { s.c1.Ops[2].Stat.Version = 5 }, "write"},
		"an answer bears another zxid":           {func(s *story) { s.c1.Ops[2].Zxid = 8 }, "write"},
		"a write is ordered before an older one": {func(s *story) { s.c0.Ops[1].Call, s.c0.Ops[1].Return = sec(20), sec(21) }, "order"},
		"a sync is too old":                      {func(s *story) { s.c1.Ops[0].Zxid = 3 }, "sync"},
		"a read shows another value":             {func(s *story) { s.c1.Ops[1].Value = []byte("z") }, "read"},
		"a read shows a later state": {func(s *story) {
			s.c1.Ops[1].Value, s.c1.Ops[1].Stat = []byte("y"), wire.Stat{Version: 2, Mzxid: 7}
		}, "read"},
		"a session goes back": {func(s *story) {
			s.c1.Items[1], s.c1.Ops[0].Zxid = Item{Answer: s.c1.Ops[0]}, 9
		}, "session"},
		"answers come out of turn": {func(s *story) {
			s.c1.Items[1], s.c1.Items[2] = s.c1.Items[2], s.c1.Items[1]
		}, "session"},
		"writes of a session change places": {func(s *story) {
			s.txns[1].Header.Cxid, s.c0.Ops[0].Xid = 3, 3
			s.txns[3].Header.Cxid, s.c0.Ops[2].Xid = 1, 1
		}, "session"},
		"an ephemeral stays": {func(s *story) {
			s.txns[4] = txn(5, 7, 0, wire.OpCloseSession, &wire.CloseSessionTxn{Paths: []string{}})
		}, "ephemeral"},
		"a session ends twice": {func(s *story) {
			s.txns = append(s.txns, txn(8, 7, 0, wire.OpCloseSession, &wire.CloseSessionTxn{Paths: []string{}}))
		}, "ephemeral"},
		"an event is lost":            {func(s *story) { s.c1.Items = slices.Delete(s.c1.Items, 3, 4) }, "watch"},
		"an event comes late":         {func(s *story) { s.c1.Items[3], s.c1.Items[4] = s.c1.Items[4], s.c1.Items[3] }, "watch"},
		"an event nobody waited for":  {func(s *story) { s.c1.Ops[1].Watch = false }, "watch"},
		"an event comes twice":        {func(s *story) { s.c1.Items = slices.Insert(s.c1.Items, 4, s.c1.Items[3]) }, "watch"},
		"an event for another change": {func(s *story) { s.c1.Items[3].Event.Type = wire.EventNodeChildrenChanged }, "watch"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory()
			tt.spoil(s)
			problems := Check(s.txns, []*Log{s.c0, s.c1})
			got := checks(problems)
			if tt.want == "" && len(got) > 0 || tt.want != "" && !slices.Contains(got, tt.want) {
				t.Errorf("got %v, want %q: %v", got, tt.want, problems)
			}
		})
	}
}

func TestRegisters(t *testing.T) {
	// Two clients set /r, which held "" at version 0; a third reads it behind a sync.
	story := func() (txns []wire.Txn, logs []*Log) {
		a, b, c := &Log{Client: 0}, &Log{Client: 1}, &Log{Client: 2}
		answer(a, 1, 1, Op{Op: wire.OpSetData, Path: "/r", Data: []byte("a"), Version: -1, Stat: wire.Stat{Version: 1}}, 1, 3, 0)
		answer(b, 2, 1, Op{Op: wire.OpSetData, Path: "/r", Data: []byte("b"), Version: -1, Stat: wire.Stat{Version: 2}}, 2, 4, 0)
		answer(c, 3, 1, Op{Op: wire.OpSync, Path: "/r"}, 5, 6, 0)
		answer(c, 3, 2, Op{Op: wire.OpGetData, Path: "/r", Value: []byte("b"), Stat: wire.Stat{Version: 2}}, 5, 7, 0)
		return nil, []*Log{a, b, c}
	}
	for name, tt := range map[string]struct {
		spoil func(logs []*Log)
		legal bool
	}{
		"as it was":        {func([]*Log) {}, true},
		"an older read":    {func(l []*Log) { l[2].Ops[1].Value, l[2].Ops[1].Stat.Version = []byte("a"), 1 }, false},
		"no sync":          {func(l []*Log) { l[2].Ops[0].Answered, l[2].Ops[1].Stat.Version = false, 1 }, true},
		"a version twice":  {func(l []*Log) { l[1].Ops[0].Stat.Version = 1 }, false},
		"against the time": {func(l []*Log) { l[1].Ops[0].Call, l[1].Ops[0].Return = sec(0), 1 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			txns, logs := story()
			tt.spoil(logs)
			problems, undecided := Registers(txns, logs, []string{"/r"}, time.Minute)
			if undecided > 0 || (len(problems) == 0) != tt.legal {
				t.Errorf("legal %v, want %v: %v", len(problems) == 0, tt.legal, problems)
			}
		})
	}
}

// A read that no sync stands before counts only where all reads are to be linearizable.
func TestRegistersAndReads(t *testing.T) {
	a, b := &Log{Client: 0}, &Log{Client: 1}
	answer(a, 1, 1, Op{Op: wire.OpSetData, Path: "/r", Data: []byte("a"), Version: -1, Stat: wire.Stat{Version: 1}}, 1, 2, 0)
	read := answer(b, 2, 1, Op{Op: wire.OpGetData, Path: "/r", Value: []byte("")}, 3, 4, 0)
	logs := []*Log{a, b}
	if problems, _ := Registers(nil, logs, []string{"/r"}, time.Minute); len(problems) > 0 {
		t.Errorf("a stale read without a sync: %v", problems)
	}
	if problems, _ := RegistersAndReads(nil, logs, []string{"/r"}, time.Minute); len(problems) != 1 {
		t.Errorf("the stale read is not found: %v", problems)
	}
	read.Value, read.Stat.Version = []byte("a"), 1
	if problems, _ := RegistersAndReads(nil, logs, []string{"/r"}, time.Minute); len(problems) > 0 {
		t.Errorf("a read that is not stale: %v", problems)
	}
}
