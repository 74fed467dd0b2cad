package txnlog

import (
	"errors"
	"fmt"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
)

// roll makes a segment with room for need bytes the newest. A segment that holds
// no record is replaced, any other one is followed.
func (l *Log) roll(first wire.Zxid, need int64) error {
	if err := l.Sync(); err != nil {
		return err
	}
	if l.tail.off == firstFrame {
		next, f, err := l.create(l.cur.hdr, l.cur.path, need)
		if err != nil {
			return err
		}
		l.install(next, f)
		return nil
	}
	next, f, err := l.create(header{
		seq:    l.cur.hdr.seq + 1,
		prev:   l.tail.last,
		before: l.cur.hdr.before + l.tail.n,
		chain:  l.tail.chain,
	}, l.path(fileName(first)), need)
	if err != nil {
		return err
	}
	if err := l.finish(); err != nil {
		return errors.Join(err, f.Close())
	}
	l.install(next, f)
	return nil
}

// finish ends the newest segment, which has a successor on disk now.
func (l *Log) finish() error {
	if err := l.writeMark(kindEnd); err != nil {
		return l.die("end segment", err)
	}
	if err := l.file.Sync(); err != nil {
		return l.die("end segment", err)
	}
	return nil
}

// create makes a segment durable under its name, replacing what has that name.
// The salt and the size are set here. Nothing counts before the rename, so until
// then an error other than that of a sync leaves the log as it was.
func (l *Log) create(h header, path string, need int64) (*segment, vfs.File, error) {
	h.salt = l.opts.Salt()
	h.size = max(l.opts.SegmentSize, alignUp(firstFrame+need, pageSize))
	if err := l.prepare(&h); err != nil {
		var failed *syncError
		if errors.As(err, &failed) {
			return nil, nil, l.die("create segment", err)
		}
		return nil, nil, fmt.Errorf("txnlog: create segment: %w: %w", ErrNotAppended, err)
	}
	if err := l.fs.Rename(l.path(preallocName), path); err != nil {
		return nil, nil, l.renamed("create segment", err)
	}
	f, err := l.adopt(path)
	if err != nil {
		return nil, nil, l.die("create segment", err)
	}
	call(l.opts.Events.Created, path)
	return &segment{path: path, hdr: h}, f, nil
}

// prepare leaves a complete segment without records at the name of the
// preallocated file.
func (l *Log) prepare(h *header) error {
	if err := l.prealloc.take(h.size); err != nil {
		return err
	}
	f, err := l.fs.OpenReadWrite(l.path(preallocName))
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(h.encode(), 0); err == nil {
		err = synced(f)
	}
	return errors.Join(err, f.Close())
}

// adopt makes the prepared segment's new name durable and opens it.
func (l *Log) adopt(path string) (vfs.File, error) {
	if err := l.fs.SyncDir(l.dir); err != nil {
		return nil, err
	}
	return l.fs.OpenReadWrite(path)
}

// install makes s the newest segment. It voids what its header says it voids.
func (l *Log) install(s *segment, f vfs.File) {
	if l.file != nil {
		_ = l.file.Close() // everything in it was synced, or is void
	}
	s.end = s.hdr.begin()
	l.mu.Lock()
	n := len(l.segs)
	switch {
	case n > 0 && l.segs[n-1].hdr.seq == s.hdr.seq:
		n-- // it holds nothing
	case s.hdr.start:
		n = 0
		l.gen.Add(1)
	}
	l.segs = append(l.segs[:n:n], s)
	l.mu.Unlock()
	l.activate(f, s, s.end)
}

// begin starts a history behind z in a new segment; what was there is void.
func (l *Log) begin(z wire.Zxid) error {
	h := header{start: true, seq: 1, prev: z}
	if l.cur != nil {
		h.seq = l.cur.hdr.seq + 1
	}
	s, f, err := l.create(h, l.path(fileName(z+1)), 0)
	if err != nil {
		return err
	}
	l.install(s, f)
	return nil
}
