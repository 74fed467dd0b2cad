package txnlog

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/wire"
)

// epochs returns records of three epochs in small batches, with gaps between the
// epochs: 1.1 to 1.60, 2.1 to 2.60, 5.1 to 5.60.
func epochs(t *testing.T, l *Log) []Record {
	t.Helper()
	var all []Record
	for _, e := range []wire.Epoch{1, 2, 5} {
		recs := run(wire.MakeZxid(e, 0), 60, 150)
		for batch := range slices.Chunk(recs, 7) {
			appendSynced(t, l, batch)
		}
		all = append(all, recs...)
	}
	return all
}

func TestReadAndFloorFromEverywhere(t *testing.T) {
	fsys := memfs.New()
	l := open(t, fsys, small())
	all := history{recs: epochs(t, l)}
	for round := range 2 { // with an index, and without one
		for e := range wire.Epoch(7) {
			for c := range uint32(62) {
				z := wire.MakeZxid(e, c)
				n := all.upTo(z)
				got, err := readAll(l, z)
				ok(t, err)
				wantRecords(t, got, all.recs[n:])
				floor, err := l.Floor(z)
				ok(t, err)
				if want := (history{recs: all.recs[:n]}).last(); floor != want {
					t.Fatalf("round %d: Floor(%v) = %v, want %v", round, z, floor, want)
				}
			}
		}
		ok(t, l.Close())
		l = open(t, fsys, small())
	}
}

func TestReaderFollowsTheLog(t *testing.T) {
	l := open(t, memfs.New(), small())
	r, err := l.Read(0)
	ok(t, err)
	if _, err := r.Next(); err != io.EOF {
		t.Fatalf("an empty log returns %v", err)
	}
	for i := range 100 { // over several segments
		ok(t, l.Append(run(wire.Zxid(i), 1, 700)))
		rec, err := r.Next()
		ok(t, err)
		wantRecords(t, []Record{rec}, run(wire.Zxid(i), 1, 700))
		if i%3 == 0 {
			if _, err := r.Next(); err != io.EOF {
				t.Fatalf("at the end: %v", err)
			}
		}
	}
	ok(t, r.Close())
}

func TestReaderNoticesThatHistoryChanged(t *testing.T) {
	for name, rewrite := range map[string]func(*Log) error{
		"truncate": func(l *Log) error { return l.Truncate(wire.MakeZxid(1, 5)) },
		"reset":    func(l *Log) error { return l.Reset(wire.MakeZxid(9, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t, memfs.New(), small())
			epochs(t, l)
			r, err := l.Read(0)
			ok(t, err)
			_, err = r.Next()
			ok(t, err, rewrite(l))
			if _, err := r.Next(); err != ErrRewritten {
				t.Errorf("Next = %v", err)
			}
			ok(t, r.Close())
		})
	}
}

func TestReaderOfPurgedPart(t *testing.T) {
	l := open(t, memfs.New(), small())
	all := epochs(t, l)
	old, err := l.Read(0)
	ok(t, err)
	late, err := l.Read(0) // opens nothing before the purge
	ok(t, err)
	_, err = old.Next()
	ok(t, err, l.Purge(l.Last(), Retention{Txns: 1}))
	if l.Base() == 0 {
		t.Fatal("nothing was purged")
	}
	var gone *GoneError
	if _, err := l.Read(0); !errors.As(err, &gone) || gone.Base != l.Base() {
		t.Errorf("Read before the base: %v", err)
	}
	if _, err := l.Floor(0); !errors.As(err, &gone) {
		t.Errorf("Floor before the base: %v", err)
	}
	if err := l.Truncate(0); !errors.As(err, &gone) || l.Err() != nil {
		t.Errorf("Truncate before the base: %v", err)
	}
	for _, r := range []*Reader{old, late} {
		if _, err := drain(r); !errors.As(err, &gone) {
			t.Errorf("a reader of what was purged: %v", err)
		}
	}
	got, err := readAll(l, l.Base())
	ok(t, err)
	wantRecords(t, got, all[len(all)-len(got):])
}

func TestPurgeKeepsWhatItShould(t *testing.T) {
	count := func(l *Log) int {
		got, err := readAll(l, l.Base())
		ok(t, err)
		return len(got)
	}
	for _, tc := range []struct {
		covered  wire.Zxid
		keep     Retention
		min, max int
	}{
		{covered: 0, keep: Retention{Txns: 1}, min: 180, max: 180},
		{covered: wire.MakeZxid(9, 0), keep: Retention{}, min: 180, max: 180},
		{covered: wire.MakeZxid(9, 0), keep: Retention{Txns: 1}, min: 1, max: 50},
		{covered: wire.MakeZxid(9, 0), keep: Retention{Txns: 100}, min: 100, max: 150},
		{covered: wire.MakeZxid(9, 0), keep: Retention{Bytes: 2 * MinSegmentSize}, min: 50, max: 100},
		{covered: wire.MakeZxid(2, 20), keep: Retention{Txns: 1}, min: 100, max: 150},
	} {
		fsys := memfs.New()
		l := open(t, fsys, small())
		epochs(t, l)
		ok(t, l.Close())
		l = open(t, fsys, small()) // counts must not depend on what was written since
		ok(t, l.Purge(tc.covered, tc.keep))
		if n := count(l); n < tc.min || n > tc.max {
			t.Errorf("Purge(%v, %+v) leaves %d records, want %d to %d", tc.covered, tc.keep, n, tc.min, tc.max)
		}
		if l.Base() > tc.covered {
			t.Errorf("Purge(%v) went up to %v", tc.covered, l.Base())
		}
		ok(t, l.Close())
	}
}

