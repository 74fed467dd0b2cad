package txnlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/memfs"
	"github.com/zabra/zabra/wire"
)

// seedSegments returns whole segment files: empty, in use, ended, cut, torn.
func seedSegments(tb testing.TB) [][]byte {
	fsys := memfs.New()
	l := open(tb, fsys, small())
	take := func() []byte {
		b, err := vfs.ReadFile(fsys, l.cur.path, MinSegmentSize)
		ok(tb, err)
		return b
	}
	seeds := [][]byte{take()}
	for i := range 4 {
		appendSynced(tb, l, run(l.Last(), 3, 100*i))
	}
	seeds = append(seeds, take())
	ok(tb, l.Truncate(4))
	l.tail = l.cur.hdr.begin()
	ok(tb, l.writeMark(kindCut))
	seeds = append(seeds, take())
	torn := append([]byte(nil), seeds[1]...)
	clear(torn[firstFrame+200 : firstFrame+1000])
	return append(seeds, torn, seeds[1][:firstFrame+300], []byte(zkMagic))
}

// FuzzSegment opens a directory that holds one segment: the used bytes of the
// header, of page 1 and of the frames are arbitrary. With resum the checksums are
// made right first, so that the fuzzer gets behind them.
func FuzzSegment(f *testing.F) {
	for _, seed := range seedSegments(f) {
		head, mark, frames := parts(seed)
		f.Add(head, mark, frames, false)
		f.Add(head, mark, frames, true)
	}
	f.Fuzz(func(t *testing.T, head, mark, frames []byte, resum bool) {
		if len(head) > headerSize || len(mark) > pageSize || len(frames) > 8*pageSize {
			return
		}
		file := make([]byte, alignUp(firstFrame+int64(len(frames))+1, pageSize))
		copy(file, head)
		copy(file[settledOff:], mark)
		copy(file[firstFrame:], frames)
		if resum {
			makeSums(file)
		}
		fuzzOpen(t, file)
	})
}

// parts cuts a segment file into what a fuzzer should change.
func parts(file []byte) (head, mark, frames []byte) {
	file = append(append([]byte(nil), file...), make([]byte, MinSegmentSize)...)
	return file[:60], file[settledOff : settledOff+frameSize], bytes.TrimRight(file[firstFrame:], "\x00")
}

func fuzzOpen(t *testing.T, file []byte) {
	fsys := memfs.New()
	ok(t, fsys.MkdirAll(dir), vfs.WriteFileAtomic(fsys, filepath.Join(dir, "log.1"), file))
	if _, err := Verify(fsys, dir); err != nil {
		t.Fatalf("Verify: %v", err)
	}
	l, err := Open(fsys, dir, small())
	var c *CorruptError
	if errors.As(err, &c) {
		return
	}
	ok(t, err)
	checkRecovered(t, fsys, l)
}

// FuzzHeader decodes an arbitrary first page.
func FuzzHeader(f *testing.F) {
	for _, seed := range seedSegments(f) {
		f.Add(seed[:min(len(seed), headerSize)])
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		h, wrong, remedy := decodeHeader(page)
		if wrong == "" && !bytes.Equal(h.encode()[:60], page[:60]) && page[15]&^flagStart == 0 {
			t.Errorf("%+v encodes to something else", h)
		}
		if wrong != "" && remedy == "" {
			t.Errorf("%s: no remedy", wrong)
		}
	})
}

// checkRecovered checks that a log that Open accepted is a log.
func checkRecovered(t *testing.T, fsys vfs.FS, l *Log) {
	got, err := readAll(l, l.Base())
	ok(t, err)
	last := l.Base()
	for _, r := range got {
		if !r.Zxid.Follows(last) {
			t.Fatalf("%v behind %v", r.Zxid, last)
		}
		last = r.Zxid
	}
	if last != l.Last() {
		t.Fatalf("read up to %v, last is %v", last, l.Last())
	}
	if next, more := last.Next(); more && next > 0 {
		more := Record{next, payload(next, 50)}
		appendSynced(t, l, []Record{more})
		got = append(got, more)
	}
	ok(t, l.Close())
	l = open(t, fsys, small())
	again, err := readAll(l, l.Base())
	ok(t, err)
	wantRecords(t, again, got)
}

// makeSums gives a file a valid header of the right size and frames whose
// checksums are right.
func makeSums(b []byte) {
	h := header{start: true, salt: binary.BigEndian.Uint64(b[16:]), size: int64(len(b)), seq: 1,
		prev: wire.Zxid(b[40]), chain: uint32(b[56])}
	copy(b, h.encode())
	s := h.salts()
	binary.BigEndian.PutUint32(b[settledOff:], s.sumHeader(b[settledOff:], settledOff))
	chain := h.chain
	for off := int64(firstFrame); off+frameSize <= int64(len(b)); {
		end := off + frameSize + int64(binary.BigEndian.Uint32(b[off+8:]))
		if end > int64(len(b)) {
			end = off + frameSize
		}
		if b[off+24] != 0xff { // else the chain stays as it is
			binary.BigEndian.PutUint32(b[off+24:], chain)
		}
		binary.BigEndian.PutUint32(b[off+12:], s.sumData(b[off+frameSize:end]))
		chain = s.sumHeader(b[off:], off)
		binary.BigEndian.PutUint32(b[off:], chain)
		off = place(end)
	}
}
