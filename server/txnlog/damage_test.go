package txnlog

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/wire"
)

var flips = flag.Int("flips", 3000, "how many bit flips TestBitFlips tries in each state of the log")

// A verdict is how a log with damage ended.
type verdict int

const (
	intact   verdict = iota // everything is there
	cut                     // less is there, and nobody said so
	detected                // a *CorruptError
)

// examine opens and reads a damaged log that held want.
func examine(t *testing.T, fsys vfs.FS, want []Record) (verdict, int) {
	t.Helper()
	got, err := openAndRead(fsys)
	var c *CorruptError
	switch {
	case errors.As(err, &c):
		if !strings.HasPrefix(c.File, dir) || c.Remedy == "" || c.Reason == "" {
			t.Fatalf("an error that helps nobody: %v", err)
		}
		return detected, 0
	case err != nil:
		t.Fatal(err)
	}
	if err := sameRecords(got, want[:min(len(got), len(want))]); err != nil {
		t.Fatalf("wrong data: %v", err)
	}
	if len(got) == len(want) {
		return intact, len(got)
	}
	return cut, len(got)
}

func openAndRead(fsys vfs.FS) ([]Record, error) {
	l, err := Open(fsys, dir, small())
	if err != nil {
		return nil, err
	}
	got, err := readAll(l, l.Base())
	return got, errors.Join(err, l.Close())
}

// filled returns a log of several segments, all of it synced, and its disk.
func filled(t *testing.T) (*Log, *memfs.FS, []Record) {
	t.Helper()
	fsys := memfs.New()
	l := open(t, fsys, small())
	var recs []Record
	for i := range 40 {
		batch := run(wire.Zxid(len(recs)), 1+i%4, 40+i*13%400)
		appendSynced(t, l, batch)
		recs = append(recs, batch...)
	}
	if len(l.segs) < 3 {
		t.Fatalf("only %d segments", len(l.segs))
	}
	return l, fsys, recs
}

func segmentFiles(t *testing.T, fsys vfs.FS) []string {
	t.Helper()
	segs, _, err := loadSegments(fsys, dir)
	ok(t, err)
	var paths []string
	for _, s := range segs {
		paths = append(paths, s.path)
	}
	return paths
}

// change rewrites a part of a file.
func change(t *testing.T, fsys vfs.FS, path string, off int64, n int, by func([]byte)) {
	t.Helper()
	f, err := fsys.OpenReadWrite(path)
	ok(t, err)
	b := make([]byte, n)
	_, err = f.ReadAt(b, off)
	ok(t, err)
	by(b)
	_, err = f.WriteAt(b, off)
	ok(t, err, f.Close())
}

// states are the ways in which a log with everything synced may have been left.
var states = []struct {
	name  string
	leave func(t *testing.T, l *Log, fsys *memfs.FS) *memfs.FS
	// lastBatch allows that the very last batch is cut: see "What cannot be
	// proved" in the package comment.
	lastBatch bool
}{
	{name: "closed", leave: func(t *testing.T, l *Log, fsys *memfs.FS) *memfs.FS {
		ok(t, l.Close())
		return fsys.CrashClone(rand.New(rand.NewPCG(1, 1)))
	}},
	{name: "settled, power failed", leave: func(t *testing.T, l *Log, fsys *memfs.FS) *memfs.FS {
		ok(t, l.Settle())
		return fsys.CrashClone(rand.New(rand.NewPCG(1, 1)))
	}},
	{name: "killed", leave: func(_ *testing.T, _ *Log, fsys *memfs.FS) *memfs.FS { return fsys.KillClone() }},
	{name: "power failed", lastBatch: true, leave: func(_ *testing.T, _ *Log, fsys *memfs.FS) *memfs.FS {
		return fsys.CrashClone(rand.New(rand.NewPCG(3, 0)))
	}},
}

func TestBitFlips(t *testing.T) {
	t.Parallel()
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			l, fsys, want := filled(t)
			left := state.leave(t, l, fsys)
			paths := segmentFiles(t, left)
			rng := rand.New(rand.NewPCG(42, 0))
			var seen [3]int
			for range *flips {
				clone := left.KillClone()
				path, off, bit := paths[rng.IntN(len(paths))], rng.Int64N(MinSegmentSize), rng.IntN(8)
				change(t, clone, path, off, 1, func(b []byte) { b[0] ^= 1 << bit })
				v, n := examine(t, clone, want)
				seen[v]++
				if v == cut && !(state.lastBatch && n >= len(want)-4) {
					t.Fatalf("bit %d at %d of %s: %d of %d acknowledged records disappeared", bit, off, path, len(want)-n, len(want))
				}
			}
			t.Logf("intact %d, last batch cut %d, detected %d", seen[intact], seen[cut], seen[detected])
			if seen[detected] == 0 || seen[intact] == 0 {
				t.Error("the flips do not reach both records and empty space")
			}
		})
	}
}

