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
	"github.com/zabra/zabra/internal/vfs/osfs"
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

func TestRefusedRecordsChangeNothing(t *testing.T) {
	opts := small()
	opts.MaxRecord = 1000
	l := open(t, memfs.New(), opts)
	appendSynced(t, l, run(0, 5, 10))
	var order *OrderError
	for _, z := range []wire.Zxid{0, 4, 5, 7, -1, wire.MakeZxid(1, 0), wire.MakeZxid(1, 2)} {
		err := l.Append([]Record{{Zxid: z}})
		if !errors.As(err, &order) || !errors.Is(err, ErrNotAppended) {
			t.Errorf("append %v behind 5: %v", z, err)
		}
	}
	// One bad record in the middle keeps the whole batch out.
	if err := l.Append([]Record{{Zxid: 6}, {Zxid: 8}}); !errors.As(err, &order) {
		t.Errorf("a batch with a hole: %v", err)
	}
	var size *SizeError
	if err := l.Append([]Record{{6, make([]byte, 1001)}}); !errors.As(err, &size) || !errors.Is(err, ErrNotAppended) {
		t.Errorf("a record above the limit: %v", err)
	}
	huge := make([]Record, MaxSegmentSize/1000+1)
	same := make([]byte, 1000)
	for i := range huge {
		huge[i] = Record{wire.Zxid(6 + i), same}
	}
	if err := l.Append(huge); !errors.As(err, &size) {
		t.Errorf("a batch above the size of a segment: %v", err)
	}
	if l.Last() != 5 || l.Err() != nil {
		t.Errorf("last %v, dead: %v", l.Last(), l.Err())
	}
	ok(t, l.Append([]Record{{6, make([]byte, 1000)}, {Zxid: wire.MakeZxid(1, 1)}}))
	ok(t, l.Close())
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{SegmentSize: 1}, {SegmentSize: MaxSegmentSize + 1}, {MaxRecord: -1}, {MaxRecord: MaxSegmentSize}} {
		if _, err := Open(memfs.New(), dir, o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestTruncateToEverywhere(t *testing.T) {
	fsys := memfs.New()
	l := open(t, fsys, small())
	all := history{recs: epochs(t, l)}
	ok(t, l.Close())
	for e := range wire.Epoch(7) {
		for c := uint32(0); c < 62; c += 3 {
			keep := wire.MakeZxid(e, c)
			clone := fsys.KillClone()
			l := open(t, clone, small())
			ok(t, l.Truncate(keep))
			want := slices.Clone(all.recs[:all.upTo(keep)])
			if l.Last() != (history{recs: want}).last() {
				t.Fatalf("truncated to %v: last is %v", keep, l.Last())
			}
			after := run(wire.MakeZxid(8, 0), 2, 30)
			appendSynced(t, l, after)
			l = open(t, clone.CrashClone(rand.New(rand.NewPCG(uint64(keep), 0))), small())
			got, err := readAll(l, 0)
			ok(t, err)
			wantRecords(t, got, append(want, after...))
		}
	}
}

func TestResetStartsAgain(t *testing.T) {
	fsys := memfs.New()
	l := open(t, fsys, small())
	epochs(t, l)
	z := wire.MakeZxid(5, 30) // in the middle of what was there
	ok(t, l.Reset(z))
	if l.Last() != z || l.Base() != z {
		t.Errorf("base %v, last %v", l.Base(), l.Last())
	}
	recs := run(z, 4, 40)
	appendSynced(t, l, recs)
	ok(t, l.Close())
	l = open(t, fsys, small())
	got, err := readAll(l, z)
	ok(t, err)
	wantRecords(t, got, recs)
	names, err := fsys.List(dir)
	ok(t, err)
	if !slices.Equal(names, []string{"log.50000001f", "log.lock"}) {
		t.Errorf("left over: %v", names)
	}
	if err := l.Reset(-1); !errors.Is(err, ErrNotAppended) {
		t.Errorf("reset to nothing: %v", err)
	}
	ok(t, l.Close())
	if err := l.Append(nil); err != ErrClosed {
		t.Errorf("closed: %v", err)
	}
	ok(t, l.Close())
}

// Segments are named after their first record whatever happened before it came.
func TestEmptySegmentIsRenamed(t *testing.T) {
	fsys := memfs.New()
	l := open(t, fsys, small())
	appendSynced(t, l, run(wire.MakeZxid(4, 0), 1, 20))
	ok(t, l.Close())
	names, err := fsys.List(dir)
	ok(t, err)
	if !slices.Equal(names, []string{"log.400000001", "log.lock"}) {
		t.Errorf("files %v", names)
	}
}

func TestTornTailIsReported(t *testing.T) {
	fsys := memfs.New()
	l := open(t, fsys, small())
	appendSynced(t, l, run(0, 3, 100))
	at, path := l.tail.off, l.cur.path
	ok(t, l.Append(run(3, 3, 1000)))
	clone := fsys.KillClone()
	change(t, clone, path, at+1024, sectorSize, func(b []byte) { clear(b) })
	l = open(t, clone, small())
	torn := l.Recovery().Torn
	if torn == nil || torn.File != path || torn.Offset != at || torn.Bytes < 3000 || l.Last() != 3 {
		t.Fatalf("torn %v, last %v", torn, l.Last())
	}
	ok(t, l.Close())
	l = open(t, clone, small())
	if l.Recovery().Torn != nil {
		t.Errorf("cut twice: %v", l.Recovery().Torn)
	}
	ok(t, l.Close())
}

func TestAppendDoesNotAllocate(t *testing.T) {
	l, err := Open(osfs.FS{}, t.TempDir(), Options{SegmentSize: 8 << 20})
	ok(t, err)
	recs := run(0, 10, 100)
	appendSynced(t, l, recs)
	allocs := testing.AllocsPerRun(100, func() {
		for i := range recs {
			recs[i].Zxid += wire.Zxid(len(recs))
		}
		if l.Append(recs) != nil || l.Sync() != nil {
			t.Fatal(l.Err())
		}
	})
	if allocs >= 1 {
		t.Errorf("%v allocations a batch", allocs)
	}
	ok(t, l.Close())
}
