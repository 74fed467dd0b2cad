package txnlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
)

// A Reader returns the records of a log in order. One goroutine uses it.
type Reader struct {
	log   *Log
	after wire.Zxid // nothing up to it is returned
	gen   uint64    // of the log when the reader was made
	seg   *segment
	cur   *cursor
	index []position // found on the way through seg
	final error      // at the end, in place of io.EOF
}

// Read returns a Reader of the records above after. It goes on as the log grows:
// Next returns io.EOF at the present end and may be called again later. Read
// fails with a *GoneError if after is before Base.
//
// Read does not ask whether after is a zxid of this log; see Floor.
func (l *Log) Read(after wire.Zxid) (*Reader, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if base := l.segs[0].hdr.prev; after < base {
		return nil, &GoneError{after, base}
	}
	return &Reader{log: l, after: after, gen: l.gen.Load()}, nil
}

// Floor returns the largest zxid of the log that is not above z; that may be
// Base. It fails with a *GoneError if z is before Base.
func (l *Log) Floor(z wire.Zxid) (wire.Zxid, error) {
	_, at, err := l.seek(z)
	return at.last, err
}

// Behind returns the zxid behind which no record is in a file, a segment, or before it:
// where the log goes on if that file is damaged. For the newest segment it is Last.
func (l *Log) Behind(file string) wire.Zxid {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for i, s := range l.segs {
		if s.path == file && i+1 < len(l.segs) {
			return l.segs[i+1].hdr.prev
		}
	}
	return l.segs[len(l.segs)-1].end.last
}

// Next returns the next record, whose payload is valid until the call after. It
// returns io.EOF at the end of the log, a *CorruptError for damage, a *GoneError
// if Purge was faster, and ErrRewritten after Truncate and Reset.
func (r *Reader) Next() (Record, error) {
	for r.gen == r.log.gen.Load() {
		if r.cur == nil {
			if err := r.open(); err != nil {
				return Record{}, err
			}
		}
		if r.index != nil {
			r.index = note(r.index, r.cur.position)
		}
		f, payload, err := r.cur.next()
		switch {
		case err == io.EOF:
			err = r.proceed()
		case err == nil && f.zxid > r.after:
			r.after = f.zxid
			return Record{f.zxid, payload}, nil
		}
		if err != nil {
			return Record{}, err
		}
	}
	return Record{}, ErrRewritten
}

// Close releases the file of the reader.
func (r *Reader) Close() error {
	if r.cur == nil {
		return nil
	}
	f := r.cur.f
	r.cur = nil
	return f.Close()
}

// open opens the segment that holds the first record above r.after.
func (r *Reader) open() error {
	l := r.log
	l.mu.RLock()
	defer l.mu.RUnlock() // held while the file is opened: what is in l.segs has its file
	if base := l.segs[0].hdr.prev; r.after < base {
		return &GoneError{r.after, base}
	}
	i := l.segmentOf(r.after)
	cur, err := l.openSegment(i, r.after)
	if err != nil {
		return err
	}
	r.seg, r.cur, r.index = l.segs[i], cur, nil
	if i < len(l.segs)-1 && l.segs[i].end.off == 0 {
		r.index = make([]position, 0, 1)
	}
	return nil
}

// proceed decides what it means that the records of the segment stop: nil if Next
// shall go on.
func (r *Reader) proceed() error {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.gen != l.gen.Load() {
		return ErrRewritten
	}
	next := l.successor(r.seg)
	if limit := l.limitOf(r.seg, next); r.cur.limit < limit {
		r.cur.limit = limit
		return nil
	}
	if err := r.cur.complete(r.seg, next); err != nil {
		return err
	}
	if next == nil {
		if r.final != nil {
			return r.final
		}
		return io.EOF
	}
	if r.index != nil && r.seg.end.off == 0 {
		r.seg.index, r.seg.end = r.index, r.cur.position
	}
	r.after = max(r.after, r.cur.last)
	return r.Close()
}

// segmentOf returns the index of the segment that holds the first record above z,
// if there is one. l.mu is held.
func (l *Log) segmentOf(z wire.Zxid) int {
	i := len(l.segs) - 1
	for i > 0 && l.segs[i].hdr.prev > z {
		i--
	}
	return i
}

// successor returns the segment behind s, or nil. l.mu is held.
func (l *Log) successor(s *segment) *segment {
	for _, t := range l.segs {
		if t.hdr.seq > s.hdr.seq {
			return t
		}
	}
	return nil
}

