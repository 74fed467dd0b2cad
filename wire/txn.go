package wire

import "fmt"

// A Txn is a transaction: what one write did, as it stands in the log. Raw is
// its whole encoding. Body is a pointer to the record that Header.Op names:
//
//	create, create2               *CreateTxn
//	createContainer, createTTL    *CreateContainerTxn, *CreateTTLTxn
//	delete, deleteContainer       *DeleteTxn
//	setData, reconfig             *SetDataTxn
//	setACL, check                 *SetACLTxn, *CheckVersionTxn
//	createSession, closeSession   *CreateSessionTxn, *CloseSessionTxn
//	multi                         *MultiTxn
//	error                         *ErrorTxn
type Txn struct {
	Header TxnHeader
	Body   Record
	Digest *TxnDigest // nil when the transaction carries none
	Raw    []byte
}

// A TxnTypeError says that a transaction's type is not known: it was written
// by a newer server, and whoever meets it must not go on without it.
type TxnTypeError struct {
	Zxid Zxid
	Op   OpCode
}

func (e *TxnTypeError) Error() string {
	return fmt.Sprintf("wire: transaction %v has unknown type %d", e.Zxid, int32(e.Op))
}

// EncodeTxn encodes the header and body and returns the transaction, Raw
// included. buf is the slice to append to, usually nil or a fresh arena.
func EncodeTxn(buf []byte, h TxnHeader, body Record) Txn {
	buf = h.AppendTo(buf)
	buf = body.AppendTo(buf)
	return Txn{Header: h, Body: body, Raw: buf}
}

// Attest adds the digest that the tree has behind the transaction, which must have none.
func (t *Txn) Attest(digest uint64) {
	t.Digest = &TxnDigest{Version: txnDigestVersion, Digest: int64(digest)}
	t.Raw = t.Digest.AppendTo(t.Raw[:len(t.Raw):len(t.Raw)])
}

// NewTxnBody returns an empty record for a transaction type, nil for a type
// that does not exist.
func NewTxnBody(op OpCode) Record {
	switch op {
	case OpCreate, OpCreate2:
		return new(CreateTxn)
	case OpCreateContainer:
		return new(CreateContainerTxn)
	case OpCreateTTL:
		return new(CreateTTLTxn)
	case OpDelete, OpDeleteContainer:
		return new(DeleteTxn)
	case OpSetData, OpReconfig:
		return new(SetDataTxn)
	case OpSetACL:
		return new(SetACLTxn)
	case OpCheck:
		return new(CheckVersionTxn)
	case OpCreateSession:
		return new(CreateSessionTxn)
	case OpCloseSession:
		return new(CloseSessionTxn)
	case OpMulti:
		return new(MultiTxn)
	case OpError:
		return new(ErrorTxn)
	}
	return nil
}

// DecodeTxn decodes a transaction. It aliases raw. Besides today's forms it
// takes a create without the parent's version (ZooKeeper 3.3), which reads as
// -1, and a closeSession without a list of paths (before 3.6, or with
// closeSessionTxn.enabled=false), whose Paths is nil.
func DecodeTxn(raw []byte) (Txn, error) {
	t := Txn{Raw: raw}
	d := NewDecoder(raw)
	t.Header.DecodeFrom(&d)
	if d.Err() != nil {
		return t, fmt.Errorf("transaction header: %w", d.Err())
	}
	body, err := decodeTxnBody(t.Header, &d)
	if err != nil {
		return t, err
	}
	t.Body = body
	if len(d.Rest()) >= txnDigestSize {
		t.Digest = new(TxnDigest)
		t.Digest.DecodeFrom(&d)
	}
	return t, nil
}

const (
	txnDigestSize    = 12
	txnDigestVersion = 2
)

func decodeTxnBody(h TxnHeader, d *Decoder) (Record, error) {
	body := NewTxnBody(h.Op)
	if body == nil {
		return nil, &TxnTypeError{h.Zxid, h.Op}
	}
	if c, ok := body.(*CloseSessionTxn); ok && bareCloseSession(d.Rest()) {
		return c, nil
	}
	if c, ok := body.(*CreateTxn); ok {
		return c, decodeCreateTxn(c, h, d)
	}
	body.DecodeFrom(d)
	if d.Err() != nil {
		return nil, fmt.Errorf("transaction %v (%v): %w", h.Zxid, h.Op, d.Err())
	}
	return body, nil
}

// bareCloseSession tells a closeSession without paths from one with: nothing
// follows the header, or just a digest, which starts with its version.
func bareCloseSession(rest []byte) bool {
	if len(rest) == 0 {
		return true
	}
	d := NewDecoder(rest)
	return len(rest) == txnDigestSize && d.Int() == txnDigestVersion
}

// decodeCreateTxn also reads the form without ParentCversion, which is known
// by the end of the input after the ephemeral flag.
func decodeCreateTxn(c *CreateTxn, h TxnHeader, d *Decoder) error {
	c.Path, c.Data = d.String(), d.Buffer()
	c.ACL = decodeACLs(d)
	c.Ephemeral = d.Bool()
	c.ParentCversion = -1
	if d.Err() == nil && len(d.Rest()) > 0 {
		c.ParentCversion = d.Int()
	}
	if d.Err() != nil {
		return fmt.Errorf("transaction %v (%v): %w", h.Zxid, h.Op, d.Err())
	}
	return nil
}

const minACLSize = 12

func decodeACLs(d *Decoder) []ACL {
	n := d.Count(minACLSize)
	if n < 0 {
		return nil
	}
	v := make([]ACL, n)
	for i := range v {
		v[i].DecodeFrom(d)
	}
	return v
}

// DecodeSubTxn decodes one operation of a multi transaction. Its header is the
// multi's with the operation's type.
func DecodeSubTxn(h TxnHeader, sub SubTxn) (Txn, error) {
	h.Op = sub.Op
	d := NewDecoder(sub.Data)
	switch sub.Op {
	case OpMulti, OpCreateSession, OpCloseSession, OpReconfig:
		return Txn{}, &TxnTypeError{h.Zxid, sub.Op}
	}
	body, err := decodeTxnBody(h, &d)
	return Txn{Header: h, Body: body}, err
}
