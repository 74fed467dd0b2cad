package txnlog

import (
	"fmt"
	"io"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
)

// Recovery tells what Open found.
type Recovery struct {
	Segments int
	Base     wire.Zxid // before the first record
	Last     wire.Zxid // the last record, or Base
	// Torn is what was cut from the end, nil if nothing was.
	Torn *Torn
	// Void are the files that a Reset had made void and Open removed.
	Void []string
}

// Torn describes the end of a log that was being written when the machine
// stopped. None of it was acknowledged.
type Torn struct {
	File   string
	Offset int64 // where the intact part ends
	Bytes  int64 // from there to the last byte that is not zero
	Reason string
}

func (t *Torn) String() string {
	return fmt.Sprintf("%s: %d unfinished bytes at offset %d (%s)", t.File, t.Bytes, t.Offset, t.Reason)
}

// readSegment follows the records of s as far as they go. It returns the cursor
// where it stopped, and an index.
func readSegment(f vfs.File, s *segment) (c *cursor, index []position, err error) {
	c = newCursor(f, s.hdr, s.hdr.begin(), s.hdr.size)
	for err == nil {
		index = note(index, c.position)
		_, _, err = c.next()
	}
	if err != io.EOF {
		return nil, nil, err
	}
	return c, index, nil
}

// judgeEnd decides what the place where c stopped means in the newest segment:
// nil, a torn tail, or an error. See "What recovery can prove" in the package
// comment.
func judgeEnd(c *cursor, s *segment) (*Torn, error) {
	rest, err := surveyTail(c)
	if err != nil {
		return nil, err
	}
	switch {
	case c.stop == stopEnd:
		return nil, s.corrupt(c.off, c.last, "the next segment is missing: the log went on")
	case rest.proof != 0 && c.stop != stopCut:
		reason := c.reason
		if reason == "" {
			reason = "nothing where records were"
		}
		return nil, s.corrupt(c.off, c.last,
			fmt.Sprintf("%s, although %d bytes were durable (says offset %d)", reason, rest.synced, rest.proof))
	case rest.used == 0:
		return nil, nil
	}
	return &Torn{File: s.path, Offset: c.off, Bytes: rest.used, Reason: tornReason(c)}, nil
}

func tornReason(c *cursor) string {
	switch c.stop {
	case stopCut:
		return "an interrupted truncation"
	case stopDamaged:
		return c.reason
	}
	return "a later part of a batch without the first"
}

// tailSurvey is what lies behind the place where a cursor stopped.
type tailSurvey struct {
	used   int64 // bytes up to the last that is not zero, without a mark at the very place
	proof  int64 // offset of an intact frame that says more was durable, or 0
	synced int64 // how much it says
}

func surveyTail(c *cursor) (tailSurvey, error) {
	var s tailSurvey
	mark, err := c.bytesAt(settledOff, frameSize)
	if err != nil {
		return s, err
	}
	if f, ok := c.salts.getSettled(mark); ok && int64(f.synced) > c.off {
		s.proof, s.synced = settledOff, int64(f.synced)
	}
	buf := make([]byte, min(readSize, c.hdr.size))
	for at := c.off / sectorSize * sectorSize; at < c.hdr.size; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), c.hdr.size-at)]
		if _, err := io.ReadFull(io.NewSectionReader(c.f, at, int64(len(buf))), buf); err != nil {
			return s, fmt.Errorf("txnlog: read: %w", err)
		}
		s.chunk(c, buf, at)
	}
	return s, nil
}

// chunk looks at the bytes of the file from at on, a multiple of sectorSize.
func (s *tailSurvey) chunk(c *cursor, buf []byte, at int64) {
	for in := 0; in < len(buf); in += sectorSize {
		sector := buf[in:min(in+sectorSize, len(buf))]
		if isZero(sector) {
			continue
		}
		s.sector(c, sector, at+int64(in))
	}
}

func (s *tailSurvey) sector(c *cursor, sector []byte, at int64) {
	skip := c.off // a mark there is not part of a torn write
	if c.stop == stopMark || c.stop == stopCut {
		skip += frameSize
	}
	for i := len(sector) - 1; i >= 0 && at+int64(i) >= skip; i-- {
		if sector[i] != 0 {
			s.used = at + int64(i) + 1 - c.off
			break
		}
	}
	for i := 0; i+frameSize <= len(sector); i += 8 {
		off := at + int64(i)
		if off < c.off {
			continue
		}
		f, _, ok := c.salts.get(sector[i:], off)
		if ok && int64(f.synced) > max(c.off, s.synced) {
			s.proof, s.synced = off, int64(f.synced)
		}
	}
}

func (c *cursor) bytesAt(off int64, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := c.f.ReadAt(b, off); err != nil {
		return nil, fmt.Errorf("txnlog: read: %w", err)
	}
	return b, nil
}

// putSettled and getSettled code the mark in page 1, which stands at settledOff
// but speaks of offsets behind it.
func (s salts) putSettled(b []byte, f frame) { s.put(b, settledOff, f) }

func (s salts) getSettled(b []byte) (frame, bool) {
	f, sum, _ := s.get(b, settledOff)
	return f, f.kind == kindMark && sum == s.sumHeader(b, settledOff)
}

// recover reads what is in the directory and makes it ready for appending.
func (l *Log) recover() error {
	if err := removeFile(l.fs, l.path(preallocName)); err != nil {
		return fmt.Errorf("txnlog: %w", err)
	}
	segs, void, err := loadSegments(l.fs, l.dir)
	if err != nil {
		return err
	}
	// The process may have died between a rename and the sync that follows: what
	// is decided by these names must not be undone by a failure of power.
	if err := l.fs.SyncDir(l.dir); err != nil {
		return fmt.Errorf("txnlog: %w", err)
	}
	l.recovery.Void = void
	if err := l.removeVoid(void); err != nil {
		return fmt.Errorf("txnlog: %w", err)
	}
	if len(segs) == 0 {
		return l.begin(0)
	}
	l.segs = segs
	return l.recoverNewest(segs[len(segs)-1])
}

func (l *Log) recoverNewest(s *segment) error {
	f, err := l.fs.OpenReadWrite(s.path)
	if err != nil {
		return fmt.Errorf("txnlog: %w", err)
	}
	l.file = f // closed with the log
	c, index, err := readSegment(f, s)
	if err != nil {
		return err
	}
	if l.recovery.Torn, err = judgeEnd(c, s); err != nil {
		return err
	}
	// If only the process had died, what was read may not be on the disk yet.
	if err := f.Sync(); err != nil {
		return fmt.Errorf("txnlog: %w", err)
	}
	var used int64
	if l.recovery.Torn != nil {
		used = l.recovery.Torn.Bytes
	}
	s.index, s.end = index, c.position
	l.activate(f, s, c.position)
	if err := l.seal(used); err != nil {
		return fmt.Errorf("txnlog: %w", err)
	}
	return nil
}