// Readers, Purge and the owner run at the same time, and the next segment is
// prepared in the background.
func TestConcurrentUse(t *testing.T) {
	opts := small()
	opts.Background = true
	l := open(t, memfs.New(), opts)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for z := wire.Zxid(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				z = max(z, l.Base())
				got, err := readAll(l, z)
				var gone *GoneError
				if err != nil && !errors.As(err, &gone) && !errors.Is(err, ErrRewritten) {
					t.Error(err)
					return
				}
				for i, r := range got {
					if i > 0 && !r.Zxid.Follows(got[i-1].Zxid) {
						t.Errorf("%v behind %v", r.Zxid, got[i-1].Zxid)
					}
				}
			}
		})
	}
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := l.Purge(l.Last()-20, Retention{Txns: 30}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for i := range 1500 {
		appendSynced(t, l, run(l.Last(), 1+i%3, 300))
		if i%100 == 50 {
			ok(t, l.Truncate(l.Last()-10), l.Settle())
		}
	}
	close(stop)
	wg.Wait()
	ok(t, l.Close())
}

func TestReadOnlyChangesNothing(t *testing.T) {
	fsys := memfs.New()
	l := open(t, fsys, small())
	all := epochs(t, l)
	ok(t, l.Append(run(l.Last(), 3, 100))) // not synced
	clone := fsys.CrashClone(rand.New(rand.NewPCG(3, 0)))
	frozen := vfs.Intercept(clone, vfs.Hooks{Before: func(c vfs.Call) error {
		if c.Op.Changes() || c.Op == vfs.OpLock {
			t.Errorf("%v %s", c.Op, c.Path)
		}
		return nil
	}})
	r, err := ReadOnly(frozen, dir, all[99].Zxid)
	ok(t, err)
	got, err := drain(r)
	ok(t, err)
	wantRecords(t, got[:80], all[100:])
	report, err := Verify(frozen, dir)
	ok(t, err)
	if report.Records < 180 || len(report.Damage) > 0 || report.Last < all[179].Zxid || len(report.Segments) != len(l.segs) {
		t.Errorf("%+v", report)
	}
}

func TestVerifyFindsAllDamage(t *testing.T) {
	l, fsys, want := filled(t)
	ok(t, l.Close())
	report, err := Verify(fsys, dir)
	ok(t, err)
	if report.Records != uint64(len(want)) || report.Torn != nil || len(report.Damage) != 0 || report.Last != want[len(want)-1].Zxid {
		t.Fatalf("of an intact log: %+v", report)
	}
	for _, path := range segmentFiles(t, fsys) {
		change(t, fsys, path, firstFrame+100, 1, func(b []byte) { b[0] ^= 4 })
	}
	report, err = Verify(fsys, dir)
	ok(t, err)
	if len(report.Damage) != len(report.Segments) {
		t.Errorf("damage in %d segments, found %v", len(report.Segments), report.Damage)
	}
}

func TestVerifyNamesMissingSegments(t *testing.T) {
	l, fsys, _ := filled(t)
	ok(t, l.Close())
	ok(t, fsys.Remove(segmentFiles(t, fsys)[1]))
	report, err := Verify(fsys, dir)
	ok(t, err)
	if len(report.Damage) != 1 || !strings.Contains(report.Damage[0].Reason, "1 segment(s) missing") {
		t.Errorf("damage %v", report.Damage)
	}
}

func TestReadOnlyUpToDamage(t *testing.T) {
	l, fsys, want := filled(t)
	ok(t, l.Close())
	files := segmentFiles(t, fsys)
	change(t, fsys, files[len(files)-1], firstFrame+100, 1, func(b []byte) { b[0] ^= 4 })
	r, err := ReadOnly(fsys, dir, 0)
	ok(t, err)
	got, err := drain(r)
	var damage *CorruptError
	if !errors.As(err, &damage) || len(got) == 0 || damage.After != got[len(got)-1].Zxid {
		t.Errorf("%d records, then %v", len(got), err)
	}
	wantRecords(t, got, want[:len(got)])
}

func TestLockOffline(t *testing.T) {
	fsys := memfs.New()
	ok(t, fsys.MkdirAll(dir))
	if lock, err := LockOffline(fsys, dir); lock != nil || err != nil {
		t.Errorf("of what nobody opened: %v, %v", lock, err)
	}
	l := open(t, fsys, small())
	if _, err := LockOffline(fsys, dir); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("beside a server: %v", err)
	}
	ok(t, l.Close())
	lock, err := LockOffline(fsys, dir)
	ok(t, err)
	if _, err := Open(fsys, dir, small()); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("a server beside it: %v", err)
	}
	ok(t, lock.Close())
}

// The whole life once on the real disk.
func TestOnRealDisk(t *testing.T) {
	dir := t.TempDir()
	opts := Options{SegmentSize: 64 << 10, Background: true}
	var want []Record
	for round := range 3 {
		l, err := Open(osfs.FS{}, dir, opts)
		ok(t, err)
		got, err := readAll(l, 0)
		ok(t, err)
		wantRecords(t, got, want)
		for range 200 {
			recs := run(l.Last(), 1+round, 500)
			appendSynced(t, l, recs)
			want = append(want, recs...)
		}
		if _, err := Open(osfs.FS{}, dir, opts); !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("a second owner got %v", err)
		}
		keep := want[len(want)-130].Zxid
		ok(t, l.Truncate(keep))
		want = want[:len(want)-129]
		ok(t, l.Close())
	}
	report, err := Verify(osfs.FS{}, dir)
	ok(t, err)
	if len(report.Damage) > 0 || report.Torn != nil || report.Records != uint64(len(want)) {
		t.Errorf("%+v", report)
	}
}
