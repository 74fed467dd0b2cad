package txnlog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
)

// indexStride is how many bytes of a segment lie between two index entries.
const indexStride = 32 << 10

// A segment is one file of the log. Its fields but the header are guarded by
// Log.mu.
type segment struct {
	path string
	hdr  header
	// end is where the last record ends, known of the newest segment and of those
	// that have been read through; otherwise 0.
	end position
	// index holds positions about indexStride apart, ascending. It is complete if
	// end is known.
	index []position
}

// note adds an index entry if it is time for one.
func note(index []position, at position) []position {
	from := int64(firstFrame)
	if len(index) > 0 {
		from = index[len(index)-1].off
	}
	if at.off-from < indexStride {
		return index
	}
	return append(index, at)
}

// nearest returns the last known position whose next record may have a zxid
// above z without one below being skipped.
func (s *segment) nearest(z wire.Zxid) position {
	i := sort.Search(len(s.index), func(i int) bool { return s.index[i].last > z })
	if i == 0 {
		return s.hdr.begin()
	}
	return s.index[i-1]
}

func (s *segment) corrupt(off int64, after wire.Zxid, reason string) *CorruptError {
	return &CorruptError{File: s.path, Offset: off, After: after, Reason: reason, Remedy: remedyDamage}
}

// loadSegments reads the headers of all segments in dir, checks that they belong
// together, and returns those that count, oldest first, and the paths of those
// that a Reset made void.
func loadSegments(fsys vfs.FS, dir string) (segs []*segment, void []string, err error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("txnlog: %w", err)
	}
	for _, name := range names {
		if !isSegment(name) {
			continue
		}
		s, err := loadSegment(fsys, filepath.Join(dir, name))
		if err != nil {
			return nil, nil, err
		}
		segs = append(segs, s)
	}
	slices.SortFunc(segs, func(a, b *segment) int { return cmp.Compare(a.hdr.seq, b.hdr.seq) })
	for i := len(segs) - 1; i > 0; i-- {
		if segs[i].hdr.start {
			for _, s := range segs[:i] {
				void = append(void, s.path)
			}
			segs = segs[i:]
			break
		}
	}
	return segs, void, checkSequence(segs)
}

func loadSegment(fsys vfs.FS, path string) (*segment, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, fmt.Errorf("txnlog: %w", err)
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, headerSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("txnlog: read: %w", err)
	}
	s := &segment{path: path}
	h, wrong, remedy := decodeHeader(b[:n])
	if wrong != "" {
		return nil, &CorruptError{File: path, Reason: wrong, Remedy: remedy}
	}
	s.hdr = h
	size, err := f.Size()
	if err != nil {
		return nil, fmt.Errorf("txnlog: %w", err)
	}
	if size != s.hdr.size {
		return nil, s.corrupt(min(size, s.hdr.size), s.hdr.prev,
			fmt.Sprintf("the file has %d bytes instead of %d", size, s.hdr.size))
	}
	return s, nil
}

func checkSequence(segs []*segment) error {
	for i := 1; i < len(segs); i++ {
		a, b := segs[i-1], segs[i]
		switch {
		case b.hdr.seq != a.hdr.seq+1:
			return b.corrupt(0, b.hdr.prev, fmt.Sprintf("%d segment(s) missing between %s (number %d) and this one (number %d)",
				b.hdr.seq-a.hdr.seq-1, filepath.Base(a.path), a.hdr.seq, b.hdr.seq))
		case b.hdr.prev < a.hdr.prev || b.hdr.before < a.hdr.before:
			return b.corrupt(0, b.hdr.prev, fmt.Sprintf("the header contradicts that of %s", filepath.Base(a.path)))
		}
	}
	return nil
}

// removeFile removes a file that may be gone already.
func removeFile(fsys vfs.FS, path string) error {
	if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
