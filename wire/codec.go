package wire

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
	"unsafe"
)

// ErrTruncated is returned when a record ends before its last field.
var ErrTruncated = errors.New("wire: record is truncated")

// ErrBadLength is returned for a length or count that is negative (other than
// -1, null) or larger than the bytes that follow it could hold.
var ErrBadLength = errors.New("wire: unreasonable length in record")

// NullString stands for jute's null string, which is not the empty one. It is
// not valid UTF-8, so no decoded string can be mistaken for it, and it is no
// legal path, scheme or id.
const NullString = "\xff"

// A Record is a jute record: fields in order, no padding, no tags.
type Record interface {
	// AppendTo appends the record's encoding to b.
	AppendTo(b []byte) []byte
	// DecodeFrom reads the record; the decoder keeps the first error.
	DecodeFrom(d *Decoder)
}

// A Decoder reads jute values from a byte slice.
//
// Strings and buffers it returns ALIAS the slice: they are valid, and constant,
// only as long as the slice is not reused. That is what makes decoding free of
// allocation; whoever keeps a string beyond the life of its frame clones it.
//
// After the first error every read returns a zero value and Err tells what was
// wrong, so a record's decoder needs no checks of its own.
type Decoder struct {
	b   []byte
	err error
}

// NewDecoder returns a decoder over b.
func NewDecoder(b []byte) Decoder { return Decoder{b: b} }

// Reset makes d read from b and forgets its error.
func (d *Decoder) Reset(b []byte) { d.b, d.err = b, nil }

// Err returns the first error met.
func (d *Decoder) Err() error { return d.err }

// Rest returns what has not been read yet.
func (d *Decoder) Rest() []byte { return d.b }

// Fail records err, unless an error is recorded already.
func (d *Decoder) Fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.b = nil
}

func (d *Decoder) take(n int) []byte {
	if len(d.b) < n {
		d.Fail(ErrTruncated)
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}

// Int reads a 32-bit integer.
func (d *Decoder) Int() int32 {
	if len(d.b) < 4 {
		d.Fail(ErrTruncated)
		return 0
	}
	v := binary.BigEndian.Uint32(d.b)
	d.b = d.b[4:]
	return int32(v)
}

// Long reads a 64-bit integer.
func (d *Decoder) Long() int64 {
	if len(d.b) < 8 {
		d.Fail(ErrTruncated)
		return 0
	}
	v := binary.BigEndian.Uint64(d.b)
	d.b = d.b[8:]
	return int64(v)
}

// Bool reads a boolean: any byte but 0 is true.
func (d *Decoder) Bool() bool {
	p := d.take(1)
	return p != nil && p[0] != 0
}

// Buffer reads a byte buffer, nil for null. It aliases the input.
func (d *Decoder) Buffer() []byte {
	n := d.length(1)
	if n < 0 {
		return nil
	}
	return d.take(n)
}

// String reads a string, NullString for null. It aliases the input, unless the
// input is not UTF-8: then each malformed piece becomes U+FFFD, as in Java, which
// no path may contain.
func (d *Decoder) String() string {
	n := d.length(1)
	if n < 0 {
		if d.err != nil {
			return ""
		}
		return NullString
	}
	p := d.take(n)
	if len(p) == 0 {
		return ""
	}
	s := unsafe.String(&p[0], len(p))
	if !utf8.ValidString(s) {
		return replaceMalformed(p)
	}
	return s
}

// Count reads the count of a vector whose elements take at least min bytes
// each, -1 for a null vector. It never returns more than the rest could hold,
// so a caller may allocate that many.
func (d *Decoder) Count(min int) int { return d.length(min) }

func (d *Decoder) length(min int) int {
	n := d.Int()
	if d.err != nil || n == -1 {
		return -1
	}
	if n < 0 || int64(n)*int64(min) > int64(len(d.b)) {
		d.Fail(ErrBadLength)
		return -1
	}
	return int(n)
}

// Strings reads a vector of strings, nil for null.
func (d *Decoder) Strings() []string {
	n := d.Count(4)
	if n < 0 {
		return nil
	}
	v := make([]string, n)
	for i := range v {
		v[i] = d.String()
	}
	return v
}

// AppendInt appends a 32-bit integer.
func AppendInt(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }

// AppendLong appends a 64-bit integer.
func AppendLong(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

// AppendBool appends a boolean.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendBuffer appends a buffer; nil is null, which is not the empty buffer.
func AppendBuffer(b, v []byte) []byte {
	if v == nil {
		return AppendInt(b, -1)
	}
	return append(AppendInt(b, int32(len(v))), v...)
}

// AppendString appends a string; NullString is null.
func AppendString(b []byte, s string) []byte {
	if s == NullString {
		return AppendInt(b, -1)
	}
	return append(AppendInt(b, int32(len(s))), s...)
}

// AppendStrings appends a vector of strings; nil is null.
func AppendStrings(b []byte, v []string) []byte {
	if v == nil {
		return AppendInt(b, -1)
	}
	b = AppendInt(b, int32(len(v)))
	for _, s := range v {
		b = AppendString(b, s)
	}
	return b
}
