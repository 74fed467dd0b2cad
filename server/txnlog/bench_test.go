package txnlog

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/internal/vfs/osfs"
	"github.com/zabra/zabra/wire"
)

// noSync is the real disk without its syncs: what is left is the cost of the log
// itself and of the write.
func noSync() vfs.FS { return &noSyncFS{} }

type noSyncFS struct{ osfs.FS }

func (noSyncFS) OpenReadWrite(name string) (vfs.File, error) {
	f, err := osfs.FS{}.OpenReadWrite(name)
	return noSyncFile{f}, err
}

type noSyncFile struct{ vfs.File }

func (noSyncFile) Sync() error { return nil }

func benchmarkAppend(b *testing.B, fsys vfs.FS, size, batch int) {
	l, err := Open(fsys, b.TempDir(), Options{Background: true})
	ok(b, err)
	recs := run(0, batch, size)
	b.SetBytes(int64(size * batch))
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Append(recs); err != nil {
			b.Fatal(err)
		}
		if err := l.Sync(); err != nil {
			b.Fatal(err)
		}
		for i := range recs {
			recs[i].Zxid += wire.Zxid(batch)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/record")
	ok(b, l.Purge(l.Last(), Retention{Txns: 1}), l.Close())
}

// BenchmarkAppendSync is what a durable batch costs.
func BenchmarkAppendSync(b *testing.B) {
	for _, size := range []int{100, 1000, 10000} {
		for _, batch := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("size=%d/batch=%d", size, batch), func(b *testing.B) {
				benchmarkAppend(b, osfs.FS{}, size, batch)
			})
		}
	}
}

// BenchmarkAppend is the same without the fdatasync.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprintf("size=100/batch=%d", batch), func(b *testing.B) {
			benchmarkAppend(b, noSync(), 100, batch)
		})
	}
}

// BenchmarkEncode is the part of Append before the write.
func BenchmarkEncode(b *testing.B) {
	l, err := Open(noSync(), b.TempDir(), Options{SegmentSize: 1 << 20})
	ok(b, err)
	recs := run(0, 100, 100)
	b.ReportAllocs()
	for b.Loop() {
		l.encode(recs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*100), "ns/record")
	ok(b, l.Close())
}

// BenchmarkPreparedFile is why segments are filled with zeros: one page and one
// sync into a file of zeros, into one with reserved space, and into one that grows.
func BenchmarkPreparedFile(b *testing.B) {
	const size = 16 << 20
	prepare := map[string]func(vfs.File) error{
		"zeros":    func(f vfs.File) error { return writeZeros(f, 0, size) },
		"reserved": func(f vfs.File) error { return f.Preallocate(size) },
		"growing":  func(vfs.File) error { return nil },
	}
	for _, name := range []string{"zeros", "reserved", "growing"} {
		b.Run(name, func(b *testing.B) {
			page := payload(1, pageSize)
			var f vfs.File
			off := int64(size)
			for b.Loop() {
				if off == size {
					b.StopTimer()
					var err error
					f, err = osfs.FS{}.Create(filepath.Join(b.TempDir(), "f"))
					ok(b, err, prepare[name](f), f.Sync())
					off = 0
					b.StartTimer()
				}
				_, err := f.WriteAt(page, off)
				ok(b, err, f.Sync())
				off += pageSize
			}
		})
	}
}

// BenchmarkReplay opens a log of 200,000 records and reads it.
func BenchmarkReplay(b *testing.B) {
	const records, size = 200_000, 150
	dir := b.TempDir()
	l, err := Open(noSync(), dir, Options{})
	ok(b, err)
	for range records / 1000 {
		ok(b, l.Append(run(l.Last(), 1000, size)))
	}
	ok(b, l.Close())
	b.SetBytes(records * size)
	b.ReportAllocs()
	for b.Loop() {
		l, err := Open(osfs.FS{}, dir, Options{})
		ok(b, err)
		r, err := l.Read(0)
		ok(b, err)
		n := 0
		for ; ; n++ {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		if n != records {
			b.Fatal(n)
		}
		ok(b, r.Close(), l.Close())
	}
}
