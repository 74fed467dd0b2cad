package wire

import "errors"

// ErrMultiOp is returned for a multi that holds an operation it may not hold.
var ErrMultiOp = errors.New("wire: operation is not allowed in this multi")

// A MultiOp is one operation of a multi or multiRead. Body is a pointer to the
// request record that Op names.
type MultiOp struct {
	Op   OpCode
	Body Record
}

var multiEnd = MultiHeader{Op: OpError, Done: true, Err: -1}

// AppendMulti appends the body of a multi or multiRead request.
func AppendMulti(b []byte, ops []MultiOp) []byte {
	for _, op := range ops {
		h := MultiHeader{Op: op.Op, Err: -1}
		b = op.Body.AppendTo(h.AppendTo(b))
	}
	return multiEnd.AppendTo(b)
}

// DecodeMulti reads the body of a multi (read false) or multiRead (read true).
// An operation of the other kind is ErrMultiOp, as is any that may stand in
// neither. The end header is required.
func DecodeMulti(d *Decoder, read bool) ([]MultiOp, error) {
	var ops []MultiOp
	for {
		var h MultiHeader
		h.DecodeFrom(d)
		if d.Err() != nil {
			return nil, d.Err()
		}
		if h.Done {
			return ops, nil
		}
		body := newMultiBody(h.Op, read)
		if body == nil {
			return nil, ErrMultiOp
		}
		body.DecodeFrom(d)
		if d.Err() != nil {
			return nil, d.Err()
		}
		ops = append(ops, MultiOp{h.Op, body})
	}
}

func newMultiBody(op OpCode, read bool) Record {
	if read {
		switch op {
		case OpGetData, OpGetChildren:
			return new(PathWatchRequest)
		}
		return nil
	}
	switch op {
	case OpCreate, OpCreate2, OpCreateContainer:
		return new(CreateRequest)
	case OpCreateTTL:
		return new(CreateTTLRequest)
	case OpDelete, OpCheck:
		return new(PathVersionRequest)
	case OpSetData:
		return new(SetDataRequest)
	}
	return nil
}

// AppendMultiResult appends the result of one operation that succeeded; body
// is nil for delete and check.
func AppendMultiResult(b []byte, op OpCode, body Record) []byte {
	h := MultiHeader{Op: op}
	b = h.AppendTo(b)
	if body != nil {
		b = body.AppendTo(b)
	}
	return b
}

// AppendMultiError appends the result of one operation that failed, or that
// was not tried because another failed.
func AppendMultiError(b []byte, code Code) []byte {
	h := MultiHeader{Op: OpError, Err: code}
	return AppendInt(h.AppendTo(b), int32(code))
}

// AppendMultiEnd appends what ends a multi's request or reply.
func AppendMultiEnd(b []byte) []byte { return multiEnd.AppendTo(b) }
