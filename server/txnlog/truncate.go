package txnlog

import (
	"errors"
	"fmt"
	"io"

	"github.com/zabra/zabra/wire"
)

// Truncate removes every record with a zxid above keep and is durable when it
// returns: Last is then the largest zxid that was there and is not above keep.
// Readers made before return ErrRewritten. It needs no disk space, unless nothing
// is left but a zxid to go on from (then it is Reset(Base())).
//
// It fails with a *GoneError, and changes nothing, if keep is before Base.
func (l *Log) Truncate(keep wire.Zxid) error {
	if err := l.Err(); err != nil {
		return err
	}
	// A cut says that all before it is durable, so that comes first.
	if err := l.Sync(); err != nil || keep >= l.tail.last {
		return err
	}
	l.files.Lock()
	defer l.files.Unlock()
	i, at, err := l.seek(keep)
	if err != nil {
		return err
	}
	if at.n == 0 && i == 0 {
		return l.reset(at.last)
	}
	if at.n == 0 { // nothing of the segment stays, so the one before is cut at its end
		i--
		if at, err = l.walkLocked(i, at.last); err != nil {
			return err
		}
	}
	dropped := l.forget(i, at)
	for n := len(dropped) - 1; n > 0; n-- {
		if err := l.drop(dropped[n-1], dropped[n]); err != nil {
			return l.die("truncate", err)
		}
	}
	if len(dropped) > 0 {
		if err := l.drop(l.segs[i], dropped[0]); err != nil {
			return l.die("truncate", err)
		}
	}
	if err := l.cut(at); err != nil {
		return l.die("truncate", err)
	}
	return nil
}

// forget lets no reader see anything behind a position in the segment with an
// index. It returns the segments behind that.
func (l *Log) forget(i int, at position) (dropped []*segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gen.Add(1)
	dropped = l.segs[i+1:]
	l.segs = l.segs[: i+1 : i+1]
	s := l.segs[i]
	s.end = at
	for n := len(s.index); n > 0 && s.index[n-1].off > at.off; n-- {
		s.index = s.index[:n-1]
	}
	return dropped
}

// drop removes next, the newest segment; s, the one before, is the newest then.
func (l *Log) drop(s, next *segment) error {
	end, err := l.endOf(s, next)
	if err != nil {
		return err
	}
	f, err := l.fs.OpenReadWrite(s.path)
	if err != nil {
		return err
	}
	_ = l.file.Close() // what is in it is not wanted
	l.activate(f, s, end)
	l.synced = end.off
	// With an end frame Open would miss the removed segment.
	if err := l.writeMark(kindMark); err != nil {
		return err
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	return l.remove(next.path)
}

// endOf finds the end of a segment that has a successor. Nobody else changes s.
func (l *Log) endOf(s, next *segment) (position, error) {
	f, err := l.fs.Open(s.path)
	if err != nil {
		return position{}, err
	}
	defer func() { _ = f.Close() }()
	c := newCursor(f, s.hdr, s.nearest(next.hdr.prev), s.hdr.size)
	for err == nil {
		_, _, err = c.next()
	}
	if err != io.EOF {
		return position{}, err
	}
	return c.position, c.complete(s, next)
}

func (l *Log) walkLocked(i int, z wire.Zxid) (position, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.walk(i, z)
}

// cut ends the newest segment at a position.
func (l *Log) cut(at position) error {
	used := l.tail.off - at.off
	l.tail, l.synced = at, at.off
	if used > 0 {
		if err := l.writeMark(kindCut); err != nil {
			return err
		}
		if err := l.file.Sync(); err != nil {
			return err
		}
	}
	// Behind the old tail stands a mark, and nothing else.
	return l.seal(used + frameSize)
}

// Reset forgets all records and lets the log go on behind z, durably: the state
// at z came from elsewhere (a snapshot of the leader), or the log begins. The
// caller has made that state durable before. If an error wraps ErrNotAppended the
// log is as it was.
func (l *Log) Reset(z wire.Zxid) error {
	if err := l.Err(); err != nil {
		return err
	}
	if z < 0 || z == maxZxid {
		return fmt.Errorf("txnlog: reset to %v: %w", z, ErrNotAppended)
	}
	l.files.Lock()
	defer l.files.Unlock()
	return l.reset(z)
}

func (l *Log) reset(z wire.Zxid) error {
	old := l.segs // Purge is kept away by l.files
	if err := l.begin(z); err != nil {
		return err
	}
	for _, s := range old {
		if s.path == l.cur.path {
			continue // the rename replaced it
		}
		if err := l.remove(s.path); err != nil {
			return l.die("reset", err)
		}
	}
	return nil
}

const maxZxid = wire.Zxid(1<<63 - 1)

// remove removes a segment durably. The error is a *syncError if the file is gone
// but perhaps not durably.
func (l *Log) remove(path string) error {
	if err := removeFile(l.fs, path); err != nil {
		return err
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return &syncError{err}
	}
	call(l.opts.Events.Removed, path)
	return nil
}

// removeVoid removes what an interrupted Reset left. Any subset may go first: the
// start flag of the newest segment says that none of it counts.
func (l *Log) removeVoid(paths []string) error {
	var errs []error
	for _, p := range paths {
		errs = append(errs, l.remove(p))
	}
	return errors.Join(errs...)
}
