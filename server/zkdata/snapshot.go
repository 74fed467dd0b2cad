package zkdata

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/internal/vfs"
)

// A snapshotFile is one that could be read.
type snapshotFile struct {
	numbered
	tree *datatree.Tree
	info datatree.SnapshotInfo
}

// An unreadable is a snapshot that is not whole, as one is that was being written when
// the server was killed.
type unreadable struct {
	file string
	err  error
}

// readSnapshot reads one file. The error is an *unreadable, or one of the disk.
func readSnapshot(fsys vfs.FS, f numbered, o datatree.Options, progress func(read, size int64)) (*snapshotFile, error) {
	file, err := fsys.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	disk := &diskReader{r: io.NewSectionReader(file, 0, size), size: size, progress: progress}
	in, err := unpack(bufio.NewReaderSize(disk, readBuffer), f.pack)
	if err != nil {
		return nil, disk.judge(f.path, err)
	}
	tree, info, err := datatree.ReadSnapshot(in, f.zxid, o)
	if err != nil {
		return nil, disk.judge(f.path, err)
	}
	return &snapshotFile{f, tree, info}, nil
}

// A diskReader tells errors of the disk from those of what is on it.
type diskReader struct {
	r          io.Reader
	off, size  int64
	progress   func(read, size int64)
	diskFailed error
}

func (d *diskReader) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	d.off += int64(n)
	d.progress(d.off, d.size)
	if err != nil && err != io.EOF {
		d.diskFailed = err
	}
	return n, err
}

func (d *diskReader) judge(file string, err error) error {
	if d.diskFailed != nil {
		return fmt.Errorf("%s: %w", file, d.diskFailed)
	}
	return &unreadable{file, err}
}

func (u *unreadable) Error() string { return fmt.Sprintf("%s cannot be read: %v", u.file, u.err) }
func (u *unreadable) Unwrap() error { return u.err }

// unpack returns what a file holds when it is not compressed any more.
func unpack(in *bufio.Reader, p packing) (io.Reader, error) {
	switch p {
	case gzipped:
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", unexpected(err))
		}
		return gzipReader{z}, nil
	case snappied:
		z, err := newSnappyReader(in)
		if err != nil {
			return nil, err
		}
		return bufio.NewReaderSize(z, readBuffer), nil
	}
	return in, nil
}

// gzipReader names the error.
type gzipReader struct{ z *gzip.Reader }

func (g gzipReader) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	var damaged flate.CorruptInputError
	if errors.As(err, &damaged) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		err = fmt.Errorf("gzip: %w", err)
	}
	return n, err
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
