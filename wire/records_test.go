package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"
)

// allRecords are the generated records and the two written by hand.
var allRecords = append(generatedRecords, new(ConnectRequest), new(ConnectResponse))

func newRecord(r Record) Record {
	return reflect.New(reflect.TypeOf(r).Elem()).Interface().(Record)
}

// fill sets every field of a record to a value of its own, so that no two
// fields can be swapped without a test noticing.
func fill(v reflect.Value, next *int64) {
	*next++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Int32, reflect.Int64:
		v.SetInt(*next * 0x01010101)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprintf("string %d é", *next))
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{byte(*next), 0, 0xff})
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), next)
		fill(v.Index(1), next)
	default:
		panic(fmt.Sprintf("no value for a %v", v.Type()))
	}
}

func filled(r Record) Record {
	r = newRecord(r)
	var next int64
	fill(reflect.ValueOf(r).Elem(), &next)
	return r
}

func TestEveryRecordRoundTrips(t *testing.T) {
	for _, zero := range allRecords {
		for _, r := range []Record{newRecord(zero), filled(zero)} {
			b := r.AppendTo(nil)
			got := newRecord(zero)
			d := NewDecoder(append(b, "bytes after the end are ignored"...))
			got.DecodeFrom(&d)
			if d.Err() != nil {
				t.Errorf("%T: %v", r, d.Err())
			}
			if c, ok := got.(*ConnectRequest); ok && !c.HasReadOnly {
				t.Errorf("%T: the readOnly byte was not seen", r)
				continue
			}
			if !sameRecord(got, r) {
				t.Errorf("%T: got %+v, want %+v", r, got, r)
			}
		}
	}
}

// sameRecord compares records, not minding that a handshake's optional byte was
// found in the padding.
func sameRecord(a, b Record) bool {
	switch b := b.(type) {
	case *ConnectRequest:
		c := *a.(*ConnectRequest)
		c.ReadOnly, c.HasReadOnly = b.ReadOnly, b.HasReadOnly
		return reflect.DeepEqual(&c, b)
	case *ConnectResponse:
		c := *a.(*ConnectResponse)
		c.ReadOnly, c.HasReadOnly = b.ReadOnly, b.HasReadOnly
		return reflect.DeepEqual(&c, b)
	}
	return reflect.DeepEqual(a, b)
}

// Whatever byte is missing at the end, decoding says so.
func TestEveryRecordNoticesTruncation(t *testing.T) {
	for _, zero := range generatedRecords {
		b := filled(zero).AppendTo(nil)
		for n := range b {
			d := NewDecoder(b[:n])
			newRecord(zero).DecodeFrom(&d)
			if !errors.Is(d.Err(), ErrTruncated) && !errors.Is(d.Err(), ErrBadLength) {
				t.Fatalf("%T cut to %d of %d bytes: error %v", zero, n, len(b), d.Err())
			}
		}
	}
}

// Sizes the protocol documents, and clients rely on.
func TestFixedSizes(t *testing.T) {
	passwd := make([]byte, PasswdLen)
	for _, tt := range []struct {
		r    Record
		want int
	}{
		{new(Stat), 68}, {new(StatPersisted), 60}, {new(RequestHeader), 8}, {new(ReplyHeader), 16},
		{new(MultiHeader), 9}, {new(ErrorResponse), 4}, {new(TxnHeader), 32}, {new(TxnDigest), 12},
		{&WatcherEvent{Path: "/a"}, 12 + 2},
		{&ConnectRequest{Passwd: passwd}, 44}, {&ConnectRequest{Passwd: passwd, HasReadOnly: true}, 45},
		{&ConnectResponse{Passwd: passwd}, 36}, {&ConnectResponse{Passwd: passwd, HasReadOnly: true}, 37},
	} {
		if n := len(tt.r.AppendTo(nil)); n != tt.want {
			t.Errorf("%T takes %d bytes, want %d", tt.r, n, tt.want)
		}
	}
}

func TestConnectRequestWithoutReadOnly(t *testing.T) {
	in := ConnectRequest{LastZxidSeen: 5, Timeout: 4000, Session: 7, Passwd: make([]byte, PasswdLen)}
	var got ConnectRequest
	d := NewDecoder(in.AppendTo(nil))
	got.DecodeFrom(&d)
	if d.Err() != nil || got.HasReadOnly || !reflect.DeepEqual(got, in) {
		t.Errorf("44 bytes: %+v, %v", got, d.Err())
	}
	in.ReadOnly, in.HasReadOnly = true, true
	d = NewDecoder(in.AppendTo(nil))
	got.DecodeFrom(&d)
	if d.Err() != nil || !reflect.DeepEqual(got, in) {
		t.Errorf("45 bytes: %+v, %v", got, d.Err())
	}
	d = NewDecoder(make([]byte, 20))
	got.DecodeFrom(&d)
	if !errors.Is(d.Err(), ErrTruncated) || got.HasReadOnly {
		t.Errorf("20 bytes: %+v, %v", got, d.Err())
	}
}

func FuzzRecord(f *testing.F) {
	for i, r := range allRecords {
		f.Add(uint8(i), filled(r).AppendTo(nil))
		f.Add(uint8(i), newRecord(r).AppendTo(nil))
	}
	f.Add(uint8(0), []byte{0, 0, 0, 2, 0xed, 0xa0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, which uint8, in []byte) {
		zero := allRecords[int(which)%len(allRecords)]
		first := newRecord(zero)
		d := NewDecoder(in)
		first.DecodeFrom(&d)
		if d.Err() != nil {
			return
		}
		b := first.AppendTo(nil)
		second := newRecord(zero)
		d = NewDecoder(b)
		second.DecodeFrom(&d)
		if d.Err() != nil || len(d.Rest()) != 0 {
			t.Fatalf("%T: its own encoding does not decode: %v, %d bytes left", zero, d.Err(), len(d.Rest()))
		}
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("%T: %+v became %+v", zero, first, second)
		}
		if !bytes.Equal(second.AppendTo(nil), b) {
			t.Fatalf("%T: two encodings of one record", zero)
		}
	})
}
