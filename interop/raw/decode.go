package raw

import (
	"encoding/binary"
	"fmt"
)

// A Reader takes a record apart. After the first field that is not there every
// further one is zero and Err says what was missing.
type Reader struct {
	b   []byte
	err error
}

// NewReader reads b.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Err is the first thing that went wrong, or nil.
func (r *Reader) Err() error { return r.err }

// Rest is what has not been read.
func (r *Reader) Rest() []byte { return r.b }

func (r *Reader) take(n int, what string) []byte {
	if r.err == nil && n > len(r.b) {
		r.err = fmt.Errorf("%s needs %d bytes, %d are left", what, n, len(r.b))
	}
	if r.err != nil {
		return make([]byte, min(n, 8))
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

// Int reads an int.
func (r *Reader) Int() int32 { return int32(binary.BigEndian.Uint32(r.take(4, "int"))) }

// Long reads a long.
func (r *Reader) Long() int64 { return int64(binary.BigEndian.Uint64(r.take(8, "long"))) }

// Bool reads a boolean.
func (r *Reader) Bool() bool { return r.take(1, "boolean")[0] != 0 }

// Bytes reads a buffer; null is nil.
func (r *Reader) Bytes() []byte {
	n := r.Int()
	if n == -1 || r.err != nil {
		return nil
	}
	if n < 0 || int(n) > len(r.b) {
		r.err = fmt.Errorf("buffer of %d bytes, %d are left", n, len(r.b))
		return nil
	}
	return append([]byte{}, r.take(int(n), "buffer")...)
}

// Str reads a ustring; null is "<null>", which no path or scheme is.
func (r *Reader) Str() string {
	p := r.Bytes()
	if p == nil {
		return "<null>"
	}
	return string(p)
}

// Strs reads a vector of ustrings.
func (r *Reader) Strs() []string {
	n := r.Int()
	if n < 0 || int(n) > len(r.b) {
		if n != -1 && r.err == nil {
			r.err = fmt.Errorf("vector of %d elements, %d bytes are left", n, len(r.b))
		}
		return nil
	}
	v := make([]string, 0, n)
	for range n {
		v = append(v, r.Str())
	}
	return v
}
