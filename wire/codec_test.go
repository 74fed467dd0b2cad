package wire

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"testing"
	"unsafe"
)

func TestIntegers(t *testing.T) {
	for _, v := range []int32{0, 1, -1, math.MaxInt32, math.MinInt32} {
		d := NewDecoder(AppendInt(nil, v))
		if got := d.Int(); got != v || d.Err() != nil {
			t.Errorf("int %d came back as %d, %v", v, got, d.Err())
		}
	}
	for _, v := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		d := NewDecoder(AppendLong(nil, v))
		if got := d.Long(); got != v || d.Err() != nil {
			t.Errorf("long %d came back as %d, %v", v, got, d.Err())
		}
	}
	if b := AppendInt(nil, 0x01020304); !bytes.Equal(b, []byte{1, 2, 3, 4}) {
		t.Errorf("int is not big endian: % x", b)
	}
}

func TestBoolReadsAnyByteButZeroAsTrue(t *testing.T) {
	for in, want := range map[byte]bool{0: false, 1: true, 2: true, 0xff: true} {
		d := NewDecoder([]byte{in})
		if got := d.Bool(); got != want {
			t.Errorf("byte %d reads as %v", in, got)
		}
	}
	if b := AppendBool(AppendBool(nil, true), false); !bytes.Equal(b, []byte{1, 0}) {
		t.Errorf("booleans are written % x", b)
	}
}

func TestNullIsNotEmpty(t *testing.T) {
	b := AppendBuffer(nil, nil)
	b = AppendBuffer(b, []byte{})
	b = AppendString(b, NullString)
	b = AppendString(b, "")
	b = AppendStrings(b, nil)
	b = AppendStrings(b, []string{})
	d := NewDecoder(b)
	if v := d.Buffer(); v != nil {
		t.Errorf("null buffer reads as %#v", v)
	}
	if v := d.Buffer(); v == nil || len(v) != 0 {
		t.Errorf("empty buffer reads as %#v", v)
	}
	if v := d.String(); v != NullString {
		t.Errorf("null string reads as %q", v)
	}
	if v := d.String(); v != "" {
		t.Errorf("empty string reads as %q", v)
	}
	if v := d.Strings(); v != nil {
		t.Errorf("null vector reads as %#v", v)
	}
	if v := d.Strings(); v == nil || len(v) != 0 {
		t.Errorf("empty vector reads as %#v", v)
	}
	if d.Err() != nil || len(d.Rest()) != 0 {
		t.Errorf("error %v, rest % x", d.Err(), d.Rest())
	}
}

// An empty buffer at the very end of the input is still not null.
func TestEmptyBufferAtTheEnd(t *testing.T) {
	d := NewDecoder([]byte{0, 0, 0, 0})
	if v := d.Buffer(); v == nil || d.Err() != nil {
		t.Errorf("got %#v, %v", v, d.Err())
	}
}

func TestDecoderErrors(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		read func(*Decoder)
		want error
	}{
		{"int", []byte{0, 0, 0}, func(d *Decoder) { d.Int() }, ErrTruncated},
		{"long", make([]byte, 7), func(d *Decoder) { d.Long() }, ErrTruncated},
		{"bool", nil, func(d *Decoder) { d.Bool() }, ErrTruncated},
		{"buffer without length", []byte{0}, func(d *Decoder) { d.Buffer() }, ErrTruncated},
		{"buffer longer than input", []byte{0, 0, 0, 2, 1}, func(d *Decoder) { d.Buffer() }, ErrBadLength},
		{"buffer of length -2", []byte{0xff, 0xff, 0xff, 0xfe}, func(d *Decoder) { d.Buffer() }, ErrBadLength},
		{"string longer than input", []byte{0x7f, 0xff, 0xff, 0xff}, func(d *Decoder) { _ = d.String() }, ErrBadLength},
		{"vector longer than input", []byte{0, 0, 0, 2, 0, 0, 0, 0}, func(d *Decoder) { d.Strings() }, ErrBadLength},
		{"vector of length -2", []byte{0xff, 0xff, 0xff, 0xfe}, func(d *Decoder) { d.Strings() }, ErrBadLength},
	}
	for _, tt := range tests {
		d := NewDecoder(tt.in)
		tt.read(&d)
		if !errors.Is(d.Err(), tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, d.Err(), tt.want)
		}
		if d.Int() != 0 || d.Long() != 0 || d.Bool() || d.Buffer() != nil || d.String() != "" || d.Strings() != nil {
			t.Errorf("%s: reads after the error return values", tt.name)
		}
		if !errors.Is(d.Err(), tt.want) {
			t.Errorf("%s: first error was replaced by %v", tt.name, d.Err())
		}
	}
}

