package txnlog

import (
	"errors"
	"fmt"

	"github.com/zabra/zabra/wire"
)

// Truncate removes every record with a zxid above keep and is durable when it
// returns: Last is then the largest zxid that was there and is not above keep.
// Readers made before return ErrRewritten. It needs no disk space, unless nothing
// is left but a zxid to go on from (then it is Reset(Base())).
//
// It fails with a *GoneError, and changes nothing, if keep is before Base.
func (l *Log) Truncate(keep wire.Zxid) error {
	if err := l.alive(); err != nil {
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
	l.gen.Add(1)
	for len(l.segs)-1 > i {
		if err := l.dropNewest(); err != nil {
			return err
		}
	}
	return l.cut(at)
}

// dropNewest removes the newest segment; the one before is the newest then.
func (l *Log) dropNewest() error {
	i := len(l.segs) - 2
	s, drop := l.segs[i], l.segs[i+1]
	end, err := l.walkLocked(i, drop.hdr.prev)
	if err != nil {
		return l.die("truncate", err)
	}
	f, err := l.fs.OpenReadWrite(s.path)
	if err != nil {
		return l.die("truncate", err)
	}
	_ = l.file.Close() // what is in it is not wanted
	l.activate(f, s, end)
	l.synced = end.off
	// With an end frame Open would miss the dropped segment.
	if err := l.writeMark(kindMark); err != nil {
		return l.die("truncate", err)
	}
	if err := l.file.Sync(); err != nil {
		return l.die("truncate", err)
	}
	l.mu.Lock()
	l.segs = l.segs[: i+1 : i+1]
	l.mu.Unlock()
	if err := l.remove(drop.path); err != nil {
		return l.die("truncate", err)
	}
	return nil
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
	l.mu.Lock()
	l.cur.end = at
	for n := len(l.cur.index); n > 0 && l.cur.index[n-1].off > at.off; n-- {
		l.cur.index = l.cur.index[:n-1]
	}
	l.mu.Unlock()
	if used > 0 {
		if err := l.writeMark(kindCut); err != nil {
			return l.die("truncate", err)
		}
		if err := l.file.Sync(); err != nil {
			return l.die("truncate", err)
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
	if err := l.alive(); err != nil {
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

// remove removes a segment durably.
func (l *Log) remove(path string) error {
	if err := removeFile(l.fs, path); err != nil {
		return err
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return err
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
