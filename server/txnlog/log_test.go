package txnlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/wire"
)

const dir = "/log"

// small options make many segments, and the same ones in every run.
func small() Options {
	salt := rand.New(rand.NewPCG(7, 7))
	return Options{SegmentSize: MinSegmentSize, Salt: salt.Uint64}
}

func open(t testing.TB, fsys vfs.FS, opts Options) *Log {
	t.Helper()
	l, err := Open(fsys, dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func ok(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// payload makes bytes that differ from one zxid to the next.
func payload(z wire.Zxid, n int) []byte {
	p := make([]byte, n)
	rng := rand.New(rand.NewPCG(uint64(z), uint64(n)))
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

// run makes the records after z.
func run(z wire.Zxid, n, size int) []Record {
	recs := make([]Record, n)
	for i := range recs {
		z++
		recs[i] = Record{z, payload(z, size)}
	}
	return recs
}

func appendSynced(t testing.TB, l *Log, recs []Record) {
	t.Helper()
	ok(t, l.Append(recs), l.Sync())
}

// readAll returns everything above z.
func readAll(l *Log, z wire.Zxid) ([]Record, error) {
	r, err := l.Read(z)
	if err != nil {
		return nil, err
	}
	return drain(r)
}

func drain(r *Reader) (recs []Record, err error) {
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return recs, nil
		}
		if err != nil {
			return recs, err
		}
		recs = append(recs, Record{rec.Zxid, slices.Clone(rec.Payload)})
	}
}

func wantRecords(t testing.TB, got, want []Record) {
	t.Helper()
	if err := sameRecords(got, want); err != nil {
		t.Fatal(err)
	}
}

func sameRecords(got, want []Record) error {
	for i := range min(len(got), len(want)) {
		if got[i].Zxid != want[i].Zxid || !bytes.Equal(got[i].Payload, want[i].Payload) {
			return fmt.Errorf("record %d is %v, want %v", i, got[i].Zxid, want[i].Zxid)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d records, want %d", len(got), len(want))
	}
	return nil
}

func TestRecordsComeBack(t *testing.T) {
	fsys := memfs.New()
	l := open(t, fsys, small())
	var want []Record
	for i, size := range []int{0, 1, 7, 8, 100, 479, 480, 481, 4096, 20000, 3, 16000, 12000, 5} {
		recs := run(wire.Zxid(len(want)), i%3+1, size)
		appendSynced(t, l, recs)
		want = append(want, recs...)
	}
	for range 2 {
		got, err := readAll(l, 0)
		ok(t, err)
		wantRecords(t, got, want)
		ok(t, l.Close())
		l = open(t, fsys, small())
		if l.Recovery().Torn != nil || l.Last() != want[len(want)-1].Zxid || l.Base() != 0 {
			t.Errorf("recovered %+v", l.Recovery())
		}
	}
	ok(t, l.Close())
}
