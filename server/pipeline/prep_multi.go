package pipeline

import (
	"github.com/zabra/zabra/internal/plant"
	"github.com/zabra/zabra/wire"
)

// multi prepares several operations as one transaction. Each is judged against
// what those before it do. When one fails, none is carried out: what they put
// into the overlay is taken back, sequence numbers included, and in the
// transaction the failing one is an error with its code, those after it an
// error RuntimeInconsistency, which is how a reader of the log knows that it
// changes nothing.
func (p *Preparer) multi(h wire.TxnHeader, req *Request) wire.Txn {
	if hasNullPath(req.Multi) {
		return p.fail(h, wire.MarshallingError)
	}
	body := &wire.MultiTxn{Txns: make([]wire.SubTxn, len(req.Multi))}
	p.overlay.begin()
	code := p.multiOps(h.Zxid, req, body.Txns)
	if code != wire.OK && !plant.In(plant.MultiLeavesOverlay) {
		p.overlay.rollback()
	}
	p.overlay.end()
	if code == wire.MarshallingError {
		return p.fail(h, code)
	}
	return p.seal(h, body)
}

// multiOps fills subs and returns the code of the operation that failed.
func (p *Preparer) multiOps(z wire.Zxid, req *Request, subs []wire.SubTxn) wire.Code {
	left := p.opts.maxBody() - intSize
	for i, op := range req.Multi {
		var c change
		if code := p.change(&c, req, op.Op, op.Body, true); code != wire.OK {
			subs[i] = errorSub(code)
			for j := range subs[i+1:] {
				subs[i+1+j] = errorSub(wire.RuntimeInconsistency)
			}
			return code
		}
		if left -= 2*intSize + bodySize(c.body); left < 0 {
			return wire.MarshallingError
		}
		subs[i] = wire.SubTxn{Op: op.Op, Data: p.sealBody(c.body)}
		p.record(z, &c)
	}
	return wire.OK
}

func errorSub(code wire.Code) wire.SubTxn {
	e := wire.ErrorTxn{Err: code}
	return wire.SubTxn{Op: wire.OpError, Data: e.AppendTo(nil)}
}

func hasNullPath(ops []wire.MultiOp) bool {
	for _, op := range ops {
		if requestPath(op.Body) == wire.NullString {
			return true
		}
	}
	return false
}

func requestPath(r wire.Record) string {
	switch r := r.(type) {
	case *wire.CreateRequest:
		return r.Path
	case *wire.CreateTTLRequest:
		return r.Path
	case *wire.PathVersionRequest:
		return r.Path
	case *wire.SetDataRequest:
		return r.Path
	}
	return ""
}