// Whole sectors and pages are lost, or come back as something else.
func TestLostBlocks(t *testing.T) {
	for _, size := range []int{sectorSize, pageSize} {
		l, fsys, want := filled(t)
		ok(t, l.Close())
		for _, path := range segmentFiles(t, fsys) {
			for off := int64(0); off < MinSegmentSize; off += int64(size) {
				for name, by := range map[string]func([]byte){
					"zeros":   func(b []byte) { clear(b) },
					"garbage": func(b []byte) { copy(b, payload(wire.Zxid(off), len(b))) },
				} {
					clone := fsys.KillClone()
					change(t, clone, path, off, size, by)
					if v, n := examine(t, clone, want); v == cut {
						t.Fatalf("%d bytes of %s at %d of %s: %d of %d records are left, silently",
							size, name, off, path, n, len(want))
					}
				}
			}
		}
	}
}

// Every way to cut 64 KiB off the end of a log is noticed, in the newest segment
// and in an older one.
func TestShortenedFiles(t *testing.T) {
	t.Parallel()
	fsys := memfs.New()
	opts := small()
	opts.SegmentSize = 128 << 10
	l := open(t, fsys, opts)
	recs := run(0, 900, 200)
	for batch := range slices.Chunk(recs, 50) {
		appendSynced(t, l, batch)
	}
	ok(t, l.Close())
	paths := segmentFiles(t, fsys)
	for _, path := range []string{paths[0], paths[len(paths)-1]} {
		f, err := fsys.OpenReadWrite(path)
		ok(t, err)
		full := make([]byte, opts.SegmentSize)
		_, err = f.ReadAt(full, 0)
		ok(t, err)
		for size := opts.SegmentSize - 1; size >= opts.SegmentSize-64<<10; size-- {
			ok(t, f.Truncate(size), f.Sync())
			if v, n := examine(t, fsys, recs); v != detected {
				t.Fatalf("%s cut to %d bytes: %d of %d records", path, size, n, len(recs))
			}
		}
		_, err = f.WriteAt(full, 0)
		ok(t, err, f.Close())
	}
	if v, _ := examine(t, fsys, recs); v != intact {
		t.Error("the log is not what it was when the files are whole again")
	}
}

// The end of the newest segment is zeroed from every offset on.
func TestZeroedTail(t *testing.T) {
	l, fsys, want := filled(t)
	tail := l.tail.off
	ok(t, l.Close())
	path := segmentFiles(t, fsys)[2]
	for off := tail + frameSize; off >= firstFrame; off -= 3 {
		clone := fsys.KillClone()
		change(t, clone, path, off, int(MinSegmentSize-off), func(b []byte) { clear(b) })
		v, n := examine(t, clone, want)
		if v == cut || v == intact && off < tail-8 {
			t.Fatalf("zeros from %d of %d on: %d of %d records", off, tail, n, len(want))
		}
	}
}

func TestMissingSegments(t *testing.T) {
	l, fsys, want := filled(t)
	ok(t, l.Close())
	paths := segmentFiles(t, fsys)
	for i, path := range paths {
		clone := fsys.KillClone()
		ok(t, clone.Remove(path))
		got, err := openAndRead(clone)
		var c *CorruptError
		switch {
		case i == 0 && (err != nil || len(got) == 0): // as if purged; Base says so
			t.Errorf("without the oldest segment: %v", err)
		case i == 0:
			ok(t, sameRecords(got, want[len(want)-len(got):]))
		case !errors.As(err, &c):
			t.Errorf("without segment %d: %d records, %v", i, len(got), err)
		}
	}
}

// A file that does not belong here is refused by name.
func TestForeignFiles(t *testing.T) {
	for _, tc := range []struct {
		content, want string
	}{
		{"ZKLG\x00\x00\x00\x02", "Apache ZooKeeper"},
		{"", "ends inside its header"},
		{strings.Repeat("x", 5000), "does not begin as a segment"},
		{magic + strings.Repeat("\x00", 5000), "bad checksum of the header"},
	} {
		fsys := memfs.New()
		ok(t, fsys.MkdirAll(dir), vfs.WriteFileAtomic(fsys, filepath.Join(dir, "log.1"), []byte(tc.content)))
		_, err := Open(fsys, dir, small())
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "log.1") {
			t.Errorf("%.8q: %v, want %q", tc.content, err, tc.want)
		}
	}
}

