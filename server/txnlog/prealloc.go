package txnlog

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/zabra/zabra/internal/vfs"
)

// zeroChunk is how much of a new segment is written between two syncs, bytes:
// small enough that the sync of a record never waits for long behind it.
const zeroChunk = 1 << 20

// A syncError is a sync that failed. Unlike a write that met a full disk it means
// that the disk cannot be trusted any more.
type syncError struct{ err error }

func (e *syncError) Error() string { return e.err.Error() }

func (e *syncError) Unwrap() error { return e.err }

func synced(f vfs.File) error {
	if err := f.Sync(); err != nil {
		return &syncError{err}
	}
	return nil
}

// A preallocator makes files of zeros that become segments, in a goroutine ahead
// of time or when one is needed. It has one file, at path.
type preallocator struct {
	fs         vfs.FS
	path       string
	size       int64 // of files made ahead of time
	background bool
	failed     func(error)

	stop atomic.Bool
	done chan struct{} // closed when the goroutine has ended; nil if there was none
	err  error         // how it ended
}

func (p *preallocator) init(fsys vfs.FS, path string, opts Options) {
	p.fs, p.path, p.size = fsys, path, opts.SegmentSize
	p.background, p.failed = opts.Background, opts.Events.PrepareFailed
}

// start makes a file ahead of time, unless one is there or on its way.
func (p *preallocator) start() {
	if !p.background || p.done != nil {
		return
	}
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		if p.err = p.fill(p.size); p.err != nil && p.failed != nil {
			p.failed(p.err)
		}
	}()
}

// take returns when there is a durable file of size zero bytes at path; it now
// belongs to the caller.
func (p *preallocator) take(size int64) error {
	if p.done != nil {
		<-p.done
		p.done = nil
		var failed *syncError
		if errors.As(p.err, &failed) || p.err == nil && size == p.size {
			return p.err
		}
	}
	return p.fill(size)
}

// close ends the goroutine and removes the file.
func (p *preallocator) close() error {
	if p.done == nil {
		return nil
	}
	p.stop.Store(true)
	<-p.done
	p.done = nil
	return removeFile(p.fs, p.path)
}

var errStopped = errors.New("stopped")

func (p *preallocator) fill(size int64) error {
	if err := removeFile(p.fs, p.path); err != nil {
		return err
	}
	f, err := p.fs.Create(p.path)
	if err != nil {
		return err
	}
	if err := errors.Join(p.zero(f, size), f.Close()); err != nil {
		_ = removeFile(p.fs, p.path) // to give the space back; the error is reported
		return err
	}
	return nil
}

func (p *preallocator) zero(f vfs.File, size int64) error {
	if err := f.Preallocate(size); err != nil {
		return err
	}
	for at := int64(0); at < size; at += zeroChunk {
		if p.stop.Load() {
			return errStopped
		}
		if err := writeZeros(f, at, min(at+zeroChunk, size)); err != nil {
			return err
		}
		if err := synced(f); err != nil {
			return err
		}
	}
	return nil
}

// zeros are only ever read, so they take no memory: the system shows its one page of
// zeros for each of theirs.
var zeros [zeroChunk]byte

// writeZeros fills a file with zeros from one offset to another.
func writeZeros(f vfs.File, from, to int64) error {
	for from < to {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), to-from)], from)
		if err != nil {
			return fmt.Errorf("write zeros: %w", err)
		}
		from += int64(n)
	}
	return nil
}
