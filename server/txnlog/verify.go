package txnlog

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
)

// A Report is what Verify found in a log directory.
type Report struct {
	Segments []SegmentReport // oldest first
	Base     wire.Zxid       // before the first record
	Last     wire.Zxid       // of the last intact record of the newest segment
	Records  uint64
	Torn     *Torn    // an unfinished end, which the next Open will cut; no damage
	Void     []string // files that the next Open will remove
	Damage   []*CorruptError
}

// A SegmentReport describes one segment.
type SegmentReport struct {
	File    string // path
	Start   bool   // begins a history
	Size    int64  // of the file, bytes
	Used    int64  // of that, up to the last intact record
	Before  wire.Zxid
	Last    wire.Zxid // of the last intact record, or Before
	Records uint64
}

// First is the zxid of the first record, which is what a segment is named after;
// 0 if there is no record.
func (s *SegmentReport) First() wire.Zxid {
	if s.Records == 0 {
		return 0
	}
	z, _ := firstZxid(filepath.Base(s.File)) // a segment of a report has such a name
	return z
}

// Verify reads every segment in dir and reports what is there and what is
// damaged. It changes nothing, and should not run beside a server that writes.
// The error is that of a disk that could not be read; damage is no error.
func Verify(fsys vfs.FS, dir string) (*Report, error) {
	r := &Report{}
	segs, void, err := loadSegments(fsys, dir)
	r.Void = void
	if err := r.damaged(err); err != nil {
		return nil, err
	}
	for i, s := range segs {
		var next *segment
		if i+1 < len(segs) {
			next = segs[i+1]
		}
		if err := r.segment(fsys, s, next); err != nil {
			return nil, err
		}
	}
	if len(segs) > 0 {
		r.Base, r.Last = segs[0].hdr.prev, r.Segments[len(segs)-1].Last
	}
	return r, nil
}

// damaged notes an error that is damage and returns any other.
func (r *Report) damaged(err error) error {
	var c *CorruptError
	if errors.As(err, &c) {
		r.Damage = append(r.Damage, c)
		return nil
	}
	return err
}

func (r *Report) segment(fsys vfs.FS, s, next *segment) error {
	f, err := fsys.Open(s.path)
	if err != nil {
		return fmt.Errorf("txnlog: %w", err)
	}
	defer func() { _ = f.Close() }()
	c, _, err := readSegment(f, s)
	if err != nil {
		return err
	}
	r.Records += c.n
	r.Segments = append(r.Segments, SegmentReport{
		File: s.path, Start: s.hdr.start, Size: s.hdr.size, Used: c.off,
		Before: s.hdr.prev, Last: c.last, Records: c.n,
	})
	if next != nil {
		err := c.complete(s, next)
		var gone *GoneError
		if errors.As(err, &gone) {
			return nil // checkSequence has reported the segments that are missing
		}
		return r.damaged(err)
	}
	torn, err := judgeEnd(c, s)
	r.Torn = torn
	return r.damaged(err)
}