// A count never makes a decoder take more memory than a small multiple of the
// bytes that came with it, wherever in a record it stands.
func TestHostileCountsTakeNoMemory(t *testing.T) {
	const size, most = 64 << 10, 8 * 64 << 10
	for _, r := range generatedRecords {
		for lead := range 48 {
			for _, count := range []int32{math.MaxInt32, size, (size - int32(lead)) / 4, (size - int32(lead)) / 12} {
				in := make([]byte, size)
				copy(in[lead:], AppendInt(nil, count))
				if n := allocated(func() {
					d := NewDecoder(in)
					r.DecodeFrom(&d)
				}); n > most {
					t.Fatalf("%T: %d bytes taken for %d, count %d at %d", r, n, len(in), count, lead)
				}
			}
		}
	}
	d := NewDecoder(append(AppendInt(nil, 1000), make([]byte, 100)...))
	if n := d.Count(1); n != -1 || !errors.Is(d.Err(), ErrBadLength) {
		t.Errorf("count of 1000 in 100 bytes: %d, %v", n, d.Err())
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestDecodedValuesAliasTheInput(t *testing.T) {
	in := AppendBuffer(AppendString(nil, "/a"), []byte("data"))
	d := NewDecoder(in)
	s, b := d.String(), d.Buffer()
	if unsafe.StringData(s) != &in[4] || &b[0] != &in[10] {
		t.Error("decoding copied")
	}
	if cap(b) != len(b) {
		t.Error("appending to a decoded buffer would overwrite what follows it")
	}
}

func TestDecoderReset(t *testing.T) {
	d := NewDecoder(nil)
	d.Int()
	d.Reset(AppendInt(nil, 7))
	if v := d.Int(); v != 7 || d.Err() != nil {
		t.Errorf("after Reset: %d, %v", v, d.Err())
	}
}

// What Java's decoder makes of malformed input, piece by piece.
func TestMalformedUTF8(t *testing.T) {
	const r = "\uFFFD"
	for in, want := range map[string]string{
		"/a\xff":                       "/a" + r,
		"\xff\xff":                     r + r,
		"\x80":                         r,
		"\xc0\x80":                     r + r,         // overlong NUL
		"\xc3":                         r,             // cut short
		"\xc3(":                        r + "(",       //
		"\xe2\x82":                     r,             // cut short
		"\xe2\x82x":                    r + "x",       //
		"\xe2x":                        r + "x",       //
		"\xe0\x80\x80":                 r + r + r,     // overlong
		"\xed\xa0\xbd\xed\xb8\x80":     r + r,         // a smiley as two surrogates (CESU-8)
		"\xed\xa0":                     r,             // a surrogate cut short
		"\xed\xa0x":                    r + "x",       //
		"\xf0\x9f\x98":                 r,             // cut short
		"\xf0\x9fx":                    r + "x",       //
		"\xf0\x80\x80\x80":             r + r + r + r, // overlong
		"\xf4\x90\x80\x80":             r + r + r + r, // beyond U+10FFFF
		"\xf8\x88\x80\x80\x80":         r + r + r + r + r,
		"\xe4\xbd\xa0\xff\xe5\xa5\xbd": "你" + r + "好",
		"/😀":                           "/😀",
	} {
		d := NewDecoder(AppendInt(nil, int32(len(in))))
		d.Reset(append(AppendInt(nil, int32(len(in))), in...))
		if got := d.String(); got != want || d.Err() != nil {
			t.Errorf("% x: got %q, want %q (%v)", in, got, want, d.Err())
		}
	}
}

func BenchmarkDecodePathWatch(b *testing.B) {
	in := (&PathWatchRequest{Path: "/services/orders/instance-0001", Watch: true}).AppendTo(nil)
	var r PathWatchRequest
	b.ReportAllocs()
	for b.Loop() {
		d := NewDecoder(in)
		r.DecodeFrom(&d)
	}
}

func BenchmarkAppendGetDataResponse(b *testing.B) {
	r := GetDataResponse{Data: make([]byte, 100)}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendReply(buf[:0], ReplyHeader{Xid: 1, Zxid: 2}, &r)
	}
}

// The read path decodes and encodes without the garbage collector.
func TestReadPathDoesNotAllocate(t *testing.T) {
	in := (&PathWatchRequest{Path: "/a/b", Watch: true}).AppendTo(nil)
	var r PathWatchRequest
	stat := new(Stat)
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		d := NewDecoder(in)
		r.DecodeFrom(&d)
		buf = stat.AppendTo(AppendBuffer(buf[:0], in))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
