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
