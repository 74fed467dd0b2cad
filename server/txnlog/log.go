package txnlog

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/zabra/zabra/internal/vfs"
	"github.com/zabra/zabra/wire"
)

// A Record is a transaction and its zxid.
type Record struct {
	Zxid    wire.Zxid
	Payload []byte
}

// A Log is an open transaction log. The package comment says which goroutine may
// call what.
type Log struct {
	fs       vfs.FS
	dir      string
	opts     Options
	lock     io.Closer
	recovery Recovery
	prealloc preallocator

	// Of the owner.
	cur     *segment // the newest
	file    vfs.File // of cur
	salts   salts
	size    int64 // of cur
	tail    position
	synced  int64 // offset up to which cur is durable
	settled int64 // offset that the durable marks speak of
	buf     []byte
	mark    [frameSize]byte
	index   []position // entries of the batch being written

	files sync.Mutex // held while files are removed

	gen atomic.Uint64 // counts Truncate and Reset

	dead atomic.Pointer[error] // what killed the log

	mu   sync.RWMutex // guards what follows
	segs []*segment   // oldest first
}

// Open opens the log in dir, making the directory if need be, and recovers it as
// the package comment says. It fails with vfs.ErrLocked if another process has
// it open, and with a *CorruptError if something durable is damaged.
func Open(fsys vfs.FS, dir string, opts Options) (*Log, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("txnlog: %w", err)
	}
	l := &Log{fs: fsys, dir: dir, opts: opts}
	if l.lock, err = fsys.Lock(l.path(LockName)); err != nil {
		return nil, fmt.Errorf("txnlog: %w", err)
	}
	l.prealloc.init(fsys, l.path(preallocName), opts)
	if err := l.recover(); err != nil {
		return nil, errors.Join(err, l.closeFiles())
	}
	l.recovery.Segments = len(l.segs)
	l.recovery.Base, l.recovery.Last = l.Base(), l.Last()
	return l, nil
}

// Recovery tells what Open found.
func (l *Log) Recovery() Recovery { return l.recovery }

// Last returns the zxid of the last record appended, durable or not; Base if
// there is none.
func (l *Log) Last() wire.Zxid {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.segs[len(l.segs)-1].end.last
}

// Base returns the zxid before the first record of the log. A state older than
// Base cannot be brought up to date from the log.
func (l *Log) Base() wire.Zxid {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.segs[0].hdr.prev
}

// Err returns what killed the log, or nil.
func (l *Log) Err() error {
	if err := l.dead.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *Log) path(name string) string { return filepath.Join(l.dir, name) }

// die makes err the answer of every later call: after a failed write or sync
// nobody knows what the disk holds, so nothing may be built on it.
func (l *Log) die(op string, err error) error {
	err = fmt.Errorf("txnlog: %s: %w", op, err)
	l.dead.CompareAndSwap(nil, &err)
	return l.Err()
}

// Sync makes everything appended so far durable. If it fails the log is dead:
// every later writing call returns the same error and touches nothing.
func (l *Log) Sync() error {
	if err := l.Err(); err != nil {
		return err
	}
	if l.synced == l.tail.off {
		return nil
	}
	if err := l.file.Sync(); err != nil {
		return l.die("sync", err)
	}
	l.synced = l.tail.off
	if err := l.writeMark(kindMark); err != nil {
		return l.die("sync", err)
	}
	return nil
}

// Settle makes it provable, also after a failure of power, that everything synced
// so far was durable. It costs one more sync; call it when nothing has been
// appended for a moment (tens of milliseconds). It does nothing if nothing was
// appended since the last call.
func (l *Log) Settle() error {
	if err := l.Sync(); err != nil {
		return err
	}
	if l.settled == l.tail.off {
		return nil
	}
	if err := l.writeSettled(); err != nil {
		return l.die("settle", err)
	}
	if err := l.file.Sync(); err != nil {
		return l.die("settle", err)
	}
	l.settled = l.tail.off
	return nil
}

// frameAt returns a frame without payload for the end of the log.
func (l *Log) frameAt(k kind) frame {
	return frame{kind: k, data: l.salts.sumData(nil), zxid: l.tail.last, prev: l.tail.chain, synced: uint32(l.synced)}
}

// writeMark writes a frame where the next record will be.
func (l *Log) writeMark(k kind) error {
	l.salts.put(l.mark[:], l.tail.off, l.frameAt(k))
	_, err := l.file.WriteAt(l.mark[:], l.tail.off)
	return err
}

// writeSettled writes the copy of the mark in page 1.
func (l *Log) writeSettled() error {
	l.salts.putSettled(l.mark[:], l.frameAt(kindMark))
	_, err := l.file.WriteAt(l.mark[:], settledOff)
	return err
}

// activate makes s, the newest segment, whose last record ends at end, the one to
// append to.
func (l *Log) activate(f vfs.File, s *segment, end position) {
	l.cur, l.file, l.salts, l.size, l.tail = s, f, s.hdr.salts(), s.hdr.size, end
	l.synced, l.settled = firstFrame, firstFrame
}

// seal makes the end of the newest segment clean: zeros over the used bytes behind
// it, and both marks. What is before the end, and the frame that stands there,
// must be durable already: marks speak of it, and if it is a cut it makes void
// what is behind it until the zeros are there, and the mark in page 1 until that
// is lowered. So a crash at any step leaves what Open accepts.
func (l *Log) seal(used int64) error {
	l.synced = l.tail.off
	steps := []func() error{
		func() error { return writeZeros(l.file, l.tail.off+frameSize, l.tail.off+used) },
		l.writeSettled,
		l.file.Sync,
		func() error { return l.writeMark(kindMark) },
		l.file.Sync,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	l.settled = l.tail.off
	return nil
}

// Close settles the log if it is alive, and closes its files. Readers must be
// closed before.
func (l *Log) Close() error {
	if errors.Is(l.Err(), ErrClosed) {
		return nil
	}
	var err error
	if l.Err() == nil {
		err = l.Settle()
	}
	err = errors.Join(err, l.closeFiles())
	closed := ErrClosed
	l.dead.Store(&closed)
	return err
}

func (l *Log) closeFiles() error {
	err := l.prealloc.close()
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
	}
	return errors.Join(err, l.lock.Close())
}