// limitOf says how far s may be read. l.mu is held.
func (l *Log) limitOf(s, next *segment) int64 {
	if next == nil {
		return s.end.off
	}
	return s.hdr.size
}

// openSegment opens the segment with an index at the last known position that is
// not above z. l.mu is held.
func (l *Log) openSegment(i int, z wire.Zxid) (*cursor, error) {
	s := l.segs[i]
	f, err := l.fs.Open(s.path)
	if err != nil {
		return nil, fmt.Errorf("txnlog: %w", err)
	}
	return newCursor(f, s.hdr, s.nearest(z), l.limitOf(s, l.successor(s))), nil
}

// complete returns nil if c stopped where the records of s have to end: where its
// successor begins, or at the end of the log.
func (c *cursor) complete(s, next *segment) error {
	reason := c.reason
	if c.stop != stopDamaged {
		reason = "nothing where records were"
	}
	switch {
	case next == nil && c.off >= c.limit:
		return nil
	case next == nil:
		return s.corrupt(c.off, c.last, reason)
	case next.hdr.seq != s.hdr.seq+1:
		return &GoneError{c.last, next.hdr.prev}
	case c.last != next.hdr.prev:
		return s.corrupt(c.off, c.last, fmt.Sprintf("%s, although the log goes on to %v", reason, next.hdr.prev))
	case c.chain != next.hdr.chain:
		return next.corrupt(0, c.last, "the segment does not belong behind the one before it")
	}
	return nil
}

// seek finds the place behind the last record that is not above z: the index of
// the segment, and the position in it.
func (l *Log) seek(z wire.Zxid) (int, position, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if base := l.segs[0].hdr.prev; z < base {
		return 0, position{}, &GoneError{z, base}
	}
	i := l.segmentOf(z)
	at, err := l.walk(i, z)
	return i, at, err
}

// walk finds the place behind the last record of a segment that is not above z.
// l.mu is held.
func (l *Log) walk(i int, z wire.Zxid) (at position, err error) {
	c, err := l.openSegment(i, z)
	if err != nil {
		return at, err
	}
	defer func() { _ = c.f.Close() }()
	for {
		at = c.position
		f, _, err := c.next()
		switch {
		case err == io.EOF:
			return at, c.complete(l.segs[i], l.successor(l.segs[i]))
		case err != nil || f.zxid > z:
			return at, err
		}
	}
}

// ReadOnly returns a Reader of the records above after in a directory that no
// server has open (see LockOffline). It changes nothing. What a torn end holds is
// not returned. If the newest segment is damaged, the Reader returns what comes
// before the damage and then the *CorruptError.
func ReadOnly(fsys vfs.FS, dir string, after wire.Zxid) (*Reader, error) {
	segs, _, err := loadSegments(fsys, dir)
	if err != nil {
		return nil, err
	}
	if len(segs) == 0 {
		return nil, fmt.Errorf("txnlog: no segment in %s", dir)
	}
	l := &Log{fs: fsys, dir: dir, segs: segs}
	_, final := l.readNewest(segs[len(segs)-1])
	var damage *CorruptError
	if final != nil && !errors.As(final, &damage) {
		return nil, final
	}
	r, err := l.Read(after)
	if err != nil {
		return nil, err
	}
	r.final = final
	return r, nil
}

// LockOffline keeps servers from opening the log in dir until the lock is closed,
// for tools that read it. It fails with vfs.ErrLocked if a server has it open. A
// directory that no server ever opened, or that nobody can write to, is not
// locked, and the lock is nil.
func LockOffline(fsys vfs.FS, dir string) (io.Closer, error) {
	name := filepath.Join(dir, LockName)
	if _, err := fsys.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	lock, err := fsys.Lock(name)
	switch {
	case errors.Is(err, syscall.EROFS):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("txnlog: %w", err)
	}
	return lock, nil
}

// readNewest finds the end of the newest segment without touching it.
func (l *Log) readNewest(s *segment) (*Torn, error) {
	f, err := l.fs.Open(s.path)
	if err != nil {
		return nil, fmt.Errorf("txnlog: %w", err)
	}
	defer func() { _ = f.Close() }()
	c, index, err := readSegment(f, s)
	if err != nil {
		return nil, err
	}
	s.index, s.end = index, c.position
	return judgeEnd(c, s)
}
