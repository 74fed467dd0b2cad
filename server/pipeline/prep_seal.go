package pipeline

import "github.com/zabra/zabra/wire"

// seal encodes a transaction, once and for all, and makes body read from the
// encoding, so that the transaction keeps nothing of the request alive.
func (p *Preparer) seal(h wire.TxnHeader, body wire.Record) wire.Txn {
	txn := wire.EncodeTxn(make([]byte, 0, txnHeaderSize+bodySize(body)), h, body)
	p.reread(body, txn.Raw[txnHeaderSize:])
	return txn
}

// sealBody does the same for an operation of a multi.
func (p *Preparer) sealBody(body wire.Record) []byte {
	raw := body.AppendTo(make([]byte, 0, bodySize(body)))
	p.reread(body, raw)
	return raw
}

// reread decodes with the preparer's own decoder: one on the stack would go to
// the heap behind the interface.
func (p *Preparer) reread(body wire.Record, raw []byte) {
	p.decoder.Reset(raw)
	body.DecodeFrom(&p.decoder)
	p.decoder.Reset(nil)
}

// fail makes the transaction of a request that fails.
func (p *Preparer) fail(h wire.TxnHeader, code wire.Code) wire.Txn {
	h.Op = wire.OpError
	return p.seal(h, &wire.ErrorTxn{Err: code})
}

// pathAndACL returns the path of a transaction's body, and the ACL if it gives
// the node one.
func pathAndACL(body wire.Record) (string, []wire.ACL) {
	switch r := body.(type) {
	case *wire.CreateTxn:
		return r.Path, r.ACL
	case *wire.CreateContainerTxn:
		return r.Path, r.ACL
	case *wire.CreateTTLTxn:
		return r.Path, r.ACL
	case *wire.SetACLTxn:
		return r.Path, r.ACL
	case *wire.SetDataTxn:
		return r.Path, nil
	case *wire.DeleteTxn:
		return r.Path, nil
	}
	return "", nil
}

// Sizes of what the records are made of.
const (
	txnHeaderSize = 32
	intSize       = 4
	longSize      = 8
	boolSize      = 1
)

// bodySize is the length of a body's encoding, so that one allocation of the
// right size holds it.
func bodySize(body wire.Record) int {
	switch r := body.(type) {
	case *wire.SetDataTxn:
		return nodeSize(r.Path, r.Data) + intSize
	case *wire.CreateTxn:
		return nodeSize(r.Path, r.Data) + aclSize(r.ACL) + boolSize + intSize
	case *wire.CreateContainerTxn:
		return nodeSize(r.Path, r.Data) + aclSize(r.ACL) + intSize
	case *wire.CreateTTLTxn:
		return nodeSize(r.Path, r.Data) + aclSize(r.ACL) + intSize + longSize
	case *wire.DeleteTxn:
		return intSize + len(r.Path)
	case *wire.SetACLTxn:
		return intSize + len(r.Path) + aclSize(r.ACL) + intSize
	case *wire.CheckVersionTxn:
		return intSize + len(r.Path) + intSize
	case *wire.CloseSessionTxn:
		return closeSessionSize(r)
	case *wire.MultiTxn:
		return multiSize(r)
	}
	return intSize // createSession, error
}

func nodeSize(path string, data []byte) int { return intSize + len(path) + intSize + len(data) }

func aclSize(acl []wire.ACL) int {
	n := intSize
	for i := range acl {
		n += 3*intSize + len(acl[i].ID.Scheme) + len(acl[i].ID.ID)
	}
	return n
}

func closeSessionSize(r *wire.CloseSessionTxn) int {
	n := intSize
	for _, path := range r.Paths {
		n += intSize + len(path)
	}
	return n
}

func multiSize(r *wire.MultiTxn) int {
	n := intSize
	for i := range r.Txns {
		n += 2*intSize + len(r.Txns[i].Data)
	}
	return n
}