func TestErrorNamesFileOffsetAndRemedy(t *testing.T) {
	l, fsys, _ := filled(t)
	at := l.tail
	appendSynced(t, l, run(at.last, 1, 100))
	path := l.cur.path
	ok(t, l.Close())
	change(t, fsys, path, at.off+40, 1, func(b []byte) { b[0] ^= 1 })
	_, err := Open(fsys, dir, small())
	var c *CorruptError
	if !errors.As(err, &c) || c.File != path || c.Offset != at.off || c.After != at.last {
		t.Fatalf("%+v", err)
	}
	for _, part := range []string{path, fmt.Sprint("offset ", at.off), at.last.String(), "copies theirs"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

// A client that writes bytes that look like frames into its data does not get
// them taken for frames, unless it guesses the salt.
func TestFramesInsidePayloadsAreNotTaken(t *testing.T) {
	fsys := memfs.New()
	l := open(t, fsys, small())
	forged := make([]byte, 4096)
	off := l.tail.off + frameSize
	for i := 0; i+frameSize <= len(forged); i += 8 {
		wrong := salts{} // the attacker does not know it
		wrong.put(forged[i:], off+int64(i), frame{kind: kindMark, zxid: 1, synced: uint32(off) + uint32(i)})
	}
	ok(t, l.Append([]Record{{1, forged}})) // not synced
	// Power fails, and the first sector of the batch is lost.
	clone := fsys.KillClone()
	change(t, clone, l.cur.path, firstFrame, sectorSize, func(b []byte) { clear(b) })
	got, err := openAndRead(clone)
	if err != nil || len(got) != 0 {
		t.Errorf("%d records, %v", len(got), err)
	}
}

// content returns the bytes of a file.
func content(t *testing.T, fsys vfs.FS, path string) []byte {
	t.Helper()
	b, err := vfs.ReadFile(fsys, path, MaxSegmentSize)
	ok(t, err)
	return b
}

// A device that returns an older version of one record is found out by the chain,
// although that version is intact and fits in by its zxid.
func TestStaleRecordBreaksTheChain(t *testing.T) {
	fsys := memfs.New()
	l := open(t, fsys, small())
	appendSynced(t, l, run(0, 1, 600))
	second := l.tail.off
	appendSynced(t, l, run(1, 2, 600))
	third := l.tail.off
	stale := content(t, fsys, l.cur.path)[second:third]
	ok(t, l.Truncate(1))
	for z := range wire.Zxid(4) {
		appendSynced(t, l, []Record{{2 + z, make([]byte, 600)}})
	}
	path := l.cur.path
	ok(t, l.Close())
	one := (len(stale) / 2) &^ 7
	change(t, fsys, path, second, one, func(b []byte) { copy(b, stale) })
	if _, err := openAndRead(fsys); err == nil || !strings.Contains(err.Error(), "does not belong behind 0x2") {
		t.Errorf("an older version of a record was taken: %v", err)
	}
}

// A segment from another copy of the log, or from an older one, does not fit in.
func TestExchangedSegments(t *testing.T) {
	l, fsys, _ := filled(t)
	ok(t, l.Close())
	first := segmentFiles(t, fsys)[0]
	var older *memfs.FS
	other := memfs.New()
	m := open(t, other, small())
	for len(m.segs) == 1 {
		older = other.KillClone()
		z := m.Last() + 1
		appendSynced(t, m, []Record{{z, append(payload(z, 40), "changed"...)}})
	}
	ok(t, m.Truncate(m.Last()-1), m.Close())
	for name, disk := range map[string]vfs.FS{"another copy": other, "an older state": older} {
		clone := fsys.KillClone()
		ok(t, clone.Remove(first), vfs.WriteFileAtomic(clone, first, content(t, disk, first)))
		var c *CorruptError
		if got, err := openAndRead(clone); !errors.As(err, &c) {
			t.Errorf("%s of a segment: %d records, %v", name, len(got), err)
		}
	}
	// Same zxids, same sizes, other payloads.
	twin := memfs.New()
	m = open(t, twin, small())
	for i := range 40 {
		batch := run(m.Last(), 1+i%4, 40+i*13%400)
		batch[0].Payload[0] ^= 1
		appendSynced(t, m, batch)
	}
	ok(t, m.Close())
	ok(t, fsys.Remove(first), vfs.WriteFileAtomic(fsys, first, content(t, twin, first)))
	if _, err := openAndRead(fsys); err == nil || !strings.Contains(err.Error(), "does not belong behind the one before") {
		t.Errorf("a twin of a segment was taken: %v", err)
	}
}

func TestFramesStandWithinASector(t *testing.T) {
	for off := int64(0); off < 3*sectorSize; off++ {
		at := place(off)
		if at < off || at >= off+frameSize || at%8 != 0 || at/sectorSize != (at+frameSize-1)/sectorSize || place(at) != at {
			t.Errorf("place(%d) = %d", off, at)
		}
	}
}
