package datatree

import (
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// multi applies all operations, or none if one of them is an error.
func (t *Tree) multi(h *wire.TxnHeader, m *wire.MultiTxn) Result {
	for i := range m.Txns {
		if m.Txns[i].Op == wire.OpError {
			if plant.In(plant.MultiPartlyApplied) {
				t.applyPart(h, m.Txns[:i])
			}
			t.failMulti(h, m, i)
			return Result{Sub: t.subs}
		}
	}
	ops := make([]wire.Txn, len(m.Txns))
	for i := range m.Txns {
		var err error
		if ops[i], err = wire.DecodeSubTxn(*h, m.Txns[i]); err != nil {
			return Result{Err: wire.MarshallingError}
		}
	}
	for i := range ops {
		r := t.apply(&ops[i].Header, ops[i].Body)
		r.Op = m.Txns[i].Op
		t.subs = append(t.subs, r)
	}
	return Result{Sub: t.subs}
}

// applyPart is what a planted bug does.
func (t *Tree) applyPart(h *wire.TxnHeader, subs []wire.SubTxn) {
	for i := range subs {
		if op, err := wire.DecodeSubTxn(*h, subs[i]); err == nil {
			t.apply(&op.Header, op.Body)
		}
	}
}

// failMulti fills in the results of a multi whose first error is at failed.
func (t *Tree) failMulti(h *wire.TxnHeader, m *wire.MultiTxn, failed int) {
	for i, sub := range m.Txns {
		r := Result{Op: wire.OpError}
		if i > failed {
			r.Err = wire.RuntimeInconsistency
		}
		if sub.Op == wire.OpError {
			r.Err = errorCode(h, sub)
		}
		t.subs = append(t.subs, r)
	}
}

func errorCode(h *wire.TxnHeader, sub wire.SubTxn) wire.Code {
	txn, err := wire.DecodeSubTxn(*h, sub)
	if err != nil {
		return wire.RuntimeInconsistency
	}
	return txn.Body.(*wire.ErrorTxn).Err
}
