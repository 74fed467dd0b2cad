package datadir_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/zabra/zabra/server/datadir"
	"github.com/zabra/zabra/wire"
)

// No epoch file is taken for another one after a flipped bit, or after it was cut.
func TestDamagedEpochFiles(t *testing.T) {
	for _, e := range []wire.Epoch{0, 1, 9, 10, 123456, math.MaxInt32} {
		text := datadir.AppendEpoch(nil, e)
		if got, err := datadir.ParseEpoch(text); err != nil || got != e {
			t.Fatalf("%q is read as %d, %v", text, got, err)
		}
		if len(text) > datadir.MaxEpochFile {
			t.Errorf("%d bytes", len(text))
		}
		for i := range text {
			if got, err := datadir.ParseEpoch(text[:i]); err == nil {
				t.Errorf("%q is read as %d", text[:i], got)
			}
			for bit := range 8 {
				bad := bytes.Clone(text)
				bad[i] ^= 1 << bit
				if got, err := datadir.ParseEpoch(bad); err == nil {
					t.Errorf("%q is read as %d", bad, got)
				}
			}
		}
	}
}

func TestDamagedRestoreMarks(t *testing.T) {
	want := datadir.Restoring{Zxid: wire.MakeZxid(7, 12), Number: 3}
	text := want.Append(nil)
	if got, err := datadir.ParseRestoring(text); err != nil || got != want {
		t.Fatalf("%q is read as %+v, %v", text, got, err)
	}
	for i := range text {
		if _, err := datadir.ParseRestoring(text[:i]); err == nil {
			t.Errorf("%q is read", text[:i])
		}
		for bit := range 8 {
			bad := bytes.Clone(text)
			bad[i] ^= 1 << bit
			if got, err := datadir.ParseRestoring(bad); err == nil {
				t.Errorf("%q is read as %+v", bad, got)
			}
		}
	}
}

func FuzzParseRestoring(f *testing.F) {
	f.Add(datadir.Restoring{Zxid: 1 << 32, Number: 9}.Append(nil))
	f.Add([]byte("1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := datadir.ParseRestoring(text); err == nil && !bytes.Equal(r.Append(nil), text) {
			t.Errorf("%q is read as %+v", text, r)
		}
	})
}

func FuzzParseEpoch(f *testing.F) {
	f.Add(datadir.AppendEpoch(nil, 7))
	f.Add([]byte("7"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := datadir.ParseEpoch(text)
		if err == nil && !bytes.Equal(datadir.AppendEpoch(nil, e), text) {
			t.Errorf("%q is read as %d", text, e)
		}
	})
}

// A mark that cannot be understood is the worst there is.
func TestDistrust(t *testing.T) {
	for _, d := range []datadir.Distrust{
		{Why: datadir.Fresh, Text: "empty"}, {Why: datadir.Moving, Set: "20260102T030405.678", Text: "a\nb"},
		{Why: datadir.Damaged, Set: "x"}, {Why: datadir.Replacing},
	} {
		if got := datadir.ParseDistrust(d.Append(nil)); got != d {
			t.Errorf("%+v is read as %+v", d, got)
		}
	}
	for _, text := range []string{"", "fres", "moving ../x\n", "\x00"} {
		if got := datadir.ParseDistrust([]byte(text)); got.Why != datadir.Damaged {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func FuzzParseDistrust(f *testing.F) {
	f.Add(datadir.Distrust{Why: datadir.Moving, Set: "a", Text: "b"}.Append(nil))
	f.Add([]byte("fresh \n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d := datadir.ParseDistrust(text)
		if len(text) < 4000 && d.Why != datadir.Damaged && datadir.ParseDistrust(d.Append(nil)) != d {
			t.Errorf("%q is read as %+v", text, d)
		}
	})
}
