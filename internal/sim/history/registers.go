package history

import (
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/zabra/zabra/wire"
)

// A cell is the state of a path that is never deleted.
type cell struct {
	version int32
	data    string
}

// A step is what was done to a cell and what was answered; known is false if nobody
// knows.
type step struct {
	read    bool
	expect  int32 // version, -1 for any
	data    string
	known   bool
	err     wire.Code
	version int32 // afterwards, or read
}

var cells = porcupine.Model{
	Init: func() any { return cell{} },
	Step: func(state, input, _ any) (bool, any) {
		c, s := state.(cell), input.(step)
		switch {
		case s.read:
			return c == cell{s.version, s.data}, c
		case s.expect != -1 && s.expect != c.version:
			return !s.known || s.err == wire.BadVersion, c
		case s.known && (s.err != wire.OK || s.version != c.version+1):
			return false, c
		}
		return true, cell{c.version + 1, s.data}
	},
	DescribeOperation: func(input, _ any) string { return fmt.Sprintf("%+v", input) },
}

// Registers judges, by porcupine, whether the writes of some paths, and the reads
// that come behind a sync, are linearizable. The paths were created with data first
// before anything else, at version 0, and are never deleted. It does not look at zxids,
// but that only those writes without an answer are taken into account that were
// committed. undecided counts the paths for which it took too long.
func Registers(committed []wire.Txn, clients []*Log, paths []string, limit time.Duration) (problems []Problem, undecided int) {
	return linearizable(committed, clients, paths, limit, false)
}

// RegistersAndReads is Registers for servers all of whose reads are to be linearizable:
// it takes every read into account, whether it comes behind a sync or not.
func RegistersAndReads(committed []wire.Txn, clients []*Log, paths []string, limit time.Duration) (problems []Problem, undecided int) {
	return linearizable(committed, clients, paths, limit, true)
}

func linearizable(committed []wire.Txn, clients []*Log, paths []string, limit time.Duration, reads bool) (problems []Problem, undecided int) {
	there := map[key]bool{}
	for i := range committed {
		there[key{committed[i].Header.Session, committed[i].Header.Cxid}] = true
	}
	for _, path := range paths {
		var ops []porcupine.Operation
		for _, c := range clients {
			synced := (*Op)(nil)
			for _, o := range c.Ops {
				if o.Op == wire.OpSync && o.Answered {
					synced = o
				}
				if reads {
					synced = o
				}
				if op, ok := operation(o, synced, path, there); ok {
					ops = append(ops, op)
				}
				if o.Op != wire.OpSync {
					synced = nil
				}
			}
		}
		switch porcupine.CheckOperationsTimeout(cells, ops, limit) {
		case porcupine.Illegal:
			problems = append(problems, Problem{"register", fmt.Sprintf("the %d operations on %s are not linearizable", len(ops), path)})
		case porcupine.Unknown:
			undecided++
		}
	}
	return problems, undecided
}

// operation turns a request into one of porcupine's, if it counts.
func operation(o, synced *Op, path string, there map[key]bool) (porcupine.Operation, bool) {
	op := porcupine.Operation{ClientId: o.Client, Call: int64(o.Call), Return: int64(o.Return)}
	switch {
	case o.Path != path:
		return op, false
	case o.Op == wire.OpGetData && o.Answered && synced != nil && o.Err == wire.OK && synced.Session == o.Session:
		op.Call = int64(synced.Call)
		op.Input = step{read: true, known: true, version: o.Stat.Version, data: string(o.Value)}
		return op, true
	case o.Op != wire.OpSetData, !o.Answered && !there[key{o.Session, o.Xid}]:
		return op, false
	case o.Answered && o.Err != wire.OK && o.Err != wire.BadVersion:
		return op, false
	}
	s := step{expect: o.Version, data: string(o.Data), known: o.Answered, err: o.Err, version: o.Stat.Version}
	if !o.Answered {
		op.Return = math.MaxInt64
	}
	op.Input = s
	return op, true
}
