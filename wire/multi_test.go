package wire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

var (
	writeOps = []OpCode{OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL, OpDelete, OpSetData, OpCheck}
	readOps  = []OpCode{OpGetData, OpGetChildren}
)

func multiOf(ops []OpCode, read bool) []MultiOp {
	var m []MultiOp
	for _, op := range ops {
		m = append(m, MultiOp{op, filled(newMultiBody(op, read))})
	}
	return m
}

func TestMultiRoundTrips(t *testing.T) {
	for _, read := range []bool{false, true} {
		ops := multiOf(map[bool][]OpCode{false: writeOps, true: readOps}[read], read)
		d := NewDecoder(AppendMulti(nil, ops))
		got, err := DecodeMulti(&d, read)
		if err != nil || !reflect.DeepEqual(got, ops) || len(d.Rest()) != 0 {
			t.Errorf("read %v: got %+v, %v", read, got, err)
		}
	}
}

func TestMultiRefusesOtherOps(t *testing.T) {
	for op := OpCode(-20); op < 120; op++ {
		for _, read := range []bool{false, true} {
			h := MultiHeader{Op: op, Err: -1}
			in := AppendMultiEnd(append(h.AppendTo(nil), make([]byte, 64)...))
			d := NewDecoder(in)
			_, err := DecodeMulti(&d, read)
			allowed := newMultiBody(op, read) != nil
			if !allowed && !errors.Is(err, ErrMultiOp) {
				t.Errorf("%v in a multi (read %v): %v", op, read, err)
			}
		}
	}
	for _, op := range writeOps {
		if newMultiBody(op, true) != nil {
			t.Errorf("multiRead takes %v", op)
		}
	}
	for _, op := range readOps {
		if newMultiBody(op, false) != nil {
			t.Errorf("multi takes %v", op)
		}
	}
}

func TestEmptyMulti(t *testing.T) {
	b := AppendMulti(nil, nil)
	if want := []byte{0xff, 0xff, 0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff}; !bytes.Equal(b, want) {
		t.Errorf("end header % x, want % x", b, want)
	}
	d := NewDecoder(b)
	if ops, err := DecodeMulti(&d, false); err != nil || len(ops) != 0 {
		t.Errorf("got %v, %v", ops, err)
	}
}

// What ends a multi is the flag alone.
func TestMultiEndsAtTheFlag(t *testing.T) {
	h := MultiHeader{Op: OpCreate, Done: true}
	d := NewDecoder(append(h.AppendTo(nil), 1, 2, 3))
	if ops, err := DecodeMulti(&d, false); err != nil || len(ops) != 0 {
		t.Errorf("got %v, %v", ops, err)
	}
}

func TestMultiNeedsItsEnd(t *testing.T) {
	b := AppendMulti(nil, multiOf(writeOps, false))
	for n := range b {
		d := NewDecoder(b[:n])
		// The last four bytes of the end header are read, so none may miss.
		if _, err := DecodeMulti(&d, false); err == nil {
			t.Fatalf("cut to %d of %d bytes: no error", n, len(b))
		}
	}
}

func TestMultiResults(t *testing.T) {
	b := AppendMultiResult(nil, OpCreate, &PathResponse{Path: "/a"})
	b = AppendMultiResult(b, OpDelete, nil)
	b = AppendMultiError(b, BadVersion)
	b = AppendMultiEnd(b)
	d := NewDecoder(b)
	var h MultiHeader
	var p PathResponse
	var e ErrorResponse
	if h.DecodeFrom(&d); h != (MultiHeader{Op: OpCreate}) {
		t.Errorf("create: %+v", h)
	}
	if p.DecodeFrom(&d); p.Path != "/a" {
		t.Errorf("create: %+v", p)
	}
	if h.DecodeFrom(&d); h != (MultiHeader{Op: OpDelete}) {
		t.Errorf("delete: %+v", h)
	}
	if h.DecodeFrom(&d); h != (MultiHeader{Op: OpError, Err: BadVersion}) {
		t.Errorf("error: %+v", h)
	}
	if e.DecodeFrom(&d); e.Err != BadVersion {
		t.Errorf("error: %+v", e)
	}
	if h.DecodeFrom(&d); h != multiEnd || d.Err() != nil || len(d.Rest()) != 0 {
		t.Errorf("end: %+v, %v", h, d.Err())
	}
}

func FuzzDecodeMulti(f *testing.F) {
	f.Add(AppendMulti(nil, multiOf(writeOps, false)), false)
	f.Add(AppendMulti(nil, multiOf(readOps, true)), true)
	f.Add(AppendMulti(nil, nil), false)
	f.Add(AppendMulti(nil, multiOf(readOps, true)), false)
	f.Fuzz(func(t *testing.T, in []byte, read bool) {
		d := NewDecoder(in)
		ops, err := DecodeMulti(&d, read)
		if err != nil {
			return
		}
		d = NewDecoder(AppendMulti(nil, ops))
		again, err := DecodeMulti(&d, read)
		if err != nil || !reflect.DeepEqual(again, ops) {
			t.Fatalf("%+v became %+v, %v", ops, again, err)
		}
	})
}
