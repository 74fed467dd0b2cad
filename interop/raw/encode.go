package raw

import "encoding/binary"

// A Body is a record under construction, in jute's encoding. Its methods return
// the longer record, so that a request reads as one line.
type Body []byte

// Int appends an int.
func (b Body) Int(v int32) Body { return binary.BigEndian.AppendUint32(b, uint32(v)) }

// Long appends a long.
func (b Body) Long(v int64) Body { return binary.BigEndian.AppendUint64(b, uint64(v)) }

// Bool appends a boolean.
func (b Body) Bool(v bool) Body {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// Str appends a ustring.
func (b Body) Str(s string) Body { return append(b.Int(int32(len(s))), s...) }

// Bytes appends a buffer; nil is jute's null, which is not the empty buffer.
func (b Body) Bytes(p []byte) Body {
	if p == nil {
		return b.Null()
	}
	return append(b.Int(int32(len(p))), p...)
}

// Null appends a null string, buffer or vector.
func (b Body) Null() Body { return b.Int(-1) }

// Strs appends a vector of ustrings; nil is null.
func (b Body) Strs(v []string) Body {
	if v == nil {
		return b.Null()
	}
	b = b.Int(int32(len(v)))
	for _, s := range v {
		b = b.Str(s)
	}
	return b
}

// ACLs appends a vector of ACLs; nil is null.
func (b Body) ACLs(v []ACL) Body {
	if v == nil {
		return b.Null()
	}
	b = b.Int(int32(len(v)))
	for _, a := range v {
		b = b.Int(a.Perms).Str(a.Scheme).Str(a.ID)
	}
	return b
}
